"""The ways to drive a plate that are compared: as a render does it, and two with one thing changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.loader import Loader
from ofx_reenact.evaluate.pairs.choose_pairs import TargetDriverPair
from ofx_reenact.progress import ignore
from ofx_reenact.settings import Settings

DRIVEN, PARTS_OFF, COPIED = "plate, driven", "parts off", "landmarks copied"
# A plate that is driven by its own performance.
SELF = "driven by itself"
# The clips of a pair, which have curves of their own.
PLATE, DRIVER = "the plate", "the driver"

# The methods, and the settings in which each differs from a default render.
RENDERED_METHODS: dict[str, dict[str, Any]] = {DRIVEN: {}, PARTS_OFF: {"parts": "off"}, COPIED: {"retarget": "copy"}}


class PairLoader:
    """Loads pairs as ``ofx-reenact render`` does; what belongs to a plate stays loaded from one pair to the next."""

    def __init__(self) -> None:
        self._loaded = JobCache()

    def load(self, method: str, pair: TargetDriverPair, plate: Path, driver: Path) -> Loader:
        """Load a pair for one of ``RENDERED_METHODS`` or ``SELF``; ``plate`` and ``driver`` are performance files."""
        settings = Settings(
            target=str(pair.target), target_performance=str(plate), driver=str(pair.driver), performance=str(driver),
            **RENDERED_METHODS.get(method, {}),
        )  # fmt: skip
        return Loader(settings, self._loaded, ignore)
