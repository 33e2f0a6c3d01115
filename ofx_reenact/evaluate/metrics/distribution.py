"""How similar two sets of pictures are: Fréchet distance and kernel distance of a network's features.

With Inception-v3 (2015-12-05) these are FID and KID. Without its weights file they are the same distances of
MobileNetV2's features, under names of their own: they may be compared with one another, never with a FID.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from ofx_reenact.evaluate.metrics import inception
from ofx_reenact.evaluate.metrics.scores import Metric
from ofx_reenact.evaluate.metrics.ssim import to_tensor
from ofx_reenact.training.fdgan import features

AUTO = "auto"


class FeatureExtractor(Protocol):
    """Computes features of pictures; ``backend`` is its name, ``frechet`` and ``kernel`` are the distances' metrics."""

    backend: str
    frechet: Metric
    kernel: Metric

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """Compute features (N, D) float32 of pictures (N, H, W, 3) uint8."""


class MobileNet:
    """MobileNetV2, which needs no file of the user: block 10, averaged over the picture, 64 numbers."""

    backend = f"{features.BACKEND}, block 10, 64 features"
    frechet = Metric("Fréchet MobileNetV2", "", "low", "Fréchet distance of MobileNetV2 features; not FID")
    kernel = Metric("kernel MobileNetV2", "", "low", "unbiased kernel distance of MobileNetV2 features; not KID")

    def __init__(self) -> None:
        self._network = features.load_features()

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """Compute features (N, 64) of pictures (N, H, W, 3) uint8."""
        with torch.no_grad():
            return np.concatenate([self._network(one[None])[-1].mean((2, 3)).numpy() for one in to_tensor(pictures)])


def choose_extractor(name: str = AUTO) -> FeatureExtractor | None:
    """Return the extractor ``inception`` or ``mobilenet``; ``auto`` takes the first that is installed, or None.

    Raises:
        SettingsError: the named one is not installed.
    """
    if name == "inception" or (name == AUTO and inception.FILE.installed):
        return inception.InceptionFeatures()
    return None if name == AUTO and not features.installed() else MobileNet()


def frechet_distance(made: np.ndarray, real: np.ndarray) -> float:
    """Compute the Fréchet distance of two sets of features (N, D), (M, D) as Gaussians (Heusel et al. 2017).

    The trace of the square root of the covariances' product is the sum of the singular values of A·Bᵀ, where AᵀA and
    BᵀB are the covariances. Unlike the root of a D × D matrix (scipy's sqrtm) it is exact with fewer samples than
    features.

    Returns:
        The distance; NaN if a set has fewer than two samples.
    """
    if min(len(made), len(real)) < 2:
        return float("nan")
    one, other = made.astype(np.float64), real.astype(np.float64)
    centred = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (one, other)]
    root_trace = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    spread = sum(float((x**2).sum()) for x in centred)
    return float(((one.mean(0) - other.mean(0)) ** 2).sum() + spread - 2 * root_trace)


def kernel_distance(made: np.ndarray, real: np.ndarray) -> float:
    """Compute the unbiased squared MMD of two sets of features, kernel (x·y/D + 1)³ (Bińkowski et al. 2018).

    Returns:
        The distance; it may be below 0 because it is unbiased. NaN if a set has fewer than two samples.
    """
    if min(len(made), len(real)) < 2:
        return float("nan")
    one, other = made.astype(np.float64), real.astype(np.float64)

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)

    def mean_within(x: np.ndarray) -> float:
        own = kernel(x, x)
        return float((own.sum() - np.trace(own)) / (len(x) * (len(x) - 1)))

    return mean_within(one) + mean_within(other) - 2 * float(kernel(one, other).mean())
