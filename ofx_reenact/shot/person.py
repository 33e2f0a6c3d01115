"""Who is animated, and the face found in a picture of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ofx_reenact.tracking.landmarks import FACE_OVAL, MESH68
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.person import headroom
from ofx_reenact.tracking.rigid import Similarity, head_pose
from ofx_reenact.tracking.tracker import Track


@dataclass(frozen=True)
class Face:
    """A face found in one picture.

    Attributes:
        mesh: (478, 3) float64 pixels of the picture.
        size: the picture's width and height.
        tracker: what found the face.
        picture: name of the picture.
        headroom: (W,) float32, rows of the picture above the person in each column; None where no person was made out.
        pose: of the head, as it was found over a whole sequence; None where the picture is alone.
    """

    mesh: np.ndarray
    size: tuple[int, int]
    tracker: str
    picture: str = ""
    headroom: np.ndarray | None = None
    pose: Similarity | None = None

    @property
    def head(self) -> Similarity:
        """Pose of the head: canonical units → pixels."""
        return self.pose or self._head

    @cached_property
    def _head(self) -> Similarity:
        return head_pose(self.mesh)

    @cached_property
    def frontal(self) -> np.ndarray:
        """The mesh with the head's pose taken out (478, 3), canonical units."""
        return self.head.invert(self.mesh)

    @classmethod
    def of_performance(cls, performance: Performance, row: int, picture: str = "") -> Face:
        """Take one row of a tracked sequence."""
        pose = Similarity(performance.rotation[row], float(performance.scale[row]), performance.translation[row])
        mesh = pose.apply(performance.frontal[row].astype(np.float64))
        return cls(mesh, performance.size, performance.tracker, picture, pose=pose)

    @classmethod
    def of_track(cls, track: Track, shown: np.ndarray, tracker: str, picture: str) -> Face:
        """Build from what a tracker found; a tracker without a mesh has its landmarks lifted to one.

        Args:
            track: the face.
            shown: the picture it was found in, (H, W, 3) uint8.
            tracker: its name.
            picture: name of the picture.
        """
        mesh = track.mesh if track.mesh is not None else lift(track.landmarks)
        above = headroom(shown, mesh[list(FACE_OVAL), :2])
        return cls(mesh.astype(np.float64), (shown.shape[1], shown.shape[0]), tracker, picture, above)


@dataclass(frozen=True)
class Reference:
    """Another picture of the person, or footage: not shown, but known by, and parts are taken from it.

    Attributes:
        name: as the user wrote it.
        frames: (F,) int64, those in which the face was found.
        mesh: (F, 478, 3) float32, square pixels.
        size: width and height of its pictures, square pixels.
    """

    name: str
    frames: np.ndarray
    mesh: np.ndarray
    size: tuple[int, int]

    def face(self, row: int, tracker: str) -> Face:
        """Return the face in one of the pictures."""
        return Face(self.mesh[row].astype(np.float64), self.size, tracker, self.name)

    def title(self, row: int) -> str:
        """Say which picture is meant: the file's name, with the frame's number of several."""
        name = Path(self.name).name
        return name if len(self.frames) == 1 else f"{name}:{self.frames[row]}"


@dataclass(frozen=True)
class Person:
    """Who is animated, over all pictures of them.

    Attributes:
        rest: (478, 3) frontal mesh of the face at rest, canonical units.
        tracker: whose points these are; a performance must come from the same.
        code: (128,) float32, z_T of LD-Net.
        weights_sha256: the LD-Net weights that made the code.
        dictionary: FD-GAN's tables (n_i, C_i) float32, finest first; empty without FD-GAN.
        fdgan_sha256: the FD-GAN weights that wrote it, and ``""`` without.
        adapters: what a custom identity taught the translator, by name; empty without.
    """

    rest: np.ndarray
    tracker: str
    code: np.ndarray
    weights_sha256: str
    dictionary: tuple[np.ndarray, ...] = ()
    fdgan_sha256: str = ""
    adapters: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def landmarks(self) -> np.ndarray:
        """The 68 landmarks at rest (68, 2), as LD-Net takes them."""
        return self.rest[list(MESH68), :2]
