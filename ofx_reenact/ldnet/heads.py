"""Synthetic heads: landmarks with identity, expression and head rotation known, so that a true swap exists.

The source is ICT-FaceKit's morphable model reduced to its 68 landmarks: an ``.npz`` with ``mean`` (68, 3),
``identity`` (100, 68, 3), ``expression`` (53, 68, 3), in centimetres, x right on screen, y up, z to the viewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError


@dataclass(frozen=True)
class Poses:
    """What a head does: expression weights (B, 53) and Euler angles (B, 3) in radians (pitch, yaw, roll)."""

    expression: Tensor
    angles: Tensor


class Heads:
    """A parametric head that draws random people and poses and projects their 68 landmarks."""

    def __init__(self, path: str | Path) -> None:
        try:
            with np.load(path, allow_pickle=False) as data:
                arrays = [torch.from_numpy(data[k].astype(np.float32)) for k in ("mean", "identity", "expression")]
        except (OSError, ValueError, KeyError) as error:
            raise ReenactError(f"{path}: not a 68-point head model ({error})") from error
        self.mean, self.identity, self.expression = arrays
        self.modes, self.units = len(self.identity), len(self.expression)

    def people(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw identities: mode weights (count, 100), standard normal as the model's modes are scaled."""
        return torch.randn(count, self.modes, generator=generator)

    def poses(self, count: int, generator: torch.Generator, facing: Tensor | None = None) -> Poses:
        """Draw expressions (sparse and strong, as faces are) and head rotations (a quarter nearly frontal).

        Args:
            count: how many.
            generator: source of chance.
            facing: (count, 1) bool; heads that face the camera but for a few degrees.
        """
        random = lambda *size: torch.rand(*size, generator=generator)  # noqa: E731
        active = random(count, self.units) < random(count, 1) * 0.4
        expression = active * random(count, self.units) * random(count, 1).sqrt()
        spread = torch.tensor([0.20, 0.38, 0.12])
        angles = torch.randn(count, 3, generator=generator) * spread
        nearly = random(count, 1) < 0.25
        angles = angles * torch.where(nearly if facing is None else nearly | facing, 0.1, 1.0)
        limit = torch.tensor([0.6, 0.9, 0.4])
        return Poses(expression, torch.maximum(torch.minimum(angles, limit), -limit))

    def landmarks(self, people: Tensor, poses: Poses, distance: Tensor) -> Tensor:
        """Project to the picture plane.

        Args:
            people: identity weights (B, 100).
            poses: B expressions and rotations.
            distance: camera distance (B,) in centimetres; the camera looks at the head's centre.

        Returns:
            Landmarks (B, 68, 2), x right, y down, in units of the distance times the focal length of 1.
        """
        shape = self.mean + torch.einsum("bm,mnd->bnd", people, self.identity)
        shape = shape + torch.einsum("bu,und->bnd", poses.expression, self.expression)
        turned = shape @ rotation(poses.angles).mT
        depth = distance[:, None] - turned[..., 2]
        flat = turned[..., :2] * (distance[:, None] / depth)[..., None]
        return flat * torch.tensor([1.0, -1.0])

    def distances(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw camera distances (count,) from a selfie's 45 cm to a telephoto's 4 m."""
        return 45 * torch.exp(torch.rand(count, generator=generator) * np.log(400 / 45))

    def template(self) -> Tensor:
        """The mean face seen from the front (68, 2), its square bounding box spanning [-1, 1]."""
        flat = self.mean[:, :2] * torch.tensor([1.0, -1.0])
        low, high = flat.amin(0), flat.amax(0)
        return (flat - (low + high) / 2) / ((high - low).max() / 2)


def rotation(angles: Tensor) -> Tensor:
    """Rotation matrices (B, 3, 3) = roll · pitch · yaw from Euler angles (B, 3) = (pitch, yaw, roll)."""
    pitch, yaw, roll = angles.unbind(-1)
    one, nil = torch.ones_like(pitch), torch.zeros_like(pitch)
    matrix = lambda *rows: torch.stack([torch.stack(r, -1) for r in rows], -2)  # noqa: E731
    cos, sin = torch.cos, torch.sin
    about_x = matrix((one, nil, nil), (nil, cos(pitch), -sin(pitch)), (nil, sin(pitch), cos(pitch)))
    about_y = matrix((cos(yaw), nil, sin(yaw)), (nil, one, nil), (-sin(yaw), nil, cos(yaw)))
    about_z = matrix((cos(roll), -sin(roll), nil), (sin(roll), cos(roll), nil), (nil, nil, one))
    return about_z @ about_x @ about_y
