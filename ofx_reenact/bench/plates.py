"""Makes the plates that benchmarks render: the demo's targets and driver, resized, as EXR (half, zip).

Grain is added: without it a picture would compress better and faster than a plate.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.plate import Plate, Window
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.frames.write import write_frame
from ofx_reenact.resources import resource

SIZES = {"256": (256, 256), "1080p": (1920, 1080), "uhd": (3840, 2160)}
# Number of different driver frames; a longer driver repeats them forwards and backwards, which moves as smoothly.
_DISTINCT = 16
# The frames after which the used parts of the demo's driver and plate begin: from there the driver speaks most, and the
# person in the plate begins to speak and blink.
_FIRST, _FIRST_OF_PLATE = 33, 4
# Standard deviation of the grain, relative to the pixel's value.
_GRAIN = 0.02


@dataclass(frozen=True)
class Shot:
    """Plates on disk, EXR frames from 1 on; ``tracked`` is the file for the driver's performance.

    ``target`` is a picture, or with ``moving`` a pattern of as many frames as the driver has.
    """

    size: str
    frames: int
    target: Path
    driver: str
    output: str
    tracked: Path
    moving: bool = False

    @property
    def kind(self) -> str:
        """What the target is: ``still`` or ``moving``."""
        return "moving" if self.moving else "still"


def make_shot(folder: Path, size: str, frames: int) -> Shot:
    """Write a still target and a driver of a size and length into a folder.

    Raises:
        OutputError: they cannot be written.
    """
    shot = _make_driver(folder, size, frames)
    _write(shot.target, Sequence.open(resource("demo", "target.jpg")).read(1), SIZES[size], Colour())
    return shot


def make_moving(folder: Path, size: str, frames: int) -> tuple[Shot, Shot]:
    """Write a moving plate and a driver of a size and length into a folder.

    Returns two shots that differ only in this: of the plate's first frame as a still, and of the whole plate.

    Raises:
        OutputError: they cannot be written.
    """
    still = _make_driver(folder, size, frames)
    pattern = str(still.target.with_name("plate.####.exr"))
    clip = Sequence.open(resource("demo", "plate.mpg"))
    distinct = min(frames, clip.frames.last - _FIRST_OF_PLATE)
    _write_frames(pattern, clip, _FIRST_OF_PLATE, distinct, frames, SIZES[size])
    _link(frame_path(pattern, 1), still.target)
    output = str(still.target.with_name("moved.####.exr"))
    return still, replace(still, target=Path(pattern), output=output, moving=True)


def _make_driver(folder: Path, size: str, frames: int) -> Shot:
    place = folder / size
    driven, output = (str(place / f"{name}.####.exr") for name in ("driver", "out"))
    clip = Sequence.open(resource("demo", "driver.mpg"))
    _write_frames(driven, clip, _FIRST, min(frames, _DISTINCT), frames, SIZES[size])
    return Shot(size, frames, place / "target.exr", driven, output, place / "driver.npz")


def _write_frames(
    pattern: str, clip: Sequence, before: int, distinct: int, frames: int, size: tuple[int, int]
) -> None:
    """Write ``distinct`` frames of the clip after ``before``; link the rest, up to ``frames``, back and forth."""
    colour = Colour()
    for frame in range(1, distinct + 1):
        _write(frame_path(pattern, frame), clip.read(before + frame), size, colour, seed=frame)
    for frame, same in zip(range(1, frames + 1), back_and_forth(distinct), strict=False):
        if frame > distinct:
            _link(frame_path(pattern, same), frame_path(pattern, frame))


def back_and_forth(count: int) -> Iterator[int]:
    """Yield 1, 2, …, count, count - 1, …, 2, 1, 2, … endlessly."""
    while True:
        yield from range(1, count + 1)
        yield from range(count - 1, 1, -1)


def fit_picture(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Fit a picture (H, W, 3) into a size without stretching; the borders repeat its edge."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = (min(width, round(picture.shape[1] * scale)), min(height, round(picture.shape[0] * scale)))
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    right, bottom = width - size[0] - left, height - size[1] - top
    return cv2.copyMakeBorder(scaled, top, bottom, left, right, cv2.BORDER_REPLICATE)


def _write(path: Path, plate: Plate, size: tuple[int, int], colour: Colour, seed: int = 0) -> None:
    """Write a picture as a scene-linear plate of a size; ``seed`` gives the frame its own grain."""
    space, linear = colour.choose(plate, None)[0], colour.resolve("scene_linear")
    rgb = fit_picture(np.ascontiguousarray(colour.convert(plate.rgb, space, linear), np.float32), *size)
    window = Window(0, 0, *size)
    grain = np.random.default_rng(seed).standard_normal(rgb.shape, np.float32)
    rgb = np.maximum(rgb * (1 + _GRAIN * grain), 0)
    made = replace(plate, path=path, data_window=window, display_window=window)
    channels = {name: rgb[..., i] for i, name in enumerate("RGB")}
    write_frame(path, made, channels, formats=dict.fromkeys(channels, "half"), attributes={"oiio:ColorSpace": linear})


def _link(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except OSError:
        shutil.copyfile(source, path)
