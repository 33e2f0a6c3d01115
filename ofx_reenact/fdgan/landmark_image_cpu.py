"""The landmark image in compiled code, for inference on a CPU.

Each segment is drawn only within the box around it. That takes a tenth of the time of the version in torch and gives
the same numbers except for rounding (below 1e-6). There are no gradients, and only float32.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.compiled import compiled
from ofx_reenact.fdgan.landmark_image import COLOURS, POLYLINES, SIZE, WIDTH, Raster

# Segments: the polyline of each, and the two landmarks that it joins.
_SEGMENTS = np.array([(n, a, b) for n, line in enumerate(POLYLINES) for a, b in itertools.pairwise(line)])
_COLOURS = np.array(COLOURS, np.float32)


def quick_landmark_image(
    landmarks: Tensor, height: int, width: int, raster: Raster = "rgb", line: float = 0.0
) -> Tensor:
    """Draw as :func:`ofx_reenact.fdgan.landmark_image.landmark_image`, landmarks (B, 68, 2) float32 on the CPU.

    The result is laid out channels last, which convolutions are fastest with.
    """
    line = line or WIDTH * max(width, height) / SIZE
    points = np.ascontiguousarray(landmarks.numpy(), np.float32)
    drawn = np.zeros((len(points), height, width, len(POLYLINES)), np.float32)
    for one, parts in zip(points, drawn, strict=True):
        _cover(one, _SEGMENTS, np.float32(line / 2 + 0.5), parts)
    if raster == "rgb":
        drawn = np.stack([_coloured(parts, _COLOURS) for parts in drawn])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2)


@compiled
def _cover(points: np.ndarray, segments: np.ndarray, reach: np.float32, out: np.ndarray) -> None:
    """Write the coverage of each polyline into ``out`` (H, W, 9), all 0 before; beyond ``reach`` pixels it stays 0."""
    height, width = out.shape[:2]
    zero, one = np.float32(0), np.float32(1)
    for n in range(segments.shape[0]):
        part, a, b = segments[n, 0], segments[n, 1], segments[n, 2]
        ax, ay, bx, by = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        right, down = bx - ax, by - ay
        length = max(right * right + down * down, np.float32(1e-8))
        # One pixel more than the line reaches, since coordinates are rounded.
        left, last = max(min(ax, bx) - reach - one, zero), min(max(ax, bx) + reach + one, np.float32(width - 1))
        top, bottom = max(min(ay, by) - reach - one, zero), min(max(ay, by) + reach + one, np.float32(height - 1))
        if not (left <= last and top <= bottom):
            continue
        for y in range(int(top), int(bottom) + 1):
            from_y = np.float32(y) - ay
            for x in range(int(left), int(last) + 1):
                from_x = np.float32(x) - ax
                along = min(max((from_x * right + from_y * down) / length, zero), one)
                away_x, away_y = from_x - along * right, from_y - along * down
                away = np.sqrt(max(away_x * away_x + away_y * away_y, np.float32(1e-12)))
                covered = min(max(reach - away, zero), one)
                out[y, x, part] = max(out[y, x, part], covered)


@compiled
def _coloured(parts: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Composite polylines (H, W, 9) in their colours (9, 3) over black: (H, W, 3) in [-1, 1]."""
    height, width, count = parts.shape
    out = np.full((height, width, 3), np.float32(-1), np.float32)
    for y in range(height):
        for x in range(width):
            for n in range(count):
                part = parts[y, x, n]
                if part > 0:
                    for c in range(3):
                        out[y, x, c] += (colours[n, c] - out[y, x, c]) * part
    return out
