"""Cut faces out of photographs and clips, and write the file of crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.media import Label, Labels, find_media, images
from ofx_reenact.frames.video import VIDEOS
from ofx_reenact.tracking.detect import Region
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT
from ofx_reenact.tracking.person import SelfieSegmentation
from ofx_reenact.tracking.tracker import Track, Tracker
from ofx_reenact.training.fdgan.data.crop_set import SCHEMA, is_held_out
from ofx_reenact.training.fdgan.data.packed_pictures import pack
from ofx_reenact.training.fdgan.data.resumable import Arrays, Observe, PartFiles, make_parts
from ofx_reenact.training.npz import Columns, offsets_of_lengths, write_npz

# A crop's side, in sides of the tracker's region: it has room for hair and neck.
AROUND = 1.2
# Least distance of the outer eye corners, in pixels of the photograph; smaller faces are blurred.
SMALLEST = 45.0
# Least mean absolute Laplacian of the face over its standard deviation; below, it is out of focus or enlarged.
LEAST_SHARPNESS = 0.012
# The face is tracked again in its crop. Largest mean distance of the two meshes, in distances of the eyes.
DISAGREEMENT = 0.06
# A crop has twice the side if the photograph then has at least this many pixels for one of the crop.
FINE_FROM = 0.8


@dataclass
class Counts:
    """Number of crops kept, and the names of pictures left out, by reason (``REASONS``)."""

    kept: int = 0
    faceless: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    blurred: list[str] = field(default_factory=list)
    untrusted: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)


# No face; a face below SMALLEST, or below LEAST_SHARPNESS; two meshes that disagree; no terms of use.
REASONS = ("faceless", "small", "blurred", "untrusted", "unlisted")


@dataclass(frozen=True)
class _Source:
    """A photograph or clip, who is in it, and how crops of it are made."""

    path: Path
    label: Label
    size: int
    every: int


def build_crops(
    inputs: Sequence[str],
    out: Path,
    *,
    size: int = 384,
    every: int = 5,
    hold_out: Sequence[str] = (),
    listed: bool = False,
    jobs: int = 1,
    observe: Observe = lambda done, count: None,
) -> Counts:
    """Cut out the faces of files and folders and write the file of crops.

    Args:
        inputs: photographs, clips and folders.
        out: file to write.
        size: side of the crops in pixels; twice that where the photograph has the pixels.
        every: step from one frame of a clip to the next that is used.
        hold_out: patterns of names to keep for validation, beside those that :func:`is_held_out` selects.
        listed: leave out files for which no ``index.csv`` gives the terms of use.
        jobs: number of processes. What they made is kept until the file is written, so that a second call continues.
        observe: called with the number of files done and of all files.

    Raises:
        ReenactError: there are fewer than two usable faces, or a file cannot be read.
        OutputError: the file cannot be written.
    """
    counts, labels = Counts(), Labels()
    sources = [_Source(path, labels.of(path), size, every) for path in find_media(inputs)]
    if listed:
        counts.unlisted = [source.path.name for source in sources if not source.label.terms]
        sources = [source for source in sources if source.label.terms]
    stats = [(s.path, s.path.stat()) for s in sources]
    made_of = [size, every, [[str(path.absolute()), stat.st_size, stat.st_mtime_ns] for path, stat in stats]]
    parts, rows = PartFiles(out, made_of), Columns()
    for source, part in zip(sources, make_parts(_cut_crops, sources, parts, jobs, observe, _load_tools), strict=True):
        for name, values in part.items():
            if name in REASONS:
                getattr(counts, name).extend(values.tolist())
            else:
                rows[name].append(values)
        label, found = source.label, len(part["detail"])
        counts.kept += found
        for _ in range(found):
            rows.add(person=label.person, take=label.take, terms=label.terms)
    if counts.kept < 2:
        raise ReenactError(
            f"{', '.join(inputs)}: {counts.kept} usable faces; training needs at least two: give larger or sharper ones"
        )
    _write(out, rows, hold_out)
    parts.remove()
    return counts


_Tools = tuple[FaceMesh, FaceMesh, SelfieSegmentation, Colour]


def _load_tools() -> _Tools:
    """Load the trackers, for the photograph and for the crop, the segmentation and the colour conversion."""
    return FaceMesh(), FaceMesh(), SelfieSegmentation(), Colour()


def _cut_crops(tools: _Tools, source: _Source) -> Arrays:
    """Cut out the faces of one file."""
    tracker, crop_tracker, segmentation, colour = tools
    rows, counts, path = Columns(), Counts(), source.path
    tracker.reset()
    for frame, image in images(path, source.every, colour):
        name = f"{path.name} frame {frame}" if path.suffix.lower() in VIDEOS else path.name
        crop = _crop(image, frame, source.size, tracker, crop_tracker, name, counts)
        if crop is not None:
            picture, mesh, detail = crop
            packed, mask = pack(picture), _pack_mask(segmentation.mask(picture))
            rows.add(picture=packed, bytes=len(packed), mask=mask, mask_bytes=len(mask), mesh=mesh, detail=detail)
    return {
        "picture": np.concatenate([*rows["picture"], np.zeros(0, np.uint8)]),
        "bytes": np.asarray(rows["bytes"], np.int64),
        "mask": np.concatenate([*rows["mask"], np.zeros(0, np.uint8)]),
        "mask_bytes": np.asarray(rows["mask_bytes"], np.int64),
        "mesh": np.asarray(rows["mesh"], np.float32).reshape(-1, 478, 3),
        "detail": np.asarray(rows["detail"], np.float32),
        **{reason: np.asarray(getattr(counts, reason), str) for reason in REASONS},
    }


def _crop(
    image: np.ndarray, frame: int, size: int, tracker: Tracker, crop_tracker: Tracker, name: str, counts: Counts
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Cut out one face: crop, mesh and detail. Returns None, and counts the reason, if it is not usable."""
    track = tracker.track(image, frame)
    if track is None or track.mesh is None:
        counts.faceless.append(name)
        return None
    apart = _eyes_apart(track.mesh)
    if apart < SMALLEST:
        counts.small.append(name)
        return None
    region = Region.of_mesh(track.mesh)
    size *= 2 if AROUND * region.side / (2 * size) >= FINE_FROM else 1
    picture, matrix = _cut(image, region, size)
    mesh = track.mesh.copy()
    mesh[:, :2] = mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    mesh[:, 2] *= np.linalg.norm(matrix[:, 0])
    crop_tracker.reset()
    again = crop_tracker.track(picture, 0)
    if again is None or again.mesh is None or _disagreement(again, mesh) > DISAGREEMENT:
        counts.untrusted.append(name)
        return None
    if _sharpness(picture, mesh) < LEAST_SHARPNESS:
        counts.blurred.append(name)
        return None
    return picture, mesh.astype(np.float32), AROUND * region.side / size


def _cut(image: np.ndarray, region: Region, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut out a region upright: (size, size, 3) uint8, and the affine matrix (2, 3) from image to crop."""
    step = AROUND * region.side / size
    cos, sin = np.cos(region.angle) / step, np.sin(region.angle) / step
    turn = np.array([[cos, sin], [-sin, cos]])
    matrix = np.column_stack([turn, (size - 1) / 2 - turn @ [region.x, region.y]])
    if step > 1:
        image = cv2.GaussianBlur(image, (0, 0), 0.5 * np.sqrt(step**2 - 1) + 1e-3)
    flags = cv2.INTER_CUBIC if step < 1 else cv2.INTER_LINEAR
    cut = cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return cut, matrix


def _pack_mask(mask: np.ndarray) -> np.ndarray:
    """Encode a mask (H, W) in [0, 1] as PNG, 8 bit: (n,) uint8."""
    _, encoded = cv2.imencode(".png", np.round(mask * 255).astype(np.uint8))
    return encoded.ravel()


def _eyes_apart(mesh: np.ndarray) -> float:
    return float(np.linalg.norm(mesh[EYE_LEFT[0][-1], :2] - mesh[EYE_RIGHT[0][0], :2]))


def _disagreement(track: Track, mesh: np.ndarray) -> float:
    assert track.mesh is not None
    return float(np.linalg.norm(track.mesh[:, :2] - mesh[:, :2], axis=1).mean()) / _eyes_apart(mesh)


def _sharpness(picture: np.ndarray, mesh: np.ndarray) -> float:
    """Measure the face's mean absolute Laplacian over its standard deviation, with the eyes scaled 100 pixels apart."""
    low, high = mesh[:468, :2].min(0).astype(int), mesh[:468, :2].max(0).astype(int)
    face = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[max(low[1], 0) : high[1], max(low[0], 0) : high[0]]
    scale = 100 / _eyes_apart(mesh)
    face = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    return float(np.abs(cv2.Laplacian(face, cv2.CV_32F)).mean() / max(float(face.std()), 1.0)) / 4


def _write(out: Path, rows: Columns, hold_out: Sequence[str]) -> None:
    people, person = np.unique(rows["person"], return_inverse=True)
    validation = np.array([is_held_out(str(name), hold_out) for name in people])
    write_npz(
        out, SCHEMA, mesh=np.concatenate(rows["mesh"]), person=person, people=people, take=rows["take"],
        terms=rows["terms"], detail=np.concatenate(rows["detail"]), validation=validation[person],
        bytes=np.concatenate(rows["picture"]), offsets=offsets_of_lengths(np.concatenate(rows["bytes"])),
        masks=np.concatenate(rows["mask"]), mask_offsets=offsets_of_lengths(np.concatenate(rows["mask_bytes"])),
    )  # fmt: skip
