"""``ofx-reenact bench``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(name="bench", help="Time the networks.", no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def main() -> None:
    """Time the networks on this machine, as ratios to its own peak."""


@app.command("fdgan")
def fdgan(
    runs: Annotated[int, typer.Option(help="Runs of which the median counts.", min=3)] = 12,
    device: Annotated[str, typer.Option(help="Where to run \\[auto|cpu|cuda].")] = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> int:
    """FD-GAN's translator: milliseconds, and how many times what its operations take at the machine's matrix peak."""
    from dataclasses import asdict

    import torch

    from ofx_reenact.bench.fdgan import bench
    from ofx_reenact.engine.inputs import choose_device

    if threads:
        torch.set_num_threads(threads)
    speeds = bench(runs, choose_device(device))
    if as_json:
        typer.echo(json.dumps([asdict(speed) for speed in speeds], indent=1))
        return 0
    for s in speeds:
        typer.echo(
            f"{s.what:32} {s.milliseconds:7.1f} ms  {s.gflop:5.2f} GFLOP  {s.ratio:4.1f} × peak ({s.peak:.0f} GFLOP/s)"
        )
    return 0
