"""What can be said of a publish; plain values, since they travel between processes."""

from __future__ import annotations

import os
from dataclasses import dataclass

APPROVED, TARGET_DIR = "OFX_REENACT_APPROVED", "OFX_REENACT_PUBLISH_DIR"


@dataclass(frozen=True)
class Options:
    """How a sequence is checked and where it goes.

    Where empty, ``frames``, ``performance``, ``target_performance`` and ``consent`` are the sidecar's; ``approved``,
    the studio's list of weights, is ``$OFX_REENACT_APPROVED``; ``target_dir``, the folder that versions are published
    into, is ``$OFX_REENACT_PUBLISH_DIR``, and nothing is integrated without one. With ``strict``, what cannot be
    compared is a problem.
    """

    frames: str = ""
    performance: str = ""
    target_performance: str = ""
    strict: bool = False
    approved: str = ""
    consent: str = ""
    target_dir: str = ""

    def __post_init__(self) -> None:
        """Take from the environment what was not said."""
        for name, variable in (("approved", APPROVED), ("target_dir", TARGET_DIR)):
            object.__setattr__(self, name, getattr(self, name) or os.environ.get(variable, ""))
