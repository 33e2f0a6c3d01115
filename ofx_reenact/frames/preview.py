"""Contact sheets and other pictures for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.files import write_whole

SHEET_HEIGHT = 260


def stack(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Join two (H, W, 3) uint8 pictures of the same width, one above the other."""
    return np.concatenate([above, below])


def contact_sheet(rows: Sequence[Sequence[np.ndarray]], path: Path, height: int = SHEET_HEIGHT) -> None:
    """Write rows of (H, W, 3) uint8 pictures as one PNG, all scaled to one height; shorter rows end in black.

    Raises:
        OutputError: it cannot be written.
    """
    lines = [np.concatenate([fit(picture, height) for picture in row], axis=1) for row in rows]
    width = max(line.shape[1] for line in lines)
    padded = [np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0))) for line in lines]
    write_png(path, np.concatenate(padded))


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write an (H, W, 3) uint8 picture as PNG, completely or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]))
    with write_whole(path) as partial:
        partial.write_bytes(encoded.tobytes())


def fit(picture: np.ndarray, height: int = SHEET_HEIGHT) -> np.ndarray:
    """Scale an (H, W, 3) picture to a height."""
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
