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
    """Normalised landmarks (B, 68, 2) of a driver who performs, a target, and the ``truth``: that target performing.

    ``rest`` is the driver in another frame, "as in the target" where ``like`` (B, 1, 1) bool holds; ``neutral`` (2, B,
    68, 2) are driver and target with no expression, seen from the front, which no user has.
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
    """How swaps are drawn; ``template`` (68, 2) is the mean face of the normalisation.

    ``facing``, ``like`` and ``plain`` are shares of swaps: all heads face the camera, as frontalised tracks do; the
    target's picture shows the driver's rest; the head model is as it is. Others have free bends (strength ``bend``, 1
    as real expressions), differ from the model's people by ``offset`` of such bends, and have a tracker's ``noise``,
    where 1 is half the landmark box.
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
