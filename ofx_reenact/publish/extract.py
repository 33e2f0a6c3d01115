"""Make a contact sheet and a preview from the frames."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.movie import USUAL_RATE, Mp4Writer
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.plate import Plate, read_plate
from ofx_reenact.frames.preview import contact_sheet, fit
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.provenance import beside

COLUMNS, ROWS = 6, 4


def draw_sheet(output: str, frames: FrameRange, folder: Path) -> Path:
    """Write a contact sheet of at most 24 frames, evenly spaced; return its path.

    Raises:
        FrameError: a frame cannot be read, or has no colour.
        OutputError: the sheet cannot be written.
    """
    count = min(len(frames), COLUMNS * ROWS)
    chosen = [frames.numbers[round(i * (len(frames) - 1) / max(count - 1, 1))] for i in range(count)]
    pictures = [fit(picture) for _, picture in _pictures(output, FrameRange.of(chosen))]
    sheet = folder / beside(output, ".contact.png").name
    contact_sheet([pictures[i : i + COLUMNS] for i in range(0, len(pictures), COLUMNS)], sheet)
    return sheet


def write_preview(output: str, frames: FrameRange, folder: Path) -> Path:
    """Write an mp4 of all frames; return its path.

    Raises:
        FrameError: a frame cannot be read, or has no colour.
        OutputError: the preview cannot be written.
    """
    movie = folder / beside(output, ".mp4").name
    with contextlib.ExitStack() as stack:
        writer: Mp4Writer | None = None
        for plate, picture in _pictures(output, frames):
            if writer is None:
                size = picture.shape[1], picture.shape[0]
                writer = stack.enter_context(Mp4Writer(movie, plate.fps or USUAL_RATE, size))
            writer.write(picture)
    return movie


def has_colour(output: str, frame: int) -> bool:
    """Return whether a frame has colour channels; with ``--layers``, it can have other layers only."""
    try:
        plate = read_plate(frame_path(output, frame))
        return plate.names[0] in plate.attributes.channelnames
    except FrameError:
        return False


def _pictures(output: str, frames: FrameRange) -> Iterator[tuple[Plate, np.ndarray]]:
    """Yield each frame, and the same as a picture in display colours."""
    colour = Colour()
    for frame in frames:
        plate = read_plate(frame_path(output, frame), frame)
        yield plate, colour.show(plate)
