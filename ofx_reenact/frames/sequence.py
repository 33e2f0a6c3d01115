"""Stills, numbered pictures and videos, all read by frame number."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.errors import FrameError
from ofx_reenact.files import check_name
from ofx_reenact.frames.channels import is_whole, take_error
from ofx_reenact.frames.names import (
    explain_missing,
    files_of,
    find_frames,
    frame_path,
    has_placeholder,
    is_file,
    number_in,
)
from ofx_reenact.frames.plate import Plate, rate_of, read_in_strips, read_plate
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.video import video_of
from ofx_reenact.stages import stage


@dataclass(frozen=True)
class Sequence:
    """A still, a numbered sequence or a video, whose frames are read by number."""

    kind: Literal["still", "sequence", "video"]
    name: str  # the name that the user wrote
    frames: FrameRange  # frames that exist; a video's start at 1, a still without a number is frame 1
    missing: FrameRange  # missing frames between the first and the last
    fps: Fraction | None  # frames a second, if the file gives them
    _source: Any = field(repr=False)  # the Video, or a dictionary from frame to path

    @classmethod
    def open(cls, name: str | Path) -> Sequence:
        """Open ``NAME.####.exr``, ``NAME.%04d.exr``, a single picture, or a video.

        A name with a placeholder for the frame number may also be the name of one file, as ``photo@@.png``.

        Raises:
            FrameError: no file has that name, both a single file and numbered files have it, or it cannot be read.
            SettingsError: libraries and headers cannot carry the name.
        """
        name = str(name)
        check_name(name)
        if not has_placeholder(name):
            return cls._open_file(name)
        numbered, single = files_of(name), is_file(name)
        if single and numbered != (Path(name),):
            raise FrameError(
                f"{name}: both a file of exactly this name and numbered files exist; rename the file or the sequence"
            )
        if single:
            return cls._open_file(name)
        paths = find_frames(name)
        frames = FrameRange.of(paths)
        missing = FrameRange.of(set(range(frames.first, frames.last + 1)) - set(frames))
        return cls("sequence", name, frames, missing, _header_rate(paths[frames.first]), paths)

    @classmethod
    def _open_file(cls, name: str) -> Sequence:
        path = Path(name)
        if not is_file(path):
            raise FrameError(explain_missing(name))
        video = video_of(path)
        if video is not None:
            frames = FrameRange(tuple(range(1, video.count + 1)))
            return cls("video", name, frames, FrameRange(()), video.fps, video)
        number = number_in(path)
        return cls("still", name, FrameRange((number,)), FrameRange(()), _header_rate(path), {number: path})

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user on how the frames are read."""
        return self._source.notes if self.kind == "video" else ()

    def path(self, frame: int) -> Path:
        """Return the path of the file that contains a frame."""
        self._check(frame)
        return Path(self.name) if self.kind == "video" else self._source[frame]

    @stage("read")
    def read(self, frame: int, layer: str = "") -> Plate:
        """Read one frame; ``layer`` names the layer of an EXR that is the picture.

        Raises:
            FrameError: there is no such frame or layer, or it cannot be read.
        """
        self._check(frame)
        if self.kind == "video":
            if layer:
                raise FrameError(f"{self.name}: no layer '{layer}'; a video has none")
            return self._source.read(frame)
        return read_plate(self._source[frame], frame, layer)

    def read_in_strips(self, frame: int, layer: str = "") -> tuple[Plate, Iterator[tuple[slice, np.ndarray]]]:
        """Read only the colours of one frame, in strips; see :func:`~ofx_reenact.frames.plate.read_in_strips`."""
        if self.kind == "video":
            plate = self.read(frame, layer)
            return plate, iter([(slice(0, len(plate.rgb)), plate.rgb)])
        self._check(frame)
        return read_in_strips(self._source[frame], frame, layer)

    def read_header(self, frame: int, layer: str = "") -> Plate:
        """Read a frame's header without its pixels: all channels are 0. Of a video, the first frame is read whole.

        Raises:
            FrameError: there is no such frame or layer, or it cannot be read.
        """
        self._check(frame)
        if self.kind == "video":
            return self.read(self.frames.first, layer)
        return read_plate(self._source[frame], frame, layer, pixels=False)

    def _check(self, frame: int) -> None:
        if frame not in self.frames:
            raise FrameError(f"{self.name}: no frame {frame}; there are {self.frames}")


def existing_frames(pattern: str, frames: FrameRange) -> FrameRange:
    """Return the frames of an output that exist and decode completely."""
    paths = ((frame, frame_path(pattern, frame)) for frame in frames)
    return FrameRange.of(frame for frame, path in paths if path.is_file() and is_whole(path))


def _header_rate(path: Path) -> Fraction | None:
    source = oiio.ImageInput.open(os.fspath(path))
    if source is None:
        # Otherwise the library prints the error when the process ends.
        take_error()
        return None
    rate = rate_of(source.spec())
    source.close()
    return rate
