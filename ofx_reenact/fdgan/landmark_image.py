"""The landmark image: 68 landmarks drawn as nine polylines (paper section 3.2, "rasterised into a landmark image").

Our own rasteriser, in torch: the coverage of a pixel follows from its centre's distance to the nearest segment. So it
is deterministic, differentiable, any size, and no drawing library's version changes a pixel. Convention: pixel (i, j)
has its centre at (i, j), x to the right, y down; what lies outside the picture is cut off, never dropped.
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
# One colour a polyline, far apart, in [-1, 1]; the ground is black.
COLOURS = (
    (1.0, 1.0, 1.0), (1.0, -0.5, -1.0), (1.0, 0.5, -1.0), (-1.0, 1.0, -0.5), (-0.5, 1.0, 1.0),
    (-1.0, 0.0, 1.0), (0.2, -1.0, 1.0), (1.0, -1.0, 0.0), (1.0, 1.0, -1.0),
)  # fmt: skip
# Width of a line at a picture of this size.
WIDTH, SIZE = 2.0, 256


def landmark_image(landmarks: Tensor, height: int, width: int, raster: Raster = "rgb", line: float = 0.0) -> Tensor:
    """Draw landmarks (B, 68, 2) in pixels: (B, 3 or 9, H, W) in their dtype.

    Args:
        raster: ``rgb`` (3 channels in [-1, 1], as the paper's) or ``parts`` (a channel in [0, 1] for each polyline).
        line: width of the lines in pixels; 2 at a picture 256 wide, in proportion, if 0.
    """
    line = line or WIDTH * max(width, height) / SIZE
    # Points are told apart by slices, not by an index, which would have to be brought to the device each time.
    points = landmarks.unbind(1)
    parts = torch.stack([_coverage([points[i] for i in lines], height, width, line) for lines in POLYLINES], 1)
    if raster == "parts":
        return parts
    drawn = [landmarks.new_full((len(landmarks), height, width), -1.0)] * 3
    for part, colour in zip(parts.unbind(1), COLOURS, strict=True):
        drawn = [seen + (value - seen) * part for seen, value in zip(drawn, colour, strict=True)]
    return torch.stack(drawn, 1)


def channels(raster: Raster) -> int:
    """Number of channels of a landmark image."""
    return len(POLYLINES) if raster == "parts" else 3


def _coverage(points: list[Tensor], height: int, width: int, line: float) -> Tensor:
    """Coverage (B, H, W) of one polyline of points (B, 2): 1 within half a line, a ramp one pixel wide at its edge."""
    device, dtype = points[0].device, points[0].dtype
    x = torch.arange(width, device=device, dtype=dtype)[None, None]
    y = torch.arange(height, device=device, dtype=dtype)[None, :, None]
    nearest = points[0].new_full((len(points[0]), height, width), float("inf"))
    # Segment by segment: memory stays that of one picture. Rows and columns are worked out before they meet.
    for first, last in itertools.pairwise(points):
        right, down = (last - first)[..., None, None].unbind(1)
        from_x, from_y = x - first[:, 0, None, None], y - first[:, 1, None, None]
        share = ((from_x * right + from_y * down) / (right**2 + down**2).clamp(min=1e-8)).clamp(0, 1)
        nearest = torch.minimum(nearest, (from_x - share * right) ** 2 + (from_y - share * down) ** 2)
    return (line / 2 + 0.5 - nearest.clamp(min=1e-12).sqrt()).clamp(0, 1)
