"""What is seen in frames of a face, one pass over them: everything that the metrics of a pair need."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ofx_reenact.evaluate.metrics.distribution import Extractor
from ofx_reenact.evaluate.metrics.identity import Embedder
from ofx_reenact.evaluate.metrics.pixels import fine_contrast
from ofx_reenact.fdgan.window import Window
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.landmarks import MESH68, MESH_POINTS
from ofx_reenact.tracking.rigid import head_pose
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.tracking.tracker import Track

# The portrait that pixels and features are measured in: the paper's 256 pixels, and its side over the face mesh's.
SIDE, AROUND = 256, 1.8
# One of so many measured frames is looked at with its neighbours.
_SHAKEN = 4


@dataclass(frozen=True)
class Tools:
    """The networks that look; None are not installed, and what they would see is left out."""

    tracker: FaceMesh
    embedder: Embedder | None
    extractor: Extractor | None


@dataclass(frozen=True)
class Observed:
    """What was seen in N ``frames``; NaN where no face was found.

    ``rotation`` (N, 3, 3) of the head, ``scale`` (N,) pixels a canonical centimetre, ``blendshapes`` (N, 52),
    ``contrast`` (N,) fine contrast in the face; ``around`` (N, 3, 68, 2) landmarks in the frame before, the frame, and
    the one after, NaN where these were not looked at; ``mesh`` (N, 478, 3) pixels; ``portrait`` (N, 256, 256, 3) uint8
    through one window. ``embedding`` (N, E) and ``features`` (N, D) float32 are empty without a network for them.
    """

    frames: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    blendshapes: np.ndarray
    embedding: np.ndarray
    contrast: np.ndarray
    around: np.ndarray
    mesh: np.ndarray
    portrait: np.ndarray
    features: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """(N,) bool, frames with a face."""
        return np.isfinite(self.scale)

    def at(self, numbers: Collection[int]) -> Observed:
        """Only the frames of these numbers."""
        rows = np.isin(self.frames, list(numbers))
        return Observed(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def with_neighbours(numbers: Sequence[int], present: Collection[int], alone: int) -> list[int]:
    """Return the frames to look at: those that are measured, and one more.

    Every fourth of those that have a frame before and after them has both looked at, too: jitter needs three frames in
    a row, and to render them for each would take three times as long.
    """
    known = set(present)
    between = [number for number in numbers if {number - 1, number + 1} <= known]
    neighbours = {number + step for number in between[::_SHAKEN] for step in (-1, 1)}
    return sorted({alone, *numbers} | neighbours)


def portrait_window(mesh: np.ndarray) -> Window:
    """The portrait around a face's mesh (478, 3), pixels."""
    low, high = mesh[:FACE_POINTS, :2].min(0), mesh[:FACE_POINTS, :2].max(0)
    return Window.around((low + high) / 2, np.array([AROUND * (high - low).max() / SIDE, 0.0]), (SIDE, SIDE))


def observe(
    shown: Iterable[tuple[int, np.ndarray]], numbers: Collection[int], window: Window, tools: Tools
) -> Observed:
    """Look at frames (number, (H, W, 3) uint8) in order: closely at ``numbers``, at others for landmarks only."""
    tools.tracker.reset()
    landmarks: dict[int, np.ndarray] = {}
    rows: list[dict[str, Any]] = []
    nowhere = np.full((68, 2), np.nan)
    before: np.ndarray | None = None
    for number, picture in shown:
        track = tools.tracker.track(picture, number)
        if track is None:
            # Frames lie far apart: a head that has moved on is not known again, but there is nobody else.
            tools.tracker.reset()
            track = tools.tracker.track(picture, number)
        landmarks[number] = nowhere if track is None or track.mesh is None else track.mesh[list(MESH68), :2]
        if number in numbers:
            # A picture that is shown again is not looked at again.
            seen = rows[-1] if picture is before else _look(picture, track, window, tools)
            rows.append(seen | {"frames": number})
            before = picture
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    around = [[landmarks.get(number + step, nowhere) for step in (-1, 0, 1)] for number in columns["frames"].tolist()]
    nothing = np.zeros((len(rows), 0), np.float32)
    features = nothing if tools.extractor is None else tools.extractor.features(columns["portrait"])
    return Observed(**columns, around=np.array(around), features=features)


def _look(picture: np.ndarray, track: Track | None, window: Window, tools: Tools) -> dict[str, Any]:
    light = picture.astype(np.float32) / 255
    portrait = np.round(np.clip(window.look(light), 0, 1) * 255).astype(np.uint8)
    seen: dict[str, Any] = {"portrait": portrait}
    if track is None or track.mesh is None or track.blendshapes is None:
        # The embedding of no face: as long as one of a face.
        length = 0 if tools.embedder is None else tools.embedder.length
        nothing = {
            "rotation": (3, 3), "scale": (), "blendshapes": (52,), "embedding": (length,), "contrast": (),
            "mesh": (MESH_POINTS, 3),
        }  # fmt: skip
        return seen | {name: np.full(shape, np.nan) for name, shape in nothing.items()}
    pose = head_pose(track.mesh)
    return seen | {
        "rotation": pose.rotation,
        "scale": pose.scale,
        "blendshapes": track.blendshapes,
        "embedding": np.zeros(0) if tools.embedder is None else tools.embedder.embed(light, track.mesh),
        "contrast": fine_contrast(picture, track.mesh),
        "mesh": track.mesh,
    }
