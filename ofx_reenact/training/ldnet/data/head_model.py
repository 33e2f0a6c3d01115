"""Synthetic heads: landmarks with known identity, expression and head rotation, so that the true swap is known.

A *head model* is linear: 68 landmarks of the mean face, identity modes, expression units. A *heads file* (``.npz``)
carries one, with a grid of labelled landmarks drawn from it: every person in every pose.

Convention of models: centimetres, x right on screen, y up, z to the viewer. Of landmarks: x right, y down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.training.npz import read_npz, write_npz

SCHEMA = "ofx-reenact/heads/1"
# M modes of identity, U units of expression; N = I · P sets of landmarks, of I people in P poses each.
_SHAPES = {
    "source": "text", "units": "text U", "model_mean": "number 68 3", "model_identity": "number M 68 3",
    "model_expression": "number U 68 3", "landmarks": "number N 68 2", "identity": "whole N", "pose": "whole N",
    "expression": "number P U", "rotation": "number P 3", "distance": "number I",
}  # fmt: skip
# Landmark sets of a grid that are computed at once.
_CHUNK = 50_000


@dataclass(frozen=True)
class Poses:
    """Expression weights (B, U) in [0, 1] and Euler angles (B, 3) in radians (pitch, yaw, roll)."""

    expression: Tensor
    angles: Tensor

    def take(self, rows: Tensor) -> Poses:
        """Select rows (n,)."""
        return Poses(self.expression[rows], self.angles[rows])


@dataclass(frozen=True)
class HeadModel:
    """A parametric head reduced to its landmarks; draws random people and poses and projects them.

    Attributes:
        mean: (68, 3).
        identity: modes (M, 68, 3), scaled so that standard normal weights give people.
        expression: units (U, 68, 3).
        units: their names.
        source: where the model comes from, and its licence.
    """

    mean: Tensor
    identity: Tensor
    expression: Tensor
    units: tuple[str, ...]
    source: str

    def draw_people(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw people: mode weights (count, M)."""
        return torch.randn(count, len(self.identity), generator=generator)

    def draw_poses(self, count: int, generator: torch.Generator, facing: Tensor | None = None) -> Poses:
        """Draw expressions, of few but strong units, as in real faces, and head rotations, a quarter nearly frontal.

        Heads where ``facing`` (count, 1) bool is true face the camera within a few degrees.
        """
        random = lambda *size: torch.rand(*size, generator=generator)  # noqa: E731
        active = random(count, len(self.units)) < random(count, 1) * 0.4
        expression = active * random(count, len(self.units)) * random(count, 1).sqrt()
        spread = torch.tensor([0.20, 0.38, 0.12])
        angles = torch.randn(count, 3, generator=generator) * spread
        frontal = random(count, 1) < 0.25
        angles = angles * torch.where(frontal if facing is None else frontal | facing, 0.1, 1.0)
        limit = torch.tensor([0.6, 0.9, 0.4])
        return Poses(expression, torch.maximum(torch.minimum(angles, limit), -limit))

    def landmarks(self, people: Tensor, poses: Poses, distance: Tensor) -> Tensor:
        """Project people (B, M) in poses, seen from ``distance`` (B,) centimetres: (B, 68, 2), x right, y down.

        The camera looks at the centre of the head. The landmarks are in centimetres, exact for points as far away as
        that centre.
        """
        shape = self.mean + torch.einsum("bm,mnd->bnd", people, self.identity)
        shape = shape + torch.einsum("bu,und->bnd", poses.expression, self.expression)
        turned = shape @ rotation(poses.angles).mT
        depth = distance[:, None] - turned[..., 2]
        flat = turned[..., :2] * (distance[:, None] / depth)[..., None]
        return flat * torch.tensor([1.0, -1.0])

    def draw_distances(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw camera distances (count,) from a selfie's 45 cm to a telephoto's 4 m."""
        return 45 * torch.exp(torch.rand(count, generator=generator) * np.log(400 / 45))

    def template(self) -> Tensor:
        """Return the mean face seen from the front (68, 2), its square bounding box spanning [-1, 1]."""
        flat = self.mean[:, :2] * torch.tensor([1.0, -1.0])
        low, high = flat.amin(0), flat.amax(0)
        return (flat - (low + high) / 2) / ((high - low).max() / 2)


@dataclass(frozen=True)
class Grid:
    """Landmarks (I, P, 68, 2) of I people, at ``distance`` (I,), in P poses each; pose 0 is neutral, from the front."""

    landmarks: Tensor
    poses: Poses
    distance: Tensor


def draw_grid(model: HeadModel, identities: int, poses: int, seed: int) -> Grid:
    """Draw a grid; the same seed gives the same grid."""
    generator = torch.Generator().manual_seed(seed)
    people, distance = model.draw_people(identities, generator), model.draw_distances(identities, generator)
    drawn = model.draw_poses(poses, generator)
    drawn.expression[0], drawn.angles[0] = 0, 0
    who = torch.arange(identities).repeat_interleave(poses)
    what = torch.arange(poses).repeat(identities)
    parts = [
        model.landmarks(people[w], drawn.take(p), distance[w])
        for w, p in zip(who.split(_CHUNK), what.split(_CHUNK), strict=True)
    ]
    return Grid(torch.cat(parts).unflatten(0, (identities, poses)), drawn, distance)


def save_heads(path: Path, model: HeadModel, grid: Grid) -> None:
    """Write a heads file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    identities, poses = grid.landmarks.shape[:2]
    write_npz(
        path, SCHEMA, compressed=True, source=model.source, units=np.array(model.units), model_mean=model.mean,
        model_identity=model.identity, model_expression=model.expression, landmarks=grid.landmarks.flatten(0, 1),
        identity=np.repeat(np.arange(identities), poses), pose=np.tile(np.arange(poses), identities),
        expression=grid.poses.expression, rotation=grid.poses.angles, distance=grid.distance,
    )  # fmt: skip


def load_heads(path: str | Path) -> tuple[HeadModel, Grid]:
    """Read a heads file.

    Raises:
        ReenactError: the file does not exist, or is damaged.
    """
    data = read_npz(path, "heads file of this version; `ofx-reenact data heads` makes one", SCHEMA, _SHAPES, _check)
    arrays = {name: torch.from_numpy(array) for name, array in data.items() if array.dtype.kind in "fi"}
    units, source = tuple(str(name) for name in data["units"]), str(data["source"])
    mean, modes, expression = (arrays[f"model_{name}"].float() for name in ("mean", "identity", "expression"))
    model = HeadModel(mean, modes, expression, units, source)
    identities = int(arrays["identity"][-1]) + 1
    landmarks = arrays["landmarks"].float().unflatten(0, (identities, -1))
    return model, Grid(landmarks, Poses(arrays["expression"], arrays["rotation"]), arrays["distance"])


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    people, poses = len(arrays["distance"]), len(arrays["rotation"])
    if len(arrays["identity"]) != people * poses or not (arrays["identity"] == np.arange(people).repeat(poses)).all():
        raise ValueError(f"array identity does not list {people} people in {poses} poses each")


def rotation(angles: Tensor) -> Tensor:
    """Return rotation matrices (B, 3, 3) = roll · pitch · yaw of Euler angles (B, 3) = (pitch, yaw, roll)."""
    pitch, yaw, roll = angles.unbind(-1)
    one, nil = torch.ones_like(pitch), torch.zeros_like(pitch)
    matrix = lambda *rows: torch.stack([torch.stack(r, -1) for r in rows], -2)  # noqa: E731
    cos, sin = torch.cos, torch.sin
    about_x = matrix((one, nil, nil), (nil, cos(pitch), -sin(pitch)), (nil, sin(pitch), cos(pitch)))
    about_y = matrix((cos(yaw), nil, sin(yaw)), (nil, one, nil), (-sin(yaw), nil, cos(yaw)))
    about_z = matrix((cos(roll), -sin(roll), nil), (sin(roll), cos(roll), nil), (nil, nil, one))
    return about_z @ about_x @ about_y
