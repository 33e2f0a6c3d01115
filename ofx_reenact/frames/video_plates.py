"""Read the frames of videos as plates, decoded by FFmpeg's libraries through PyAV.

Convention: frames are numbered from 1 in the order of display; each counts once, however long it is shown. They are
always decoded from the start, never by seeking, so that a frame is the same alone and in a range. A video is decoded
completely when it is opened, and refused if a frame is damaged or missing.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
from av.sidedata.sidedata import Type as SideData

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.channels import to_one_line
from ofx_reenact.frames.plate import Plate, Window, write_rate
from ofx_reenact.frames.video_colour import Coding, coding_of
from ofx_reenact.frames.video_decode import decode_frames, deinterlace, open_video
from ofx_reenact.stages import stage

# Fraction of the frames that must have the duration of the file's declared rate for the rate to be used.
_STEADY = 0.9


class Video:
    """A video read by frame number."""

    def __init__(self, path: Path) -> None:
        """Decode a video completely, to count its frames and find how they are coded.

        Raises:
            FrameError: it is not a video, or not all of it can be decoded.
        """
        if not path.stat().st_size:
            raise FrameError(f"{path}: the file is empty")
        self._path = path
        self._properties = _examine(path)
        self.count, self.fps, self.notes = self._properties.count, self._properties.fps, self._properties.notes
        self._rewind()

    @stage("read")
    def read(self, frame: int) -> Plate:
        """Decode a frame, counted from 1; going backwards decodes from the start again.

        Raises:
            FrameError: it cannot be decoded.
        """
        if frame < self._next:
            self._rewind()
        picture = None
        try:
            while self._next <= frame:
                picture = next(self._frames, None)
                self._next += 1
            if picture is not None:
                return self._plate(picture)
        except (av.FFmpegError, ValueError) as error:
            self._rewind()
            raise FrameError(f"{self._path}: frame {frame} cannot be decoded ({to_one_line(str(error))})") from error
        raise FrameError(f"{self._path}: frame {frame} does not exist any more; was the file changed meanwhile?")

    def _plate(self, picture: Any) -> Plate:
        known = self._properties
        rgb, alpha = known.coding.pixels(picture)
        rgb = known.turn(rgb)
        if alpha is not None:
            # Videos have straight alpha. The coded values are multiplied by it, as for picture formats.
            alpha = known.turn(alpha)
            rgb = rgb * alpha[..., None]
        window = Window(0, 0, rgb.shape[1], rgb.shape[0])
        header = oiio.ImageSpec(window.width, window.height, 3, oiio.FLOAT)
        if known.pixel_aspect != 1:
            header.attribute("PixelAspectRatio", float(known.pixel_aspect))
        if self.fps is not None:
            write_rate(header, self.fps)
        return Plate(
            self._path, rgb, alpha, {}, window, window, self.fps, known.coding.depth, None, header,
            known.notes, known.coding.transfer,
        )  # fmt: skip

    def _rewind(self) -> None:
        """Start again at the first frame; the open file closes by itself."""
        frames = decode_frames(self._path)
        self._frames = deinterlace(frames) if self._properties.interlaced else frames
        self._next = 1


def standard_rate(fps: float) -> Fraction | None:
    """Return the exact fraction of a rounded frame rate, as 24000/1001 for 23.976; None if it is not a rate."""
    if not np.isfinite(fps) or fps <= 0:
        return None
    for whole in (24, 30, 48, 60, 120):
        if abs(fps - whole * 1000 / 1001) < 0.002:
            return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


@dataclass(frozen=True)
class _Properties:
    """Properties that all frames of a video share."""

    count: int
    fps: Fraction | None
    coding: Coding
    interlaced: bool
    pixel_aspect: Fraction  # width over height, after turning
    transposed: bool
    flipped: tuple[bool, bool]  # top to bottom, left to right, after transposing
    notes: tuple[str, ...]

    def turn(self, pixels: np.ndarray) -> np.ndarray:
        """Rotate and flip a picture upright, as the file's display matrix gives."""
        if self.transposed:
            pixels = pixels.swapaxes(0, 1)
        rows, columns = (slice(None, None, -1 if flip else None) for flip in self.flipped)
        return np.ascontiguousarray(pixels[rows, columns])


def _examine(path: Path) -> _Properties:
    """Decode every frame once, to find a video's properties."""
    with contextlib.closing(decode_frames(path)) as frames:
        first = next(frames, None)
        if first is None:
            raise FrameError(f"{path}: a video without frames")
        coding, turned = coding_of(path, first), _turn_of(first)
        interlaced, times = bool(first.interlaced_frame), [first.pts]
        for frame in frames:
            interlaced |= bool(frame.interlaced_frame)
            times.append(frame.pts)
    with open_video(path) as (container, stream):
        declared = stream.average_rate or stream.guessed_rate
        # An AVI has times of packets, but not of frames.
        timed = container.format.name != "avi"
        fps, steps = _rate(times if timed else [], stream.time_base, declared)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        codec = stream.codec_context.name
    if interlaced and codec == "hevc":
        raise FrameError(f"{path}: interlaced HEVC stores each field as a picture; deinterlace the video first")
    notes = [f"{path}: interlaced; it was deinterlaced (bwdif)"] if interlaced else []
    if len(steps) and abs(steps - 1).max() > 0.5:
        odd = int(abs(steps - 1).argmax())
        notes.append(
            f"{path}: frame {odd + 1} is shown for {steps[odd]:.1f} frames: the rate varies, or frames are missing; "
            "each frame in the file counts as one"
        )
    transposed, flipped = turned
    aspect = Fraction(1) if aspect <= 0 else 1 / aspect if transposed else aspect
    return _Properties(len(times), fps, coding, interlaced, aspect, transposed, flipped, tuple(notes))


def _turn_of(frame: Any) -> tuple[bool, tuple[bool, bool]]:
    """Return how to turn a frame upright: whether to transpose, then whether to flip (top to bottom, left to right)."""
    data = frame.side_data.get(SideData.DISPLAYMATRIX)
    if data is None:
        return False, (False, False)
    # A point (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return True, (b < 0, c < 0)
    return False, (d < 0, a < 0)


def _rate(
    times: list[int | None], base: Fraction | None, declared: Fraction | None
) -> tuple[Fraction | None, np.ndarray]:
    """Return the frames a second, and each frame's duration in frames, without the last frame's.

    The rate is the declared one if most frames have its duration, else the mean.
    """
    known = [time for time in times if time is not None]
    if base is None or len(known) < len(times) or len(times) < 2 or known[-1] <= known[0]:
        return standard_rate(float(declared or 0)), np.ones(0)
    steps = np.diff(known) * float(base)
    mean = len(steps) / float(steps.sum())
    if declared and (np.abs(steps * float(declared) - 1) < 0.5).mean() >= _STEADY:
        mean = float(declared)
    return standard_rate(mean), steps * mean
