"""Observe frames of a face: everything that the metrics of a pair need, in one pass over the frames."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ofx_reenact.evaluate.metrics.distribution import FeatureExtractor
from ofx_reenact.evaluate.metrics.identity import Embedder
from ofx_reenact.evaluate.metrics.pixels import fine_contrast
from ofx_reenact.fdgan.window import Window
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.landmarks import MESH68, MESH_POINTS
from ofx_reenact.tracking.rigid import head_pose
from ofx_reenact.tracking.tracker import Track

# Every fourth measured frame is tracked with its two neighbours, for jitter.
_JITTER_STEP = 4


@dataclass(frozen=True)
class Tools:
    """The networks that measure frames; those that are not installed are None, and their numbers are left out."""

    tracker: FaceMesh
    embedder: Embedder | None
    extractor: FeatureExtractor | None


@dataclass(frozen=True)
class Observed:
    """What was measured in N frames; NaN where no face was found.

    Attributes:
        frames: (N,) their numbers.
        rotation: (N, 3, 3) of the head.
        scale: (N,) pixels per canonical centimetre.
        blendshapes: (N, 52).
        embedding: (N, E); E is 0 without an embedder.
        contrast: (N,) fine contrast in the face.
        around: (N, 3, 68, 2) landmarks, pixels, in the frame before, the frame and the frame after; NaN where these
            were not tracked.
        mesh: (N, 478, 3) pixels.
        portrait: (N, 256, 256, 3) uint8, all through the same window.
        features: (N, D) float32 of the portraits; D is 0 without an extractor.
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
        """Frames with a face, (N,) bool."""
        return np.isfinite(self.scale)

    def select(self, numbers: Collection[int]) -> Observed:
        """Return only the frames with these numbers."""
        rows = np.isin(self.frames, list(numbers))
        return Observed(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def add_neighbours(numbers: Sequence[int], present: Collection[int], extra: int) -> list[int]:
    """Return the frames to render and track: those that are measured, one extra frame, and neighbours for jitter.

    Jitter needs three consecutive frames. Rendering them around each measured frame would take three times as long, so
    every fourth measured frame that has both neighbours among the frames ``present`` gets them.
    """
    known = set(present)
    between = [number for number in numbers if {number - 1, number + 1} <= known]
    neighbours = {number + step for number in between[::_JITTER_STEP] for step in (-1, 1)}
    return sorted({extra, *numbers} | neighbours)


def observe(
    shown: Iterable[tuple[int, np.ndarray]], numbers: Collection[int], window: Window, tools: Tools
) -> Observed:
    """Track frames (number, (H, W, 3) uint8) in order, and measure those in ``numbers``; the others give landmarks."""
    tools.tracker.reset()
    landmarks: dict[int, np.ndarray] = {}
    rows: list[dict[str, Any]] = []
    unknown = np.full((68, 2), np.nan)
    last_picture: np.ndarray | None = None
    for number, picture in shown:
        track = tools.tracker.track(picture, number)
        if track is None:
            # Frames may be far apart, and the tracker loses a head that moved far; only one person is in them.
            tools.tracker.reset()
            track = tools.tracker.track(picture, number)
        landmarks[number] = unknown if track is None or track.mesh is None else track.mesh[list(MESH68), :2]
        if number in numbers:
            # The still target is one picture for all frames; it is measured once.
            values = rows[-1] if picture is last_picture else _measure_frame(picture, track, window, tools)
            rows.append(values | {"frames": number})
            last_picture = picture
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    around = [[landmarks.get(number + step, unknown) for step in (-1, 0, 1)] for number in columns["frames"].tolist()]
    no_features = np.zeros((len(rows), 0), np.float32)
    features = no_features if tools.extractor is None else tools.extractor.features(columns["portrait"])
    return Observed(**columns, around=np.array(around), features=features)


def _measure_frame(picture: np.ndarray, track: Track | None, window: Window, tools: Tools) -> dict[str, Any]:
    scaled = picture.astype(np.float32) / 255
    portrait = np.round(np.clip(window.look(scaled), 0, 1) * 255).astype(np.uint8)
    values: dict[str, Any] = {"portrait": portrait}
    if track is None or track.mesh is None or track.blendshapes is None:
        length = 0 if tools.embedder is None else tools.embedder.length
        shapes = {
            "rotation": (3, 3), "scale": (), "blendshapes": (52,), "embedding": (length,), "contrast": (),
            "mesh": (MESH_POINTS, 3),
        }  # fmt: skip
        return values | {name: np.full(shape, np.nan) for name, shape in shapes.items()}
    pose = head_pose(track.mesh)
    return values | {
        "rotation": pose.rotation,
        "scale": pose.scale,
        "blendshapes": track.blendshapes,
        "embedding": np.zeros(0) if tools.embedder is None else tools.embedder.embed(scaled, track.mesh),
        "contrast": fine_contrast(picture, track.mesh),
        "mesh": track.mesh,
    }
