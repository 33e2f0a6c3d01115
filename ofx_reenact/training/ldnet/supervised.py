"""LD-Net's training for the plate profile: swaps supervised on synthetic heads.

The losses of the paper only say that a swap must look like the target and move like the driver. On synthetic heads the
true swap is known, so it is asked for directly, together with the anchored results that are rendered in the end; both
codes are asked to stay the same over what they must not see.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.ldnet.normalise import Norm, normalise
from ofx_reenact.training.ldnet.adversarial import squared_error
from ofx_reenact.training.ldnet.heads import HeadModel
from ofx_reenact.training.ldnet.people import LandmarkSet
from ofx_reenact.training.ldnet.score import Score
from ofx_reenact.training.ldnet.swaps import Drawing, Swaps, draw_swaps
from ofx_reenact.training.loop import autocast
from ofx_reenact.training.recipe import Recipe, cosine, descend, follow, set_rate


@dataclass(frozen=True)
class SupervisedSettings:
    """The supervised recipe. Adam's learning rate rises over the first 200 steps, then falls as a cosine.

    ``ema`` is the decay of the moving average that is kept, ``width`` that of the hidden layers; ``start`` and
    ``tracks`` are SHA-256 of the weights that the run goes on with and of its tracks, empty for none.
    """

    batch: int = 256
    learning_rate: float = 1.5e-3
    norm: Norm = "rigid"
    ema: float = 0.999
    seed: int = 1
    device: str = "cpu"
    bf16: bool = True
    width: int = 512
    start: str = ""
    tracks: str = ""


class SupervisedRecipe(Recipe):
    """Supervised swaps, drawn from one head model after the other."""

    parts: ClassVar = ("network", "average", "optimiser")
    generator: torch.Generator

    def __init__(
        self,
        settings: SupervisedSettings,
        sources: Sequence[HeadModel],
        template: Tensor,
        score: Score,
        *,
        start: LDNet | None = None,
        tracks: LandmarkSet | None = None,
    ) -> None:
        """Begin from random weights, or from ``start``; steps take turns among the ``sources``.

        ``template`` (68, 2) is the mean face of the normalisation; ``score`` measures on unseen people. A swap among
        ``tracks``, landmarks of real people, keeps the target's identity code.
        """
        torch.manual_seed(settings.seed)
        self._settings, self._sources, self._tracks, self._score = settings, sources, tracks, score
        self._drawing = Drawing(settings.norm, template)
        self.network = (start or LDNet(width=settings.width)).to(settings.device).requires_grad_(True)
        self.average = copy.deepcopy(self.network)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=settings.learning_rate, eps=1e-6)
        self.generator = torch.Generator().manual_seed(settings.seed)

    def about(self) -> dict[str, Any]:
        """Say what the run is made of."""
        return {"recipe": "supervised", "sources": [model.source for model in self._sources], **asdict(self._settings)}

    def step(self, number: int, steps: int) -> dict[str, float]:
        """Take one batch of swaps from the source whose turn it is."""
        settings = self._settings
        set_rate(self.optimiser, settings.learning_rate * max(cosine(number, steps, 200), 0.005))
        model = self._sources[number % len(self._sources)]
        swaps = draw_swaps(model, self._drawing, settings.batch, self.generator).to(settings.device)
        real = self._real()
        with autocast(settings.device, settings.bf16):
            terms = losses(self.network, swaps)
            if real is not None:
                terms["cycle"] = 0.1 * cycle(self.network, *real)
            loss = torch.stack(list(terms.values())).sum()
        descend(loss, self.optimiser, longest=10.0)
        follow(self.average, self.network, settings.ema, number + 1)
        return {name: value.item() for name, value in terms.items()}

    @torch.no_grad()
    def measure(self) -> Mapping[str, float]:
        """Point errors of the average on unseen people."""
        return self._score(self.average)

    def _real(self) -> tuple[Tensor, Tensor] | None:
        """Draw real drivers and targets, normalised (B, 68, 2) each."""
        if self._tracks is None:
            return None
        who = torch.randint(self._tracks.count, (2 * self._settings.batch,), generator=self.generator)
        drawn = self._tracks.draw(who, self.generator)
        normalised, _ = normalise(drawn, self._settings.norm, self._drawing.template)
        driver, target = normalised.to(self._settings.device).chunk(2)
        return driver, target


def losses(network: LDNet, swaps: Swaps) -> dict[str, Tensor]:
    """Swap, reconstruction, both anchored swaps, and agreement of both codes.

    From one frame nobody can tell a wide mouth from a smile, so the swap alone teaches to do half of either. What is
    rendered is the difference of two frames, where who it is cancels: the relative swap weighs most.
    """
    faces = torch.cat([swaps.driver, swaps.rest, swaps.target, swaps.truth])
    act, rest, own, done = network.encode_pose(faces).chunk(4)
    identity, identity_done = network.encode_identity(torch.cat([swaps.target, swaps.truth])).chunk(2)
    made = network.generate(torch.cat([act, rest, own]), identity.repeat(3, 1)).float()
    swap, rested, same = made.chunk(3)
    absolute, relative = swaps.target + swap - same, swaps.target + swap - rested
    return {
        "swap": 1000 * squared_error(swap, swaps.truth),
        "same": 200 * squared_error(same, swaps.target),
        "absolute": 200 * squared_error(absolute, swaps.truth),
        "relative": 4500 * squared_error(torch.where(swaps.like, relative, swaps.truth), swaps.truth),
        "pose": 0.1 * disagreement(act.float(), done.float()),
        "identity": 0.1 * disagreement(identity.float(), identity_done.float()),
    }


def cycle(network: LDNet, driver: Tensor, target: Tensor) -> Tensor:
    """How far a swap's identity code is from its target's, where the true swap is not known."""
    identity = network.encode_identity(target)
    return disagreement(network.encode_identity(network(driver, identity)).float(), identity.float())


def disagreement(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared difference of codes (B, n) in units of their variance, so that shrinking them wins nothing."""
    return ((a - b) ** 2).mean() / a.detach().var(0).mean().clamp(min=1e-6)
