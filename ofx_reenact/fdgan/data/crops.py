"""A packed set of face crops: what FD-GAN is trained and measured on, in one file that needs no other.

Each crop is upright and square around one face, display-encoded; with it go its tracked mesh, a mask of the person, who
it is and on what terms. People are split once, by a digest of their name: nobody is in training and in validation.
"""

from __future__ import annotations

import fnmatch
import hashlib
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.files import written_whole
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.media import Labels, find_media, images
from ofx_reenact.frames.sequence import VIDEOS
from ofx_reenact.tracking.facemesh import FaceMesh, Region
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT
from ofx_reenact.tracking.person import SelfieSegmentation
from ofx_reenact.tracking.tracker import Track, Tracker

SCHEMA = "ofx-reenact/crops/2"
# The crop's side in regions of the face mesh: hair and neck belong to the portrait.
AROUND = 1.2
# Faces whose outer eye corners are nearer than this, in pixels of the file, teach nothing but blur.
SMALLEST = 45.0
# Mean absolute Laplacian of the face over its deviation; below, it is out of focus or blown up.
SHARPEST_BLUR = 0.012
# The face is tracked again in its crop; a mesh that moves by more, in eye distances, is not to be trusted.
DISAGREEMENT = 0.06
# One person in so many is kept for validation.
VALIDATION = 8
QUALITY = 95
# Of the mask's outline on a sheet.
_OUTLINE = (255, 60, 200)


@dataclass(frozen=True)
class Crops:
    """A set of N crops.

    Attributes:
        size: side of the crops in pixels.
        mesh: (N, 478, 3) float32, pixels of the crop.
        person: (N,) index into ``people``.
        people: names.
        take: (N,) names of expressions or clips with frames.
        terms: (N,) terms of use.
        detail: (N,) pixels of the file for a pixel of the crop; below 1 the crop is blown up.
        validation: (N,) bool; of people who are kept from training.
    """

    size: int
    mesh: np.ndarray
    person: np.ndarray
    people: tuple[str, ...]
    take: np.ndarray
    terms: np.ndarray
    detail: np.ndarray
    validation: np.ndarray
    _bytes: np.ndarray
    _offsets: np.ndarray
    _masks: np.ndarray
    _mask_offsets: np.ndarray

    def __len__(self) -> int:
        """Number of crops."""
        return len(self.person)

    def picture(self, row: int) -> np.ndarray:
        """Return one crop, (size, size, 3) float32 in [0, 1]."""
        return unpack(self._bytes, self._offsets, row).astype(np.float32) / 255

    def mask(self, row: int) -> np.ndarray:
        """How likely each pixel of a crop shows a person, (size, size) float32 in [0, 1]."""
        return unpack(self._masks, self._mask_offsets, row)[..., 0].astype(np.float32) / 255

    def of(self, person: int) -> np.ndarray:
        """Rows of one person."""
        return np.nonzero(self.person == person)[0]

    @classmethod
    def load(cls, path: str | Path) -> Crops:
        """Read a set.

        Raises:
            ReenactError: no such file, or not a set of crops of this version.
        """
        data = read_npz(path, SCHEMA, "set of crops of this version; `ofx-reenact data crops` makes one")
        return cls(
            int(data["size"]), data["mesh"], data["person"], tuple(data["people"].tolist()), data["take"],
            data["terms"], data["detail"], data["validation"], data["bytes"], data["offsets"],
            data["masks"], data["mask_offsets"],
        )  # fmt: skip


@dataclass
class Counts:
    """What became of the faces: kept, and why the others were left out."""

    kept: int = 0
    faceless: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    blurred: list[str] = field(default_factory=list)
    untrusted: list[str] = field(default_factory=list)


@dataclass
class _Rows:
    picture: list[np.ndarray] = field(default_factory=list)
    mask: list[np.ndarray] = field(default_factory=list)
    mesh: list[np.ndarray] = field(default_factory=list)
    person: list[str] = field(default_factory=list)
    take: list[str] = field(default_factory=list)
    terms: list[str] = field(default_factory=list)
    detail: list[float] = field(default_factory=list)


def build_crops(
    inputs: Sequence[str],
    out: Path,
    *,
    size: int = 384,
    every: int = 5,
    hold_out: Sequence[str] = (),
    observe: Callable[[Path, Counts], None] = lambda path, counts: None,
) -> Counts:
    """Crop the faces of pictures and clips and write the set.

    Args:
        inputs: files and folders.
        out: file to write.
        size: side of the crops.
        every: take every so many frames of a clip.
        hold_out: patterns of people's names who are kept for validation beside those whom chance takes.
        observe: called after each file.

    Raises:
        ReenactError: fewer than two usable faces, or a file cannot be read.
        OutputError: the set cannot be written.
    """
    rows, counts, colour, labels = _Rows(), Counts(), Colour(), Labels()
    tracker, second, segmentation = FaceMesh(), FaceMesh(), SelfieSegmentation()
    for path in find_media(inputs):
        tracker.reset()
        label = labels.of(path)
        for frame, image in images(path, every, colour):
            name = f"{path.name} frame {frame}" if path.suffix.lower() in VIDEOS else path.name
            crop = _crop(image, frame, size, tracker, second, name, counts)
            if crop is None:
                continue
            picture, mesh, detail = crop
            rows.picture.append(pack(picture))
            rows.mask.append(_pack_mask(segmentation.mask(picture)))
            rows.mesh.append(mesh)
            rows.person.append(label.person)
            rows.take.append(label.take)
            rows.terms.append(label.terms)
            rows.detail.append(detail)
        observe(path, counts)
    if counts.kept < 2:
        raise ReenactError(f"{', '.join(inputs)}: {counts.kept} usable faces; training needs at least two pictures")
    _write(out, rows, size, hold_out)
    return counts


def held_out(person: str, patterns: Sequence[str] = ()) -> bool:
    """Tell whether a person is kept for validation: by a pattern, or by a digest of the name."""
    if any(fnmatch.fnmatchcase(person, pattern) for pattern in patterns):
        return True
    return hashlib.sha256(person.encode()).digest()[0] % VALIDATION == 0


def pack(picture: np.ndarray) -> np.ndarray:
    """Encode an RGB or grey uint8 picture as WebP bytes (n,)."""
    _, encoded = cv2.imencode(".webp", picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    return encoded.ravel()


def _pack_mask(mask: np.ndarray) -> np.ndarray:
    """Encode a mask (H, W) in [0, 1] as PNG bytes (n,), 8 bit."""
    _, encoded = cv2.imencode(".png", np.round(mask * 255).astype(np.uint8))
    return encoded.ravel()


def unpack(packed: np.ndarray, offsets: np.ndarray, row: int) -> np.ndarray:
    """Decode one of the pictures packed one after the other, (H, W, 3) uint8 RGB."""
    decoded = np.asarray(cv2.imdecode(packed[offsets[row] : offsets[row + 1]], cv2.IMREAD_COLOR))
    return np.ascontiguousarray(decoded[..., ::-1])


def schema_of(path: str | Path) -> str:
    """Return the schema that an ``.npz`` names; ``""`` if it names none or is something else.

    Raises:
        ReenactError: no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            return str(data["schema"])
    except FileNotFoundError as error:
        raise ReenactError(f"{path}: no such file") from error
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile):
        return ""


def look(crops: Crops, count: int = 40, columns: int = 8, side: int = 256) -> np.ndarray:
    """Show crops with the outlines of their masks at one half, (H, W, 3) uint8."""
    cells = []
    for row in np.linspace(0, len(crops) - 1, min(count, len(crops))).astype(int).tolist():
        drawn = np.round(cv2.resize(crops.picture(row), (side, side), interpolation=cv2.INTER_AREA) * 255)
        person = (cv2.resize(crops.mask(row), (side, side), interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
        outlines, _ = cv2.findContours(person, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cells.append(cv2.drawContours(drawn.astype(np.uint8), outlines, -1, _OUTLINE, 2))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    lines = [np.concatenate(cells[start : start + columns], axis=1) for start in range(0, len(cells), columns)]
    return np.concatenate(lines)


def read_npz(path: str | Path, schema: str, wanted: str) -> dict[str, np.ndarray]:
    """Read an ``.npz`` of one of this package's schemas.

    Raises:
        ReenactError: no such file, or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except FileNotFoundError as error:
        raise ReenactError(f"{path}: no such file") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ReenactError(f"{path}: not a {wanted}") from error
    if str(arrays.get("schema")) != schema:
        raise ReenactError(f"{path}: not a {wanted}")
    return arrays


def _crop(
    image: np.ndarray, frame: int, size: int, tracker: Tracker, second: Tracker, name: str, counts: Counts
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Cut one face out; None, and counted, if it is of no use."""
    track = tracker.track(image, frame)
    if track is None or track.mesh is None:
        counts.faceless.append(name)
        return None
    apart = _eyes_apart(track.mesh)
    if apart < SMALLEST:
        counts.small.append(name)
        return None
    region = Region.of_mesh(track.mesh)
    picture, matrix = _cut(image, region, size)
    mesh = track.mesh.copy()
    mesh[:, :2] = mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    mesh[:, 2] *= np.linalg.norm(matrix[:, 0])
    second.reset()
    again = second.track(picture, 0)
    if again is None or again.mesh is None or _disagreement(again, mesh) > DISAGREEMENT:
        counts.untrusted.append(name)
        return None
    if _sharpness(picture, mesh) < SHARPEST_BLUR:
        counts.blurred.append(name)
        return None
    counts.kept += 1
    return picture, mesh.astype(np.float32), AROUND * region.side / size


def _cut(image: np.ndarray, region: Region, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut a region out upright: picture (size, size, 3) uint8, and the affine map (2, 3) image → crop."""
    step = AROUND * region.side / size
    cos, sin = np.cos(region.angle) / step, np.sin(region.angle) / step
    turn = np.array([[cos, sin], [-sin, cos]])
    matrix = np.column_stack([turn, (size - 1) / 2 - turn @ [region.x, region.y]])
    if step > 1:
        image = cv2.GaussianBlur(image, (0, 0), 0.5 * np.sqrt(step**2 - 1) + 1e-3)
    flags = cv2.INTER_CUBIC if step < 1 else cv2.INTER_LINEAR
    cut = cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return cut, matrix


def _eyes_apart(mesh: np.ndarray) -> float:
    return float(np.linalg.norm(mesh[EYE_LEFT[0][-1], :2] - mesh[EYE_RIGHT[0][0], :2]))


def _disagreement(track: Track, mesh: np.ndarray) -> float:
    assert track.mesh is not None
    return float(np.linalg.norm(track.mesh[:, :2] - mesh[:, :2], axis=1).mean()) / _eyes_apart(mesh)


def _sharpness(picture: np.ndarray, mesh: np.ndarray) -> float:
    """Mean absolute Laplacian of the face, at the size of its eyes 100 pixels apart, over its deviation."""
    low, high = mesh[:468, :2].min(0).astype(int), mesh[:468, :2].max(0).astype(int)
    face = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[max(low[1], 0) : high[1], max(low[0], 0) : high[0]]
    scale = 100 / _eyes_apart(mesh)
    face = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    return float(np.abs(cv2.Laplacian(face, cv2.CV_32F)).mean() / max(float(face.std()), 1.0)) / 4


def _write(out: Path, rows: _Rows, size: int, hold_out: Sequence[str]) -> None:
    people, person = np.unique(rows.person, return_inverse=True)
    validation = np.array([held_out(str(name), hold_out) for name in people])
    with written_whole(out) as partial, partial.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            schema=np.asarray(SCHEMA),
            size=np.asarray(size),
            mesh=np.asarray(rows.mesh),
            person=person,
            people=people,
            take=np.asarray(rows.take),
            terms=np.asarray(rows.terms),
            detail=np.asarray(rows.detail, np.float32),
            validation=validation[person],
            bytes=np.concatenate(rows.picture),
            offsets=np.cumsum([0, *map(len, rows.picture)]),
            masks=np.concatenate(rows.mask),
            mask_offsets=np.cumsum([0, *map(len, rows.mask)]),
        )
