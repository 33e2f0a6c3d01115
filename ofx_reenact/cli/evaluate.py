"""``ofx-reenact evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(name="evaluate", help="Measure the networks.", no_args_is_help=True, rich_markup_mode="rich")


@app.command("ldnet")
def ldnet(
    data: Annotated[Path, typer.Option(help="LMTest: a heads file of people whom training did not see.")],
    weights: Annotated[str, typer.Option(help="LD-Net weights; the shipped ones if not given.")] = "",
    pairs: Annotated[str, typer.Option(help="Set of tracks with takes neutral and smiling, for real people.")] = "",
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write the numbers here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Also draw plots into this folder.")] = None,
) -> int:
    """Table 1 of the paper, point errors of swaps, and real people driven by each other."""
    from rich.console import Console

    from ofx_reenact.evaluate import ldnet as evaluation
    from ofx_reenact.files import written_whole
    from ofx_reenact.ldnet.heads import load_heads
    from ofx_reenact.weights import load_ldnet

    loaded = load_ldnet(weights or None)
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
    show(result, Console())
    if as_json:
        with written_whole(as_json) as partial:
            partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if report:
        from ofx_reenact.evaluate.plots import draw_all

        for path in draw_all(report, loaded.network, codes, swaps, yaw, errors):
            typer.echo(f"plot: {path}")
    return 0


@app.command("fdgan")
def fdgan(
    data: Annotated[Path, typer.Option(help="Set of pairs with people whom training did not see.")],
    weights: Annotated[
        list[str] | None, typer.Option(help="FD-GAN weights; may be repeated; the shipped ones if not given.")
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write the numbers here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Also draw sheets into this folder.")] = None,
) -> int:
    """Repair beside warp only, on photographs: PSNR, SSIM and feature distance in mouth and window."""
    from dataclasses import asdict

    from rich.console import Console

    from ofx_reenact.evaluate import fdgan as evaluation
    from ofx_reenact.fdgan.features import BACKEND
    from ofx_reenact.fdgan.pair_set import PairSet
    from ofx_reenact.files import written_whole
    from ofx_reenact.weights import load_dense, shipped_dense

    loaded = [load_dense(path) for path in weights or [str(shipped_dense())]]
    names = [w.path.parent.name + "/" + w.path.stem if len(loaded) > 1 else w.path.stem for w in loaded]
    networks = dict(zip(names, (w.network for w in loaded), strict=True))
    pair_set = PairSet(data)
    measured = evaluation.measure(networks, pair_set)
    show_fdgan(measured, BACKEND, Console())
    if as_json:
        about = {name: {"sha256": w.sha256, **w.metadata} for name, w in zip(names, loaded, strict=True)}
        table = {
            kind: {name: {metric: asdict(mean) for metric, mean in row.items()} for name, row in rows.items()}
            for kind, rows in measured.items()
        }
        result = {"data": str(data), "weights": about, "features": BACKEND, "errors": table}
        with written_whole(as_json) as partial:
            partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if report:
        for path in evaluation.draw_sheets(report, networks, pair_set):
            typer.echo(f"sheet: {path}")
    return 0


def show_fdgan(measured: Any, backend: str, console: Any) -> None:
    """Print the numbers as tables."""
    from rich.table import Table

    for kind, rows in measured.items():
        metrics = list(next(iter(rows.values())))
        count = max(mean.count for mean in next(iter(rows.values())).values())
        table = Table("", *metrics, title=f"{kind}: {count}, features of {backend}")
        for name, row in rows.items():
            table.add_row(name, *(f"{mean.mean:.3f} ± {mean.interval:.3f}" for mean in row.values()))
        console.print(table)


def show(result: dict[str, Any], console: Any) -> None:
    """Print the numbers as tables."""
    from rich.table import Table

    from ofx_reenact.evaluate.ldnet import PAPER, ratios

    paper, ours = ratios(PAPER), result["table 1 ratios"]
    table = Table("code", "pairs share", "distance", "ratio", "paper's ratio", title="Table 1")
    for code, row in result["table 1"].items():
        for case, distance in row.items():
            shares = case in ours[code]
            cells = (f"{ours[code][case]:.3f}", f"{paper[code][case]:.3f}") if shares else ("1", "1")
            table.add_row(code, case, f"{distance:.3f}", *cells)
    console.print(table)
    regions = list(next(iter(result["points"].values())))
    table = Table("landmarks", *regions, title="Point errors, half landmark boxes")
    for name, row in result["points"].items():
        table.add_row(name, *(f"{row[region]:.4f}" for region in regions))
    console.print(table)
    if "real people" in result:
        row = result["real people"]
        table = Table(*row, title="Real people, driven by each other's smiles")
        table.add_row(*(f"{value:.4f}" if name != "people" else f"{value:.0f}" for name, value in row.items()))
        console.print(table)
