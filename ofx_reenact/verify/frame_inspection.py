"""Decode frames on disk: header, digest of the pixels, NaN and infinite values."""

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
from ofx_reenact.frames.colour_tags import tagged_space
from ofx_reenact.frames.digest import pixels_sha256
from ofx_reenact.frames.plate import Window, rate_of
from ofx_reenact.provenance.attributes import PREFIX, SOURCE

# Prefixes of the attributes that describe how a frame was made.
_MADE = (PREFIX, "Software", SOURCE)
# Number of frames that are decoded, and in memory, at the same time.
THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Header:
    """A frame's header; None where a value is missing.

    Attributes:
        channels: full name → "half", "float" or "uint".
        timecode: SMPTE's two numbers.
        made: the attributes that describe how the frame was made.
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
class InspectedFrame:
    """One decoded frame.

    Attributes:
        damage: why the file cannot be decoded completely; None if it can.
        header: None if the frame is damaged.
        digest: :func:`~ofx_reenact.frames.digest.pixels_sha256` of all channels.
        nonfinite: channel → number of NaN and infinite values, if there are any.
    """

    frame: int
    path: Path
    damage: str | None = None
    header: Header | None = None
    digest: str = ""
    nonfinite: dict[str, int] = field(default_factory=dict)

    @property
    def made(self) -> dict[str, Any]:
        """The attributes that describe how the frame was made; empty if it is damaged."""
        return self.header.made if self.header else {}


def inspect_frame(frame: int, path: Path) -> InspectedFrame:
    """Decode a frame; damage is part of the result, not an error."""
    try:
        spec, channels = read_channels(path, frame)
    except FrameError as error:
        return InspectedFrame(frame, path, damage=str(error))
    nonfinite = {}
    for name, pixels in sorted(channels.items()):
        if bad := count_nonfinite(pixels):
            nonfinite[name] = bad
    return InspectedFrame(frame, path, None, header_of(spec), pixels_sha256(channels), nonfinite)


def count_nonfinite(pixels: np.ndarray) -> int:
    """Count the values that are NaN or infinite."""
    return int(pixels.size - np.count_nonzero(np.isfinite(pixels)))


def inspect_frames(paths: Iterable[tuple[int, Path]]) -> Iterator[InspectedFrame]:
    """Decode frames, a few at the same time; yield them in order."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="verify") as pool:
        yield from pool.map(lambda one: inspect_frame(*one), paths)


def header_of(spec: Any) -> Header:
    """Return the values of OpenImageIO's ``ImageSpec`` that are checked."""
    formats = list(spec.channelformats) or [spec.format] * spec.nchannels
    timecode = spec.getattribute("smpte:TimeCode")
    return Header(
        data_window=Window(spec.x, spec.y, spec.width, spec.height),
        display_window=Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height),
        pixel_aspect=round(float(spec.get_float_attribute("PixelAspectRatio", 1.0)), 6),
        channels={name: str(kind) for name, kind in zip(spec.channelnames, formats, strict=True)},
        colour_space=tagged_space(spec),
        fps=rate_of(spec),
        timecode=tuple(int(part) for part in timecode) if isinstance(timecode, tuple) else None,
        compression=spec.get_string_attribute("compression"),
        made={a.name: a.value for a in spec.extra_attribs if a.name.startswith(_MADE)},
    )
