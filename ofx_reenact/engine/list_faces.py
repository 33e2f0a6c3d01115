"""List the people in a sequence or a picture, so that one can be chosen with ``--face``."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ofx_reenact.engine.choose_face import sample_frames, sample_step
from ofx_reenact.engine.inputs import images_ahead
from ofx_reenact.errors import TrackingError
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.preview import SHEET_HEIGHT, contact_sheet, fit
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.progress import Observer, Progress
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.face_groups import Faces, FoundPerson, find_faces
from ofx_reenact.tracking.facemesh import FaceMesh

# Thumbnails in a row of a contact sheet.
_COLUMNS = 6


class FaceList(NamedTuple):
    """The people of a sequence: JSON values, and a labelled thumbnail (H, W, 3) uint8 of each."""

    values: dict[str, Any]
    thumbnails: list[np.ndarray]


def list_faces(settings: Settings, colour: Colour, observe: Observer) -> FaceList:
    """Find the people in a driver.

    Args:
        settings: ``driver``, and how it is read.
        colour: the colour config.
        observe: called after each frame that was searched.

    Returns:
        Values: ``faces``, one entry for each person, those with a number first, and ``every``, the step between two
        searched frames. An entry has ``number`` (a value for ``--face N``; None if no number means this person),
        ``choose`` (a value for ``--face`` that always works), ``frames`` (where the person appears, as text), ``frame``
        (where the face is largest) and, in that frame, ``position`` [x, y] of the face's centre, ``box`` [x, y, width,
        height] and ``size`` (the height): in pixels of the file, y down, with (0, 0) the centre of the first pixel.

    Raises:
        FrameError: the driver cannot be read.
        TrackingError: no face was found.
    """
    driver = Sequence.open(settings.driver)
    frames, every = sample_frames(driver.frames), sample_step(driver.frames)
    squeeze, tracker = Squeeze.of_plate(driver.read_header(driver.frames.first, settings.driver_layer)), FaceMesh()
    with contextlib.closing(images_ahead(driver, frames, settings, colour)) as images:

        def report_frames() -> Any:
            for done, (frame, image) in enumerate(images, start=1):
                yield frame, image
                observe(Progress("driver", done, len(frames), frame))

        observe(Progress("driver", 0, len(frames), None))
        faces = find_faces(report_frames(), tracker.faces)
    if not faces.people:
        raise TrackingError(
            f"{driver.name}: no face was found in any of {len(frames)} frames; check that the pictures show faces, and "
            "their colour space"
        )
    numbers = [faces.number(person) for person in faces.people]
    order = sorted(range(len(numbers)), key=lambda i: (numbers[i] is None, numbers[i] or i))
    values = [_values(faces, faces.people[i], numbers[i], squeeze) for i in order]
    thumbnails = [_thumbnail(faces.people[i], one["choose"]) for i, one in zip(order, values, strict=True)]
    return FaceList({"faces": values, "every": every}, thumbnails)


def write_sheet(thumbnails: Several[np.ndarray], path: Path) -> None:
    """Write thumbnails as one PNG.

    Raises:
        OutputError: it cannot be written.
    """
    contact_sheet([thumbnails[i : i + _COLUMNS] for i in range(0, len(thumbnails), _COLUMNS)], path)


def _values(faces: Faces, person: FoundPerson, number: int | None, squeeze: Squeeze) -> dict[str, Any]:
    """Return the entry of one person."""
    corners = squeeze.to_file(person.boxes[person.best].reshape(2, 2))
    (x, y), (width, height) = corners[0], corners[1] - corners[0]
    middle = [round(float(v)) for v in corners.mean(axis=0)]
    return {
        "number": number,
        "choose": f"{middle[0]},{middle[1]}@{person.best}" if number is None else str(number),
        "frame": person.best,
        "position": middle,
        "box": [round(float(v)) for v in (x, y, width, height)],
        "size": round(float(height)),
        "frames": _frame_ranges(person, faces.frames),
    }


def _frame_ranges(person: FoundPerson, searched: Several[int]) -> str:
    """Return the frames in which a person appears; frames between two searched ones count if both show the person."""
    numbers: set[int] = set()
    for i, frame in enumerate(searched):
        if frame in person.boxes:
            goes_on = i + 1 < len(searched) and searched[i + 1] in person.boxes
            numbers |= set(range(frame, searched[i + 1] if goes_on else frame + 1))
    return str(FrameRange.of(numbers))


def _thumbnail(person: FoundPerson, label: str) -> np.ndarray:
    """Return the largest face of a person, SHEET_HEIGHT pixels high, with its label drawn in."""
    assert person.shown is not None
    drawn = np.ascontiguousarray(fit(person.shown.image, SHEET_HEIGHT))
    for colour, thickness in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        cv2.putText(drawn, label, (8, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, colour, thickness, cv2.LINE_AA)
    return drawn
