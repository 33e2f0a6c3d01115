"""Random deformations beyond the head models, so that LD-Net learns real expressions and real faces.

A head model's smile is smaller than a person's, and its landmarks lie a little elsewhere than a tracker's. A network
that has seen head models alone reduces every face to them: it lost half of a smile on real tracks. So each region of
the face is also bent by random quadratic polynomials of its own. A bend that driver and target share is an
expression; bends that differ are identities.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ofx_reenact.tracking.landmarks import REGIONS

# Standard deviations of the coefficients of 1, u, v, u², uv, v² (u, v from -1 to 1 over the region), for dx and dy, in
# units of the template, whose box spans [-1, 1]. The mouth's were measured on corners and lips in real smiles and
# speech.
_SPREAD = {
    "jaw": ((0.01, 0.01, 0.01, 0.0, 0.02, 0.0), (0.01, 0.01, 0.03, 0.01, 0.0, 0.03)),
    "mouth": ((0.02, 0.09, 0.02, 0.02, 0.03, 0.02), (0.04, 0.03, 0.09, 0.08, 0.02, 0.03)),
    "nose": ((0.005, 0.02, 0.01, 0.0, 0.02, 0.0), (0.015, 0.005, 0.02, 0.0, 0.0, 0.0)),
    "eye_right": ((0.005, 0.01, 0.0, 0.0, 0.0, 0.0), (0.01, 0.01, 0.03, 0.01, 0.0, 0.0)),
    "eye_left": ((0.005, 0.01, 0.0, 0.0, 0.0, 0.0), (0.01, 0.01, 0.03, 0.01, 0.0, 0.0)),
    "brow_right": ((0.02, 0.01, 0.0, 0.0, 0.0, 0.0), (0.05, 0.03, 0.0, 0.02, 0.0, 0.0)),
    "brow_left": ((0.02, 0.01, 0.0, 0.0, 0.0, 0.0), (0.05, 0.03, 0.0, 0.02, 0.0, 0.0)),
}
# Fraction of the regions that are bent.
_ACTIVE = 0.6


def draw_bends(template: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw displacements (count, 68, 2) in units of the template (68, 2); in some regions they are 0."""
    field = torch.zeros(count, len(template), 2)
    for region, spread in _SPREAD.items():
        index = torch.tensor(REGIONS[region])
        points = template[index]
        low, high = points.amin(0), points.amax(0)
        u, v = ((points - (low + high) / 2) / ((high - low) / 2).clamp(min=0.05)).unbind(-1)
        basis = torch.stack([torch.ones_like(u), u, v, u * u, u * v, v * v])
        strength = torch.rand(count, 1, 1, generator=generator) * 1.8
        strength = strength * (torch.rand(count, 1, 1, generator=generator) < _ACTIVE)
        coefficients = torch.randn(count, 2, 6, generator=generator) * torch.tensor(spread) * strength
        field[:, index] = (coefficients @ basis).mT
    return field
