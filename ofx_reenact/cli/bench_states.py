"""``ofx-reenact bench compare``, ``start``, ``frame`` and ``diff``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ofx_reenact.cli import bench_tables as tables
from ofx_reenact.cli.bench_options import (
    AsJson,
    Device,
    Few,
    Folder,
    Profile,
    RequireIdle,
    Size,
    Sizes,
    Threads,
    check_profile,
    check_sizes,
    plates,
    prepare,
)
from ofx_reenact.settings.option import check_choice


def compare(
    before: Annotated[
        Path, typer.Argument(help="Checkout of the other state, as git worktree makes one.", metavar="BEFORE")
    ],
    size: Sizes = None,
    measure: Annotated[
        list[str] | None,
        typer.Option("--measure", help="What to measure; all if not given \\[rendered|analyse|stages|memory]."),
    ] = None,
    frames: Annotated[int, typer.Option(help="Length of the shot.", min=2)] = 6,
    runs: Few = 3,
    profile: Profile = "warp",
    moving: Annotated[bool, typer.Option("--moving", help="Render a plate that moves as well.")] = False,
    device: Device = "auto",
    threads: Threads = 0,
    folder: Folder = None,
    require_idle: RequireIdle = False,
    as_json: AsJson = False,
) -> int:
    """Compare another state of this package with this one: both render the same shots, taking turns."""
    from ofx_reenact.bench.states import MEASURED, check_state, open_states
    from ofx_reenact.bench.states import compare as bench

    sizes, asked = list(dict.fromkeys(size or ["1080p"])), list(dict.fromkeys(measure or MEASURED))
    check_sizes(*sizes)
    profile = check_profile(profile)
    for one in asked:
        check_choice("--measure", one, MEASURED)
    check_state(before)
    ready = prepare(device, threads, require_idle)
    settings = {
        "size": sizes, "measure": asked, "frames": frames, "runs": runs, "profile": profile, "moving": moving,
    }  # fmt: skip

    def measured() -> dict[str, object]:
        with open_states(before, threads) as states:
            about = {state.name: state.about for state in states}
            return {"packages": about, **bench(states, shots, runs, ready.device, profile, asked)}

    with plates(folder, ((name, frames) for name in sizes), moving=moving) as shots:
        result = ready.record("compare", settings, measured)
    shown = [("compared", tables.COMPARED), ("memory_compared", tables.MEMORY_COMPARED)]
    tables.show(result, as_json, [(name, columns) for name, columns in shown if result["tables"].get(name)])
    for name, reason in result["lacking"].items():
        typer.echo(f"stages are left out: the state '{name}' cannot time them ({reason})", err=True)
    return 0


def start(
    size: Size = "1080p",
    runs: Few = 5,
    device: Device = "auto",
    folder: Folder = None,
    require_idle: RequireIdle = False,
    as_json: AsJson = False,
) -> int:
    """Time from launch to first frame and to the end: --help, a render of one frame, one frame by a running engine."""
    check_sizes(size)
    ready = prepare(device, 0, require_idle)
    with plates(folder, [(size, 2)]) as shots:
        from ofx_reenact.bench.start import bench

        result = ready.record(
            "start", {"size": size, "runs": runs}, lambda: {"starts": bench(shots[0], runs, ready.device)}
        )
    tables.show(result, as_json, [("starts", tables.STARTS)])
    return 0


def frame(
    size: Sizes = None,
    frames: Annotated[int, typer.Option(help="Length of the shot.", min=2)] = 6,
    runs: Few = 3,
    device: Device = "auto",
    threads: Threads = 0,
    folder: Folder = None,
    require_idle: RequireIdle = False,
    as_json: AsJson = False,
) -> int:
    """Time a host's frame: the whole, the part that shared memory takes, and a frame that is rendered and written."""
    sizes = list(dict.fromkeys(size or ["uhd"]))
    check_sizes(*sizes)
    ready = prepare(device, threads, require_idle)
    with plates(folder, ((name, frames) for name in sizes), moving=True) as shots:
        from ofx_reenact.bench.host_frame import bench

        settings = {"size": sizes, "frames": frames, "runs": runs}
        result = ready.record("frame", settings, lambda: {"handed": bench(shots, runs, ready.device)})
    tables.show(result, as_json, [("handed", tables.HANDED)])
    return 0


def diff(
    a: Annotated[Path, typer.Argument(help="A record, as bench … --json prints it.", metavar="A.json")],
    b: Annotated[Path, typer.Argument(help="One of the same command elsewhere, or at another time.", metavar="B.json")],
    as_json: AsJson = False,
) -> int:
    """Compare two records of one command row by row, as of two machines."""
    from ofx_reenact.bench.diff import diff as found
    from ofx_reenact.bench.diff import read_record

    records = {"a": read_record(a), "b": read_record(b)}
    tables.show_diff(found(records["a"], records["b"]), records, as_json)
    return 0
