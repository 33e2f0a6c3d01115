"""Small things to look at: an mp4, a contact sheet."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.errors import OutputError

WIDEST = 1920
_CODEC = "mp4v"


class Mp4Writer:
    """Writes an mp4, whole or not at all: frames go to a temporary file that :meth:`close` puts in place."""

    def __init__(self, path: Path, fps: Fraction | None, size: tuple[int, int]) -> None:
        """Open the file; ``size`` is width and height, scaled down to 1920 wide and made even."""
        self._path = path
        self._partial = path.with_name(f"{path.stem}.tmp-{os.getpid()}.mp4")
        scale = min(1.0, WIDEST / size[0])
        self._size = tuple(max(2, round(length * scale) // 2 * 2) for length in size)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path}: the folder cannot be made ({error.strerror})") from error
        self._writer = cv2.VideoWriter(
            str(self._partial), cv2.VideoWriter.fourcc(*_CODEC), float(fps or 24), self._size
        )
        if not self._writer.isOpened():
            self.discard()
            raise OutputError(f"{path}: no mp4 can be written here; leave out --preview")

    def write(self, rgb: np.ndarray) -> None:
        """Add an (H, W, 3) uint8 frame."""
        if rgb.shape[1::-1] != self._size:
            rgb = cv2.resize(rgb, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(np.ascontiguousarray(rgb[..., ::-1]))

    def close(self) -> None:
        """Finish the file and put it in place."""
        self._writer.release()
        try:
            self._partial.replace(self._path)
        except OSError as error:
            self.discard()
            raise OutputError(f"{self._path}: the preview cannot be written ({error.strerror})") from error

    def discard(self) -> None:
        """Give up and remove what was written."""
        self._writer.release()
        self._partial.unlink(missing_ok=True)


def contact_sheet(rows: Sequence[Sequence[np.ndarray]], path: Path, height: int = 260) -> None:
    """Write rows of (H, W, 3) uint8 pictures as one PNG, all of one height; black fills the ends.

    Raises:
        OutputError: it cannot be written.
    """
    lines = []
    for row in rows:
        cells = [_fit(picture, height) for picture in row]
        lines.append(np.concatenate(cells, axis=1))
    width = max(line.shape[1] for line in lines)
    padded = [np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0))) for line in lines]
    write_png(path, np.concatenate(padded))


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write an (H, W, 3) uint8 picture, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]))
    partial = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(encoded.tobytes())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def _fit(picture: np.ndarray, height: int) -> np.ndarray:
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
