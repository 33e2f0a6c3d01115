"""What both trainings of FD-GAN share: settings, digests of the files they begin from, metadata of the weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ofx_reenact.files import sha256_of
from ofx_reenact.weights import Weights

# The file that the critics are saved to, in the run's folder.
CRITICS = "critics.safetensors"


@dataclass(frozen=True)
class FDGANSettings:
    """Settings that both recipes have.

    Attributes:
        variant: ``fdgan``, or the ablation to train in its place.
        batch: pairs in a step, of each process.
        learning_rate: of both optimisers, at its highest.
        ema: decay of the exponential moving average that is saved as the weights (the paper saves the last step).
        device: ``cpu`` or ``cuda``.
        bf16: whether convolutions run in bfloat16, where the device has it.
        start, critics: SHA-256 of the weights and critics that the run goes on from; empty for none.
    """

    variant: str = "fdgan"
    batch: int = 8
    learning_rate: float = 4e-4
    ema: float = 0.998
    seed: int = 1
    device: str = "cpu"
    bf16: bool = True
    start: str = ""
    critics: str = ""


def digest_of(file: str) -> str:
    """Return the SHA-256 of a file that a run begins from, for its settings; empty for no file."""
    return sha256_of(Path(file)) if file else ""


def describe_run(
    recipe: str,
    start: Weights | None,
    data: str,
    people: Sequence[str],
    terms: Sequence[str],
    scores: Mapping[str, float],
) -> dict[str, str]:
    """Return what a weights file's metadata holds of its training.

    ``data`` describes the set, ``terms`` are its terms of use, ``scores`` the errors of the weights. ``people`` are
    stored as one digest of their names, so that a list of names can be checked against it. A run that goes on from
    weights ``start`` has also learned from their people: the entry ``people`` of those weights is added.
    """
    digest = hashlib.sha256("\n".join(sorted(people)).encode()).hexdigest()
    before = f"; and those of {start.sha256[:12]}: {start.metadata.get('people', 'not known')}" if start else ""
    known = sorted(term or "not known" for term in terms)
    return {
        "recipe": recipe + (f", from {start.sha256[:12]}" if start else ""),
        "data": f"{data}; terms: {', '.join(known)}",
        "people": f"{len(people)}, SHA-256 of their names {digest}{before}",
        "errors": json.dumps({name: round(value, 4) for name, value in scores.items()}),
    }
