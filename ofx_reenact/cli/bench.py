"""``ofx-reenact bench``."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ofx_reenact.cli import bench_tables as tables
from ofx_reenact.cli.options import group
from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.settings.option import check_choice

if TYPE_CHECKING:
    from ofx_reenact.bench.peak import Speed
    from ofx_reenact.bench.plates import Shot

app = group("bench", "Time stages, networks, renders.")

_Runs = Annotated[int, typer.Option(help="Runs of which the median counts.", min=3)]
_Few = Annotated[int, typer.Option(help="Times that each is measured, taking turns; the median counts.", min=1)]
_Sizes = Annotated[list[str] | None, typer.Option("--size", help="Size of the plates \\[256|1080p|uhd].")]
_Size = Annotated[str, typer.Option(help="Size of the plates \\[256|1080p|uhd].")]
_Folder = Annotated[
    Path | None, typer.Option("--folder", help="Where to make a folder for the plates, which is removed afterwards.")
]
_Device = Annotated[str, typer.Option(help="Where to run \\[auto|cpu|cuda].")]
_Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch.", min=0)]
_AsJson = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")]


@app.callback()
def main() -> None:
    """Time this machine: a render's stages and networks, whole renders, and other projects' networks beside them."""


@app.command("fdgan")
def fdgan(runs: _Runs = 12, device: _Device = "auto", threads: _Threads = 0, as_json: _AsJson = False) -> int:
    """FD-GAN's translator: milliseconds, and how many times what its operations take at the machine's matrix peak."""
    from ofx_reenact.bench.fdgan import bench
    from ofx_reenact.training.loop import bf16_pays

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


@app.command("stages")
def stages(
    size: _Sizes = None,
    frames: Annotated[int, typer.Option(help="Length of the shot.", min=2)] = 10,
    runs: _Few = 3,
    profile: Annotated[str, typer.Option(help="What renders \\[plate|paper].")] = "plate",
    moving: Annotated[
        bool, typer.Option("--moving", help="Render a plate that moves as well, and say how much longer it takes.")
    ] = False,
    device: _Device = "auto",
    threads: _Threads = 0,
    folder: _Folder = None,
    as_json: _AsJson = False,
) -> int:
    """Each stage of a render and the whole: milliseconds, frames a second, share, how much of the matrix peak."""
    device, sizes = _prepare(device, threads), list(dict.fromkeys(size or ["1080p"]))
    check_choice("--profile", profile, ("plate", "paper"))
    with _plates(folder, ((name, frames) for name in sizes), moving=moving) as shots:
        from ofx_reenact.bench.stages import bench

        settings = {"size": sizes, "frames": frames, "runs": runs, "profile": profile, "moving": moving}
        result = _recorded("stages", device, settings, lambda: bench(shots, runs, device, profile))
    shown = [("whole", tables.WHOLE), ("stages", tables.STAGES)]
    tables.show(result, as_json, [*([("moving", tables.MOVING)] if moving else []), *shown])
    return 0


@app.command("memory")
def memory(
    frames: Annotated[str, typer.Option(help="Lengths, separated by commas.")] = "10,40,160",
    size: _Size = "256",
    runs: _Few = 1,
    device: _Device = "auto",
    folder: _Folder = None,
    as_json: _AsJson = False,
) -> int:
    """Peak memory of a render against its length, each length in a process of its own."""
    device, lengths = _prepare(device, 0), numbers("--frames", frames)
    with _plates(folder, ((size, length) for length in lengths)) as shots:
        from ofx_reenact.bench.processes import line
        from ofx_reenact.bench.processes import memory as bench

        def measure() -> dict[str, Any]:
            found = bench(shots, runs, device)
            if len(found) == 1:
                return {"lengths": found}
            (start, each), (began, took) = line(found, "memory"), line(found, "seconds")
            return {"lengths": found, "memory": [start, each], "seconds": [began, took]}

        settings = {"size": size, "frames": lengths, "runs": runs}
        result = _recorded("memory", device, settings, measure)
    tables.show(result, as_json, [("lengths", tables.LENGTHS)])
    if "memory" in result and not as_json:
        (start, each), (began, took) = result["memory"], result["seconds"]
        typer.echo(f"memory: {start:.0f} MiB and {1024 * each:.0f} KiB a frame")
        typer.echo(f"time: {began:.1f} s and {took:.3f} s a frame")
    return 0


@app.command("scaling")
def scaling(
    processes: Annotated[str, typer.Option(help="Renders at once, separated by commas; 1,2,cores if not given.")] = "",
    frames: Annotated[int, typer.Option(help="Frames that each process renders.", min=2)] = 10,
    size: _Size = "1080p",
    runs: _Few = 3,
    device: _Device = "auto",
    folder: _Folder = None,
    as_json: _AsJson = False,
) -> int:
    """Several renders at once: frames a second of all together, against one."""
    from ofx_reenact.bench.machine import cores

    device = _prepare(device, 0)
    counts = numbers("--processes", processes) if processes else sorted({1, 2, cores()})
    with _plates(folder, [(size, frames)]) as shots:
        from ofx_reenact.bench.processes import scaling as bench

        settings = {"size": size, "frames": frames, "processes": counts, "runs": runs}
        result = _recorded("scaling", device, settings, lambda: {"scaling": bench(shots[0], counts, runs, device)})
    tables.show(result, as_json, [("scaling", tables.SCALING)])
    return 0


@app.command("peers")
def peers(
    checkouts: Annotated[list[Path], typer.Argument(help="Checkouts of first-order-model, LivePortrait, or both.")],
    runs: _Few = 5,
    device: _Device = "auto",
    threads: _Threads = 0,
    as_json: _AsJson = False,
) -> int:
    """Other projects' networks beside ours, all with weights of chance; their code is run from your checkouts."""
    from ofx_reenact.bench.peers import bench

    device = _prepare(device, threads)
    settings = {"checkouts": [path.name for path in checkouts], "runs": runs}
    result = _recorded("peers", device, settings, lambda: bench(checkouts, runs, device))
    tables.show(result, as_json, [("peers", tables.PEERS)])
    return 0


@contextmanager
def _plates(folder: Path | None, wanted: Iterable[tuple[str, int]], *, moving: bool = False) -> Iterator[list[Shot]]:
    """Make the shots of (size, frames), for as long as they are needed: of a picture, or of a plate and a still."""
    from ofx_reenact.bench.plates import SIZES, make_moving, make_shot

    asked = list(wanted)
    for size, _ in asked:
        check_choice("--size", size, SIZES)
    try:
        made = tempfile.TemporaryDirectory(prefix="ofx-reenact-bench-", dir=folder)
    except OSError as error:
        place = folder or Path(tempfile.gettempdir())
        raise OutputError(f"{place}: no folder can be made there ({error.strerror})") from error
    with made as inside:
        places = [(Path(inside) / str(frames), size, frames) for size, frames in asked]
        yield [shot for place in places for shot in (make_moving(*place) if moving else (make_shot(*place),))]


def numbers(option: str, text: str) -> list[int]:
    """Read whole numbers from 1 on, separated by commas."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise SettingsError(f"{option} {text}: give whole numbers from 1 on, separated by commas, as 1,2,4")
    return sorted({int(part) for part in parts})


def _recorded(
    kind: str, device: str, settings: dict[str, Any], measure: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Measure, with a record of machine, versions, command and load."""
    from ofx_reenact.bench.machine import load, record

    about = record(kind, device, settings)
    found = {
        name: [asdict(row) for row in value] if isinstance(value, list) and hasattr(value[0], "samples") else value
        for name, value in measure().items()
    }
    return {**about, "load after": load(), **found}


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
