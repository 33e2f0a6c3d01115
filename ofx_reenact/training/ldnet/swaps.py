"""Swaps whose truth is known: a driver, a target, and the target doing what the driver does."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ofx_reenact.ldnet.normalise import Norm, normalise
from ofx_reenact.training.ldnet.freeform import bends
from ofx_reenact.training.ldnet.heads import HeadModel, Poses


@dataclass(frozen=True)
class Swaps:
    """Normalised landmarks (B, 68, 2).

    Attributes:
        driver: performing.
        rest: the same driver in another frame, which means "as in the target" where ``like`` holds.
        target: as in its picture.
        truth: the target doing what ``driver`` does.
        like: (B, 1, 1) bool; whether the target's picture shows the expression and rotation of ``rest``.
        neutral: driver and target with no expression, seen from the front, (2, B, 68, 2); what no user has.
    """

    driver: Tensor
    rest: Tensor
    target: Tensor
    truth: Tensor
    like: Tensor
    neutral: Tensor

    def to(self, device: str) -> Swaps:
        """Move to a device."""
        return Swaps(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def where(self, rows: Tensor) -> Swaps:
        """Select rows (B,) bool."""
        driver, rest, target, truth = (x[rows] for x in (self.driver, self.rest, self.target, self.truth))
        return Swaps(driver, rest, target, truth, self.like[rows], self.neutral[:, rows])


@dataclass(frozen=True)
class Drawing:
    """How swaps are drawn.

    Attributes:
        norm: how landmarks are normalised.
        template: mean face (68, 2) of the normalisation.
        facing: share of swaps in which all heads face the camera, as frontalised tracks do.
        like: share in which the target's picture shows the driver's rest.
        plain: share of swaps of the head model as it is, without bends, offsets and noise.
        bend: strength of free bends, which no head model has; 1 as people's real expressions, 0 none.
        offset: how far people differ from the head model's, as a share of such bends.
        noise: of a tracker, in normalised units (half the landmark box is 1).
    """

    norm: Norm
    template: Tensor
    facing: float = 0.5
    like: float = 0.6
    plain: float = 0.4
    bend: float = 1.0
    offset: float = 0.4
    noise: float = 0.0015


def draw_swaps(model: HeadModel, drawing: Drawing, count: int, generator: torch.Generator) -> Swaps:
    """Draw swaps of random people in random poses."""
    template = drawing.template
    drivers, targets = model.people(2 * count, generator).chunk(2)
    near, far = model.distances(2 * count, generator).chunk(2)
    facing = torch.rand(count, 1, generator=generator) < drawing.facing
    act, rest, own = (model.poses(count, generator, facing) for _ in range(3))
    like = torch.rand(count, 1, generator=generator) < drawing.like
    own = Poses(*(torch.where(like, r, o) for r, o in ((rest.expression, own.expression), (rest.angles, own.angles))))
    nothing = Poses(torch.zeros_like(act.expression), torch.zeros_like(act.angles))
    seen = (
        (drivers, act, near), (drivers, rest, near), (targets, own, far), (targets, act, far),
        (drivers, nothing, near), (targets, nothing, far),
    )  # fmt: skip
    faces = [normalise(model.landmarks(*one), drawing.norm, template)[0] for one in seen]
    free = (torch.rand(count, 1, 1, generator=generator) >= drawing.plain).float()
    if drawing.bend or drawing.offset:
        acted, rested, owned = (bends(template, count, generator) * drawing.bend for _ in range(3))
        owned = torch.where(like[..., None], rested, owned)
        who = bends(template, 2 * count, generator) * drawing.offset
        who += torch.randn(who.shape, generator=generator) * drawing.offset * 0.04
        of_driver, of_target = who.chunk(2)
        added = (
            acted + of_driver, rested + of_driver, owned + of_target, acted + of_target, of_driver, of_target,
        )  # fmt: skip
        faces = [face + more * free for face, more in zip(faces, added, strict=True)]
    if drawing.noise:
        # The truth is what the face does, not what a tracker makes of it.
        for place in (0, 1, 2):
            faces[place] = faces[place] + torch.randn(faces[place].shape, generator=generator) * drawing.noise * free
    driver, performed, target, truth, *neutral = faces
    return Swaps(driver, performed, target, truth, like[..., None], torch.stack(neutral))
