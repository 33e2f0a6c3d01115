"""How alike two sets of pictures are: Fréchet distance and kernel distance of a network's features.

With Inception-v3 (2015-12-05) these are FID and KID. Without its file they are the same two distances of MobileNetV2's
features and are called so: such numbers may be compared with one another, never with a FID.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from ofx_reenact.evaluate.metrics import inception
from ofx_reenact.evaluate.metrics.scores import Metric
from ofx_reenact.evaluate.pictures import tensor_of
from ofx_reenact.training.fdgan import features

AUTO = "auto"


class Extractor(Protocol):
    """Takes features of pictures; its name, and what the two distances of these features are called."""

    backend: str
    frechet: Metric
    kernel: Metric

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """Features (N, D) float32 of pictures (N, H, W, 3) uint8."""


class MobileNet:
    """The offline one: MobileNetV2's last block that is used here, averaged over the picture, 64 numbers."""

    backend = f"{features.BACKEND}, block 10, 64 features"
    frechet = Metric("Fréchet MobileNetV2", "", "low", "Fréchet distance of MobileNetV2 features; not FID")
    kernel = Metric("kernel MobileNetV2", "", "low", "unbiased kernel distance of MobileNetV2 features; not KID")

    def __init__(self) -> None:
        self._network = features.load_features()

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """Take features (N, 64) of pictures (N, H, W, 3) uint8."""
        with torch.no_grad():
            return np.concatenate([self._network(one[None])[-1].mean((2, 3)).numpy() for one in tensor_of(pictures)])


def choose(name: str = AUTO) -> Extractor | None:
    """Return what ``name`` says, ``inception`` or ``mobilenet``; ``auto`` takes the first that is installed, or None.

    Raises:
        SettingsError: the one that was asked for is not installed.
    """
    if name == "inception" or (name == AUTO and inception.FILE.installed):
        return inception.InceptionFeatures()
    return None if name == AUTO and not features.installed() else MobileNet()


def frechet(made: np.ndarray, real: np.ndarray) -> float:
    """Fréchet distance of two sets of features (N, D), (M, D) as Gaussians (Heusel et al. 2017).

    The trace of the covariances' square root is the sum of the singular values of A·Bᵀ, where AᵀA and BᵀB are the
    covariances; so no root of a D × D matrix is taken, and fewer samples than features do no harm.

    Returns:
        NaN with fewer than two samples on a side.
    """
    if min(len(made), len(real)) < 2:
        return float("nan")
    one, other = made.astype(np.float64), real.astype(np.float64)
    centred = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (one, other)]
    together = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    spread = sum(float((x**2).sum()) for x in centred)
    return float(((one.mean(0) - other.mean(0)) ** 2).sum() + spread - 2 * together)


def kernel(made: np.ndarray, real: np.ndarray) -> float:
    """Unbiased squared MMD of two sets of features with the kernel (x·y/D + 1)³ (Bińkowski et al. 2018).

    Returns:
        NaN with fewer than two samples on a side; may be below 0, since it is unbiased.
    """
    if min(len(made), len(real)) < 2:
        return float("nan")
    one, other = made.astype(np.float64), real.astype(np.float64)

    def alike(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)

    def apart(x: np.ndarray) -> float:
        own = alike(x, x)
        return float((own.sum() - np.trace(own)) / (len(x) * (len(x) - 1)))

    return apart(one) + apart(other) - 2 * float(alike(one, other).mean())
