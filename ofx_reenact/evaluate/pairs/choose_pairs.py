"""Choose which target is driven by which clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.frames.media import PICTURES, find_media
from ofx_reenact.frames.video import VIDEOS

# Fewest frames of a clip: jitter is measured by second differences.
FEWEST = 3


@dataclass(frozen=True)
class TargetDriverPair:
    """A target and the clip that drives it.

    The target is a picture, a plate, or, in the protocol ``self``, the frame ``target_frame`` of the driver itself.
    """

    target: Path
    target_frame: int | None
    driver: Path

    @property
    def name(self) -> str:
        """The name of the pair's result, and of the folder of another program's frames: ``TARGET__DRIVER``."""
        return f"{self.target.stem}__{self.driver.stem}"


def cross_pairs(targets: Path, drivers: Path, count: int, seed: int) -> list[TargetDriverPair]:
    """Pair every target with every driver, or draw ``count`` of these pairs by a seed; in order of targets.

    A larger draw with the same seed contains the smaller one.

    Raises:
        ReenactError: a folder is missing or empty, or two files in it have the same name.
    """
    pictures, clips = _find_files(targets, PICTURES, "picture"), _find_files(drivers, VIDEOS, "clip")
    every = [TargetDriverPair(picture, None, clip) for picture in pictures for clip in clips]
    return _draw(every, count, seed)


def self_pairs(drivers: Path, frame: int, count: int, seed: int) -> list[TargetDriverPair]:
    """Pair a frame of each clip with the clip itself, or draw ``count`` of these pairs by a seed.

    Raises:
        ReenactError: the folder is missing or empty, or two clips in it have the same name.
    """
    clips = _find_files(drivers, VIDEOS, "clip")
    return _draw([TargetDriverPair(clip, frame, clip) for clip in clips], count, seed)


def clip_pairs(plates: Path, drivers: Path | None, count: int, seed: int) -> list[TargetDriverPair]:
    """Pair every plate with every other clip, or draw ``count`` of these pairs by a seed.

    Without ``drivers`` the plates drive each other. Each plate of a pair is also paired with itself, once.

    Raises:
        ReenactError: a folder is missing, empty, or has two clips of the same name, or there is nothing to pair.
    """
    clips = _find_files(plates, VIDEOS, "clip")
    others = clips if drivers is None else _find_files(drivers, VIDEOS, "clip")
    every = [TargetDriverPair(clip, None, other) for clip in clips for other in others if clip != other]
    drawn = _draw(every, count, seed)
    if not drawn:
        raise ReenactError(f"{plates}: one clip alone has no other to drive it; add another one, or give --drivers")
    self_driven = [TargetDriverPair(clip, None, clip) for clip in {pair.target for pair in drawn}]
    return sorted([*drawn, *self_driven], key=lambda pair: (pair.target, pair.driver.stem))


def check_protocol(protocol: str, targets: Path | None) -> None:
    """Check that the folders which the protocol needs are given.

    Raises:
        SettingsError: the protocol is unknown, or targets are missing in ``cross`` or given in ``self``.
    """
    if protocol not in ("self", "cross"):
        raise SettingsError(f"--protocol {protocol}: choose from self, cross")
    if protocol == "cross" and targets is None:
        raise SettingsError("--protocol cross needs --targets, a folder of pictures")
    if protocol == "self" and targets is not None:
        raise SettingsError("--protocol self takes its targets from the clips in --drivers; leave out --targets")


def _find_files(folder: Path, kinds: tuple[str, ...], noun: str) -> list[Path]:
    found = [path for path in find_media([str(folder)]) if path.suffix.lower() in kinds]
    if not found:
        raise ReenactError(f"{folder}: no {noun} in it")
    stems = [path.stem for path in found]
    if twice := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise ReenactError(f"{folder}: two files are called {twice[0]}; results are kept by name, so rename one")
    return found


def _draw(pairs: list[TargetDriverPair], count: int, seed: int) -> list[TargetDriverPair]:
    if not count or count >= len(pairs):
        return pairs
    # The start of a permutation, so that an evaluation can be extended without measuring its pairs again.
    rows = np.sort(np.random.default_rng(seed).permutation(len(pairs))[:count])
    return [pairs[row] for row in rows.tolist()]
