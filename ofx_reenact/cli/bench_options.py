"""What the commands of ``ofx-reenact bench`` share: options, plates, records."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ofx_reenact.cli.options import value_now
from ofx_reenact.device import DEVICES, choose_device
from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.settings.earlier_names import VALUES
from ofx_reenact.settings.option import check_choice

if TYPE_CHECKING:
    from ofx_reenact.bench.idle import Load
    from ofx_reenact.bench.plates import Shot

Runs = Annotated[int, typer.Option(help="Runs; the median is reported.", min=3)]
Few = Annotated[int, typer.Option(help="Runs of each, taking turns; the median is reported.", min=1)]
Sizes = Annotated[list[str] | None, typer.Option("--size", help="Size of the plates \\[256|1080p|uhd].")]
Size = Annotated[str, typer.Option(help="Size of the plates \\[256|1080p|uhd].")]
Folder = Annotated[
    Path | None, typer.Option("--folder", help="Where to make a temporary folder for the plates.")
]
Profile = Annotated[str, typer.Option(help="Profile to render \\[warp|portrait].")]
Device = Annotated[str, typer.Option(help="Where to run \\[auto|cpu|cuda|mps].")]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch.", min=0)]
RequireIdle = Annotated[
    bool, typer.Option("--require-idle", help="Refuse to measure while other processes keep about a core busy.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")]


@dataclass(frozen=True)
class Bench:
    """A benchmark that is ready: its device, its threads, and how busy the machine was before."""

    device: str
    threads: int
    before: Load

    def record(self, kind: str, settings: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Measure; returns the record, with machine, versions, command and load."""
        from ofx_reenact.bench.machine import make_record

        settings = {**settings, "device": self.device, "threads": self.threads}
        return make_record(kind, self.device, settings, self.before, measure)


def prepare(device: str, threads: int, require_idle: bool) -> Bench:
    """Choose the device, set the threads, and measure whether the machine is idle.

    Raises:
        SettingsError: this machine has no such device.
        ReenactError: ``require_idle``, and the machine is busy.
    """
    import torch

    from ofx_reenact.bench.idle import check_idle

    check_choice("--device", device, DEVICES)
    if threads:
        torch.set_num_threads(threads)
    chosen = choose_device(device)
    return Bench(chosen, threads, check_idle(require_idle))


@contextmanager
def plates(folder: Path | None, wanted: Iterable[tuple[str, int]], *, moving: bool = False) -> Iterator[list[Shot]]:
    """Make shots of (size, frames) in a temporary folder: stills, or a still and a moving plate each."""
    from ofx_reenact.bench.plates import make_moving, make_shot

    try:
        made = tempfile.TemporaryDirectory(prefix="ofx-reenact-bench-", dir=folder)
    except OSError as error:
        place = folder or Path(tempfile.gettempdir())
        raise OutputError(f"{place}: no folder can be made there ({error.strerror})") from error
    with made as inside:
        places = [(Path(inside) / str(frames), size, frames) for size, frames in wanted]
        yield [shot for place in places for shot in (make_moving(*place) if moving else (make_shot(*place),))]


def check_sizes(*sizes: str) -> None:
    """Refuse an unknown size of plates."""
    from ofx_reenact.bench.plates import SIZES

    for size in sizes:
        check_choice("--size", size, SIZES)


def check_profile(profile: str) -> str:
    """Return a profile under its present name; an unknown one is refused."""
    profile = value_now("--profile", profile, VALUES["profile"])
    check_choice("--profile", profile, ("warp", "portrait"))
    return profile


def numbers(option: str, text: str) -> list[int]:
    """Read whole numbers from 1 on, separated by commas."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise SettingsError(f"{option} {text}: give whole numbers from 1 on, separated by commas, such as 1,2,4")
    return sorted({int(part) for part in parts})
