"""Jobs with the demo's files, for tests of several rooms."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
from conftest import TARGET, rgb_channels, write_exr

from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance


def job(folder: Path, performance_file: str = "", /, **options) -> Settings:
    plain = {"target": str(TARGET), "output": str(folder / "o.####.exr"), "performance": performance_file}
    return Settings(**{**plain, **options})



def pixels(folder: Path) -> dict[int, np.ndarray]:
    frames = Sequence.open(str(folder / "o.####.exr"))
    return {frame: frames.read(frame).rgb for frame in frames.frames}



def standing_still(performance: Performance) -> Performance:
    """A driver with one frame's pose and expression in all frames."""
    row = 5
    held = {
        name: np.repeat(getattr(performance, name)[row : row + 1], len(performance.frames), axis=0)
        for name in ("frontal", "rotation", "scale", "translation", "blendshapes", "raw_mesh", "raw_landmarks")
    }
    return dataclasses.replace(performance, **held)


def write_rgb(tmp_path, name, array):
    return str(write_exr(tmp_path / f"{name}.exr", rgb_channels(array)))


def assert_stmap_remakes(frame, source):
    """Assert that sampling the plate through the STMap gives the frame's pixels, where the confidence is above 0.5."""
    display, data = source.display_window, source.data_window
    x = frame.extra["stmap.u"].astype(np.float64) * display.width - 0.5 - data.x
    y = (1 - frame.extra["stmap.v"].astype(np.float64)) * display.height - 0.5 - data.y
    remade = cv2.remap(source.rgb, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
    if "shading" in frame.extra:
        remade *= frame.extra["shading"].astype(np.float32)[..., None]
    certain = (frame.extra["confidence"] > 0.5) & (frame.extra["matte"] > 0)
    error = np.abs(remade - frame.rgb).max(-1)[certain]
    assert certain.mean() > 0.1 and np.quantile(error, 0.98) < 0.03
