"""The landmark image: 68 landmarks drawn as nine polylines (paper section 3.2, "rasterised into a landmark image").

The rasteriser is written in torch: the coverage of a pixel follows from the distance of its centre to the nearest
segment. So it is deterministic and differentiable, draws any size, and depends on no drawing library's version.
Convention: pixel (i, j) has its centre at (i, j), x to the right, y down; lines are clipped at the picture's edge.
"""

from __future__ import annotations

import itertools
from typing import Literal

import torch
from torch import Tensor

Raster = Literal["rgb", "parts"]

# Jaw, brows, nose bridge, nose base, eyes (closed), outer and inner lip (closed); indices into the 68 landmarks.
POLYLINES: tuple[tuple[int, ...], ...] = (
    tuple(range(17)), tuple(range(17, 22)), tuple(range(22, 27)), tuple(range(27, 31)), tuple(range(31, 36)),
    (*range(36, 42), 36), (*range(42, 48), 42), (*range(48, 60), 48), (*range(60, 68), 60),
)  # fmt: skip
# One colour for each polyline, in [-1, 1], far apart; the background is black, -1.
COLOURS = (
    (1.0, 1.0, 1.0), (1.0, -0.5, -1.0), (1.0, 0.5, -1.0), (-1.0, 1.0, -0.5), (-0.5, 1.0, 1.0),
    (-1.0, 0.0, 1.0), (0.2, -1.0, 1.0), (1.0, -1.0, 0.0), (1.0, 1.0, -1.0),
)  # fmt: skip
# Width of a line in pixels, in a picture of this size.
WIDTH, SIZE = 2.0, 256


def landmark_image(landmarks: Tensor, height: int, width: int, raster: Raster = "rgb", line: float = 0.0) -> Tensor:
    """Draw landmarks (B, 68, 2), given in pixels: (B, 3 or 9, H, W) in their dtype.

    Args:
        raster: ``rgb`` (3 channels in [-1, 1], as the paper's) or ``parts`` (a channel in [0, 1] for each polyline).
        line: width of the lines in pixels; 0 scales it with the picture: 2 pixels where the longer side has 256.
    """
    line = line or WIDTH * max(width, height) / SIZE
    # Points are taken by unbind: an index tensor would be copied to the device each time.
    points = landmarks.unbind(1)
    parts = torch.stack([_coverage([points[i] for i in lines], height, width, line) for lines in POLYLINES], 1)
    if raster == "parts":
        return parts
    drawn = [landmarks.new_full((len(landmarks), height, width), -1.0)] * 3
    for part, colour in zip(parts.unbind(1), COLOURS, strict=True):
        drawn = [seen + (value - seen) * part for seen, value in zip(drawn, colour, strict=True)]
    return torch.stack(drawn, 1)


def channels(raster: Raster) -> int:
    """Return the number of channels of a landmark image."""
    return len(POLYLINES) if raster == "parts" else 3


def _coverage(points: list[Tensor], height: int, width: int, line: float) -> Tensor:
    """Return the coverage (B, H, W) of a polyline of points (B, 2): 1 inside the line, a ramp of a pixel at the rim."""
    device, dtype = points[0].device, points[0].dtype
    x = torch.arange(width, device=device, dtype=dtype)[None, None]
    y = torch.arange(height, device=device, dtype=dtype)[None, :, None]
    nearest = points[0].new_full((len(points[0]), height, width), float("inf"))
    # One segment at a time, to save memory. What depends on x alone, or on y alone, is computed on one row or column.
    for first, last in itertools.pairwise(points):
        right, down = (last - first)[..., None, None].unbind(1)
        from_x, from_y = x - first[:, 0, None, None], y - first[:, 1, None, None]
        along = ((from_x * right + from_y * down) / (right**2 + down**2).clamp(min=1e-8)).clamp(0, 1)
        nearest = torch.minimum(nearest, (from_x - along * right) ** 2 + (from_y - along * down) ** 2)
    return (line / 2 + 0.5 - nearest.clamp(min=1e-12).sqrt()).clamp(0, 1)
