"""The performance file: a tracked driver, smoothed, with gaps filled and a reference frame.

An ``.npz`` archive without pickled content; ``docs/performance.md`` describes each array. A target that moves has one,
too: for it, read "the target" wherever the text says "the driver".
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field, fields
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from ofx_reenact.arrays import read_arrays, text_in
from ofx_reenact.errors import TrackingError
from ofx_reenact.files import write_whole
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.tracking.performance_check import check_performance
from ofx_reenact.tracking.surface import FACE_POINTS

SCHEMA = "ofx-reenact/performance/1"
# Degrees of head rotation away from the target's that cost as much as 1 of neutrality.
_TURN = 40.0
# Least confidence of a face that is used as the reference frame or as an example of the person.
LEAST_CONFIDENCE = 0.5


class State(IntEnum):
    """How a frame got its face: tracked, interpolated in a short gap (bridged), or held from another frame."""

    TRACKED = 0
    BRIDGED = 1
    HELD = 2


@dataclass(frozen=True)
class Performance:
    """A tracked driver of T frames. Pixels are square, at the driver's resolution; canonical units are centimetres.

    Attributes:
        frames: (T,) int64, every frame from the first to the last.
        state: (T,) uint8, a :class:`State` each.
        absent: (n,) int64, numbers of frames that the driver lacks.
        confidence: (T,) float32, the tracker's, 0 to 1; 0 without a face.
        neutrality: (T,) float32; 0 is a face at rest, larger values are further from it.
        raw_landmarks: (T, 68, 2) float32 pixels, not smoothed; gaps filled.
        raw_mesh: (T, 478, 3) float32 pixels, tracked or lifted from landmarks, not smoothed; gaps filled.
        blendshapes: (T, 52) float32; all 0 for trackers without them.
        frontal: (T, 478, 3) float32 canonical units; smoothed, head pose taken out.
        rotation, scale, translation: (T, 3, 3), (T,), (T, 3) float64; smoothed pose, canonical units to pixels.
        hand_made: (T,) bool, the landmarks were placed by hand.
        reference: number of the reference frame, unless a render chooses another.
        chosen: whether the user chose the reference frame.
        size: (2,) int64, the driver's width and height in square pixels.
        fps: frames a second as "24000/1001"; "" if unknown.
        name, tracker, versions: the driver as the user named it, the tracker's name, and versions as JSON.
        smoothing: strength of the smoothing.
        aspect: width over height of a pixel in the driver's files.
        made_of: the driver and the options that it was made from, as JSON; "" in files of earlier versions.
        cut: (T,) bool, the frame is the first of a new shot; all False in files of earlier versions.
        skin: (T, 468) uint8, luma of the picture under each point of the mesh; all 0 where unknown.
        light: (T,) float32, mean luma of the face's pixels, 0 to 1, gaps filled; 0 where unknown.
    """

    frames: np.ndarray
    state: np.ndarray
    absent: np.ndarray
    confidence: np.ndarray
    neutrality: np.ndarray
    raw_landmarks: np.ndarray
    raw_mesh: np.ndarray
    blendshapes: np.ndarray
    frontal: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    translation: np.ndarray
    hand_made: np.ndarray
    reference: int
    chosen: bool
    size: tuple[int, int]
    fps: str
    name: str
    tracker: str
    versions: str
    smoothing: float
    aspect: float = 1.0
    made_of: str = ""
    cut: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    light: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    skin: np.ndarray = field(default_factory=lambda: np.zeros((0, FACE_POINTS), np.uint8))

    def __post_init__(self) -> None:
        for name in ("cut", "light", "skin"):
            if not len(values := getattr(self, name)):
                object.__setattr__(self, name, np.zeros((len(self.frames), *values.shape[1:]), values.dtype))

    @property
    def rate(self) -> Fraction | None:
        """Frames per second, or None if unknown."""
        return Fraction(self.fps) if self.fps else None

    @property
    def file_size(self) -> tuple[int, int]:
        """Width and height in pixels of the driver's files."""
        return round(self.size[0] / self.squeeze.x), round(self.size[1] / self.squeeze.y)

    @property
    def squeeze(self) -> Squeeze:
        """Conversion between pixels of the driver's files and square ones."""
        return Squeeze.of_aspect(self.aspect)

    @property
    def confident(self) -> np.ndarray:
        """Which frames are tracked with a confidence of at least 0.5: (T,) bool."""
        return (self.state == State.TRACKED) & (self.confidence >= LEAST_CONFIDENCE)

    @property
    def segments(self) -> list[slice]:
        """The rows of each shot, in order."""
        return segments_of(self.cut)

    @property
    def mesh(self) -> np.ndarray:
        """The smoothed mesh (T, 478, 3) in pixels."""
        turned = np.einsum("tij,tnj->tni", self.rotation, self.frontal.astype(np.float64))
        return self.scale[:, None, None] * turned + self.translation[:, None]

    def choose_reference(self, rotation: np.ndarray) -> int:
        """Return the frame with the least sum of neutrality and of the head's turn away from a rotation (3, 3).

        If the user chose a reference frame when tracking, that one is returned.
        """
        if self.chosen:
            return self.reference
        turn = np.degrees(Rotation.from_matrix(self.rotation @ rotation.T).magnitude())
        cost = self.neutrality + turn / _TURN
        cost = np.where((self.state == State.TRACKED) & (self.confidence >= 0.5), cost, cost + 1000)
        return int(self.frames[int(np.argmin(cost))])

    def save(self, path: Path) -> None:
        """Write the file, completely or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        content: dict[str, Any] = {one.name: np.asarray(getattr(self, one.name)) for one in fields(self)}
        with write_whole(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, schema=np.asarray(SCHEMA), **content)

    @classmethod
    def load(cls, path: Path) -> Performance:
        """Read and check a performance file.

        Raises:
            TrackingError: it is missing, damaged, of another schema, or has values out of range.
        """
        content = read_arrays(path, what="performance file", hint="track the driver again", error=TrackingError)
        try:
            if "schema" not in content or text_in(content["schema"]) != SCHEMA:
                raise TrackingError(f"{path}: not a performance file of this version; track the driver again")
            check_performance(content)
        except ValueError as error:
            raise TrackingError(f"{path}: {error}; track the driver again") from error
        found = {one.name: content[one.name] for one in fields(cls) if one.name in content}
        plain: dict[str, Any] = {name: array if array.ndim else array.item() for name, array in found.items()}
        plain |= {"size": (int(content["size"][0]), int(content["size"][1])), "chosen": bool(content["chosen"])}
        return cls(**plain)


def segments_of(cut: np.ndarray) -> list[slice]:
    """Return the rows of each shot, in order; ``cut`` (T,) bool marks the first frame of each."""
    ends = [0, *(np.nonzero(cut[1:])[0] + 1).tolist(), len(cut)]
    return [slice(first, end) for first, end in itertools.pairwise(ends)]


def versions_json(tracker: str) -> str:
    """Return the versions of the tracker and the packages that make a performance, as JSON."""
    from importlib.metadata import version

    from ofx_reenact import __version__

    names = ("opencv-python", "numpy", "scipy")
    return json.dumps(
        {"ofx-reenact": __version__, "tracker": tracker, **{name: version(name) for name in names}}, sort_keys=True
    )
