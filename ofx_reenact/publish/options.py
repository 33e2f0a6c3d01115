"""What can be said of a publish; plain values, since they travel between processes."""

from __future__ import annotations

import os
from dataclasses import dataclass

APPROVED, TARGET_DIR = "OFX_REENACT_APPROVED", "OFX_REENACT_PUBLISH_DIR"


@dataclass(frozen=True)
class Options:
    """How a sequence is checked and where it goes.

    Attributes:
        frames: those that should be there; empty is what the sidecar says.
        performance: the driver's performance file, if the sidecar names none.
        strict: what cannot be compared is a problem.
        approved: the studio's list of weights; ``$OFX_REENACT_APPROVED`` if empty.
        consent: the consent file, if the sidecar names none.
        target_dir: folder that versions are published into; ``$OFX_REENACT_PUBLISH_DIR`` if empty. Nothing is
            integrated without one.
    """

    frames: str = ""
    performance: str = ""
    strict: bool = False
    approved: str = ""
    consent: str = ""
    target_dir: str = ""

    def __post_init__(self) -> None:
        """Take from the environment what was not said."""
        for name, variable in (("approved", APPROVED), ("target_dir", TARGET_DIR)):
            object.__setattr__(self, name, getattr(self, name) or os.environ.get(variable, ""))
