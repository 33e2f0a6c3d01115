"""What one frame on disk is: its header, a digest of its pixels, what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.channels import read_channels
from ofx_reenact.frames.digest import pixels_sha256
from ofx_reenact.frames.plate import Window, rate_of
from ofx_reenact.frames.tags import space_said
from ofx_reenact.provenance.attributes import PREFIX, SOURCE

# Attributes that say what made a frame.
_MADE = (PREFIX, "Software", SOURCE)
# Frames that are decoded at the same time, and so in memory.
THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Header:
    """What a frame's file says of it; None where it says nothing.

    ``channels`` are full name → "half", "float" or "uint"; ``timecode`` is SMPTE's two numbers; ``made`` are the
    attributes that say what made the frame.
    """

    data_window: Window
    display_window: Window
    pixel_aspect: float
    channels: dict[str, str]
    colour_space: str | None
    fps: Fraction | None
    timecode: tuple[int, ...] | None
    compression: str
    made: dict[str, Any]


@dataclass(frozen=True)
class Look:
    """One frame, looked at. It has a header, or ``damage``: why it does not decode whole.

    ``digest`` is :func:`~ofx_reenact.frames.digest.pixels_sha256` of all channels;
    ``nonfinite`` is channel → how many values are NaN or infinite, if any are.
    """

    frame: int
    path: Path
    damage: str | None = None
    header: Header | None = None
    digest: str = ""
    nonfinite: dict[str, int] = field(default_factory=dict)

    @property
    def made(self) -> dict[str, Any]:
        """What the frame says of what made it; nothing if there is damage."""
        return self.header.made if self.header else {}


def look(frame: int, path: Path) -> Look:
    """Decode a frame and say what it is."""
    try:
        spec, channels = read_channels(path, frame)
    except FrameError as error:
        return Look(frame, path, damage=str(error))
    nonfinite = {}
    for name, pixels in sorted(channels.items()):
        if bad := odd_values(pixels):
            nonfinite[name] = bad
    return Look(frame, path, None, header_of(spec), pixels_sha256(channels), nonfinite)


def odd_values(pixels: np.ndarray) -> int:
    """Count the values that are NaN or infinite."""
    return int(pixels.size - np.count_nonzero(np.isfinite(pixels)))


def look_at(paths: Iterable[tuple[int, Path]]) -> Iterator[Look]:
    """Look at frames, a few at the same time; yields them in order."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="verify") as pool:
        yield from pool.map(lambda one: look(*one), paths)


def header_of(spec: Any) -> Header:
    """Return what matters of OpenImageIO's description."""
    formats = list(spec.channelformats) or [spec.format] * spec.nchannels
    timecode = spec.getattribute("smpte:TimeCode")
    return Header(
        data_window=Window(spec.x, spec.y, spec.width, spec.height),
        display_window=Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height),
        pixel_aspect=round(float(spec.get_float_attribute("PixelAspectRatio", 1.0)), 6),
        channels={name: str(kind) for name, kind in zip(spec.channelnames, formats, strict=True)},
        colour_space=space_said(spec),
        fps=rate_of(spec),
        timecode=tuple(int(part) for part in timecode) if isinstance(timecode, tuple) else None,
        compression=spec.get_string_attribute("compression"),
        made={a.name: a.value for a in spec.extra_attribs if a.name.startswith(_MADE)},
    )
