"""Remove position, scale (and roll) from landmarks, and put them back.

Convention: landmarks are (..., 68, 2), x to the right, y down. A :class:`Placement` maps normalised landmarks to
pixels, ``l = scale · R(roll) · l̂ + centre``, with roll in radians, positive clockwise on screen.

- ``bbox`` (paper section 3.1): the square bounding box of all points spans [-1, 1]; roll stays in.
- ``rigid`` (default): the similarity that aligns the points that no expression moves (eye corners, nose bridge, jaw
  hinges) with those of a mean face. So a mouth that opens changes neither centre nor scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

Norm = Literal["rigid", "bbox"]
NORMS: tuple[Norm, ...] = get_args(Norm)

# Outer and inner eye corners, nose bridge, and the two ends of the jaw line at the ears.
RIGID = (36, 39, 42, 45, 27, 28, 29, 30, 0, 16)


@dataclass(frozen=True)
class Placement:
    """The similarity from normalised landmarks to pixels: centre (..., 2), scale (...) and roll (...) in radians."""

    centre: Tensor
    scale: Tensor
    roll: Tensor

    def place(self, normalised: Tensor) -> Tensor:
        """Map normalised landmarks (..., 68, 2) to pixels."""
        return self.place_displacements(normalised) + self.centre[..., None, :]

    def place_displacements(self, normalised: Tensor) -> Tensor:
        """Map normalised displacements (..., 68, 2) to pixels: rotation and scale only."""
        return normalised @ _rotation(self.roll).mT * self.scale[..., None, None]

    def remove(self, landmarks: Tensor) -> Tensor:
        """Map landmarks in pixels (..., 68, 2) to normalised ones; the inverse of :meth:`place`."""
        return (landmarks - self.centre[..., None, :]) @ _rotation(self.roll) / self.scale[..., None, None]


def normalise(landmarks: Tensor, norm: Norm, template: Tensor | None = None) -> tuple[Tensor, Placement]:
    """Remove position, scale (and for ``rigid`` roll) from landmarks (..., 68, 2) in any unit.

    Returns the normalised landmarks and the placement that maps them back. ``rigid`` aligns with the rigid points of
    ``template`` (68, 2), a mean face; ``bbox`` does not use it.
    """
    if norm == "bbox":
        low, high = landmarks.amin(-2), landmarks.amax(-2)
        scale = (high - low).amax(-1) / 2
        placement = Placement((low + high) / 2, scale, torch.zeros_like(scale))
    else:
        if template is None:
            raise ValueError("norm 'rigid' needs the template that the weights were trained with")
        placement = _rigid_placement(landmarks, template.to(landmarks))
    return placement.remove(landmarks), placement


def _rigid_placement(landmarks: Tensor, template: Tensor) -> Placement:
    """Fit the similarity template → landmarks on the rigid points (2-D Procrustes in closed form)."""
    index = torch.tensor(RIGID, device=landmarks.device)
    to, of = landmarks.index_select(-2, index), template.index_select(-2, index)
    to_mean, of_mean = to.mean(-2), of.mean(-2)
    to, of = to - to_mean[..., None, :], of - of_mean
    # With points as complex numbers, a = Σ conj(of)·to / Σ |of|² is scale·exp(i·roll).
    power = (of**2).sum()
    real = (of * to).sum((-2, -1)) / power
    imaginary = (of[..., 0] * to[..., 1] - of[..., 1] * to[..., 0]).sum(-1) / power
    scale, roll = torch.hypot(real, imaginary), torch.atan2(imaginary, real)
    shift = (_rotation(roll) @ of_mean[..., None])[..., 0] * scale[..., None]
    return Placement(to_mean - shift, scale, roll)


def _rotation(roll: Tensor) -> Tensor:
    """Return rotation matrices (..., 2, 2) for column vectors."""
    cos, sin = torch.cos(roll), torch.sin(roll)
    return torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
