"""Who is driven by whom: protocols as lists of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.frames.media import PICTURES, find_media
from ofx_reenact.frames.video import VIDEOS

Protocol = Literal["self", "cross"]
# Second differences need three frames; a reenactment of fewer is no motion.
FEWEST = 3


@dataclass(frozen=True)
class Pair:
    """A target, a picture or in ``self`` a frame of the clip that holds it, and a clip that drives it."""

    target: Path
    target_frame: int | None
    driver: Path

    @property
    def name(self) -> str:
        """Names its files, and the folder of a peer's rendered frames."""
        return f"{self.target.stem}__{self.driver.stem}"


def cross_pairs(targets: Path, drivers: Path, count: int, seed: int) -> list[Pair]:
    """Pair every target with every driver, or so many of these pairs drawn by a seed, in order of targets.

    A larger draw holds every pair of a smaller one of the same seed.

    Raises:
        ReenactError: a folder is missing or empty, or two files in it have one name.
    """
    pictures, clips = _files(targets, PICTURES, "picture"), _files(drivers, VIDEOS, "clip")
    every = [Pair(picture, None, clip) for picture in pictures for clip in clips]
    return _drawn(every, count, seed)


def self_pairs(drivers: Path, frame: int, count: int, seed: int) -> list[Pair]:
    """Drive a frame of each clip by the clip itself.

    Raises:
        ReenactError: the folder is missing or empty, or two clips in it have one name.
    """
    return _drawn([Pair(clip, frame, clip) for clip in _files(drivers, VIDEOS, "clip")], count, seed)


def clip_pairs(plates: Path, drivers: Path | None, count: int, seed: int) -> list[Pair]:
    """Pair every plate, a clip, with every other clip of a folder, or so many of these pairs drawn by a seed.

    Without ``drivers`` the plates drive each other. Each plate of a pair is paired with itself as well, once.

    Raises:
        ReenactError: a folder is missing, empty, or holds two clips of one name, or there is nothing to pair.
    """
    clips = _files(plates, VIDEOS, "clip")
    others = clips if drivers is None else _files(drivers, VIDEOS, "clip")
    drawn = _drawn([Pair(clip, None, other) for clip in clips for other in others if clip != other], count, seed)
    if not drawn:
        raise ReenactError(f"{plates}: one clip alone; give another one, or --drivers")
    used = {pair.target for pair in drawn}
    itself = [Pair(clip, None, clip) for clip in used]
    return sorted([*drawn, *itself], key=lambda pair: (pair.target, pair.driver.stem))


def check_protocol(protocol: str, targets: Path | None) -> None:
    """Make sure that the protocol's folders are given.

    Raises:
        SettingsError: another protocol, or targets where there can be none, or none where they are needed.
    """
    if protocol not in ("self", "cross"):
        raise SettingsError(f"--protocol {protocol}: choose from self, cross")
    if protocol == "cross" and targets is None:
        raise SettingsError("--protocol cross needs --targets, a folder of pictures")
    if protocol == "self" and targets is not None:
        raise SettingsError("--protocol self takes its targets from the clips in --drivers; leave out --targets")


def _files(folder: Path, kinds: tuple[str, ...], noun: str) -> list[Path]:
    found = [path for path in find_media([str(folder)]) if path.suffix.lower() in kinds]
    if not found:
        raise ReenactError(f"{folder}: no {noun} there")
    stems = [path.stem for path in found]
    if twice := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise ReenactError(f"{folder}: two files are called {twice[0]}; results are kept by name, so rename one")
    return found


def _drawn(pairs: list[Pair], count: int, seed: int) -> list[Pair]:
    if not count or count >= len(pairs):
        return pairs
    # A larger draw holds a smaller one, so that an evaluation can be made larger without beginning anew.
    rows = np.sort(np.random.default_rng(seed).permutation(len(pairs))[:count])
    return [pairs[row] for row in rows.tolist()]
