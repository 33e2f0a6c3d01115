"""What tests of handed frames share: an engine in this process, plates as a host has them, what a render writes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from conftest import DRIVER, rgb_channels, write_exr
from moving import COUNT, FIRST, TAKEN, track_plate

from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.plate import Plate, read_plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.progress import Watch
from ofx_reenact.service.frame_client import MadeFrame, request_frame
from ofx_reenact.service.jobs import JOBS, Service
from ofx_reenact.settings import Settings


class Local:
    """An engine in this process."""

    def __init__(self) -> None:
        self.service, self.watch = Service(), Watch()

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        return JOBS[do](self.service, fields, self.watch)


def hand(engine: Local, settings: Settings, frame: int, rgba: np.ndarray, **more: Any) -> MadeFrame:
    """Hand a frame over; the settings of a job that writes are those of one that does not."""
    return request_frame(engine, replace(settings, output=""), frame, rgba, **more)


def rgba_of(plate: Plate) -> np.ndarray:
    """A file's picture as a host has it, over its display window: nothing where the file has none."""
    data, shown = plate.data_window, plate.display_window
    alpha = np.ones_like(plate.rgb[..., 0]) if plate.alpha is None else plate.alpha
    whole = np.zeros((shown.height, shown.width, 4), np.float32)
    top, left = data.y - shown.y, data.x - shown.x
    rows, columns = (
        slice(max(start, 0), min(start + length, most))
        for start, length, most in ((top, data.height, shown.height), (left, data.width, shown.width))
    )
    inside = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    whole[rows, columns] = np.dstack([plate.rgb, alpha])[inside]
    return whole


def rendered(settings: Settings, frame: int, **more: Any) -> Plate:
    """What a render writes of a frame, at whole depth."""
    job = replace(settings, frames=str(frame), existing="overwrite", **{"depth": "float", **more})
    render_sequence(job)
    return read_plate(frame_path(job.output, frame))


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Of pictures whose white is 1."""
    return float(-10 * np.log10(np.mean((np.clip(one, 0, 1) - np.clip(other, 0, 1)) ** 2)))


def make_still(
    path: Path, linear: np.ndarray, size: tuple[int, int] = (260, 240), *, alpha: bool = False,
    formats: Mapping[str, str] | None = None, **windows: Any,
) -> str:  # fmt: skip
    """Write a small still of float EXR of the demo's person; with alpha that falls off to one side."""
    rgb = cv2.resize(linear, size, interpolation=cv2.INTER_AREA)
    channels = rgb_channels(rgb)
    if alpha:
        fall = np.clip(np.linspace(-0.2, 1.6, size[0], dtype=np.float32), 0, 1)[None].repeat(size[1], 0)
        channels = rgb_channels(rgb * fall[..., None]) | {"A": fall}
    return str(write_exr(path, channels, formats, **windows))


def make_linear_plate(folder: Path) -> str:
    """Write and track six frames of the demo's clip in linear light, as half EXR."""
    folder.mkdir(parents=True, exist_ok=True)
    clip = Sequence.open(DRIVER)
    for number in range(COUNT):
        picture = clip.read(TAKEN + number).rgb.astype(np.float32) ** 2.2
        path = folder / f"plate.{FIRST + number}.exr"
        write_exr(path, rgb_channels(picture), dict.fromkeys("RGB", "half"))
    plate = str(folder / "plate.####.exr")
    track_plate(plate)
    return plate
