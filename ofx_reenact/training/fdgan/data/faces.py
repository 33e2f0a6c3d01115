"""Views of faces for the portrait network: two of one person make a pair, as two frames of one clip do in the paper.

People of whom there is one photograph get more views of it by the warp: the head turned, an open mouth shut.
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
from ofx_reenact.training.fdgan.data.crops import Crops
from ofx_reenact.training.fdgan.data.packed import Pictures, pack
from ofx_reenact.training.fdgan.data.pair_set import mirror_points
from ofx_reenact.training.fdgan.data.pairs import pseudo_target
from ofx_reenact.training.fdgan.data.resumable import Arrays, Kept, Observe, make_parts
from ofx_reenact.training.npz import Columns, check_offsets, offsets_of_lengths, read_npz, write_npz

SCHEMA = "ofx-reenact/faces/2"
_SHAPES = {
    "size": "whole", "person": "whole N", "validation": "whole N", "terms": "text *", "people": "text *",
    "landmarks": "number N 68 2", "bytes": "whole *", "offsets": "whole *",
}  # fmt: skip
# Head turn of a view made by the warp, degrees (standard deviation): more than that it draws ears out.
TURN = 7.0


@dataclass(frozen=True)
class FaceBatch:
    """B pairs: ``target`` and ``truth`` (B, 3, s, s) in [-1, 1] with their landmarks (B, 68, 2), and who it is (B,)."""

    target: Tensor
    target_landmarks: Tensor
    truth: Tensor
    landmarks: Tensor
    person: Tensor


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    check_offsets(arrays, "bytes", "offsets", len(arrays["person"]))
    if arrays["size"] < 1:
        raise ValueError(f"its faces have {arrays['size']} pixels")


class Faces:
    """A set of views; ``people`` of training are numbered first to last, as the classifier knows them."""

    def __init__(self, path: str | Path, size: int = 0) -> None:
        """Read a set; ``size`` is the side of the pictures drawn, a divisor of the set's; 0 takes the set's.

        Raises:
            ReenactError: no such file, not a set of faces, or its pictures do not divide into that size.
        """
        data = read_npz(path, "set of faces; `ofx-reenact data faces` makes one", SCHEMA, _SHAPES, _check)
        self.size = size or int(data["size"])
        self._shrink, rest = divmod(int(data["size"]), self.size)
        if rest or not self._shrink or self.size % 16:
            raise ReenactError(f"{path}: faces of {data['size']} pixels; choose a size that divides it, in steps of 16")
        self.terms = tuple(data["terms"].tolist())
        self._people = data["people"]
        self._person = data["person"]
        self._landmarks = torch.from_numpy(data["landmarks"])
        self._pictures = Pictures(data["bytes"], data["offsets"], np.arange(len(data["person"])))
        self._views: dict[bool, list[np.ndarray]] = {False: [], True: []}
        for person in np.unique(data["person"]):
            rows = np.nonzero(data["person"] == person)[0]
            if len(rows) > 1:
                self._views[bool(data["validation"][rows[0]])].append(rows)

    def hold_on(self, device: str) -> None:
        """Keep all of it on a GPU, decoded, where it fits; batches are made there."""
        self._pictures.hold_on(device)
        self._landmarks = self._landmarks.to(device)

    def people(self, *, validation: bool = False) -> int:
        """Number of people with at least two views."""
        return len(self._views[validation])

    def names(self) -> list[str]:
        """Names of the people who are trained on."""
        return [str(self._people[self._person[rows[0]]]) for rows in self._views[False]]

    def draw(self, count: int, rng: np.random.Generator) -> FaceBatch:
        """Draw training pairs, mirrored half the time."""
        views = self._views[False]
        who = rng.integers(len(views), size=count)
        rows = np.array([rng.choice(views[k], 2, replace=False) for k in who])
        batch = self._batch(rows, who)
        return batch if rng.random() < 0.5 else _mirrored(batch, self.size)

    def validation(self, count: int) -> FaceBatch:
        """Validation pairs, one a person, the same each time."""
        views = self._views[True]
        who = np.linspace(0, len(views) - 1, min(count, len(views))).astype(int)
        return self._batch(np.array([views[k][:2] for k in who]), who)

    def _batch(self, rows: np.ndarray, who: np.ndarray) -> FaceBatch:
        device = self._landmarks.device
        index = torch.from_numpy(rows.ravel()).to(device)
        shown = self._pictures.take(rows.ravel()).to(device).float() / 127.5 - 1
        # Pixel centres: the middle of n pixels is the centre of the one they become.
        points = (self._landmarks[index] + 0.5) / self._shrink - 0.5
        shown = torch.nn.functional.avg_pool2d(shown, self._shrink)
        person = torch.from_numpy(who.astype(np.int64)).to(device)
        return FaceBatch(shown[0::2], points[0::2], shown[1::2], points[1::2], person)


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
    """Make views of a set of crops and write them; returns their number.

    ``jobs`` processes work at once; what they made is kept until the set is written, so that a second call goes on.

    Raises:
        ReenactError: there are fewer than two people.
        OutputError: the set cannot be written.
    """
    found = Crops.load(crops)
    if len(found.people) < 2:
        raise ReenactError("one person only: FD-GAN's classifier needs at least two; give pictures of more people")
    path = Path(crops).absolute()
    kept, rows = Kept(out, [str(path), sha256_of(path), size, views, seed]), Columns()
    parts = make_parts(_part, range(len(found)), kept, jobs, observe, _open, (path, size, views, seed))
    for row, part in enumerate(parts):
        rows["row"] += [row] * len(part["lengths"])
        for name, values in part.items():
            rows[name].append(values)
    write_npz(
        out, SCHEMA, size=size, person=found.person[rows["row"]], validation=found.validation[rows["row"]],
        terms=np.unique(found.terms), people=found.people, landmarks=np.concatenate(rows["landmarks"]),
        bytes=np.concatenate(rows["packed"]), offsets=offsets_of_lengths(np.concatenate(rows["lengths"])),
    )  # fmt: skip
    kept.remove()
    return len(rows["row"])


@dataclass(frozen=True)
class _Made:
    """What the processes that make views read, once each."""

    crops: Crops
    size: int
    views: int
    seed: int


def _open(crops: Path, size: int, views: int, seed: int) -> _Made:
    return _Made(Crops.load(crops), size, views, seed)


def _part(made: _Made, row: int) -> Arrays:
    """Make the views of one crop, small."""
    size, rows = made.size, Columns()
    for picture, mesh in _views_of(made.crops, row, made.views, np.random.default_rng([made.seed, row])):
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
        if (made := pseudo_target(picture, mesh, rng, TURN)) is not None:
            yield made


def _mirrored(batch: FaceBatch, size: int) -> FaceBatch:
    target, truth = (mirror_points(x, size) for x in (batch.target_landmarks, batch.landmarks))
    return FaceBatch(batch.target.flip(-1), target, batch.truth.flip(-1), truth, batch.person)
