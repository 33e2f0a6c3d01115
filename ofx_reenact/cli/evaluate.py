"""``ofx-reenact evaluate``."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from ofx_reenact.cli import moving, reenactment
from ofx_reenact.cli.options import group
from ofx_reenact.cli.reenactment import print_table
from ofx_reenact.files import write_json

app = group("evaluate", "Measure the networks.")
app.command("reenactment")(reenactment.command)
app.command("moving")(moving.command)
_Json = Annotated[Path | None, typer.Option("--json", help="Also write the numbers here.")]


@app.command("ldnet")
def ldnet(
    data: Annotated[
        Path | None,
        typer.Option(help="LMTest: a heads file of people whom training did not see; a small one if not given."),
    ] = None,
    weights: Annotated[str, typer.Option(help="LD-Net weights; the shipped ones if not given.")] = "",
    pairs: Annotated[str, typer.Option(help="Set of tracks with takes neutral and smiling, for real people.")] = "",
    as_json: _Json = None,
    report: Annotated[Path | None, typer.Option(help="Also draw plots into this folder.")] = None,
) -> int:
    """Table 1 of the paper, point errors of swaps, and real people driven by each other."""
    from ofx_reenact.evaluate import ldnet as evaluation
    from ofx_reenact.evaluate.plots import check_matplotlib, draw_all
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.ldnet.weights import load_ldnet
    from ofx_reenact.training.ldnet.heads import load_heads

    refuse_over_inputs([("--json", as_json)], [("--data", data), ("--weights", weights), ("--pairs", pairs)])
    if report:
        check_matplotlib()
    loaded = load_ldnet(weights or None)
    data = data or evaluation.small_lmtest(typer.echo)
    model, grid = load_heads(data)
    codes = evaluation.encode(loaded, grid)
    swaps, yaw = evaluation.swaps_of(loaded, grid)
    errors = evaluation.point_errors(loaded, swaps)
    result: dict[str, Any] = {
        "weights": {"file": str(loaded.path), "sha256": loaded.sha256, "norm": loaded.norm},
        "data": {"file": str(data), "source": model.source, "grid": list(grid.landmarks.shape[:2])},
        "table 1": evaluation.table1(codes),
        "points": evaluation.by_region(errors),
    }
    result["table 1 ratios"] = evaluation.ratios(result["table 1"])
    if pairs:
        result["real people"] = evaluation.real_pairs(loaded, Path(pairs))
    show(result)
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
        typer.Option(help="Pairs: the mouth is measured; crops or rendered heads: whole faces. The file says which."),
    ],
    weights: Annotated[
        list[str] | None, typer.Option(help="FD-GAN weights; may be repeated; the shipped ones if not given.")
    ] = None,
    as_json: _Json = None,
    report: Annotated[Path | None, typer.Option(help="Also draw sheets into this folder.")] = None,
    limit: Annotated[int, typer.Option(help="Measure so many cases a kind at most, evenly chosen; 0: all.", min=0)] = 0,
) -> int:
    """Repair and printed portraits beside warp only, on people kept for validation: PSNR, SSIM, features, identity."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.training.fdgan.data import pair_set
    from ofx_reenact.training.npz import schema_of

    read = [("--data", data), *(("--weights", Path(name)) for name in weights or ())]
    refuse_over_inputs([("--json", as_json)], read)
    measured = fdgan_pairs if schema_of(data) == pair_set.SCHEMA else fdgan_faces
    result = measured(data, weights or [], report, limit)
    if as_json:
        write_json(as_json, result)
    return 0


def fdgan_pairs(data: Path, weights: list[str], report: Path | None, limit: int) -> dict[str, Any]:
    """Measure the mouth's window on a set of pairs, print it, and return it for JSON."""
    from ofx_reenact.evaluate import fdgan as evaluation
    from ofx_reenact.fdgan.weights import load_repair, shipped_repair
    from ofx_reenact.training.fdgan.data.pair_set import PairSet
    from ofx_reenact.training.fdgan.features import BACKEND

    loaded = named([load_repair(path) for path in weights or [str(shipped_repair())]])
    networks = {name: w.network for name, w in loaded.items()}
    pair_set = PairSet(data)
    measured = evaluation.measure(networks, pair_set, limit=limit)
    for kind, rows in measured.items():
        count = max(mean.count for mean in next(iter(rows.values())).values())
        show_means(rows, f"{kind}: {count}, features of {BACKEND}")
    if report:
        for path in evaluation.draw_sheets(report, networks, pair_set):
            typer.echo(f"sheet: {path}")
    errors = {kind: plain_means(rows) for kind, rows in measured.items()}
    return {"data": str(data), "weights": plain_weights(loaded), "features": BACKEND, "errors": errors}


def fdgan_faces(data: Path, weights: list[str], report: Path | None, limit: int) -> dict[str, Any]:
    """Measure whole faces on crops or rendered heads, print it, and return it for JSON."""
    from ofx_reenact.engine.people import make_painter
    from ofx_reenact.evaluate import faces, identity
    from ofx_reenact.evaluate.cases import read_cases
    from ofx_reenact.evaluate.methods import list_rows
    from ofx_reenact.fdgan.weights import load_fdgan, shipped_repair
    from ofx_reenact.frames.colour import Colour
    from ofx_reenact.training.fdgan.features import BACKEND

    loaded = named([load_fdgan(path) for path in weights or [str(shipped_repair())]])
    painters = {name: make_painter(w, "cpu") for name, w in loaded.items()}
    cases, colour = read_cases(data), Colour()
    measured = faces.measure(painters, cases, colour, limit=limit)
    show_faces(measured, {"PSNR": "dB", "SSIM": "grey", "features": BACKEND, faces.IDENTITY: identity.BACKEND})
    if not identity.installed():
        typer.echo(identity.MISSING)
    if report:
        for path in faces.draw_sheets(report, painters, cases, colour):
            typer.echo(f"sheet: {path}; from left: target, warp only, {', '.join(list_rows(painters))}, truth")
    return {
        "data": str(data),
        "weights": plain_weights(loaded),
        "features": BACKEND,
        "identity": identity.BACKEND if identity.installed() else None,
        "cases": {kind: {"measured": m.count, "left out": m.left_out} for kind, m in measured.items()},
        "errors": {kind: plain_means(m.errors) for kind, m in measured.items()},
    }


def named(loaded: list[Any]) -> dict[str, Any]:
    """Name weights by their files, with as much of the path as tells them apart."""
    for name in (lambda path: path.stem, lambda path: f"{path.parent.name}/{path.stem}", str):
        names = [name(w.path) for w in loaded]
        if len(set(names)) == len(names):
            break
    return dict(zip(names, loaded, strict=True))


def plain_weights(loaded: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Weights by name as JSON takes them: digest and what their metadata says."""
    return {name: {"sha256": w.sha256, **w.metadata} for name, w in loaded.items()}


def plain_means(rows: Any) -> dict[str, dict[str, dict[str, float | None]]]:
    """Means by row and metric as JSON takes them: what is not known is null, not NaN."""
    return {
        name: {
            metric: {key: None if math.isnan(value) else value for key, value in asdict(mean).items()}
            for metric, mean in row.items()
        }
        for name, row in rows.items()
    }


def show_means(rows: Any, title: str) -> None:
    """Print means with their intervals as a table, a row each."""
    metrics = list(next(iter(rows.values())))
    print_table(title, ("", *metrics), ([name, *(shown(row[m]) for m in metrics)] for name, row in rows.items()))


def show_faces(measured: Any, backends: dict[str, str]) -> None:
    """Print a table a metric for each kind of cases, regions side by side."""
    console = Console()
    for kind, found in measured.items():
        left_out = f", {found.left_out} left out" if found.left_out else ""
        console.print(f"[bold]{kind}[/bold]: {found.count} measured{left_out}")
        counts = {metric: mean.count for row in found.errors.values() for metric, mean in row.items()}
        for part in dict.fromkeys(metric.partition(" ")[0] for metric in counts):
            # No eye may close in a set; a column of nothing says nothing.
            mine = [metric for metric in counts if metric.partition(" ")[0] == part and counts[metric]]
            console.print(f"{part}, {backends[part]}")
            titles = [f"{metric.partition(' ')[2] or 'to the target'}\n({counts[metric]})" for metric in mine]
            table = Table(Column("", no_wrap=True), *titles)
            for name, row in found.errors.items():
                if mine[0] in row:
                    digits = 2 if part == "PSNR" else 3
                    table.add_row(name, *(shown(row[metric], digits) for metric in mine))
            console.print(table)


def shown(mean: Any, digits: int = 3) -> str:
    """A mean and, of several values, its interval."""
    return f"{mean.mean:.{digits}f}" + (f" ±{mean.interval:.{digits}f}" if mean.count > 1 else "")


def show(result: dict[str, Any]) -> None:
    """Print the numbers as tables."""
    from ofx_reenact.evaluate.ldnet import PAPER, ratios

    paper, ours = ratios(PAPER), result["table 1 ratios"]
    rows = []
    for code, row in result["table 1"].items():
        for case, distance in row.items():
            shares = case in ours[code]
            cells = (f"{ours[code][case]:.3f}", f"{paper[code][case]:.3f}") if shares else ("1", "1")
            rows.append((code, case, f"{distance:.3f}", *cells))
    print_table("Table 1", ("code", "pairs share", "distance", "ratio", "paper's ratio"), rows)
    points = result["points"]
    regions = list(next(iter(points.values())))
    rows = [(name, *(f"{row[region]:.4f}" for region in regions)) for name, row in points.items()]
    print_table("Point errors, half landmark boxes", ("landmarks", *regions), rows)
    if row := result.get("real people"):
        real = [f"{value:.4f}" if name != "people" else f"{value:.0f}" for name, value in row.items()]
        print_table("Real people, driven by each other's smiles", row, [real])
