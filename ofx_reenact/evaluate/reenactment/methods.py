"""What is measured side by side: baselines, both profiles, and frames that somebody else rendered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.warm import Warm
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.evaluate.reenactment.pairs import Pair
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.media import PICTURES
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.progress import ignore
from ofx_reenact.settings import Settings, names_affecting
from ofx_reenact.tracking.surface import FACE_POINTS

STILL, COPIED, LDNET = "target shown still", "warp, landmarks copied", "warp, LD-Net"
UNCALIBRATED = "warp, LD-Net uncalibrated"
PORTRAIT, CARRIED = "profile portrait", "profile warp"
# The driver's own frames: the truth in ``self``, another person in ``cross``.
DRIVER = "the driver's own frames"

# What each of ours changes of a render's settings.
OURS: dict[str, dict[str, Any]] = {
    COPIED: {"retarget": "copy", "repair": "off"},
    LDNET: {"repair": "off"},
    UNCALIBRATED: {"retarget": "uncalibrated", "repair": "off"},
    PORTRAIT: {"profile": "portrait"},
    CARRIED: {},
}

# What folders and files of a method are called.
SLUGS = {
    DRIVER: "driver", STILL: "still", COPIED: "copied", LDNET: "ldnet", UNCALIBRATED: "uncalibrated",
    PORTRAIT: "portrait", CARRIED: "warp",
}  # fmt: skip
# Methods that are rendered at several strengths: identity over gain.
CURVES = (LDNET, COPIED)
_AT = " × "

Frames = Iterator[tuple[int, np.ndarray]]


def slug(method: str) -> str:
    """Return what folders and files of a method are called."""
    base, strength = strength_of(method)
    return SLUGS.get(base, "rendered") + ("" if strength == 1 else f"-{strength:g}")


def at_strength(method: str, strength: float) -> str:
    """Name a method at a strength; at 1 it is the method itself."""
    return method if strength == 1 else f"{method}{_AT}{strength:g}"


def strength_of(method: str) -> tuple[str, float]:
    """Return which method this is, and at which strength."""
    base, _, strength = method.rpartition(_AT)
    return (base, float(strength)) if base in CURVES else (method, 1.0)


def at_another_strength(method: str) -> bool:
    """Tell whether this is a method at another strength than 1."""
    return strength_of(method)[1] != 1


def parse_methods(text: str) -> tuple[str, ...]:
    """Read which of ``OURS`` are rendered, as ``ldnet,copied``; empty is all.

    Raises:
        SettingsError: there is no such method.
    """
    known = {slug(method): method for method in OURS}
    named = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in named if name not in known]:
        raise SettingsError(f"--methods {unknown[0]}: choose from {', '.join(known)}")
    return tuple(method for name, method in known.items() if name in named or not named)


def parse_strengths(text: str) -> tuple[float, ...]:
    """Read strengths, as ``0.6,0.8,1,1.2``, and sort them; empty is none.

    Raises:
        SettingsError: one is no number, outside what a render takes, or alone.
    """
    named = [name.strip() for name in text.split(",") if name.strip()]
    range_of = next(field.metadata for field in fields(Settings) if field.name == "strength")
    found = set()
    for name in named:
        try:
            found.add(float(f"{float(name):g}"))
        except ValueError as error:
            raise SettingsError(f"--strengths {name}: give numbers, as 0.6,0.8,1,1.2") from error
        if not 0 < float(name) <= range_of["high"]:
            raise SettingsError(f"--strengths {name}: give numbers above 0, up to {range_of['high']:g}")
    if len(found) == 1:
        raise SettingsError(f"--strengths {text}: give two or more, as 0.6,0.8,1,1.2")
    return tuple(sorted(found))


def choose_methods(methods: Sequence[str], strengths: Sequence[float]) -> dict[str, dict[str, Any]]:
    """Return what is rendered: some of ``OURS``, and ``CURVES`` at every strength; and what each changes."""
    chosen = {method: OURS[method] for method in methods}
    for method in CURVES:
        chosen |= {at_strength(method, value): OURS[method] | {"strength": value} for value in strengths}
    return chosen


class Renderer:
    """Renders pairs as ``ofx-reenact render`` does, and shows the frames as they are looked at.

    What belongs to a target stays loaded from one of its drivers to the next, and is shared by those methods that know
    the person in one way.
    """

    def __init__(self, methods: Mapping[str, dict[str, Any]], colour: Colour) -> None:
        """Take what is rendered, and what each method changes of a render's settings."""
        self._colour, self._changes = colour, methods
        # What is the same in all of them is asked of the first.
        self._first = next(iter(methods.values()))
        self._warm: dict[tuple[tuple[str, Any], ...], Warm] = {}

    def target(self, pair: Pair) -> np.ndarray:
        """Return the target's picture, (H, W, 3) uint8, as every method is looked at.

        Raises:
            ReenactError: it cannot be read.
        """
        target = self._loader(self._first, pair, "").target
        return target.show(self._colour)

    def reference(self, pair: Pair, performance: Path) -> int:
        """Return the driver's frame that means "as in the target"; in ``self`` it is the target's own.

        Raises:
            ReenactError: there is no face in the target.
        """
        return self._loader(self._first, pair, str(performance)).shot.motion.reference

    def asked(self, method: str, pair: Pair, performance: Path, numbers: Sequence[int]) -> np.ndarray:
        """Return the target's frontal mesh as a method asks for it in frames: (N, 468, 3), canonical units.

        Raises:
            ReenactError: there is no face in the target.
        """
        shot = self._loader(self._changes[method], pair, str(performance)).shot
        rows = [shot.motion.rows[number] for number in numbers]
        rest = [shot.target.view(number).frontal[:FACE_POINTS] for number in numbers]
        return np.stack(rest) + shot.motion.expression[rows]

    def frames(self, method: str, pair: Pair, performance: Path, numbers: Sequence[int]) -> Frames:
        """Render frames of a pair by one of the methods: (number, (H, W, 3) uint8)."""
        loader = self._loader(self._changes[method], pair, str(performance))
        for number in numbers:
            shown = self._colour.to_display(loader.shot.render(number).colour[..., :3], loader.target.space)
            yield number, loader.target.squeeze.show(shown)

    def _loader(self, changes: dict[str, Any], pair: Pair, performance: str) -> Loader:
        settings = Settings(
            target=str(pair.target), target_frame=pair.target_frame, performance=performance,
            reference=pair.target_frame, **changes,
        )  # fmt: skip
        of_person = names_affecting("person")
        known_by = tuple((name, value) for name, value in changes.items() if name in of_person)
        return Loader(settings, self._warm.setdefault(known_by, Warm()), ignore)


class Rendered:
    """Frames of somebody else's: ``DIR/TARGET__DRIVER/NAME.0012.png``, numbered as the driver's frames are."""

    def __init__(self, folder: Path) -> None:
        """Look at the folder.

        Raises:
            ReenactError: it is not there.
        """
        if not folder.is_dir():
            raise ReenactError(f"--rendered {folder}: no such folder")
        self.folder = folder
        self.name = f"rendered: {folder.resolve().name}"

    def frames(self, pair: Pair, numbers: Sequence[int], size: tuple[int, int], colour: Colour) -> Frames:
        """Read frames of a pair: (number, (H, W, 3) uint8), of the ``size`` (width, height) of the target's picture.

        Raises:
            ReenactError: the pair's folder or a frame is missing, or a frame has another size than the target.
        """
        files = self._numbered(self.folder / pair.name)
        if missing := [number for number in numbers if number not in files]:
            raise ReenactError(
                f"{self.folder / pair.name}: no picture of frame {missing[0]}; each of the {len(numbers)} frames "
                "that are looked at needs one, numbered as the driver's"
            )
        for number in numbers:
            picture = colour.show(read_plate(files[number], number))
            if picture.shape[1::-1] != size:
                width, height = picture.shape[1::-1]
                raise ReenactError(
                    f"{files[number]}: {width}×{height}, the target {pair.target} is {size[0]}×{size[1]}; render it at "
                    "the target's size, or give --targets at the size that was rendered"
                )
            yield number, picture

    def _numbered(self, folder: Path) -> dict[int, Path]:
        if not folder.is_dir():
            raise ReenactError(f"{folder}: no such folder; --rendered needs one for each pair, TARGET__DRIVER")
        found = {}
        for path in sorted(folder.iterdir()):
            number = re.search(r"(\d+)$", path.stem)
            if number and path.suffix.lower() in PICTURES:
                found[int(number[1])] = path
        return found
