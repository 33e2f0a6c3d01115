"""Sequences: a still, numbered pictures, or a video, all read by frame number."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import cv2
import fileseq
import numpy as np
import OpenImageIO as oiio
from fileseq.exceptions import FileSeqException

from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.frames.channels import is_whole
from ofx_reenact.frames.plate import Plate, Window, read_plate
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.stages import stage

VIDEOS = (".mp4", ".mov", ".mpg", ".mpeg", ".avi", ".mkv", ".m4v", ".webm")
_PADDING = fileseq.PAD_STYLE_HASH1
_MARK = re.compile(r"[#@]|%\d*d")


@dataclass(frozen=True)
class Sequence:
    """Frames that can be read by number."""

    kind: Literal["still", "sequence", "video"]
    name: str  # as the user wrote it
    frames: FrameRange  # those that are there; a video's start at 1, a still without a number is frame 1
    missing: FrameRange  # holes between the first and the last
    fps: Fraction | None  # frames a second, if the file says
    _source: Any = field(repr=False)

    @classmethod
    def open(cls, name: str | Path) -> Sequence:
        """Open ``NAME.####.exr``, ``NAME.%04d.exr``, a single picture, or a video.

        Raises:
            FrameError: there is nothing of that name, or it cannot be read.
        """
        name = str(name)
        path = Path(name)
        if path.suffix.lower() in VIDEOS and not has_padding(name):
            video = Video(path)
            frames = FrameRange(tuple(range(1, video.count + 1)))
            return cls("video", name, frames, FrameRange(()), video.fps, video)
        if has_padding(name):
            return cls._open_numbered(name)
        if not path.exists():
            raise FrameError(f"{name}: no such file")
        number = _number(path)
        return cls("still", name, FrameRange((number,)), FrameRange(()), _header_rate(path), {number: path})

    @classmethod
    def _open_numbered(cls, name: str) -> Sequence:
        try:
            found = fileseq.findSequenceOnDisk(name, strictPadding=True, pad_style=_PADDING)
        except FileSeqException as error:
            raise FrameError(f"{name}: no frames of this name were found; check the folder and the padding") from error
        if found.frameSet() is None:
            raise FrameError(f"{name}: no place for the frame number was found in this name; write it as NAME.####.exr")
        frames = FrameRange.of(found.frameSet())
        paths = {frame: Path(found.frame(frame)) for frame in frames}
        missing = FrameRange.of(set(range(frames.first, frames.last + 1)) - set(frames))
        return cls("sequence", name, frames, missing, _header_rate(paths[frames.first]), paths)

    def path(self, frame: int) -> Path:
        """Return the file that holds a frame."""
        self._check(frame)
        return Path(self.name) if self.kind == "video" else self._source[frame]

    @stage("read")
    def read(self, frame: int, layer: str = "") -> Plate:
        """Read one frame, of that layer if it has several.

        Raises:
            FrameError: there is no such frame or layer, or it cannot be read.
        """
        self._check(frame)
        if self.kind == "video":
            if layer:
                raise FrameError(f"{self.name}: no layer '{layer}'; a video has none")
            return self._source.read(frame)
        return read_plate(self._source[frame], frame, layer)

    def _check(self, frame: int) -> None:
        if frame not in self.frames:
            raise FrameError(f"{self.name}: no frame {frame}; there are {self.frames}")


class Video:
    """A video read by frame number. Frames are counted and reached by decoding: containers lie about both."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FrameError(f"{path}: no such file")
        self._path = path
        self._rewind()
        self.fps = standard_rate(self._capture.get(cv2.CAP_PROP_FPS))
        self.count = 0
        while self._capture.grab():
            self.count += 1
        if not self.count:
            raise FrameError(f"{path}: not a video that can be read, or without frames")
        self._rewind()

    @stage("read")
    def read(self, frame: int) -> Plate:
        """Decode frame 1, 2, …; going backwards starts the file again."""
        if frame < self._next:
            self._rewind()
        while self._next < frame and self._capture.grab():
            self._next += 1
        done, picture = self._capture.read()
        if not done:
            raise FrameError(f"{self._path}: frame {frame} cannot be decoded")
        self._next += 1
        rgb = picture[..., ::-1].astype(np.float32) / 255
        window = Window(0, 0, rgb.shape[1], rgb.shape[0])
        header = oiio.ImageSpec(window.width, window.height, 3, oiio.FLOAT)
        return Plate(self._path, rgb, None, {}, window, window, self.fps, "uint8", None, header)

    def _rewind(self) -> None:
        """Open the file, anew if it was; what was open closes by itself."""
        self._capture = cv2.VideoCapture(str(self._path))
        if not self._capture.isOpened():
            raise FrameError(f"{self._path}: not a video that can be read")
        self._next = 1


def standard_rate(fps: float) -> Fraction | None:
    """Return the rate as the fraction it stands for: 23.976 is 24000/1001."""
    if not np.isfinite(fps) or fps <= 0:
        return None
    for whole in (24, 30, 48, 60, 120):
        if abs(fps - whole * 1000 / 1001) < 0.002:
            return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


def has_padding(name: str) -> bool:
    """Tell whether a file name has a place for the frame number."""
    return _MARK.search(Path(name).name) is not None


def files_of(name: str) -> tuple[Path, ...]:
    """Return the files behind a name that :meth:`Sequence.open` takes, without opening them; none if none is there."""
    if not has_padding(name):
        return (Path(name),) if Path(name).is_file() else ()
    try:
        found = fileseq.findSequenceOnDisk(name, strictPadding=True, pad_style=_PADDING)
    except FileSeqException:
        return ()
    return tuple(Path(found.frame(frame)) for frame in sorted(found.frameSet() or ()))


def frame_path(pattern: str, frame: int, suffix: str = ".exr") -> Path:
    """Return the file for a frame of ``NAME.####.exr``.

    Raises:
        SettingsError: there is no padding in the name, or it does not end in ``suffix``.
    """
    if not has_padding(pattern):
        raise SettingsError(f"{pattern}: put #### where the frame number goes, as NAME.####{suffix}")
    if Path(pattern).suffix.lower() != suffix:
        raise SettingsError(f"{pattern}: these frames are written as {suffix}, so end the name in it")
    try:
        path = Path(fileseq.FileSequence(pattern, pad_style=_PADDING).frame(frame))
    except FileSeqException as error:
        raise SettingsError(f"{pattern}: the name is not understood ({error})") from error
    if path == Path(pattern):
        raise SettingsError(f"{pattern}: two places for the frame number; have # and @ only where it goes")
    return path


def existing_frames(pattern: str, frames: FrameRange) -> FrameRange:
    """Return the frames of an output that are there and decode whole."""
    paths = ((frame, frame_path(pattern, frame)) for frame in frames)
    return FrameRange.of(frame for frame, path in paths if path.is_file() and is_whole(path))


def _number(path: Path) -> int:
    """The frame number in a single file's name, as in plate.1001.exr; 1 if there is none."""
    middle = path.name.split(".")[-2:-1]
    return int(middle[0]) if path.name.count(".") >= 2 and middle[0].lstrip("-").isdigit() else 1


def _header_rate(path: Path) -> Fraction | None:
    source = oiio.ImageInput.open(os.fspath(path))
    if source is None:
        return None
    value = source.spec().getattribute("FramesPerSecond")
    source.close()
    return Fraction(int(value[0]), int(value[1])) if isinstance(value, tuple) and value[1] else None
