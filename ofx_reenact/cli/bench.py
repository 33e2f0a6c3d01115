"""``ofx-reenact bench``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ofx_reenact.bench.peak import Speed

app = typer.Typer(name="bench", help="Time the networks.", no_args_is_help=True, rich_markup_mode="rich")

_Runs = Annotated[int, typer.Option(help="Runs of which the median counts.", min=3)]
_Device = Annotated[str, typer.Option(help="Where to run \\[auto|cpu|cuda].")]
_Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch.", min=0)]
_AsJson = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")]


@app.callback()
def main() -> None:
    """Time the networks on this machine, as ratios to its own peak."""


@app.command("fdgan")
def fdgan(runs: _Runs = 12, device: _Device = "auto", threads: _Threads = 0, as_json: _AsJson = False) -> int:
    """FD-GAN's translator: milliseconds, and how many times what its operations take at the machine's matrix peak."""
    from ofx_reenact.bench.fdgan import bench
    from ofx_reenact.training import bf16_pays

    device = _prepare(device, threads)
    if not bf16_pays(device):
        typer.echo("bfloat16 is left out: this CPU has no instructions for it (AVX512-BF16 or AMX)", err=True)
    _show(bench(runs, device), as_json)
    return 0


@app.command("ldnet")
def ldnet(
    frames: Annotated[int, typer.Option(help="Length of the performance.", min=1)] = 1000,
    runs: _Runs = 12,
    device: _Device = "auto",
    threads: _Threads = 0,
    as_json: _AsJson = False,
) -> int:
    """LD-Net on a whole performance: milliseconds, and how many times what its operations take at the matrix peak."""
    from ofx_reenact.bench.ldnet import bench

    _show(bench(frames, runs, _prepare(device, threads)), as_json)
    return 0


def _prepare(device: str, threads: int) -> str:
    """Set the threads; returns the device chosen."""
    import torch

    from ofx_reenact.engine.inputs import choose_device

    if threads:
        torch.set_num_threads(threads)
    return choose_device(device)


def _show(speeds: list[Speed], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(speed) for speed in speeds], indent=1))
        return
    for s in speeds:
        typer.echo(
            f"{s.what:32} {s.milliseconds:7.1f} ms  {s.gflop:5.2f} GFLOP  {s.ratio:4.1f} × peak ({s.peak:.0f} GFLOP/s)"
        )
