"""The file of whole faces (``.npz``) for the portrait network: make it of crops, read it, and draw batches.

Two views of one person are a pair, as two frames of one clip are in the paper. A view is a crop, or what the warp makes
of it: the head turned a little, an open mouth shut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError
from ofx_reenact.files import sha256_of
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.training.fdgan.data.crop_set import Crops
from ofx_reenact.training.fdgan.data.packed_pictures import Pictures, pack
from ofx_reenact.training.fdgan.data.pair_set import mirror_points
from ofx_reenact.training.fdgan.data.resumable import Arrays, Observe, PartFiles, make_parts
from ofx_reenact.training.fdgan.data.warped_pairs import make_pseudo_target
from ofx_reenact.training.npz import Columns, check_offsets, offsets_of_lengths, read_npz, write_npz

SCHEMA = "ofx-reenact/faces/2"
_SHAPES = {
    "size": "whole", "person": "whole N", "validation": "whole N", "terms": "text *", "people": "text *",
    "landmarks": "number N 68 2", "bytes": "whole *", "offsets": "whole *",
}  # fmt: skip
# Head turn of a view made by the warp, degrees (standard deviation); with more, the warp stretches the ears.
TURN = 7.0


@dataclass(frozen=True)
class FaceBatch:
    """B pairs: ``target`` and ``truth`` (B, 3, s, s) in [-1, 1], landmarks (B, 68, 2) in pixels, ``person`` (B,)."""

    target: Tensor
    target_landmarks: Tensor
    truth: Tensor
    landmarks: Tensor
    person: Tensor


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    check_offsets(arrays, "bytes", "offsets", len(arrays["person"]))
    if arrays["size"] < 1:
        raise ValueError(f"its faces have {arrays['size']} pixels a side")


class Faces:
    """A set of views of people. Training people are numbered from 0 without gaps, for the classifier."""

    def __init__(self, path: str | Path, size: int = 0) -> None:
        """Read the file; ``size`` is the side of a batch's pictures in pixels, a divisor of the file's; 0 for the same.

        Raises:
            ReenactError: there is no such file, it is no set of faces, or ``size`` does not divide its pictures' side.
        """
        data = read_npz(path, "set of faces; `ofx-reenact data faces` makes one", SCHEMA, _SHAPES, _check)
        self.size = size or int(data["size"])
        self._shrink, rest = divmod(int(data["size"]), self.size)
        if rest or not self._shrink or self.size % 16:
            raise ReenactError(f"{path}: faces of {data['size']} pixels; --size must be a divisor, a multiple of 16")
        self.terms_of_use = tuple(data["terms"].tolist())
        self._people = data["people"]
        self._person = data["person"]
        self._landmarks = torch.from_numpy(data["landmarks"])
        self._pictures = Pictures(data["bytes"], data["offsets"], np.arange(len(data["person"])))
        self._views: dict[bool, list[np.ndarray]] = {False: [], True: []}
        for person in np.unique(data["person"]):
            rows = np.nonzero(data["person"] == person)[0]
            if len(rows) > 1:
                self._views[bool(data["validation"][rows[0]])].append(rows)

    def decode_onto(self, device: str) -> None:
        """Decode all pictures onto a GPU if they fit; batches are then made there."""
        self._pictures.decode_onto(device)
        self._landmarks = self._landmarks.to(device)

    def people(self, *, validation: bool = False) -> int:
        """Return the number of training or validation people with at least two views."""
        return len(self._views[validation])

    def names(self) -> list[str]:
        """Return the names of the training people, in the order of their numbers."""
        return [str(self._people[self._person[rows[0]]]) for rows in self._views[False]]

    def draw(self, count: int, rng: np.random.Generator) -> FaceBatch:
        """Draw ``count`` training pairs; with probability one half the whole batch is mirrored."""
        views = self._views[False]
        who = rng.integers(len(views), size=count)
        rows = np.array([rng.choice(views[k], 2, replace=False) for k in who])
        batch = self._batch(rows, who)
        return batch if rng.random() < 0.5 else _mirrored(batch, self.size)

    def validation(self, count: int) -> FaceBatch:
        """Return validation pairs, one for each of at most ``count`` people, always the same."""
        views = self._views[True]
        who = np.linspace(0, len(views) - 1, min(count, len(views))).astype(int)
        return self._batch(np.array([views[k][:2] for k in who]), who)

    def _batch(self, rows: np.ndarray, who: np.ndarray) -> FaceBatch:
        device = self._landmarks.device
        index = torch.from_numpy(rows.ravel()).to(device)
        pictures = self._pictures.take(rows.ravel()).to(device).float() / 127.5 - 1
        # Pixel (i, j) has its centre at (i, j), so landmarks do not scale about (0, 0) but about (-0.5, -0.5).
        points = (self._landmarks[index] + 0.5) / self._shrink - 0.5
        pictures = torch.nn.functional.avg_pool2d(pictures, self._shrink)
        person = torch.from_numpy(who.astype(np.int64)).to(device)
        return FaceBatch(pictures[0::2], points[0::2], pictures[1::2], points[1::2], person)


def build_faces(
    crops: str | Path,
    out: Path,
    *,
    size: int = 256,
    views: int = 2,
    seed: int = 1,
    jobs: int = 1,
    observe: Observe = lambda done, count: None,
) -> int:
    """Make views of crops and write the file; returns the number of views.

    Args:
        crops: file of crops.
        out: file to write.
        size: side of the pictures in pixels.
        views: views that the warp makes of each crop, beside the crop itself.
        seed: of the random generators.
        jobs: number of processes. What they made is kept until the file is written, so that a second call continues.
        observe: called with the number of crops done and of all crops.

    Raises:
        ReenactError: there are fewer than two people.
        OutputError: the file cannot be written.
    """
    found = Crops.load(crops)
    if len(found.people) < 2:
        raise ReenactError(f"{crops}: one person only; FD-GAN's classifier needs two, so give pictures of more people")
    path = Path(crops).absolute()
    parts, rows = PartFiles(out, [str(path), sha256_of(path), size, views, seed]), Columns()
    arguments = (path, size, views, seed)
    made = make_parts(_make_part, range(len(found)), parts, jobs, observe, _load_inputs, arguments)
    for row, part in enumerate(made):
        rows["row"] += [row] * len(part["lengths"])
        for name, values in part.items():
            rows[name].append(values)
    write_npz(
        out, SCHEMA, size=size, person=found.person[rows["row"]], validation=found.validation[rows["row"]],
        terms=np.unique(found.terms), people=found.people, landmarks=np.concatenate(rows["landmarks"]),
        bytes=np.concatenate(rows["packed"]), offsets=offsets_of_lengths(np.concatenate(rows["lengths"])),
    )  # fmt: skip
    parts.remove()
    return len(rows["row"])


@dataclass(frozen=True)
class _Inputs:
    """What each process reads once, before it makes views."""

    crops: Crops
    size: int
    views: int
    seed: int


def _load_inputs(crops: Path, size: int, views: int, seed: int) -> _Inputs:
    return _Inputs(Crops.load(crops), size, views, seed)


def _make_part(inputs: _Inputs, row: int) -> Arrays:
    """Make the views of one crop in the set's size."""
    size, rows = inputs.size, Columns()
    for picture, mesh in _views_of(inputs.crops, row, inputs.views, np.random.default_rng([inputs.seed, row])):
        small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        packed = pack(np.round(np.clip(small, 0, 1) * 255).astype(np.uint8))
        landmarks = (mesh[list(MESH68), :2] + 0.5) * size / len(picture) - 0.5
        rows.add(packed=packed, lengths=len(packed), landmarks=landmarks)
    return {
        "packed": np.concatenate(rows["packed"]),
        "lengths": np.asarray(rows["lengths"], np.int64),
        "landmarks": np.asarray(rows["landmarks"], np.float32),
    }


def _views_of(crops: Crops, row: int, views: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    picture, mesh = crops.picture(row), crops.mesh[row].astype(np.float64)
    yield picture, mesh
    for _ in range(views):
        if (made := make_pseudo_target(picture, mesh, rng, TURN)) is not None:
            yield made


def _mirrored(batch: FaceBatch, size: int) -> FaceBatch:
    target, truth = (mirror_points(x, size) for x in (batch.target_landmarks, batch.landmarks))
    return FaceBatch(batch.target.flip(-1), target, batch.truth.flip(-1), truth, batch.person)
