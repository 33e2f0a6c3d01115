"""Small things to look at: an mp4, a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ofx_reenact.errors import OutputError
from ofx_reenact.files import written_whole

WIDEST, TALLEST = 1920, 4096
SHEET_HEIGHT = 260
_CODEC = "mp4v"


class Mp4Writer:
    """Writes an mp4, whole or not at all: use as a context manager; a failure inside leaves no file."""

    def __init__(self, path: Path, fps: Fraction | None, size: tuple[int, int]) -> None:
        """Prepare for frames of ``size`` (width, height), scaled down to 1920 × 4096 at most and made even."""
        self._path, self._fps = path, float(fps or 24)
        scale = min(1.0, WIDEST / size[0], TALLEST / size[1])
        width, height = (max(2, round(length * scale) // 2 * 2) for length in size)
        self._size = (width, height)

    def __enter__(self) -> Mp4Writer:
        self._whole = written_whole(self._path)
        partial = self._whole.__enter__()
        # Relative, FFmpeg would take what is before a colon for a protocol.
        self._writer = cv2.VideoWriter(str(partial.absolute()), cv2.VideoWriter.fourcc(*_CODEC), self._fps, self._size)
        if not self._writer.isOpened():
            error = OutputError(f"{self._path}: no mp4 can be written here; leave out --preview")
            self.__exit__(type(error), error, None)
            raise error
        return self

    def __exit__(self, *failure: Any) -> None:
        self._writer.release()
        self._whole.__exit__(*failure)

    def write(self, rgb: np.ndarray) -> None:
        """Add an (H, W, 3) uint8 frame."""
        if rgb.shape[1::-1] != self._size:
            rgb = cv2.resize(rgb, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(np.ascontiguousarray(rgb[..., ::-1]))


def stack(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Set one (H, W, 3) uint8 picture above another of its width."""
    return np.concatenate([above, below])


def contact_sheet(rows: Sequence[Sequence[np.ndarray]], path: Path, height: int = SHEET_HEIGHT) -> None:
    """Write rows of (H, W, 3) uint8 pictures as one PNG, all of one height; black fills the ends.

    Raises:
        OutputError: it cannot be written.
    """
    lines = [np.concatenate([fit(picture, height) for picture in row], axis=1) for row in rows]
    width = max(line.shape[1] for line in lines)
    padded = [np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0))) for line in lines]
    write_png(path, np.concatenate(padded))


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write an (H, W, 3) uint8 picture, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]))
    with written_whole(path) as partial:
        partial.write_bytes(encoded.tobytes())


def fit(picture: np.ndarray, height: int = SHEET_HEIGHT) -> np.ndarray:
    """Scale an (H, W, 3) picture to a height."""
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
