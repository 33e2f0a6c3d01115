"""How a plate is driven: as a render does it, and with one thing of that left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.warm import Warm
from ofx_reenact.evaluate.reenactment.pairs import Pair
from ofx_reenact.progress import ignore
from ofx_reenact.settings import Settings

DRIVEN, WHOLE, COPIED = "plate, driven", "parts off", "landmarks copied"
# A plate that its own performance drives.
SELF = "driven by itself"
# What is known of a pair's clips, not of a result.
PLATE, DRIVER = "the plate", "the driver"

# What each changes of a render's settings.
OURS: dict[str, dict[str, Any]] = {DRIVEN: {}, WHOLE: {"parts": "off"}, COPIED: {"retarget": "copy"}}


class Opener:
    """Opens pairs as ``ofx-reenact render`` does; what belongs to a plate stays loaded from one pair to the next."""

    def __init__(self) -> None:
        self._warm = Warm()

    def open(self, method: str, pair: Pair, plate: Path, driver: Path) -> Loader:
        """Open a pair by one of ``OURS``, or ``SELF``; ``plate`` and ``driver`` are its clips' performance files."""
        settings = Settings(
            target=str(pair.target), target_performance=str(plate), driver=str(pair.driver), performance=str(driver),
            **OURS.get(method, {}),
        )  # fmt: skip
        return Loader(settings, self._warm, ignore)
