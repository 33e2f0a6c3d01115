"""How near pixels are to the truth or to the target: SSIM, PSNR, features, change at rest, sharpness."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from ofx_reenact.evaluate.metrics.scores import Metric, Scores
from ofx_reenact.evaluate.metrics.ssim import ssim, to_tensor
from ofx_reenact.tracking.landmarks import FACE_OVAL
from ofx_reenact.tracking.light import fill_oval
from ofx_reenact.training.fdgan import features
from ofx_reenact.training.fdgan.score import psnr

PIXELS = "pixels"
SSIM_BACKEND = "luma, Gaussian window"

SSIM = Metric("SSIM", "luma", "high", "structural similarity to the truth")
PSNR = Metric("PSNR", "dB", "high", "peak signal-to-noise ratio against the truth")
FEATURES = Metric("feature distance", "relative L1", "low", "difference of a classifier's features from the truth's")
ZERO_MOTION = Metric(
    "zero-motion error", "levels of 255", "low", "mean change of a pixel while the driver is at its reference frame"
)
SHARPNESS = Metric("sharpness kept", "of the plate", "1", "fine contrast in the face over that of the target picture")


def score_against_truth(made: np.ndarray, truth: np.ndarray) -> list[Scores]:
    """Compute SSIM, PSNR and, if its network is installed, feature distance of pictures (N, H, W, 3) uint8."""
    one, other = to_tensor(made), to_tensor(truth)
    everywhere = torch.ones_like(other[:, :1])
    with torch.no_grad():
        scores = [
            Scores(SSIM, SSIM_BACKEND, ssim(one, other).numpy()),
            Scores(PSNR, PIXELS, psnr(one, other, everywhere).double().numpy()),
        ]
        if features.installed():
            # One by one: a batch is normalised by the features of all its truths.
            distances = [float(features.feature_distance(a[None], b[None])) for a, b in zip(one, other, strict=True)]
            scores.append(Scores(FEATURES, features.BACKEND, np.array(distances)))
    return scores


def zero_motion_error(made: np.ndarray, target: np.ndarray) -> Scores:
    """Compute the mean absolute difference of pictures (N, H, W, 3) uint8 from the target's (H, W, 3)."""
    return Scores(ZERO_MOTION, PIXELS, np.abs(made.astype(np.float64) - target).mean((1, 2, 3)))


def fine_contrast(picture: np.ndarray, mesh: np.ndarray) -> float:
    """Return the standard deviation of the luma's Laplacian within the face's oval of a picture (H, W, 3) uint8."""
    inside = fill_oval(mesh[list(FACE_OVAL), :2], picture.shape)
    if not inside.any():
        return float("nan")
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(cv2.Laplacian(luma, cv2.CV_32F)[inside > 0].std())


def sharpness_kept(made: np.ndarray, target: float) -> Scores:
    """Divide the fine contrast (N,) of rendered frames by that of the target picture."""
    return Scores(SHARPNESS, PIXELS, made / max(target, 1e-9))
