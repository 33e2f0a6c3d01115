"""Render the frames of a pair, compare each with the plate's pixels, and track the result as clips are tracked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ofx_reenact.engine.loader import Loader
from ofx_reenact.evaluate.metrics.identity import Embedder
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.motion import Motion
from ofx_reenact.shot.shot import Shot
from ofx_reenact.tracking.analyse import analyse
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.tracker import Track

# Called with the number of a frame and its picture, (H, W, 3) uint8.
FrameObserver = Callable[[int, np.ndarray], None]


class EmbeddingTracker(FaceMesh):
    """Tracks faces and embeds each: ``embeddings`` has them by frame."""

    def __init__(self, embedder: Embedder | None) -> None:
        super().__init__()
        self.embedder = embedder
        self.embeddings: dict[int, np.ndarray] = {}

    def reset(self) -> None:
        """Forget the clip."""
        super().reset()
        self.embeddings = {}

    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find the face in a picture (H, W, 3) uint8; None if there is none."""
        found = super().track(image, frame)
        if found is not None and found.mesh is not None and self.embedder is not None:
            self.embeddings[frame] = self.embedder.embed(image.astype(np.float32) / 255, found.mesh)
        return found


@dataclass
class TrackedResult:
    """What was measured in the N rendered frames of a pair, (N,) each.

    Attributes:
        outside: largest difference from the plate's pixels where the matte is 0, scene-linear.
        strays: number of pixels that differ there.
        parts: whether the frame takes a part from another frame.
        confidence: the shot's confidence.
        exact: whether every pixel is the plate's.
        asked: largest displacement that is asked of a point of the face, pixels.
        meshes: frontal meshes (468, 3), canonical units, that the shot asks for.
        performance: the performance tracked in the result; None without a tracker.
        embeddings: face embeddings by frame.
    """

    outside: list[float] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)
    parts: list[bool] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    exact: list[bool] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    meshes: list[np.ndarray] = field(default_factory=list)
    performance: Performance | None = None
    embeddings: dict[int, np.ndarray] = field(default_factory=dict)

    def add(self, made: Frame, plate: np.ndarray, shot: Shot, frame: int) -> None:
        """Add one rendered frame; ``plate`` are the plate's pixels (H, W, C)."""
        largest, count = differences_outside_matte(made, plate)
        self.outside.append(largest)
        self.strays.append(count)
        self.parts.append(takes_parts(made))
        self.confidence.append(made.pose_confidence)
        self.exact.append(np.array_equal(made.colour, plate))
        self.asked.append(largest_displacement(shot.motion, frame))
        self.meshes.append(requested_mesh(shot, frame))


def render_and_track(
    loader: Loader, frames: Sequence[int], tracker: EmbeddingTracker | None, observe: FrameObserver
) -> TrackedResult:
    """Render and measure frames, and track them unless there is no tracker; ``observe`` is called with each.

    Raises:
        ReenactError: a frame cannot be rendered, or no face is found in any.
    """
    result = TrackedResult()
    pictures = _render(loader, frames, result, observe)
    if tracker is None:
        for _ in pictures:
            pass
        return result
    result.performance = analyse(pictures, tracker, name="the result", fps=None)
    result.embeddings = tracker.embeddings
    return result


def differences_outside_matte(made: Frame, plate: np.ndarray) -> tuple[float, int]:
    """Return the largest difference from the plate (H, W, C) where the matte is 0, and how many pixels differ there."""
    outside = made.matte == 0
    differences = np.abs(made.colour[outside].astype(np.float64) - plate[outside]).max(-1)
    return float(differences.max(initial=0)), int((differences > 0).sum())


def largest_displacement(motion: Motion, frame: int) -> float:
    """Return the largest displacement, pixels, that is asked of a point of the face, before small ones are ignored."""
    row = motion.rows[frame]
    return float(np.linalg.norm(motion.expression[row], axis=-1).max() * motion.heads.at(row).scale)


def requested_mesh(shot: Shot, frame: int) -> np.ndarray:
    """Return the frontal mesh (468, 3), canonical units, that a shot asks for in a frame."""
    pose = shot.pose(frame)
    return np.asarray(pose.head.invert(pose.mesh(shot.target.view(frame))))


def takes_parts(made: Frame) -> bool:
    """Return whether a frame takes a part from another frame."""
    return bool(np.any(made.parts))


def _render(
    loader: Loader, frames: Sequence[int], result: TrackedResult, observe: FrameObserver
) -> Iterator[tuple[int, np.ndarray]]:
    shot = loader.shot
    for frame in frames:
        made, picture = shot.render(frame), loader.plates.picture(frame)
        result.add(made, picture.pixels, shot, frame)
        shown = picture.squeeze.stretch_picture(loader.colour.to_display(made.colour[..., :3], picture.space))
        observe(frame, shown)
        yield frame, shown
