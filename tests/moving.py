"""What tests of targets that move share: a small plate with rate and timecodes, its performance, jobs on them."""

from pathlib import Path

import numpy as np
from conftest import DRIVER, rgb_channels, write_exr

from ofx_reenact.engine.inputs import track_driver
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings

# Of the demo's clip, and the numbers that the plate has of its own.
TAKEN, FIRST, COUNT = 30, 1001, 6
FRAMES = range(FIRST, FIRST + COUNT)
# The driver's frame that belongs to the plate's first: another moment of the clip.
START = 52


def make_plate(folder: Path, taken: tuple[int, ...] = tuple(range(TAKEN, TAKEN + COUNT))) -> str:
    """Write frames of the demo's clip as a plate of half EXR, with rate and timecode."""
    folder.mkdir(parents=True, exist_ok=True)
    clip = Sequence.open(DRIVER)
    for number, frame in enumerate(taken):
        picture = clip.read(frame).rgb.astype(np.float32) ** 2.2
        write_exr(
            folder / f"plate.{FIRST + number}.exr", rgb_channels(picture), dict.fromkeys("RGB", "half"),
            {"FramesPerSecond": ("rational", (24, 1)), "smpte:TimeCode": ("timecode", (16777216 + number, 0)),
             "oiio:ColorSpace": "srgb_rec709_scene"},
        )  # fmt: skip
    return str(folder / "plate.####.exr")


def track_plate(plate: str) -> str:
    """Track a plate; returns the performance file, beside it."""
    path = Path(plate).parent / "plate.npz"
    track_driver(Settings(driver=plate), Sequence.open(plate), Colour(), lambda step: None).save(path)
    return str(path)


def moving_job(folder: Path, plate: str, performance_file: str, /, **options) -> Settings:
    """A job on a plate that was tracked, without FD-GAN; other options as given."""
    usual = {
        "target": plate, "target_performance": str(Path(plate).parent / "plate.npz"), "performance": performance_file,
        "identity": str(Path(plate).parent / "person.safetensors"), "output": str(folder / "o.####.exr"),
        "driver_start": START, "repair": "off",
    }  # fmt: skip
    return Settings(**{**usual, **options})
