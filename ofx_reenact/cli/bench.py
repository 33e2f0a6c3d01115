"""``ofx-reenact bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ofx_reenact.cli import bench_states
from ofx_reenact.cli import bench_tables as tables
from ofx_reenact.cli.bench_options import (
    AsJson,
    Device,
    Few,
    Folder,
    Profile,
    RequireIdle,
    Runs,
    Size,
    Sizes,
    Threads,
    check_profile,
    check_sizes,
    numbers,
    plates,
    prepare,
)
from ofx_reenact.cli.options import group

app = group("bench", "Measure speed: stages, networks, renders.")
for _command in (bench_states.compare, bench_states.start, bench_states.frame, bench_states.diff):
    app.command(_command.__name__)(_command)


@app.callback()
def main() -> None:
    """Measure the speed of stages, networks and whole renders, of two states of the package, and of other projects."""


@app.command("fdgan")
def fdgan(
    runs: Runs = 12,
    device: Device = "auto",
    threads: Threads = 0,
    require_idle: RequireIdle = False,
    as_json: AsJson = False,
) -> int:
    """Time FD-GAN's translators: milliseconds, and over the time that their operations take at matrix peak."""
    from ofx_reenact.bench.fdgan import bench
    from ofx_reenact.training.loop import has_bf16

    ready = prepare(device, threads, require_idle)
    if not has_bf16(ready.device):
        typer.echo("bfloat16 is left out: this CPU has no instructions for it (AVX512-BF16 or AMX)", err=True)
    result = ready.record("fdgan", {"runs": runs}, lambda: {"speeds": bench(runs, ready.device)})
    tables.show(result, as_json, [("speeds", tables.SPEEDS)])
    return 0


@app.command("ldnet")
def ldnet(
    frames: Annotated[int, typer.Option(help="Length of the performance.", min=1)] = 1000,
    runs: Runs = 12,
    device: Device = "auto",
    threads: Threads = 0,
    require_idle: RequireIdle = False,
    as_json: AsJson = False,
) -> int:
    """Time LD-Net on a whole performance: milliseconds, and over the time that its operations take at matrix peak."""
    from ofx_reenact.bench.ldnet import bench

    ready = prepare(device, threads, require_idle)
    settings = {"frames": frames, "runs": runs}
    result = ready.record("ldnet", settings, lambda: {"speeds": bench(frames, runs, ready.device)})
    tables.show(result, as_json, [("speeds", tables.SPEEDS)])
    return 0


@app.command("stages")
def stages(
    size: Sizes = None,
    frames: Annotated[int, typer.Option(help="Length of the shot.", min=2)] = 10,
    runs: Few = 3,
    profile: Profile = "warp",
    moving: Annotated[
        bool, typer.Option("--moving", help="Render a moving plate as well, and compare it with the still.")
    ] = False,
    device: Device = "auto",
    threads: Threads = 0,
    folder: Folder = None,
    require_idle: RequireIdle = False,
    as_json: AsJson = False,
) -> int:
    """Time each stage of a render and the whole: milliseconds, frames a second, share, fraction of matrix peak."""
    sizes = list(dict.fromkeys(size or ["1080p"]))
    check_sizes(*sizes)
    profile = check_profile(profile)
    ready = prepare(device, threads, require_idle)
    with plates(folder, ((name, frames) for name in sizes), moving=moving) as shots:
        from ofx_reenact.bench.stages import bench

        settings = {"size": sizes, "frames": frames, "runs": runs, "profile": profile, "moving": moving}
        result = ready.record("stages", settings, lambda: bench(shots, runs, ready.device, profile))
    shown = [("shots", tables.SHOTS), ("stages", tables.STAGES)]
    tables.show(result, as_json, [*([("moving", tables.MOVING)] if moving else []), *shown])
    return 0


@app.command("memory")
def memory(
    frames: Annotated[str, typer.Option(help="Lengths, separated by commas.")] = "10,40,160",
    size: Size = "256",
    runs: Few = 1,
    device: Device = "auto",
    folder: Folder = None,
    require_idle: RequireIdle = False,
    as_json: AsJson = False,
) -> int:
    """Measure the peak memory of renders of several lengths, each in a process of its own."""
    lengths = numbers("--frames", frames)
    check_sizes(size)
    ready = prepare(device, 0, require_idle)
    with plates(folder, ((size, length) for length in lengths)) as shots:
        from ofx_reenact.bench.processes import fit_line
        from ofx_reenact.bench.processes import measure_memory as bench

        def measure() -> dict[str, Any]:
            found = bench(shots, runs, ready.device)
            if len(found) == 1:
                return {"lengths": found}
            names = ("mebibytes", "milliseconds")
            start, each = ({name: fit_line(found, name)[i] for name in names} for i in (0, 1))
            return {"lengths": found, "without_frames": start, "each_frame": each}

        result = ready.record("memory", {"size": size, "frames": lengths, "runs": runs}, measure)
    tables.show(result, as_json, [("lengths", tables.LENGTHS)])
    if "each_frame" in result and not as_json:
        start, each = result["without_frames"], result["each_frame"]
        typer.echo(f"memory: {start['mebibytes']:.0f} MiB and {1024 * each['mebibytes']:.0f} KiB a frame")
        typer.echo(f"time: {start['milliseconds'] / 1000:.1f} s and {each['milliseconds'] / 1000:.3f} s a frame")
    return 0


@app.command("scaling")
def scaling(
    processes: Annotated[str, typer.Option(help="Renders at once, separated by commas; 1,2,cores if not given.")] = "",
    frames: Annotated[int, typer.Option(help="Frames that each process renders.", min=2)] = 10,
    size: Size = "1080p",
    runs: Few = 3,
    device: Device = "auto",
    folder: Folder = None,
    require_idle: RequireIdle = False,
    as_json: AsJson = False,
) -> int:
    """Time several renders at once: frames a second of all together, compared with one."""
    from ofx_reenact.threads import cores

    counts = numbers("--processes", processes) if processes else sorted({1, 2, cores()})
    check_sizes(size)
    ready = prepare(device, 0, require_idle)
    with plates(folder, [(size, frames)]) as shots:
        from ofx_reenact.bench.processes import measure_scaling as bench

        settings = {"size": size, "frames": frames, "processes": counts, "runs": runs}
        result = ready.record(
            "scaling", settings, lambda: {"scaling": bench(shots[0], counts, runs, ready.device)}
        )
    tables.show(result, as_json, [("scaling", tables.SCALING)])
    return 0


@app.command("peers")
def peers(
    checkouts: Annotated[list[Path], typer.Argument(help="Checkouts of first-order-model, LivePortrait, or both.")],
    runs: Few = 5,
    device: Device = "auto",
    threads: Threads = 0,
    require_idle: RequireIdle = False,
    as_json: AsJson = False,
) -> int:
    """Time other projects' networks and ours, all with random weights; their code is run from your checkouts."""
    from ofx_reenact.bench.peers import bench

    ready = prepare(device, threads, require_idle)
    settings = {"checkouts": [path.name for path in checkouts], "runs": runs}
    result = ready.record("peers", settings, lambda: bench(checkouts, runs, ready.device))
    tables.show(result, as_json, [("peers", tables.PEERS)])
    return 0
