"""Swaps with a known truth: a driver, a target, and the target with the driver's pose and expression."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ofx_reenact.ldnet.normalise import Norm, normalise
from ofx_reenact.training.ldnet.data.head_model import HeadModel, Poses
from ofx_reenact.training.ldnet.data.random_deformations import draw_bends


@dataclass(frozen=True)
class Swaps:
    """Normalised landmarks, (B, 68, 2) each.

    Attributes:
        driver: the driver performing.
        rest: the driver in another frame.
        target: the target; where ``same_rest``, in the pose and expression of ``rest``.
        truth: the target in the pose and expression of ``driver``.
        same_rest: (B, 1, 1) bool.
        neutral: (2, B, 68, 2), driver and target from the front without expression; for real people not known.
    """

    driver: Tensor
    rest: Tensor
    target: Tensor
    truth: Tensor
    same_rest: Tensor
    neutral: Tensor

    def to(self, device: str) -> Swaps:
        """Move to a device."""
        return Swaps(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def where(self, rows: Tensor) -> Swaps:
        """Select rows (B,) bool."""
        driver, rest, target, truth = (x[rows] for x in (self.driver, self.rest, self.target, self.truth))
        return Swaps(driver, rest, target, truth, self.same_rest[rows], self.neutral[:, rows])


@dataclass(frozen=True)
class SwapSettings:
    """How swaps are drawn.

    Attributes:
        norm: normalisation of the landmarks.
        template: mean face of the normalisation, (68, 2).
        facing: fraction of swaps whose heads all face the camera, as frontalised tracks do.
        same_rest: fraction of swaps whose target has the pose and expression of the driver's rest frame.
        plain: fraction of swaps without bends and noise, the three below.
        bend: strength of bends (``freeform.py``) as expressions; 1 is like real ones.
        offset: strength of bends as identities.
        noise: standard deviation of a tracker's noise, in normalised coordinates.
    """

    norm: Norm
    template: Tensor
    facing: float = 0.5
    same_rest: float = 0.6
    plain: float = 0.4
    bend: float = 1.0
    offset: float = 0.4
    noise: float = 0.0015


def draw_swaps(model: HeadModel, settings: SwapSettings, count: int, generator: torch.Generator) -> Swaps:
    """Draw swaps of random people in random poses."""
    template = settings.template
    drivers, targets = model.draw_people(2 * count, generator).chunk(2)
    driver_distance, target_distance = model.draw_distances(2 * count, generator).chunk(2)
    facing = torch.rand(count, 1, generator=generator) < settings.facing
    act, rest, own = (model.draw_poses(count, generator, facing) for _ in range(3))
    same_rest = torch.rand(count, 1, generator=generator) < settings.same_rest
    own = Poses(
        torch.where(same_rest, rest.expression, own.expression), torch.where(same_rest, rest.angles, own.angles)
    )
    nothing = Poses(torch.zeros_like(act.expression), torch.zeros_like(act.angles))
    seen = (
        (drivers, act, driver_distance), (drivers, rest, driver_distance), (targets, own, target_distance),
        (targets, act, target_distance), (drivers, nothing, driver_distance), (targets, nothing, target_distance),
    )  # fmt: skip
    faces = [normalise(model.landmarks(*one), settings.norm, template)[0] for one in seen]
    free = (torch.rand(count, 1, 1, generator=generator) >= settings.plain).float()
    if settings.bend or settings.offset:
        acted, rested, owned = (draw_bends(template, count, generator) * settings.bend for _ in range(3))
        owned = torch.where(same_rest[..., None], rested, owned)
        identity = draw_bends(template, 2 * count, generator) * settings.offset
        identity += torch.randn(identity.shape, generator=generator) * settings.offset * 0.04
        of_driver, of_target = identity.chunk(2)
        added = (
            acted + of_driver, rested + of_driver, owned + of_target, acted + of_target, of_driver, of_target,
        )  # fmt: skip
        faces = [face + more * free for face, more in zip(faces, added, strict=True)]
    if settings.noise:
        # Noise is the tracker's: the truth has none.
        for place in (0, 1, 2):
            faces[place] = faces[place] + torch.randn(faces[place].shape, generator=generator) * settings.noise * free
    driver, at_rest, target, truth, *neutral = faces
    return Swaps(driver, at_rest, target, truth, same_rest[..., None], torch.stack(neutral))
