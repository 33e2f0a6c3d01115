"""People whose landmarks a training draws: synthetic people, or the labelled landmarks of a file.

Convention: landmarks (B, 68, 2) are not normalised; x right, y down. A person is a number, from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError
from ofx_reenact.training.ldnet.data.head_model import HeadModel
from ofx_reenact.training.npz import read_npz

_SHAPES = {"landmarks": "number N 68 2", "identity": "whole N"}


class People(Protocol):
    """People to train on, each seen in many poses and expressions."""

    @property
    def count(self) -> int:
        """Return the number of people."""

    def draw(self, who: Tensor, generator: torch.Generator) -> Tensor:
        """Draw landmarks (B, 68, 2) of people (B,), each in a random pose and expression."""


@dataclass(frozen=True)
class SyntheticPeople:
    """People of head models: shapes are drawn once; poses, expressions and cameras each time.

    ``shapes`` are the identity weights (n, M) of each model's people, who are numbered model after model.
    """

    models: tuple[HeadModel, ...]
    shapes: tuple[Tensor, ...]

    @classmethod
    def of(cls, models: Sequence[HeadModel], count: int, seed: int) -> SyntheticPeople:
        """Draw ``count`` people of each model."""
        generator = torch.Generator().manual_seed(seed)
        return cls(tuple(models), tuple(model.draw_people(count, generator) for model in models))

    @property
    def count(self) -> int:
        """Return the number of people."""
        return sum(len(shapes) for shapes in self.shapes)

    def draw(self, who: Tensor, generator: torch.Generator) -> Tensor:
        """Draw landmarks; see :class:`People`."""
        result, first = torch.empty(len(who), 68, 2), 0
        for model, shapes in zip(self.models, self.shapes, strict=True):
            mine = (who >= first) & (who < first + len(shapes))
            count = int(mine.sum())
            poses, distances = model.draw_poses(count, generator), model.draw_distances(count, generator)
            result[mine] = model.landmarks(shapes[who[mine] - first], poses, distances)
            first += len(shapes)
        return result


class LandmarkSet:
    """Labelled landmarks of an ``.npz`` file: ``landmarks`` (N, 68, 2) and the person of each, ``identity`` (N,)."""

    def __init__(self, path: str | Path) -> None:
        """Read and check the file.

        Raises:
            ReenactError: the file does not exist, is damaged, or has fewer than two people.
        """
        data = read_npz(path, "set of landmarks; `ofx-reenact data tracks` makes one", shapes=_SHAPES)
        landmarks, identity = data["landmarks"].astype(np.float32), data["identity"].astype(np.int64)
        names, labels = np.unique(identity, return_inverse=True)
        if len(names) < 2:
            raise ReenactError(f"{path}: {len(names)} people; training needs at least two: track clips of more people")
        order = np.argsort(labels, kind="stable")
        self._count = len(names)
        self.landmarks = torch.from_numpy(landmarks[order])
        self._sizes = torch.from_numpy(np.bincount(labels))
        self._starts = torch.cumsum(self._sizes, 0) - self._sizes

    @property
    def count(self) -> int:
        """Return the number of people."""
        return self._count

    def draw(self, who: Tensor, generator: torch.Generator) -> Tensor:
        """Draw landmarks; see :class:`People`. All rows of a person are equally likely."""
        at = (torch.rand(len(who), generator=generator) * self._sizes[who]).long()
        return self.landmarks[self._starts[who] + at]
