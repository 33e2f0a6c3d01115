"""Landmarks of real people, tracked in folders of clips and pictures and labelled with the person.

The person is the part of the file name before the first underscore (``083_smiling.jpg`` is person ``083``, take
``smiling``); a file without an underscore is a person of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.media import find_media, images, label_by_name
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.rigid import head_pose
from ofx_reenact.tracking.tracker import Tracker
from ofx_reenact.training.npz import Columns, write_npz

SCHEMA = "ofx-reenact/tracks/1"


def build_tracks(
    inputs: Sequence[str],
    out: Path,
    *,
    every: int = 1,
    observe: Callable[[Path, int], None] = lambda path, found: None,
) -> tuple[int, int]:
    """Track files and folders, and write labelled landmarks; returns the numbers of people and of landmark sets.

    The ``.npz`` has ``landmarks`` (N, 68, 2) without the head's pose, as renders give them to LD-Net; ``pixels``
    (N, 68, 2), as tracked; ``identity`` (N,), indices into ``names``; ``take`` (N,), the rest of the file's name;
    ``frame`` (N,). One of ``every`` frames is tracked; ``observe`` is called after each file with the number of its
    frames with a face.

    Raises:
        ReenactError: there is no face in any file, or a file cannot be read.
        OutputError: the set cannot be written.
    """
    rows, tracker, colour = Columns(), FaceMesh(), Colour()
    for path in find_media(inputs):
        before = len(rows["person"])
        _track(path, every, tracker, colour, rows)
        observe(path, len(rows["person"]) - before)
    if not rows["person"]:
        raise ReenactError(f"{', '.join(inputs)}: no face was found in any of the files; give others")
    names, identity = np.unique(rows["person"], return_inverse=True)
    write_npz(
        out, SCHEMA, compressed=True, landmarks=np.asarray(rows["frontal"], np.float32),
        pixels=np.asarray(rows["pixels"], np.float32), identity=identity, names=names, take=rows["take"],
        frame=rows["frame"],
    )  # fmt: skip
    return len(names), len(identity)


def _track(path: Path, every: int, tracker: Tracker, colour: Colour, rows: Columns) -> None:
    label = label_by_name(path)
    tracker.reset()
    for frame, image in images(path, every, colour):
        track = tracker.track(image, frame)
        if track is None or track.mesh is None:
            continue
        frontal = head_pose(track.mesh).invert(track.mesh)[list(MESH68), :2]
        rows.add(frontal=frontal, pixels=track.landmarks, person=label.person, take=label.take, frame=frame)
