"""ISIM: whether a generated face is the target's, the cosine of two embeddings of a network that knows faces."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ofx_reenact.evaluate import identity as sface
from ofx_reenact.evaluate.metrics import vggface2
from ofx_reenact.evaluate.metrics.scores import Metric, Scores

ISIM = Metric("ISIM", "cosine", "high", "likeness to the target: cosine of two face embeddings")
REST = Metric("zero-motion identity error", "1 - cosine", "low", "identity lost while the driver is at its reference")
AUTO = "auto"


class Embedder(Protocol):
    """Embeds faces; its name, as results bear it, and the length of an embedding."""

    backend: str
    length: int

    def embed(self, picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        """Embed the face of a mesh (478, 3), pixels, in a picture (H, W, 3) in [0, 1]: (E,) of length 1."""


class SFace:
    """The offline one."""

    backend, length = sface.BACKEND, 128

    def embed(self, picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        """Embed; see :func:`ofx_reenact.evaluate.identity.embed`."""
        return sface.embed(picture, mesh)


def choose(name: str = AUTO) -> Embedder | None:
    """Return what ``name`` says, ``vggface2`` or ``sface``; ``auto`` takes the first that is installed, or None.

    Raises:
        SettingsError: the one that was asked for is not installed.
    """
    if name == "vggface2" or (name == AUTO and vggface2.FILE.installed):
        return vggface2.VGGFace2()
    if name == AUTO and not sface.installed():
        return None
    sface.check()
    return SFace()


def similarity(backend: str, made: np.ndarray, target: np.ndarray) -> Scores:
    """ISIM of embeddings made (N, E) and of the target (E,), all of length 1; NaN rows have none."""
    return Scores(ISIM, backend, made @ target)


def rest_error(backend: str, made: np.ndarray, target: np.ndarray) -> Scores:
    """1 - cosine of embeddings (N, E) made while the driver did not move from its reference, and the target's (E,)."""
    return Scores(REST, backend, 1 - made @ target)
