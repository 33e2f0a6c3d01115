"""What is rendered to be timed: the demo's targets and driver brought to a size, as EXR of half floats, zip.

They are given grain: a picture without packs smaller and faster than a plate does.
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
# Driver frames that differ; a longer driver goes to and fro among them, which moves as smoothly.
_DISTINCT = 16
# Where the demo's person speaks most, and where the one in the plate that moves begins to speak and blink.
_FIRST, _FIRST_OF_PLATE = 33, 4
# Deviation of the grain over the light.
_GRAIN = 0.02


@dataclass(frozen=True)
class Shot:
    """Plates on disk: patterns of EXR frames, from 1 on; ``tracked`` is the driver's performance, not there yet.

    ``target`` is a picture, or a pattern of as many frames as the driver has where it moves.
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
    """Write target and driver of that size and so many frames into a folder.

    Raises:
        OutputError: the disk does not take them.
    """
    shot = _make_driver(folder, size, frames)
    _write(shot.target, Sequence.open(resource("demo", "target.jpg")).read(1), SIZES[size], Colour())
    return shot


def make_moving(folder: Path, size: str, frames: int) -> tuple[Shot, Shot]:
    """Write a plate that moves and a driver of that size and so many frames into a folder.

    Returns the shot of the plate's first frame, a still, and that of the plate: they differ in nothing but that.

    Raises:
        OutputError: the disk does not take them.
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
    """Write the clip's frames after ``before``, as many as are distinct; then to and fro among them."""
    colour = Colour()
    for frame in range(1, distinct + 1):
        _write(frame_path(pattern, frame), clip.read(before + frame), size, colour, seed=frame)
    for frame, same in zip(range(1, frames + 1), to_and_fro(distinct), strict=False):
        if frame > distinct:
            _link(frame_path(pattern, same), frame_path(pattern, frame))


def to_and_fro(count: int) -> Iterator[int]:
    """Yield 1, 2, …, count, count - 1, …, 2, 1, 2, … without end."""
    while True:
        yield from range(1, count + 1)
        yield from range(count - 1, 1, -1)


def fitted(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Bring a picture (H, W, 3) to a size whole and unstretched; its edge is continued beside it."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = (min(width, round(picture.shape[1] * scale)), min(height, round(picture.shape[0] * scale)))
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    right, bottom = width - size[0] - left, height - size[1] - top
    return cv2.copyMakeBorder(scaled, top, bottom, left, right, cv2.BORDER_REPLICATE)


def _write(path: Path, plate: Plate, size: tuple[int, int], colour: Colour, seed: int = 0) -> None:
    """Write a picture as a scene-linear plate of a size; each frame has its own grain."""
    space, linear = colour.choose(plate, None)[0], colour.resolve("scene_linear")
    rgb = fitted(np.ascontiguousarray(colour.convert(plate.rgb, space, linear), np.float32), *size)
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
