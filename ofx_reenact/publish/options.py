"""The options of a publish: plain values, since they are passed between processes."""

from __future__ import annotations

import os
from dataclasses import dataclass

APPROVED, TARGET_DIR = "OFX_REENACT_APPROVED", "OFX_REENACT_PUBLISH_DIR"


@dataclass(frozen=True)
class Options:
    """How a sequence is checked, and where it is published.

    Attributes:
        frames, performance, target_performance, consent: empty: those of the sidecar.
        strict: report as a problem what cannot be compared.
        approved: the studio's list of weights; empty: ``$OFX_REENACT_APPROVED``.
        target_dir: folder of the published versions; empty: ``$OFX_REENACT_PUBLISH_DIR``; without both, the sequence
            is only checked.
    """

    frames: str = ""
    performance: str = ""
    target_performance: str = ""
    strict: bool = False
    approved: str = ""
    consent: str = ""
    target_dir: str = ""

    def __post_init__(self) -> None:
        """Take options that are not given from the environment."""
        for name, variable in (("approved", APPROVED), ("target_dir", TARGET_DIR)):
            object.__setattr__(self, name, getattr(self, name) or os.environ.get(variable, ""))
