"""What is measured side by side: baselines, both profiles, and frames that somebody else rendered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.warm import Warm
from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.reenactment.pairs import Pair
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.media import PICTURES
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.progress import ignore
from ofx_reenact.settings import Settings

STILL, COPIED, WARP = "target shown still", "warp, landmarks copied", "warp, LD-Net"
PAPER, PLATE = "profile paper", "profile plate"
# The driver's own frames: the truth in ``self``, another person in ``cross``.
DRIVER = "the driver's own frames"

# What each of ours changes of a render's settings.
OURS: dict[str, dict[str, Any]] = {
    COPIED: {"retarget": "copy", "repair": "off"},
    WARP: {"repair": "off"},
    PAPER: {"profile": "paper"},
    PLATE: {},
}

# What folders and files of a method are called.
SLUGS = {DRIVER: "driver", STILL: "still", COPIED: "copied", WARP: "ldnet", PAPER: "paper", PLATE: "plate"}

Frames = Iterator[tuple[int, np.ndarray]]


def slug(method: str) -> str:
    """Return what folders and files of a method are called."""
    return SLUGS.get(method, "rendered")


class Renderer:
    """Renders pairs as ``ofx-reenact render`` does, and shows the frames as they are looked at.

    What belongs to a target stays loaded from one of its drivers to the next.
    """

    def __init__(self, colour: Colour) -> None:
        self._colour = colour
        self._warm = {name: Warm() for name in OURS}

    def target(self, pair: Pair) -> np.ndarray:
        """Return the target's picture, (H, W, 3) uint8, as every method is looked at.

        Raises:
            ReenactError: it cannot be read.
        """
        target = self._loader(WARP, pair, "").target
        return target.show(self._colour)

    def reference(self, pair: Pair, performance: Path) -> int:
        """Return the driver's frame that means "as in the target"; in ``self`` it is the target's own.

        Raises:
            ReenactError: there is no face in the target.
        """
        return self._loader(WARP, pair, str(performance)).shot.motion.reference

    def frames(self, method: str, pair: Pair, performance: Path, numbers: Sequence[int]) -> Frames:
        """Render frames of a pair by one of ``OURS``: (number, (H, W, 3) uint8)."""
        loader = self._loader(method, pair, str(performance))
        for number in numbers:
            shown = self._colour.to_display(loader.shot.render(number).colour[..., :3], loader.target.space)
            yield number, loader.target.squeeze.show(shown)

    def _loader(self, method: str, pair: Pair, performance: str) -> Loader:
        settings = Settings(
            target=str(pair.target), target_frame=pair.target_frame, performance=performance,
            reference=pair.target_frame, **OURS[method],
        )  # fmt: skip
        return Loader(settings, self._warm[method], ignore)


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
