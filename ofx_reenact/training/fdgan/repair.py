"""Training of the repair network: pairs in, a network that paints what a warp cannot know (profile ``warp``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ofx_reenact.errors import ReenactError
from ofx_reenact.fdgan.dictionary import Dictionary
from ofx_reenact.fdgan.network import channels_last
from ofx_reenact.fdgan.repair import Repaired, RepairNetwork, given
from ofx_reenact.fdgan.window import FINER, finer_of
from ofx_reenact.frames.preview import write_png
from ofx_reenact.training.distributed import ALONE, Group
from ofx_reenact.training.fdgan.critics import Discriminator
from ofx_reenact.training.fdgan.data.pair_set import RENDERED, TRUE, Batch, PairSet
from ofx_reenact.training.fdgan.features import feature_distance
from ofx_reenact.training.fdgan.recipe import FDGANRecipe, FDGANSettings
from ofx_reenact.training.fdgan.score import measure_pairs, sheet
from ofx_reenact.training.loop import autocast
from ofx_reenact.training.recipe import cosine, descend
from ofx_reenact.training.recorded import fused

# Fewer pairs than this are learned by heart.
FEWEST = 32


@dataclass(frozen=True)
class RepairSettings(FDGANSettings):
    """The repair recipe. The learning rate is Adam's; it rises over the first 100 steps and falls as a cosine.

    Attributes:
        true_share: share of a batch that are two photographs of one person, if there are any.
        fine_share: share of batches that are seen through the finer window, if there are such pairs; they have a
            quarter as many, of as many pixels.
        rendered_share: share of a batch that are rendered heads, if there are any beside photographs.
        second: share of batches in which the target's second picture shows its open mouth, mirrored.
        critic_from: share of the steps that pass before the critic speaks.
        adversary: weight of the critic once it speaks.
        features: weight of the feature distance.
    """

    true_share: float = 0.25
    fine_share: float = 0.4
    rendered_share: float = 0.3
    second: float = 0.2
    critic_from: float = 1 / 3
    adversary: float = 0.25
    features: float = 2.0


@dataclass(frozen=True)
class Rows:
    """Training pairs that are seen through one window, by kind."""

    photographs: np.ndarray
    true: np.ndarray
    rendered: np.ndarray

    @classmethod
    def of(cls, pair_set: PairSet, finer: int) -> Rows:
        """List those of a set."""
        rows = {kind: pair_set.rows(validation=False, kind=kind, finer=finer) for kind in ("", TRUE, RENDERED)}
        return cls(np.setdiff1d(rows[""], rows[RENDERED]), rows[TRUE], rows[RENDERED])

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.photographs) + len(self.rendered)

    def draw(self, count: int, settings: RepairSettings, chance: np.random.Generator) -> np.ndarray:
        """Draw so many, of each kind its share."""
        rows = chance.choice(self.photographs if len(self.photographs) else self.rendered, count)
        for kind, share in ((self.true, settings.true_share), (self.rendered, settings.rendered_share)):
            if len(kind):
                rows = np.where(chance.random(count) < share, chance.choice(kind, count), rows)
        return rows


class RepairRecipe(FDGANRecipe[RepairNetwork]):
    """The repair network against one critic."""

    parts: ClassVar = ("network", "average", "critic", "optimiser", "critic_optimiser")
    _settings: RepairSettings

    def __init__(
        self, settings: RepairSettings, pair_set: PairSet, out: Path, start: RepairNetwork | None = None,
        group: Group = ALONE,
    ) -> None:  # fmt: skip
        """Begin from random weights, or from a trained network.

        Raises:
            ReenactError: too few pairs to train on.
        """
        self._settings, self._pairs = settings, pair_set
        self._all = pair_set.rows(validation=False)
        self._rows = {finer: Rows.of(pair_set, finer) for finer in FINER}
        if len(self._all) < FEWEST:
            raise ReenactError(f"{len(self._all)} pairs to train on, at least {FEWEST} are needed: give more pictures")
        super().__init__(settings, out, RepairNetwork, start, group)
        self.critic = channels_last(Discriminator(4).to(settings.device))
        self.optimiser = torch.optim.Adam(self.network.parameters(), settings.learning_rate, (0.9, 0.99))
        self.critic_optimiser = torch.optim.Adam(self.critic.parameters(), settings.learning_rate, (0.5, 0.99))
        self.network.draw = fused(self.network.draw, on=torch.device(settings.device).type == "cuda")
        pair_set.hold_on(settings.device)

    def about(self) -> dict[str, Any]:
        """Say what the run is made of."""
        about = {"recipe": "repair", "pairs": len(self._all), **asdict(self._settings)}
        # What a run does without is not said, so that runs begun before there was such a thing go on.
        without = {name for name in ("start", "critics") if not about[name]}
        without |= set() if any(len(rows.rendered) for rows in self._rows.values()) else {"rendered_share"}
        without |= set() if len(self._rows[FINER[-1]]) else {"fine_share"}
        return {name: value for name, value in about.items() if name not in without}

    def _rate(self, number: int, steps: int) -> float:
        return max(cosine(number, steps, 100), 0.01)

    def _learn(self, number: int, steps: int) -> dict[str, Tensor]:
        batch, critic = self._draw(), number >= self._settings.critic_from * steps
        settings = self._settings
        with autocast(settings.device, settings.bf16):
            made = self.network(batch.warped, batch.maps, batch.landmarks, self._dictionary(batch))
            terms = losses(made, batch, settings.features)
            if critic:
                verdict = self.critic(_judged(made.picture, batch.maps)).float()
                terms["adversary"] = settings.adversary * _at_mouth(verdict**2, batch.maps)
            loss = torch.stack(list(terms.values())).sum()
        descend(loss, self.optimiser, self._group, 5.0)
        if critic:
            with autocast(settings.device, settings.bf16):
                both = self.critic(torch.cat([_judged(p.detach(), batch.maps) for p in (batch.truth, made.picture)]))
                real, fake = both.float().chunk(2)
                apart = _at_mouth((real - 1) ** 2, batch.maps) + _at_mouth((fake + 1) ** 2, batch.maps)
            descend(apart, self.critic_optimiser, self._group, 5.0)
            terms["critic"] = apart
        return {name: value.detach() for name, value in terms.items()}

    @torch.no_grad()
    def measure(self) -> Mapping[str, float]:
        """Errors of the average on people kept from training; draws ``samples.png``."""
        scores, shown = measure_pairs(self.average, self._pairs, limit=24, device=self._settings.device)
        write_png(self._out / "samples.png", sheet(shown))
        return scores

    def _draw(self) -> Batch:
        """Draw pairs, mirror half of them, and change their colours alike in all their pictures."""
        settings, chance = self._settings, self.generator
        coarse, fine = (self._rows[finer] for finer in FINER)
        finely = len(fine) and (not len(coarse) or chance.random() < settings.fine_share)
        count = max(settings.batch // FINER[-1] ** 2, 1) if finely else settings.batch
        rows = (fine if finely else coarse).draw(count, settings, chance)
        batch = self._pairs.batch(rows).to(settings.device)
        batch = batch.mirrored(torch.from_numpy(chance.random(count) < 0.5).to(settings.device))
        gain = np.exp(chance.normal(0, 0.12, (count, 1, 1, 1))) * np.exp(chance.normal(0, 0.05, (count, 3, 1, 1)))
        power = np.exp(chance.normal(0, 0.15, (count, 1, 1, 1)))
        grey = torch.from_numpy(chance.random((count, 1, 1, 1)) < 0.05).to(settings.device)
        bent, gained = (torch.from_numpy(x).float().to(settings.device) for x in (power, gain))

        def recolour(x: Tensor) -> Tensor:
            light = (x / 2 + 0.5).clamp(min=1e-4) ** bent * gained
            light = torch.where(grey, light.mean(1, keepdim=True).expand_as(light), light)
            return light.clamp(0, 1) * 2 - 1

        seen = {name: recolour(getattr(batch, name)) for name in ("target", "warped", "truth")}
        return replace(batch, **seen)

    def _dictionary(self, batch: Batch) -> Dictionary:
        pictures, landmarks = [batch.target], [batch.target_landmarks]
        if self.generator.random() < self._settings.second:
            mirror = Batch.mirrored(batch, torch.ones(len(batch.truth), dtype=torch.bool, device=batch.truth.device))
            pictures.append(mirror.truth)
            landmarks.append(mirror.landmarks)
        return self.network.write(torch.stack(pictures, 1), torch.stack(landmarks, 1))


def losses(made: Repaired, batch: Batch, features: float) -> dict[str, Tensor]:
    """Colour, edges and features against the truth, most where something is missing; a small mask, a small flow."""
    mouth = near_mouth(batch.maps)
    weight = 1 + 7 * mouth + 4 * given(batch.maps)
    wrong = made.picture - batch.truth
    size = weight.mean()
    across, down = wrong.diff(dim=-1).abs(), wrong.diff(dim=-2).abs()
    return {
        "colour": 10 * (weight * wrong.abs()).mean() / size,
        "light": 20 * (weight * wrong**2).mean() / size,
        "edges": 5 * ((weight[..., 1:] * across).mean() + (weight[..., 1:, :] * down).mean()) / size,
        "features": features * feature_distance(made.picture, batch.truth, 0.1 + mouth).mean(),
        "mask": 0.05 * made.mask.mean(),
        "smooth": 0.1 * (made.mask.diff(dim=-1).abs().mean() + made.mask.diff(dim=-2).abs().mean()),
        "flow": 0.01 * (made.flow**2).mean(),
    }


def near_mouth(maps: Tensor) -> Tensor:
    """The mouth's opening and the lips beside it, (B, 1, h, w) in [0, 1]."""
    lips = 4 * finer_of(maps.shape[-2])
    return nn.functional.max_pool2d(maps[:, 2:3], 2 * lips + 1, stride=1, padding=lips)


def _judged(picture: Tensor, maps: Tensor) -> Tensor:
    return torch.cat([picture, maps[:, 2:3]], dim=1)


def _at_mouth(patches: Tensor, maps: Tensor) -> Tensor:
    """Mean over the patches (B, 1, h/16, w/16) in which the mouth is."""
    share = nn.functional.adaptive_max_pool2d(near_mouth(maps), patches.shape[-2:])
    return (patches * share).sum() / share.sum().clamp(min=1e-6)
