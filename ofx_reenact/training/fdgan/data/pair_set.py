"""The file of pairs (``.npz``) for the repair network: make it of crops and rendered heads, read it, give batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError
from ofx_reenact.fdgan.window import FINER, MOUTH_SCALE
from ofx_reenact.files import sha256_of
from ofx_reenact.tracking.rigid import head_pose
from ofx_reenact.training.fdgan.data.crop_set import Crops, is_held_out
from ofx_reenact.training.fdgan.data.packed_pictures import Pictures
from ofx_reenact.training.fdgan.data.rendered_pairs import make_rendered_pairs
from ofx_reenact.training.fdgan.data.resumable import Arrays, Observe, PartFiles, make_parts
from ofx_reenact.training.fdgan.data.warped_pairs import Pair, make_pairs, make_reverse_pairs
from ofx_reenact.training.npz import Columns, check_offsets, offsets_of_lengths, read_npz, write_npz
from ofx_reenact.training.rendered_heads.file import RenderedHeads

SCHEMA = "ofx-reenact/pairs/2"
QUALITY = 96
_SHAPES = {
    "person": "whole N", "kind": "text N", "finer": "whole N", "validation": "whole N",
    "people": "text *", "terms": "text *",
    "landmarks": "number N 68 2", "target_landmarks": "number N 68 2", "bytes": "whole *", "offsets": "whole *",
}  # fmt: skip
# Kinds of pairs: reverse-warp; reverse-warp with the jaw dropped, for training only; two photographs of one person; two
# pictures of a rendered person.
REVERSE, WIDER, TRUE, RENDERED = "reverse", "wider", "true", "rendered"
# What is stored of every pair beside its pictures: type and shape.
_OF_PAIRS: dict[str, tuple[type, tuple[int, ...]]] = {
    "person": (str, ()), "kind": (str, ()), "validation": (bool, ()), "finer": (int, ()),
    "target_landmarks": (np.float32, (68, 2)), "landmarks": (np.float32, (68, 2)),
}  # fmt: skip
# A window is used for a crop that has at least this many pixels for one of the window.
_FINE_FROM = 0.75


@dataclass(frozen=True)
class Batch:
    """B pairs, see :class:`Pair`: pictures (B, 3, h, w) in [-1, 1], landmarks (B, 68, 2) in pixels of the window.

    ``maps`` (B, 3, h, w) are in [0, 1]; ``person`` (B,) is an index.
    """

    target: Tensor
    warped: Tensor
    truth: Tensor
    maps: Tensor
    target_landmarks: Tensor
    landmarks: Tensor
    person: Tensor

    def to(self, device: str) -> Batch:
        """Move to a device."""
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})

    def mirrored(self, rows: Tensor) -> Batch:
        """Mirror the pairs at rows (B,) bool; right and left landmarks change places."""
        changed = {}
        for name, x in vars(self).items():
            if name != "person":
                mirrored = mirror_points(x, self.truth.shape[-1]) if name.endswith("landmarks") else x.flip(-1)
                changed[name] = torch.where(rows.view(-1, *[1] * (x.ndim - 1)), mirrored, x)
        return replace(self, **changed)


# For each of the 68 landmarks the one opposite it on the other side of the face.
MIRROR: tuple[int, ...] = (
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip


def mirror_points(points: Tensor, width: int) -> Tensor:
    """Mirror landmarks (B, 68, 2) in a picture ``width`` pixels wide; right and left ones change places."""
    swapped = points[:, list(MIRROR)]
    return torch.stack([width - 1 - swapped[..., 0], swapped[..., 1]], -1)


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    check_offsets(arrays, "bytes", "offsets", 2 * len(arrays["person"]))


class PairSet:
    """A set of pairs. Pictures stay encoded in memory until a batch needs them."""

    def __init__(self, path: str | Path) -> None:
        """Read the file.

        Raises:
            ReenactError: there is no such file, or it is no set of pairs.
        """
        data = read_npz(path, "set of pairs; `ofx-reenact data pairs` makes one", SCHEMA, _SHAPES, _check)
        self.person, self.kind, self.validation = data["person"], data["kind"], data["validation"]
        self.finer = data["finer"]
        self.people, self.terms_of_use = tuple(data["people"].tolist()), tuple(data["terms"].tolist())
        self._landmarks, self._target_landmarks = data["landmarks"], data["target_landmarks"]
        # Stored for each pair: its pictures in one strip, then its maps.
        even = np.arange(0, 2 * len(self.person), 2)
        self._strips = Pictures(data["bytes"], data["offsets"], even)
        self._maps = Pictures(data["bytes"], data["offsets"], even + 1)

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.person)

    def decode_onto(self, device: str) -> None:
        """Decode all pictures onto a GPU if they fit; batches are then made there."""
        for pictures in (self._strips, self._maps):
            pictures.decode_onto(device)

    def rows(self, *, validation: bool, kind: str = "", finer: int = 0) -> np.ndarray:
        """Return the rows of training or validation pairs; only of ``kind`` and of the window ``finer``, if given."""
        wanted = (self.validation == validation) & ((self.kind == kind) | (kind == ""))
        return np.nonzero(wanted & ((self.finer == finer) | (finer == 0)))[0]

    def names(self) -> list[str]:
        """Return the names of the people in training pairs."""
        return [self.people[person] for person in np.unique(self.person[~self.validation.astype(bool)]).tolist()]

    def batch(self, rows: np.ndarray) -> Batch:
        """Decode the pairs at rows (B,), which must all have the same window."""
        strip = self._strips.take(rows).float() / 127.5 - 1
        target, warped, truth = (part.contiguous() for part in strip.chunk(3, dim=-1))
        maps = self._maps.take(rows).float() / 255
        rest = (self._target_landmarks[rows], self._landmarks[rows], self.person[rows])
        return Batch(target, warped, truth, maps, *(torch.from_numpy(x).to(strip.device) for x in rest))


def build_pairs(
    crops: str | Path | None,
    out: Path,
    *,
    heads: Sequence[str | Path] = (),
    variants: int = 4,
    seed: int = 1,
    jobs: int = 1,
    observe: Observe = lambda done, count: None,
) -> dict[str, int]:
    """Make pairs of crops, of rendered heads, or of both, and write the file; returns the number of each kind.

    Each open mouth in a crop is shut in ``variants`` ways; of people kept for validation, in one way. If a person has
    several crops, at most ``variants`` others, drawn at random, are carried to each. Crops with enough pixels are also
    used with the finer window. A person who is in two files of rendered heads counts as one.

    Args:
        crops: file of crops, or None.
        out: file to write.
        heads: files of rendered heads.
        variants: as above.
        seed: of the random generators.
        jobs: number of processes. What they made is kept until the file is written, so that a second call continues.
        observe: called with the number of crops and rendered people done, and of all of them.

    Raises:
        ReenactError: no picture shows an open mouth.
        OutputError: the file cannot be written.
    """
    photographs, rendered = Crops.load(crops) if crops else None, [RenderedHeads(path) for path in heads]
    items: list[_Item] = [_Item(row=row) for row in range(len(photographs or ()))]
    items += [_Item(file, person) for file, found in enumerate(rendered) for person in range(found.people)]
    people = [file.name(person) for file in rendered for person in range(file.people)]
    terms = [f"rendered heads: {file.source}" for file in rendered]
    if photographs is not None:
        people, terms = [*photographs.people, *people], [*photographs.terms.tolist(), *terms]
    inputs = [str(Path(path).absolute()) for path in (*([crops] if crops else []), *heads)]
    parts = PartFiles(out, [inputs, [sha256_of(Path(path)) for path in inputs], variants, seed])
    rows = Columns()
    arguments = (str(crops) if crops else None, tuple(map(str, heads)), variants, seed)
    for part in make_parts(_make_part, items, parts, jobs, observe, _load_inputs, arguments):
        for name, values in part.items():
            rows[name].append(values)
    found = {name: np.concatenate(values) for name, values in rows.items()}
    if not len(found["person"]):
        raise ReenactError("no picture shows an open mouth; give pictures that do")
    names = list(dict.fromkeys(people))
    write_npz(
        out, SCHEMA, **{name: found[name] for name in _OF_PAIRS if name != "person"}, bytes=found["packed"],  # type: ignore[arg-type]
        person=np.array([names.index(name) for name in found["person"].tolist()]), people=names,
        terms=sorted(set(terms)), offsets=offsets_of_lengths(found["lengths"]),
    )  # fmt: skip
    parts.remove()
    return {kind: int((found["kind"] == kind).sum()) for kind in (REVERSE, WIDER, TRUE, RENDERED)}


def pack_pair(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Encode a pair: its three pictures in one strip as JPEG, its maps as PNG, both (n,) uint8."""
    strip = np.concatenate([pair.target, pair.warped, pair.truth], axis=1)
    full_colour = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, *full_colour]
    _, pictures = cv2.imencode(".jpg", _bytes(strip)[..., ::-1], options)
    _, maps = cv2.imencode(".png", _bytes(pair.maps)[..., ::-1])
    return pictures.ravel(), maps.ravel()


def draw_contact_sheet(pair_set: PairSet, count: int = 20) -> np.ndarray:
    """Draw a contact sheet of training pairs: target, target carried, truth and maps side by side, (H, W, 3) uint8.

    Raises:
        ReenactError: there are fewer than two training pairs.
    """
    rows = pair_set.rows(validation=False, finer=FINER[0])
    if len(rows) < 2:
        raise ReenactError(f"{len(rows)} training pairs, a contact sheet needs two; give more people")
    rows = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]
    batch = pair_set.batch(rows)
    shown = torch.cat([*(x / 2 + 0.5 for x in (batch.target, batch.warped, batch.truth)), batch.maps], dim=-1)
    strips = _bytes(shown.permute(0, 2, 3, 1).numpy())
    half = len(strips) // 2
    columns = [np.concatenate(list(strips[:half])), np.concatenate(list(strips[half : 2 * half]))]
    return np.concatenate(columns, axis=1)


@dataclass(frozen=True)
class _Item:
    """What one part is made of: crop ``row`` (``file`` -1), or person ``row`` of a file of rendered heads."""

    file: int = -1
    row: int = -1


@dataclass(frozen=True)
class _Inputs:
    """What each process reads once, before it makes pairs."""

    crops: Crops | None
    heads: Sequence[RenderedHeads]
    variants: int
    seed: int


def _load_inputs(crops: str | None, heads: Sequence[str], variants: int, seed: int) -> _Inputs:
    return _Inputs(Crops.load(crops) if crops else None, [RenderedHeads(h) for h in heads], variants, seed)


def _make_part(inputs: _Inputs, item: _Item) -> Arrays:
    """Make the pairs of one item."""
    rows = Columns()
    if item.file < 0:
        assert inputs.crops is not None
        crops = inputs.crops
        name, validation = crops.people[int(crops.person[item.row])], bool(crops.validation[item.row])
        pairs = _pairs_of_crop(crops, item.row, inputs.variants, np.random.default_rng([inputs.seed, item.row]))
    else:
        file = inputs.heads[item.file]
        name, validation = file.name(item.row), is_held_out(file.name(item.row))
        rng = np.random.default_rng([inputs.seed, item.file, item.row])
        pairs = ((RENDERED, pair) for pair in make_rendered_pairs(file, item.row, rng, second=not validation))
    for kind, pair in pairs:
        packed = pack_pair(pair)
        landmarks = {"target_landmarks": pair.target_landmarks, "landmarks": pair.landmarks}
        rows.add(person=name, kind=kind, validation=validation, finer=pair.finer, **landmarks)
        rows["packed"] += packed
        rows["lengths"] += map(len, packed)
    return {
        "packed": np.concatenate([*rows["packed"], np.zeros(0, np.uint8)]),
        "lengths": np.asarray(rows["lengths"], np.int64),
        **{name: np.asarray(rows[name], kind).reshape(-1, *shape) for name, (kind, shape) in _OF_PAIRS.items()},
    }


def _pairs_of_crop(crops: Crops, row: int, variants: int, rng: np.random.Generator) -> Iterator[tuple[str, Pair]]:
    """Make all pairs whose truth is one crop."""
    truth, mesh, validation = crops.picture(row), crops.mesh[row].astype(np.float64), bool(crops.validation[row])
    finer = [step for step in FINER if head_pose(mesh).scale >= MOUTH_SCALE * step * _FINE_FROM]
    for _ in range(1 if validation else variants):
        plain, dropped = make_reverse_pairs(truth, mesh, rng, finer or FINER[:1], drop=not validation)
        yield from ((REVERSE, pair) for pair in plain)
        yield from ((WIDER, pair) for pair in dropped)
    others = np.setdiff1d(crops.of(int(crops.person[row])), row)
    # All combinations of the frames of a clip would be thousands of pairs.
    for other in others if len(others) <= variants else rng.choice(others, variants, replace=False):
        made = make_pairs(crops.picture(other), crops.mesh[other].astype(np.float64), truth, mesh, finer or FINER[:1])
        yield from ((TRUE, pair) for pair in made)


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
