"""Two people of the shipped demo in one plate: they cross, one leaves and comes back, and a cut exchanges them."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from conftest import DRIVER

from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.sequence import Sequence

WIDTH, HEIGHT = 960, 300
PLATE = DRIVER.with_name("plate.mpg")
HIM, HER = "him", "her"
# Of their clips' frames: around the head, their shoulders below.
_HEADS = {HIM: (slice(0, 288), slice(80, 280)), HER: (slice(0, 288), slice(80, 280))}


@cache
def clip(who: str, count: int = 24) -> list[np.ndarray]:
    """The first frames of somebody's clip, cut around the head, (288, 200, 3) uint8."""
    source, colour = Sequence.open(str({HIM: DRIVER, HER: PLATE}[who])), Colour()
    return [colour.show(source.read(frame), None)[_HEADS[who]] for frame in list(source.frames)[:count]]


def background(seed: int = 0) -> np.ndarray:
    """A wall with a pattern: another in each shot, so that there is a cut."""
    coarse = np.random.default_rng(seed).uniform(50, 150, (5, 16, 3)).astype(np.float32)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def composed(*people: tuple[np.ndarray, int, float], seed: int = 0) -> np.ndarray:
    """A frame of (picture, left, scale), standing at its lower edge; the last one is in front."""
    frame = background(seed)
    for picture, left, scale in people:
        one = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        first, last = max(left, 0), min(left + one.shape[1], WIDTH)
        if first < last:
            frame[-one.shape[0] :, first:last] = one[:, first - left : last - left]
    return frame


def middle(left: int, scale: float) -> float:
    """Where about the face of somebody composed so is across."""
    return left + 100 * scale


def shot(step: int = 1) -> tuple[list[np.ndarray], dict[str, list[float | None]]]:
    """The plate's frames, every so many of 48, and where each person's face is across; None where it cannot be seen.

    He crosses before her (0 to 23), leaves (24 to 27), comes back from the other side (32 to 35); a cut on 36 exchanges
    them, another on 42 leaves her alone where he was.
    """
    frames, places = [], {HIM: [], HER: []}
    for t in range(0, 48, step):
        if t < 24:
            his, hers, seed = (20 + 28 * t, 0.9), (700 - 28 * t, 0.85), 0
        elif t < 36:
            his, hers, seed = (((692 + 90 * (t - 24)) if t < 28 else -210 + 55 * (t - 31)), 0.9), (300, 0.85), 0
        else:
            his, hers, seed = (300, 0.9) if t < 42 else (WIDTH, 0.9), (10 if t < 42 else 300, 0.85), 1 + (t >= 42)
        him, her = (clip(HIM)[t % 24], *his), (clip(HER)[t % 24], *hers)
        frames.append(composed(her, him, seed=seed))
        hidden = abs(middle(*his) - middle(*hers)) < 150
        off = not 60 < middle(*his) < WIDTH - 60
        places[HIM].append(None if off else middle(*his))
        places[HER].append(None if hidden else middle(*hers))
    return frames, places


def write_frames(folder: Path, frames: list[np.ndarray], first: int = 1001) -> str:
    """Write frames as PNG; returns the sequence's name."""
    for number, frame in enumerate(frames, start=first):
        cv2.imwrite(str(folder / f"two.{number}.png"), frame[..., ::-1])
    return str(folder / "two.####.png")
