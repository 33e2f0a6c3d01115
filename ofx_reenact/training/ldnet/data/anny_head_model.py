"""Heads of the parametric body model ``anny`` (code Apache-2.0, NAVER; MakeHuman data CC0) as a source of landmarks.

The places of the 68 landmarks on its mesh were calibrated with the default tracker (``resources/calibration``), so that
they are the tracker's landmarks. People are sampled from its shape controls; a linear model is fitted to their
landmarks.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError
from ofx_reenact.files import read_json
from ofx_reenact.ldnet.normalise import RIGID
from ofx_reenact.resources import resource
from ofx_reenact.training.ldnet.data.head_model import HeadModel

SOURCE = "anny (Apache-2.0, NAVER; MakeHuman data CC0)"
# How far the centre of a head, about which it turns, lies behind the mean of its rigid landmarks, in centimetres.
_BEHIND = 9.4
_MODES, _BATCH = 100, 16
# Phenotypes and their ranges in adults; the others do not shape the face.
_RANGES = {"gender": (0.0, 1.0), "age": (0.45, 1.0), "weight": (0.25, 0.75), "muscle": (0.3, 0.7)}
# Local changes that shape a face, their standard deviation, and the fraction of it for changes that skew a head.
_SHAPES = ("head", "nose", "mouth", "chin", "forehead", "eyebrows", "cheek", "eye")
_SPREAD, _SKEW = 0.35, 0.1


def installed() -> bool:
    """Return whether the package of the body model is installed."""
    return find_spec("anny") is not None


class AnnyBody:
    """The body model and the places of the 68 landmarks on it."""

    def __init__(self) -> None:
        """Load it; the first time takes about a minute.

        Raises:
            ReenactError: the package is not installed, or has another mesh than the calibrated one.
        """
        try:
            import anny
        except ImportError as error:
            raise ReenactError("heads from anny need its package: pip install 'ofx-reenact[train]'") from error
        self.body: Any = anny.Anny(local_changes="default", facial_actions="all").to(dtype=torch.float32)
        table = read_json(resource("calibration", "anny68.json"))
        vertices = len(self.body.template_vertices)
        if vertices != table["vertices"]:
            raise ReenactError(
                f"anny's mesh has {vertices} vertices, the calibrated one {table['vertices']}; install the version of "
                "anny that pip install 'ofx-reenact[train]' takes"
            )
        self._corners, self._weights = torch.tensor(table["corners"]), torch.tensor(table["weights"])

    @property
    def units(self) -> tuple[str, ...]:
        """Return the names of the facial actions."""
        return tuple(self.body.facial_action_labels)

    def vertices(
        self, count: int, shape: Mapping[str, Tensor], local: Mapping[str, Tensor], actions: Mapping[str, Tensor]
    ) -> Tensor:
        """Return meshes without a body pose (count, V, 3) in centimetres, x right on screen, y up, z to the viewer."""
        pose = torch.eye(4)[None, None].repeat(count, self.body.bone_count, 1, 1)
        middle = {name: torch.full((count,), 0.5) for name in self.body.phenotype_labels}
        with torch.no_grad():
            made = self.body(
                pose_parameters=pose,
                phenotype_kwargs={**middle, **shape},
                local_changes_kwargs=dict(local),
                facial_actions=dict(actions),
            )["vertices"]
        return torch.stack([made[..., 0], made[..., 2], -made[..., 1]], -1) * 100

    def landmarks(self, vertices: Tensor) -> Tensor:
        """Return the 68 landmarks (count, 68, 3) of meshes, in centimetres from the centre of the head."""
        points = (vertices[:, self._corners] * self._weights[..., None]).sum(2)
        centre = points[:, list(RIGID)].mean(1, keepdim=True)
        return points - centre + torch.tensor([0.0, 0.0, _BEHIND])


def anny_model(people: int = 4000, seed: int = 0) -> HeadModel:
    """Build a linear model of landmarks: identity modes from sampled people, expressions from facial actions.

    Raises:
        ReenactError: anny is not installed.
    """
    body, generator = AnnyBody(), torch.Generator().manual_seed(seed)
    sampled = [
        body.landmarks(body.vertices(_BATCH, *_person(body, generator), {})) for _ in range(-(-people // _BATCH))
    ]
    faces = torch.cat(sampled)[:people].double()
    mean = faces.mean(0)
    _, deviations, directions = torch.linalg.svd((faces - mean).flatten(1), full_matrices=False)
    modes = (directions * deviations[:, None] / np.sqrt(len(faces) - 1))[:_MODES].unflatten(1, (68, 3))
    neutral = body.landmarks(body.vertices(1, {}, {}, {}))
    acting = [body.landmarks(body.vertices(1, {}, {}, {unit: torch.ones(1)})) - neutral for unit in body.units]
    return HeadModel(mean.float(), modes.float(), torch.cat(acting), body.units, SOURCE)


def _person(body: AnnyBody, generator: torch.Generator) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Draw a batch of adults, nearly symmetric: phenotypes, and local changes of shape."""
    shape = {
        name: low + (high - low) * torch.rand(_BATCH, generator=generator) for name, (low, high) in _RANGES.items()
    }
    local: dict[str, Tensor] = {}
    for name in body.body.local_change_labels:
        side, _, rest = name.partition("-")
        if (rest if side in "lr" else name).partition("-")[0] not in _SHAPES or side == "r":
            continue
        drawn = torch.randn(_BATCH, generator=generator) * _SPREAD
        if side == "l":
            skewed = (drawn + torch.randn(_BATCH, generator=generator) * _SKEW * _SPREAD for _ in "lr")
            local[f"l-{rest}"], local[f"r-{rest}"] = (value.clamp(-1, 1) for value in skewed)
        else:
            sideways = name.endswith("trans-out") or name == "head-angle-out"
            local[name] = (drawn * (_SKEW if sideways else 1.0)).clamp(-1, 1)
    return shape, local
