"""A packed set of pairs to train and measure on: what a renderer knows, and what it should have shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError
from ofx_reenact.training.fdgan.data.crops import Crops, held_out
from ofx_reenact.training.fdgan.data.packed import Pictures, check_packed, offsets
from ofx_reenact.training.fdgan.data.pairs import Pair, pair_of, reverse_warp, wider
from ofx_reenact.training.fdgan.data.rendered.file import RenderedHeads
from ofx_reenact.training.fdgan.data.rendered.pairs import pairs_of
from ofx_reenact.training.npz import Columns, read_npz, write_npz

SCHEMA = "ofx-reenact/pairs/1"
QUALITY = 96
_SHAPES = {
    "person": "whole N", "kind": "text N", "validation": "whole N", "people": "text *", "terms": "text *",
    "landmarks": "number N 68 2", "target_landmarks": "number N 68 2", "bytes": "whole *", "offsets": "whole *",
}  # fmt: skip
# Kinds of pairs: a photograph and what the warp makes of its shut mouth; the same with the jaw dropped, for training
# only; two photographs of one person; two pictures of a rendered head.
REVERSE, WIDER, TRUE, RENDERED = "reverse", "wider", "true", "rendered"


@dataclass(frozen=True)
class Batch:
    """B pairs: pictures (B, 3, h, w) in [-1, 1], landmarks (B, 68, 2) in window pixels, ``person`` (B,).

    ``maps`` (B, 3, h, w) in [0, 1]: visibility, stretch, mouth.
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
        """Mirror the rows (B,) bool; right and left landmarks change places."""
        changed = {}
        for name, x in vars(self).items():
            if name != "person":
                other = mirror_points(x, self.truth.shape[-1]) if name.endswith("landmarks") else x.flip(-1)
                changed[name] = torch.where(rows.view(-1, *[1] * (x.ndim - 1)), other, x)
        return replace(self, **changed)


# Each of the 68 landmarks' opposite on the other side of the face.
MIRROR: tuple[int, ...] = (
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip


def mirror_points(points: Tensor, width: int) -> Tensor:
    """Mirror landmarks (B, 68, 2) in a picture of that width; right and left ones change places."""
    other = points[:, list(MIRROR)]
    return torch.stack([width - 1 - other[..., 0], other[..., 1]], -1)


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    check_packed(arrays, "bytes", "offsets", 2 * len(arrays["person"]))


class PairSet:
    """A set of pairs. Pictures stay encoded until they are asked for; a set of thousands fits in little memory."""

    def __init__(self, path: str | Path) -> None:
        """Read a set.

        Raises:
            ReenactError: no such file, or not a set of pairs.
        """
        data = read_npz(path, "set of pairs; `ofx-reenact data pairs` makes one", SCHEMA, _SHAPES, _check)
        self.person, self.kind, self.validation = data["person"], data["kind"], data["validation"]
        self.people, self.terms = tuple(data["people"].tolist()), tuple(data["terms"].tolist())
        self._landmarks, self._target_landmarks = data["landmarks"], data["target_landmarks"]
        # Of each pair the pictures, then its maps.
        even = np.arange(0, 2 * len(self.person), 2)
        self._strips = Pictures(data["bytes"], data["offsets"], even)
        self._maps = Pictures(data["bytes"], data["offsets"], even + 1)

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.person)

    def hold_on(self, device: str) -> None:
        """Keep all pictures on a GPU, decoded, where they fit; batches are made there."""
        for pictures in (self._strips, self._maps):
            pictures.hold_on(device)

    def rows(self, *, validation: bool, kind: str = "") -> np.ndarray:
        """Rows of training or of validation, of one kind if named."""
        return np.nonzero((self.validation == validation) & ((self.kind == kind) | (kind == "")))[0]

    def batch(self, rows: np.ndarray) -> Batch:
        """Decode pairs."""
        strip = self._strips.take(rows).float() / 127.5 - 1
        target, warped, truth = (part.contiguous() for part in strip.chunk(3, dim=-1))
        seen = self._maps.take(rows).float() / 255
        rest = (self._target_landmarks[rows], self._landmarks[rows], self.person[rows])
        return Batch(target, warped, truth, seen, *(torch.from_numpy(x).to(strip.device) for x in rest))


def build_pairs(
    crops: Crops | None,
    out: Path,
    *,
    heads: Sequence[RenderedHeads] = (),
    variants: int = 4,
    seed: int = 1,
    observe: Callable[[int, int], None] = lambda done, count: None,
) -> dict[str, int]:
    """Make pairs of photographs, of rendered heads, or of both, and write them; returns how many of each kind.

    Of people with several takes each take is carried to each other one too; a person of two files of heads is one
    person. Each open mouth of a photograph is shut in ``variants`` ways; in one, of people kept for validation.
    ``observe`` is called with crops and rendered people done, and their number.

    Raises:
        ReenactError: no mouth is open in any of the pictures.
        OutputError: the set cannot be written.
    """
    rows, photographs = Columns(), 0 if crops is None else len(crops)
    drawn = [(file, person) for file in heads for person in range(file.people)]
    people, terms = [file.name(person) for file, person in drawn], [f"rendered heads: {file.source}" for file in heads]
    if crops is not None:
        people, terms = [*crops.people, *people], [*crops.terms.tolist(), *terms]
        for row in range(photographs):
            for kind, pair in _pairs_of(crops, row, variants, np.random.default_rng([seed, row])):
                _add(rows, crops.people[int(crops.person[row])], kind, bool(crops.validation[row]), pair)
            observe(row + 1, photographs + len(drawn))
    for number, (file, person) in enumerate(drawn, photographs):
        name, rng = file.name(person), np.random.default_rng([seed, number])
        for pair in pairs_of(file, person, rng, second=not held_out(name)):
            _add(rows, name, RENDERED, held_out(name), pair)
        observe(number + 1, photographs + len(drawn))
    if not rows["person"]:
        raise ReenactError("no picture shows an open mouth; give ones that do, or more of them")
    _write(out, rows, list(dict.fromkeys(people)), sorted(set(terms)))
    return {kind: rows["kind"].count(kind) for kind in (REVERSE, WIDER, TRUE, RENDERED)}


def pack_pair(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Encode a pair's pictures in one strip, and its maps without loss."""
    strip = np.concatenate([pair.target, pair.warped, pair.truth], axis=1)
    full_colour = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, *full_colour]
    _, pictures = cv2.imencode(".jpg", _bytes(strip)[..., ::-1], options)
    _, maps = cv2.imencode(".png", _bytes(pair.maps)[..., ::-1])
    return pictures.ravel(), maps.ravel()


def look(pair_set: PairSet, count: int = 20) -> np.ndarray:
    """Show training pairs beside one another, (H, W, 3) uint8: target, what the warp made, truth, maps.

    Raises:
        ReenactError: there are fewer than two.
    """
    rows = pair_set.rows(validation=False)
    if len(rows) < 2:
        raise ReenactError(f"{len(rows)} pairs to train on: too few to look at; everybody else is kept for validation")
    rows = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]
    batch = pair_set.batch(rows)
    shown = torch.cat([*(x / 2 + 0.5 for x in (batch.target, batch.warped, batch.truth)), batch.maps], dim=-1)
    strips = _bytes(shown.permute(0, 2, 3, 1).numpy())
    half = len(strips) // 2
    columns = [np.concatenate(list(strips[:half])), np.concatenate(list(strips[half : 2 * half]))]
    return np.concatenate(columns, axis=1)


def _pairs_of(crops: Crops, row: int, variants: int, rng: np.random.Generator) -> Iterator[tuple[str, Pair]]:
    """Pairs whose truth is one crop."""
    truth, mesh = crops.picture(row), crops.mesh[row].astype(np.float64)
    for _ in range(1 if crops.validation[row] else variants):
        if (pair := reverse_warp(truth, mesh, rng)) is not None:
            yield REVERSE, pair
        if not crops.validation[row] and (pair := wider(truth, mesh, rng)) is not None:
            yield WIDER, pair
    for other in crops.of(int(crops.person[row])):
        if other == row:
            continue
        pair = pair_of(crops.picture(other), crops.mesh[other].astype(np.float64), truth, mesh)
        if pair is not None:
            yield TRUE, pair


def _add(rows: Columns, person: str, kind: str, validation: bool, pair: Pair) -> None:
    rows["packed"] += pack_pair(pair)
    landmarks = {"target_landmarks": pair.target_landmarks, "landmarks": pair.landmarks}
    rows.add(person=person, kind=kind, validation=validation, **landmarks)


def _write(out: Path, rows: Columns, people: list[str], terms: list[str]) -> None:
    write_npz(
        out, SCHEMA, person=np.array([people.index(name) for name in rows["person"]]), people=people, terms=terms,
        kind=rows["kind"], validation=rows["validation"],
        target_landmarks=np.asarray(rows["target_landmarks"], np.float32),
        landmarks=np.asarray(rows["landmarks"], np.float32), bytes=np.concatenate(rows["packed"]),
        offsets=offsets(rows["packed"]),
    )  # fmt: skip


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
