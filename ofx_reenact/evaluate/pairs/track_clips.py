"""Track clips, each once, into the folder of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ofx_reenact.engine.inputs import driver_images, track_driver
from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.pairs.choose_pairs import FEWEST
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence as Clip
from ofx_reenact.progress import ignore
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance


def performance_file(folder: Path, clip: Path) -> Path:
    """Return the path of a clip's performance; it depends on the content, so a changed clip is tracked again."""
    return folder / f"{clip.stem}-{sha256_of(clip)[:12]}.npz"


def track_clip(clip: Path, folder: Path, colour: Colour) -> Performance:
    """Track a clip, or load its performance from the folder.

    Raises:
        ReenactError: the clip cannot be read, shows no face, or has too few frames.
    """
    path = performance_file(folder, clip)
    sequence = Clip.open(clip)
    if len(sequence.frames) < FEWEST:
        raise ReenactError(
            f"{clip}: {len(sequence.frames)} frame{'s' * (len(sequence.frames) > 1)}; a driver needs {FEWEST} or more"
        )
    if path.exists():
        return Performance.load(path)
    performance = track_driver(Settings(driver=str(clip)), sequence, colour, ignore)
    performance.save(path)
    return performance


def read_clip(clip: Path, frames: Sequence[int], colour: Colour) -> Iterator[tuple[int, np.ndarray]]:
    """Read frames of a clip as its tracker saw them: (number, (H, W, 3) uint8)."""
    for number, image in driver_images(Clip.open(clip), FrameRange.of(frames), Settings(), colour):
        if image is not None:
            yield number, image
