"""``ofx-reenact evaluate``."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from ofx_reenact.cli import evaluate_plates, evaluate_stills
from ofx_reenact.cli.evaluate_report import print_table
from ofx_reenact.cli.options import group
from ofx_reenact.files import write_json

app = group("evaluate", "Measure quality: networks and whole renders.")
app.command("reenactment")(evaluate_stills.command)
app.command("moving")(evaluate_plates.command)
_Json = Annotated[Path | None, typer.Option("--json", help="Also write the numbers here.")]


@app.command("ldnet")
def ldnet(
    data: Annotated[
        Path | None,
        typer.Option(help="LMTest: a heads file of people whom training did not see; default: a small one."),
    ] = None,
    weights: Annotated[str, typer.Option(help="LD-Net weights; default: the shipped ones.")] = "",
    pairs: Annotated[str, typer.Option(help="Set of tracks with takes neutral and smiling, for real people.")] = "",
    as_json: _Json = None,
    report: Annotated[Path | None, typer.Option(help="Also draw plots into this folder.")] = None,
) -> int:
    """Measure LD-Net: Table 1 of the paper, point errors of swaps, and real people driven by each other."""
    from ofx_reenact.evaluate.networks import ldnet as evaluation
    from ofx_reenact.evaluate.networks.ldnet_plots import draw_all
    from ofx_reenact.evaluate.page.figures import check_matplotlib
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.ldnet.weights import load_ldnet
    from ofx_reenact.training.ldnet.data.head_model import load_heads

    refuse_over_inputs([("--json", as_json)], [("--data", data), ("--weights", weights), ("--pairs", pairs)])
    if report:
        check_matplotlib()
    loaded = load_ldnet(weights or None)
    data = data or evaluation.small_lmtest(typer.echo)
    model, grid = load_heads(data)
    codes = evaluation.encode(loaded, grid)
    swaps, yaw = evaluation.draw_swaps(loaded, grid)
    errors = evaluation.point_errors(loaded, swaps)
    result: dict[str, Any] = {
        "weights": {"file": str(loaded.path), "sha256": loaded.sha256, "norm": loaded.norm},
        "data": {"file": str(data), "source": model.source, "grid": list(grid.landmarks.shape[:2])},
        "table 1": evaluation.table1(codes),
        "points": evaluation.mean_by_region(errors),
    }
    result["table 1 ratios"] = evaluation.ratios(result["table 1"])
    if pairs:
        result["real people"] = evaluation.real_pairs(loaded, Path(pairs))
    print_ldnet(result)
    if as_json:
        write_json(as_json, result)
    if report:
        for path in draw_all(report, loaded.network, codes, swaps, yaw, errors):
            typer.echo(f"plot: {path}")
    return 0


@app.command("fdgan")
def fdgan(
    data: Annotated[
        Path,
        typer.Option(help="Pairs, to measure mouths; or crops or rendered heads, to measure whole faces."),
    ],
    weights: Annotated[
        list[str] | None, typer.Option(help="FD-GAN weights, may be repeated; default: the shipped ones.")
    ] = None,
    as_json: _Json = None,
    report: Annotated[Path | None, typer.Option(help="Also draw contact sheets into this folder.")] = None,
    limit: Annotated[int, typer.Option(help="Maximum number of cases per kind, evenly chosen; 0: all.", min=0)] = 0,
) -> int:
    """Measure FD-GAN beside the warp alone, on people held out for validation: PSNR, SSIM, features, identity."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.training.fdgan.data import pair_set
    from ofx_reenact.training.npz import schema_of

    read = [("--data", data), *(("--weights", Path(name)) for name in weights or ())]
    refuse_over_inputs([("--json", as_json)], read)
    measure = measure_mouths if schema_of(data) == pair_set.SCHEMA else measure_faces
    result = measure(data, weights or [], report, limit)
    if as_json:
        write_json(as_json, result)
    return 0


def measure_mouths(data: Path, weights: list[str], report: Path | None, limit: int) -> dict[str, Any]:
    """Measure the mouth's window on a set of pairs; print the numbers and return them for JSON."""
    from ofx_reenact.evaluate.networks import fdgan_mouths
    from ofx_reenact.fdgan.weights import load_repair, shipped_repair
    from ofx_reenact.training.fdgan.data.pair_set import PairSet
    from ofx_reenact.training.fdgan.features import BACKEND

    loaded = name_by_file([load_repair(path) for path in weights or [str(shipped_repair())]])
    networks = {name: w.network for name, w in loaded.items()}
    pair_set = PairSet(data)
    measured = fdgan_mouths.measure(networks, pair_set, limit=limit)
    for kind, rows in measured.items():
        count = max(mean.count for mean in next(iter(rows.values())).values())
        print_means(rows, f"{kind}: {count}, features of {BACKEND}")
    if report:
        for path in fdgan_mouths.draw_contact_sheets(report, networks, pair_set):
            typer.echo(f"sheet: {path}")
    errors = {kind: json_means(rows) for kind, rows in measured.items()}
    return {"data": str(data), "weights": json_weights(loaded), "features": BACKEND, "errors": errors}


def measure_faces(data: Path, weights: list[str], report: Path | None, limit: int) -> dict[str, Any]:
    """Measure whole faces on crops or rendered heads; print the numbers and return them for JSON."""
    from ofx_reenact.engine.make_identity import make_painter
    from ofx_reenact.evaluate.metrics import sface
    from ofx_reenact.evaluate.networks import fdgan_faces
    from ofx_reenact.evaluate.networks.face_cases import read_cases
    from ofx_reenact.evaluate.networks.face_methods import list_rows
    from ofx_reenact.fdgan.weights import load_fdgan, shipped_repair
    from ofx_reenact.frames.colour import Colour
    from ofx_reenact.training.fdgan.features import BACKEND

    loaded = name_by_file([load_fdgan(path) for path in weights or [str(shipped_repair())]])
    painters = {name: make_painter(w, "cpu") for name, w in loaded.items()}
    cases, colour = read_cases(data), Colour()
    measured = fdgan_faces.measure(painters, cases, colour, limit=limit)
    print_faces(measured, {"PSNR": "dB", "SSIM": "grey", "features": BACKEND, fdgan_faces.IDENTITY: sface.BACKEND})
    if not sface.installed():
        typer.echo(sface.MISSING)
    if report:
        for path in fdgan_faces.draw_contact_sheets(report, painters, cases, colour):
            typer.echo(f"sheet: {path}; from left: target, warp only, {', '.join(list_rows(painters))}, truth")
    return {
        "data": str(data),
        "weights": json_weights(loaded),
        "features": BACKEND,
        "identity": sface.BACKEND if sface.installed() else None,
        "cases": {kind: {"measured": m.count, "left out": m.left_out} for kind, m in measured.items()},
        "errors": {kind: json_means(m.errors) for kind, m in measured.items()},
    }


def name_by_file(loaded: list[Any]) -> dict[str, Any]:
    """Name weights by their files, with as much of the path as makes the names different."""
    for name in (lambda path: path.stem, lambda path: f"{path.parent.name}/{path.stem}", str):
        names = [name(w.path) for w in loaded]
        if len(set(names)) == len(names):
            break
    return dict(zip(names, loaded, strict=True))


def json_weights(loaded: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return SHA-256 and metadata of weights by name, for JSON."""
    return {name: {"sha256": w.sha256, **w.metadata} for name, w in loaded.items()}


def json_means(rows: Any) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return means by row and metric, for JSON; NaN becomes null."""
    return {
        name: {
            metric: {key: None if math.isnan(value) else value for key, value in asdict(mean).items()}
            for metric, mean in row.items()
        }
        for name, row in rows.items()
    }


def print_means(rows: Any, title: str) -> None:
    """Print means with their intervals as a table."""
    metrics = list(next(iter(rows.values())))
    print_table(title, ("", *metrics), ([name, *(format_mean(row[m]) for m in metrics)] for name, row in rows.items()))


def print_faces(measured: Any, backends: dict[str, str]) -> None:
    """Print a table per kind of cases and metric, one column per region."""
    console = Console()
    for kind, found in measured.items():
        left_out = f", {found.left_out} left out" if found.left_out else ""
        console.print(f"[bold]{kind}[/bold]: {found.count} measured{left_out}")
        counts = {metric: mean.count for row in found.errors.values() for metric, mean in row.items()}
        for part in dict.fromkeys(metric.partition(" ")[0] for metric in counts):
            # Without metrics that have no value at all, such as closing eyes in a set where no eye closes.
            columns = [metric for metric in counts if metric.partition(" ")[0] == part and counts[metric]]
            console.print(f"{part}, {backends[part]}")
            titles = [f"{metric.partition(' ')[2] or 'to the target'}\n({counts[metric]})" for metric in columns]
            table = Table(Column("", no_wrap=True), *titles)
            for name, row in found.errors.items():
                if columns[0] in row:
                    digits = 2 if part == "PSNR" else 3
                    table.add_row(name, *(format_mean(row[metric], digits) for metric in columns))
            console.print(table)


def format_mean(mean: Any, digits: int = 3) -> str:
    """Write a mean and, if it is of several values, its interval."""
    return f"{mean.mean:.{digits}f}" + (f" ±{mean.interval:.{digits}f}" if mean.count > 1 else "")


def print_ldnet(result: dict[str, Any]) -> None:
    """Print LD-Net's numbers as tables."""
    from ofx_reenact.evaluate.networks.ldnet import PAPER, ratios

    paper, ours = ratios(PAPER), result["table 1 ratios"]
    rows = []
    for code, row in result["table 1"].items():
        for case, distance in row.items():
            has_ratio = case in ours[code]
            cells = (f"{ours[code][case]:.3f}", f"{paper[code][case]:.3f}") if has_ratio else ("1", "1")
            rows.append((code, case, f"{distance:.3f}", *cells))
    print_table("Table 1", ("code", "pairs share", "distance", "ratio", "paper's ratio"), rows)
    points = result["points"]
    regions = list(next(iter(points.values())))
    rows = [(name, *(f"{row[region]:.4f}" for region in regions)) for name, row in points.items()]
    print_table("Point errors, half landmark boxes", ("landmarks", *regions), rows)
    if row := result.get("real people"):
        real = [f"{value:.4f}" if name != "people" else f"{value:.0f}" for name, value in row.items()]
        print_table("Real people, driven by each other's smiles", row, [real])
