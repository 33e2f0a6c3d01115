"""The methods that are compared: baselines, both profiles, and frames that another program rendered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.loader import Loader
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.evaluate.pairs.choose_pairs import TargetDriverPair
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.media import PICTURES
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.progress import ignore
from ofx_reenact.settings import Settings, names_affecting
from ofx_reenact.tracking.surface import FACE_POINTS

UNCHANGED, COPIED, LDNET = "target shown still", "warp, landmarks copied", "warp, LD-Net"
UNCALIBRATED = "warp, LD-Net uncalibrated"
PORTRAIT_PROFILE, WARP_PROFILE = "profile portrait", "profile warp"
# The driver's own frames: in the protocol ``self`` the truth, in ``cross`` another person.
DRIVER = "the driver's own frames"

# The methods that this package renders, and the settings in which each differs from a default render.
RENDERED_METHODS: dict[str, dict[str, Any]] = {
    COPIED: {"retarget": "copy", "repair": "off"},
    LDNET: {"repair": "off"},
    UNCALIBRATED: {"retarget": "uncalibrated", "repair": "off"},
    PORTRAIT_PROFILE: {"profile": "portrait"},
    WARP_PROFILE: {},
}

# Names of the methods in paths and options.
SLUGS = {
    DRIVER: "driver", UNCHANGED: "still", COPIED: "copied", LDNET: "ldnet", UNCALIBRATED: "uncalibrated",
    PORTRAIT_PROFILE: "portrait", WARP_PROFILE: "warp",
}  # fmt: skip
# Methods that may be rendered at several strengths, for identity over gain.
CURVES = (LDNET, COPIED)
_AT = " × "

Frames = Iterator[tuple[int, np.ndarray]]


def slug(method: str) -> str:
    """Return the name of a method in paths."""
    base, strength = split_strength(method)
    return SLUGS.get(base, "rendered") + ("" if strength == 1 else f"-{strength:g}")


def name_at_strength(method: str, strength: float) -> str:
    """Return the name of a method at a strength; at 1 it is the method's own."""
    return method if strength == 1 else f"{method}{_AT}{strength:g}"


def split_strength(method: str) -> tuple[str, float]:
    """Split a name into the method and its strength."""
    base, _, strength = method.rpartition(_AT)
    return (base, float(strength)) if base in CURVES else (method, 1.0)


def has_other_strength(method: str) -> bool:
    """Return whether this is the name of a method at another strength than 1."""
    return split_strength(method)[1] != 1


def parse_methods(text: str) -> tuple[str, ...]:
    """Parse the option ``--methods``, such as ``ldnet,copied``; an empty text means all ``RENDERED_METHODS``.

    Raises:
        SettingsError: a method is unknown.
    """
    known = {slug(method): method for method in RENDERED_METHODS}
    named = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in named if name not in known]:
        raise SettingsError(f"--methods {unknown[0]}: choose from {', '.join(known)}")
    return tuple(method for name, method in known.items() if name in named or not named)


def parse_strengths(text: str) -> tuple[float, ...]:
    """Parse the option ``--strengths``, such as ``0.6,0.8,1,1.2``, and sort them; an empty text means none.

    Raises:
        SettingsError: one is not a number or outside a render's range, or there is only one.
    """
    named = [name.strip() for name in text.split(",") if name.strip()]
    range_of = next(field.metadata for field in fields(Settings) if field.name == "strength")
    found = set()
    for name in named:
        try:
            found.add(float(f"{float(name):g}"))
        except ValueError as error:
            raise SettingsError(f"--strengths {name}: give numbers, such as 0.6,0.8,1,1.2") from error
        if not 0 < float(name) <= range_of["high"]:
            raise SettingsError(f"--strengths {name}: give numbers above 0, up to {range_of['high']:g}")
    if len(found) == 1:
        raise SettingsError(f"--strengths {text}: give two or more, such as 0.6,0.8,1,1.2")
    return tuple(sorted(found))


def choose_methods(methods: Sequence[str], strengths: Sequence[float]) -> dict[str, dict[str, Any]]:
    """Return the methods to render, and ``CURVES`` at every strength: method → settings that it changes."""
    chosen = {method: RENDERED_METHODS[method] for method in methods}
    for method in CURVES:
        changes = RENDERED_METHODS[method]
        chosen |= {name_at_strength(method, value): changes | {"strength": value} for value in strengths}
    return chosen


class Renderer:
    """Renders pairs as ``ofx-reenact render`` does, into display-encoded pictures.

    What belongs to a target stays loaded from one driver to the next; methods whose settings make the same identity
    share it.
    """

    def __init__(self, methods: Mapping[str, dict[str, Any]], colour: Colour) -> None:
        """Prepare to render these methods, each with the settings that it changes."""
        self._colour, self._changes = colour, methods
        # Used for what does not depend on the method.
        self._first = next(iter(methods.values()))
        self._loaded: dict[tuple[tuple[str, Any], ...], JobCache] = {}

    def target_picture(self, pair: TargetDriverPair) -> np.ndarray:
        """Return the target's picture, (H, W, 3) uint8.

        Raises:
            ReenactError: it cannot be read.
        """
        target = self._loader(self._first, pair, "").target
        return target.show(self._colour)

    def reference(self, pair: TargetDriverPair, performance: Path) -> int:
        """Return the driver's reference frame; in ``self`` it is the target's frame.

        Raises:
            ReenactError: there is no face in the target.
        """
        return self._loader(self._first, pair, str(performance)).shot.motion.reference

    def requested_mesh(
        self, method: str, pair: TargetDriverPair, performance: Path, numbers: Sequence[int]
    ) -> np.ndarray:
        """Return the frontal meshes (N, 468, 3), canonical units, that a method asks of the target in these frames.

        Raises:
            ReenactError: there is no face in the target.
        """
        shot = self._loader(self._changes[method], pair, str(performance)).shot
        rows = [shot.motion.rows[number] for number in numbers]
        rest = [shot.target.view(number).frontal[:FACE_POINTS] for number in numbers]
        return np.stack(rest) + shot.motion.expression[rows]

    def frames(self, method: str, pair: TargetDriverPair, performance: Path, numbers: Sequence[int]) -> Frames:
        """Render frames of a pair by one of the methods: (number, (H, W, 3) uint8)."""
        loader = self._loader(self._changes[method], pair, str(performance))
        for number in numbers:
            shown = self._colour.to_display(loader.shot.render(number).colour[..., :3], loader.target.space)
            yield number, loader.target.squeeze.stretch_picture(shown)

    def _loader(self, changes: dict[str, Any], pair: TargetDriverPair, performance: str) -> Loader:
        settings = Settings(
            target=str(pair.target), target_frame=pair.target_frame, performance=performance,
            reference=pair.target_frame, **changes,
        )  # fmt: skip
        affecting = names_affecting("person")
        key = tuple((name, value) for name, value in changes.items() if name in affecting)
        return Loader(settings, self._loaded.setdefault(key, JobCache()), ignore)


class ExternalFrames:
    """Frames that another program rendered: ``DIR/TARGET__DRIVER/NAME.0012.png``, with the driver's frame numbers."""

    def __init__(self, folder: Path) -> None:
        """Open the folder.

        Raises:
            ReenactError: there is no such folder.
        """
        if not folder.is_dir():
            raise ReenactError(f"--rendered {folder}: no such folder")
        self.folder = folder
        self.name = f"rendered: {folder.resolve().name}"

    def frames(self, pair: TargetDriverPair, numbers: Sequence[int], size: tuple[int, int], colour: Colour) -> Frames:
        """Read frames of a pair: (number, (H, W, 3) uint8). ``size`` (width, height) is that of the target's picture.

        Raises:
            ReenactError: the pair's folder or a frame is missing, or a frame has another size than the target.
        """
        files = self._files_by_number(self.folder / pair.name)
        if missing := [number for number in numbers if number not in files]:
            raise ReenactError(
                f"{self.folder / pair.name}: no picture of frame {missing[0]}; each of the {len(numbers)} frames "
                "that are measured or tracked needs one, with the driver's frame number"
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

    def _files_by_number(self, folder: Path) -> dict[int, Path]:
        if not folder.is_dir():
            raise ReenactError(f"{folder}: no such folder; --rendered needs one for each pair, TARGET__DRIVER")
        found = {}
        for path in sorted(folder.iterdir()):
            number = re.search(r"(\d+)$", path.stem)
            if number and path.suffix.lower() in PICTURES:
                found[int(number[1])] = path
        return found
