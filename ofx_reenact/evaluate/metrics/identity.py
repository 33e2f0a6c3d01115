"""ISIM, the identity similarity: the cosine of two face embeddings, of a rendered face and of the target's."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ofx_reenact.evaluate.metrics import sface, vggface2
from ofx_reenact.evaluate.metrics.scores import Metric, Scores

ISIM = Metric("ISIM", "cosine", "high", "similarity to the target: cosine of two face embeddings")
ZERO_MOTION = Metric(
    "zero-motion identity error", "1 - cosine", "low", "identity lost while the driver is at its reference"
)
AUTO = "auto"


class Embedder(Protocol):
    """Embeds faces. ``backend`` is its name in results, ``length`` the number of elements of an embedding."""

    backend: str
    length: int

    def embed(self, picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        """Embed the face of a mesh (478, 3), pixels, in a picture (H, W, 3) in [0, 1]: (E,) of length 1."""


class SFace:
    """SFace, which needs no file of the user."""

    backend, length = sface.BACKEND, 128

    def embed(self, picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        """Embed a face; see :func:`ofx_reenact.evaluate.metrics.sface.embed`."""
        return sface.embed(picture, mesh)


def choose_embedder(name: str = AUTO) -> Embedder | None:
    """Return the embedder ``vggface2`` or ``sface``; ``auto`` takes the first that is installed, or None.

    Raises:
        SettingsError: the named one is not installed.
    """
    if name == "vggface2" or (name == AUTO and vggface2.FILE.installed):
        return vggface2.VGGFace2()
    if name == AUTO and not sface.installed():
        return None
    sface.require()
    return SFace()


def similarity(backend: str, made: np.ndarray, target: np.ndarray) -> Scores:
    """Compute ISIM of rendered faces' embeddings (N, E) and the target's (E,), all of length 1; NaN without a face."""
    return Scores(ISIM, backend, made @ target)


def zero_motion_error(backend: str, made: np.ndarray, target: np.ndarray) -> Scores:
    """Compute 1 - cosine of embeddings (N, E) and the target's (E,), in frames where the driver is at its reference."""
    return Scores(ZERO_MOTION, backend, 1 - made @ target)
