"""Frames that were made, looked at one after the other: against the plate's pixels, then as the clips were tracked."""

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

Shown = Callable[[int, np.ndarray], None]


class Watcher(FaceMesh):
    """Tracks as clips are tracked, and embeds each face that it finds: ``embeddings`` by frame."""

    def __init__(self, embedder: Embedder | None) -> None:
        super().__init__()
        self.embedder = embedder
        self.embeddings: dict[int, np.ndarray] = {}

    def reset(self) -> None:
        """Begin another clip."""
        super().reset()
        self.embeddings = {}

    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find the face in a picture (H, W, 3) uint8; None if there is none."""
        found = super().track(image, frame)
        if found is not None and found.mesh is not None and self.embedder is not None:
            self.embeddings[frame] = self.embedder.embed(image.astype(np.float32) / 255, found.mesh)
        return found


@dataclass
class Looked:
    """What was seen in N frames of a result, (N,) each.

    Attributes:
        outside: largest difference from the plate's pixels where the matte is 0.
        strays: how many pixels differ there.
        parts: whether the frame takes a part from another frame.
        sure: the shot's confidence.
        exact: whether every pixel is the plate's.
        asked: largest displacement that a point of the face is asked to make, pixels.
        meshes: the frontal meshes (468, 3) that are asked for.
        performance: the result, tracked; None where it was not asked for.
        embeddings: of its faces, by frame.
    """

    outside: list[float] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)
    parts: list[bool] = field(default_factory=list)
    sure: list[float] = field(default_factory=list)
    exact: list[bool] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    meshes: list[np.ndarray] = field(default_factory=list)
    performance: Performance | None = None
    embeddings: dict[int, np.ndarray] = field(default_factory=dict)

    def add(self, made: Frame, plate: np.ndarray, shot: Shot, frame: int) -> None:
        """Take in one frame, the plate's pixels (H, W, C) and what the shot asks of its face."""
        largest, count = stray(made, plate)
        self.outside.append(largest)
        self.strays.append(count)
        self.parts.append(took_parts(made))
        self.sure.append(made.sure)
        self.exact.append(np.array_equal(made.colour, plate))
        self.asked.append(asked_of(shot.motion, frame))
        self.meshes.append(posed(shot, frame))


def look(loader: Loader, frames: Sequence[int], watcher: Watcher | None, shown: Shown) -> Looked:
    """Render frames and look at each; ``shown`` is called with each as it is looked at, (H, W, 3) uint8.

    Without a watcher nothing is tracked.

    Raises:
        ReenactError: a frame cannot be made, or no face is found in any.
    """
    looked = Looked()
    pictures = _pictures(loader, frames, looked, shown)
    if watcher is None:
        for _ in pictures:
            pass
        return looked
    looked.performance = analyse(pictures, watcher, name="the result", fps=None)
    looked.embeddings = watcher.embeddings
    return looked


def stray(made: Frame, plate: np.ndarray) -> tuple[float, int]:
    """Compare with the plate's pixels (H, W, C) where the matte is 0: largest difference, pixels that differ."""
    away = made.matte == 0
    apart = np.abs(made.colour[away].astype(np.float64) - plate[away]).max(-1)
    return float(apart.max(initial=0)), int((apart > 0).sum())


def asked_of(motion: Motion, frame: int) -> float:
    """Return the largest displacement that a point of the face is asked to make, pixels, before any gate."""
    row = motion.rows[frame]
    return float(np.linalg.norm(motion.expression[row], axis=-1).max() * motion.heads.at(row).scale)


def posed(shot: Shot, frame: int) -> np.ndarray:
    """Return the frontal mesh (468, 3) that a shot asks for in a frame, canonical units."""
    pose = shot.pose(frame)
    return np.asarray(pose.head.invert(pose.mesh(shot.target.view(frame))))


def took_parts(made: Frame) -> bool:
    """Tell whether a frame takes a part from another frame."""
    return bool(np.any(made.parts))


def _pictures(
    loader: Loader, frames: Sequence[int], looked: Looked, shown: Shown
) -> Iterator[tuple[int, np.ndarray]]:
    shot = loader.shot
    for frame in frames:
        made, picture = shot.render(frame), loader.plates.picture(frame)
        looked.add(made, picture.pixels, shot, frame)
        seen = picture.squeeze.show(loader.colour.to_display(made.colour[..., :3], picture.space))
        shown(frame, seen)
        yield frame, seen
