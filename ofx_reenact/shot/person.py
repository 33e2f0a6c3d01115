"""The person to animate, the face that was found in one picture of them, and their other pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ofx_reenact.tracking.landmarks import FACE_OVAL, MESH68
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.person import measure_headroom
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
        headroom: (W,) float32, number of rows above the person in each column; None if no person was segmented.
        pose: the head's, if it was found (and smoothed) over a sequence; None for a single picture, where
            :attr:`head` is computed from the mesh alone.
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
        """Return the face in one row of a tracked sequence."""
        pose = Similarity(performance.rotation[row], float(performance.scale[row]), performance.translation[row])
        mesh = pose.apply(performance.frontal[row].astype(np.float64))
        return cls(mesh, performance.size, performance.tracker, picture, pose=pose)

    @classmethod
    def of_track(cls, track: Track, shown: np.ndarray, tracker: str, picture: str) -> Face:
        """Build a face from a tracker's result; landmarks without a mesh are lifted to one.

        Args:
            track: the tracker's result.
            shown: (H, W, 3) uint8, the display-encoded picture that it was found in.
            tracker: the tracker's name.
            picture: the picture's name.
        """
        mesh = track.mesh if track.mesh is not None else lift(track.landmarks)
        above = measure_headroom(shown, mesh[list(FACE_OVAL), :2])
        return cls(mesh.astype(np.float64), (shown.shape[1], shown.shape[0]), tracker, picture, above)


@dataclass(frozen=True)
class AppearanceSource:
    """An appearance picture, or footage, of the person (``--appearance``): mouth and eyes may be taken from it.

    Attributes:
        name: the path as the user wrote it.
        frames: (F,) int64, numbers of the frames in which the face was found.
        mesh: (F, 478, 3) float32, the face in each of them, square pixels.
        size: width and height of its pictures, square pixels.
    """

    name: str
    frames: np.ndarray
    mesh: np.ndarray
    size: tuple[int, int]

    def face(self, row: int, tracker: str) -> Face:
        """Return the face in the frame of a row."""
        return Face(self.mesh[row].astype(np.float64), self.size, tracker, self.name)

    def title(self, row: int) -> str:
        """Return the file's name, with the frame's number if there are several, as ``clip.mov:12``."""
        name = Path(self.name).name
        return name if len(self.frames) == 1 else f"{name}:{self.frames[row]}"


@dataclass(frozen=True)
class Person:
    """The person who is animated: what is the same in all pictures of them.

    Attributes:
        rest: (478, 3) frontal mesh of the face at rest, canonical units.
        tracker: name of the tracker that found it; performances must come from the same one.
        code: (128,) float32, LD-Net's identity code (z_T in the paper).
        weights_sha256: digest of the LD-Net weights that computed the code.
        dictionary: FD-GAN's tables (n_i, C_i) float32, finest first; empty without FD-GAN.
        fdgan_sha256: digest of the FD-GAN weights that wrote the dictionary; ``""`` without.
        adapters: trained changes of the translator's layers for this person, by name; empty without.
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
        """The 68 landmarks at rest (68, 2), frontal, canonical units: LD-Net's input."""
        return self.rest[list(MESH68), :2]
