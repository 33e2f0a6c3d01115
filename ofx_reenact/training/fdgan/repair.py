"""Training of the repair network, which paints what a warp cannot show (profile ``warp``).

From top to bottom: settings, data, networks and optimisers, one step with its losses, the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ofx_reenact.errors import ReenactError
from ofx_reenact.fdgan.network import channels_last
from ofx_reenact.fdgan.repair import Repaired, RepairNetwork, fixed_mask
from ofx_reenact.fdgan.weights import load_repair, save_repair
from ofx_reenact.fdgan.window import FINER, finer_of
from ofx_reenact.frames.preview import write_png
from ofx_reenact.training.cuda_graph import fuse
from ofx_reenact.training.distributed import ALONE, Group
from ofx_reenact.training.fdgan.critics import Discriminator, load_critics, save_critics
from ofx_reenact.training.fdgan.data.pair_set import RENDERED, TRUE, Batch, PairSet
from ofx_reenact.training.fdgan.features import feature_distance
from ofx_reenact.training.fdgan.recipe_base import CRITICS, FDGANSettings, describe_run, digest_of
from ofx_reenact.training.fdgan.score import measure_pairs, stack_rows
from ofx_reenact.training.loop import Run, advise_smaller_batch, autocast
from ofx_reenact.training.recipe import Average, Recipe, cosine_rate, descend, set_rate

WEIGHTS, STEPS = "fdgan_repair.safetensors", 3000
# With fewer pairs the network memorises them.
FEWEST = 32
# Steps of warm-up, the lowest learning rate as a fraction of the highest, and the norm that gradients are clipped to.
WARM_UP, LEAST_RATE, MAX_NORM = 100, 0.01, 5.0
# Validation pairs of each kind that are measured at a checkpoint; after the run all are.
_MEASURED = 24


@dataclass(frozen=True)
class RepairSettings(FDGANSettings):
    """Settings of the repair recipe. The learning rate, Adam's, has a warm-up and falls as a cosine.

    Attributes:
        true_fraction: fraction of a batch's photographed pairs that are drawn from true ones: two pictures of a person.
        fine_fraction: fraction of batches seen through the finer window, if the set has such pairs. These batches
            have a quarter of the pairs, so the same number of pixels.
        rendered_fraction: fraction of a batch that are rendered heads, if the set has any beside photographs.
        second: fraction of batches in which the extractor sees a second picture of the target: the truth, mirrored.
        critic_from: fraction of the steps that pass before the critic takes part.
        adversary: weight of the critic's term from then on.
        features: weight of the feature distance.
    """

    true_fraction: float = 0.25
    fine_fraction: float = 0.4
    rendered_fraction: float = 0.3
    second: float = 0.2
    critic_from: float = 1 / 3
    adversary: float = 0.25
    features: float = 2.0


@dataclass(frozen=True)
class Rows:
    """Row numbers of the training pairs that are seen through one window, by kind."""

    photographs: np.ndarray
    true: np.ndarray
    rendered: np.ndarray

    @classmethod
    def of(cls, pair_set: PairSet, finer: int) -> Rows:
        """List the rows of a set for the window ``finer``, one of FINER."""
        rows = {kind: pair_set.rows(validation=False, kind=kind, finer=finer) for kind in ("", TRUE, RENDERED)}
        return cls(np.setdiff1d(rows[""], rows[RENDERED]), rows[TRUE], rows[RENDERED])

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.photographs) + len(self.rendered)

    def draw(self, count: int, settings: RepairSettings, rng: np.random.Generator) -> np.ndarray:
        """Draw row numbers (count,) of photographs; true pairs replace some, then rendered heads some of all."""
        rows = rng.choice(self.photographs if len(self.photographs) else self.rendered, count)
        for kind, fraction in ((self.true, settings.true_fraction), (self.rendered, settings.rendered_fraction)):
            if len(kind):
                rows = np.where(rng.random(count) < fraction, rng.choice(kind, count), rows)
        return rows


class RepairData:
    """Training batches of a set of pairs: drawn by kind, mirrored, recoloured."""

    def __init__(self, pair_set: PairSet, settings: RepairSettings, rng: np.random.Generator) -> None:
        self._pairs, self._settings, self._rng = pair_set, settings, rng
        self._rows = {finer: Rows.of(pair_set, finer) for finer in FINER}

    def has_rendered(self) -> bool:
        """Return whether there are rendered heads."""
        return any(len(rows.rendered) for rows in self._rows.values())

    def has_fine(self) -> bool:
        """Return whether there are pairs of the finest window."""
        return bool(len(self._rows[FINER[-1]]))

    def draw(self) -> tuple[Batch, Tensor, Tensor]:
        """Draw B pairs, and the R pictures of each target that the extractor sees.

        Returns the pairs, the pictures (B, R, 3, h, w) in [-1, 1] and their landmarks (B, R, 68, 2) in pixels.
        """
        settings, rng = self._settings, self._rng
        coarse, fine = (self._rows[finer] for finer in FINER)
        use_fine = len(fine) and (not len(coarse) or rng.random() < settings.fine_fraction)
        count = max(settings.batch // FINER[-1] ** 2, 1) if use_fine else settings.batch
        rows = (fine if use_fine else coarse).draw(count, settings, rng)
        batch = self._pairs.batch(rows).to(settings.device)
        batch = batch.mirrored(torch.from_numpy(rng.random(count) < 0.5).to(settings.device))
        batch = self._recolour(batch)
        pictures, landmarks = [batch.target], [batch.target_landmarks]
        if rng.random() < settings.second:
            mirror = batch.mirrored(torch.ones(count, dtype=torch.bool, device=batch.truth.device))
            pictures.append(mirror.truth)
            landmarks.append(mirror.landmarks)
        return batch, torch.stack(pictures, 1), torch.stack(landmarks, 1)

    def _recolour(self, batch: Batch) -> Batch:
        """Change gain and gamma, and make one pair in twenty grey; the same in all pictures of a pair."""
        count, rng, device = len(batch.truth), self._rng, self._settings.device
        gain = np.exp(rng.normal(0, 0.12, (count, 1, 1, 1))) * np.exp(rng.normal(0, 0.05, (count, 3, 1, 1)))
        gamma = np.exp(rng.normal(0, 0.15, (count, 1, 1, 1)))
        grey = torch.from_numpy(rng.random((count, 1, 1, 1)) < 0.05).to(device)
        gammas, gains = (torch.from_numpy(x).float().to(device) for x in (gamma, gain))

        def recolour(x: Tensor) -> Tensor:
            light = (x / 2 + 0.5).clamp(min=1e-4) ** gammas * gains
            light = torch.where(grey, light.mean(1, keepdim=True).expand_as(light), light)
            return light.clamp(0, 1) * 2 - 1

        return replace(batch, **{name: recolour(getattr(batch, name)) for name in ("target", "warped", "truth")})


class RepairLosses(nn.Module):
    """The repair network on a batch and its losses, as one module for DistributedDataParallel."""

    def __init__(self, network: RepairNetwork, features: float) -> None:
        super().__init__()
        self.network, self._features = network, features

    def forward(self, batch: Batch, pictures: Tensor, landmarks: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Repair what :meth:`RepairData.draw` drew: returns pictures (B, 3, h, w) in [-1, 1], and the losses."""
        dictionary = self.network.write(pictures, landmarks)
        made = self.network(batch.warped, batch.maps, batch.landmarks, dictionary)
        return made.picture, losses(made, batch, self._features)


class RepairRecipe(Recipe):
    """The repair network against one critic."""

    parts: ClassVar = ("network", "average", "critic", "optimiser", "critic_optimiser")
    rng: np.random.Generator

    def __init__(
        self, settings: RepairSettings, pair_set: PairSet, out: Path, start: RepairNetwork | None = None,
        group: Group = ALONE,
    ) -> None:  # fmt: skip
        """Begin from random weights, or from a trained network.

        Raises:
            ReenactError: too few pairs to train on, or another process of the group has ended.
        """
        self._settings, self._pairs, self._out = settings, pair_set, out
        self._count = len(pair_set.rows(validation=False))
        if self._count < FEWEST:
            raise ReenactError(f"{self._count} pairs to train on, at least {FEWEST} are needed: give more pictures")
        self.rng = group.rng(settings.seed)
        self._data = RepairData(pair_set, settings, self.rng)

        torch.manual_seed(settings.seed)
        network = start or RepairNetwork.ablation(settings.variant)
        self.network = channels_last(network.to(settings.device)).requires_grad_(True)
        self.critic = channels_last(Discriminator(4).to(settings.device))
        # Called in place of the networks: with several processes, backward averages the gradients.
        self._repair = group.average_gradients(RepairLosses(self.network, settings.features))
        self._judge = group.average_gradients(self.critic)
        self.average = Average(self.network, settings.ema)
        self.network.draw = fuse(self.network.draw, on=torch.device(settings.device).type == "cuda")

        self.optimiser = torch.optim.Adam(self.network.parameters(), settings.learning_rate, (0.9, 0.99))
        self.critic_optimiser = torch.optim.Adam(self.critic.parameters(), settings.learning_rate, (0.5, 0.99))
        pair_set.decode_onto(settings.device)

    def about(self) -> dict[str, Any]:
        """Return the settings of the run, without those that have no effect in it."""
        about = {"recipe": "repair", "pairs": self._count, **asdict(self._settings)}
        without = {name for name in ("start", "critics") if not about[name]}
        without |= set() if self._data.has_rendered() else {"rendered_fraction"}
        without |= set() if self._data.has_fine() else {"fine_fraction"}
        return {name: value for name, value in about.items() if name not in without}

    def step(self, number: int, steps: int) -> dict[str, Tensor]:
        """Draw a batch; let network, then critic learn from it."""
        settings, critic_learns = self._settings, number >= self._settings.critic_from * steps
        for optimiser in (self.optimiser, self.critic_optimiser):
            set_rate(optimiser, settings.learning_rate * max(cosine_rate(number, steps, WARM_UP), LEAST_RATE))
        batch, pictures, landmarks = self._data.draw()
        with autocast(settings.device, settings.bf16):
            made, terms = self._repair(batch, pictures, landmarks)
            if critic_learns:
                # In the network's turn the critic gets no gradients.
                self.critic.requires_grad_(False)
                verdict = self.critic(_with_mouth(made, batch.maps)).float()
                terms["adversary"] = settings.adversary * _mean_at_mouth(verdict**2, batch.maps)
            loss = torch.stack(list(terms.values())).sum()
        descend(loss, self.optimiser, MAX_NORM)
        if critic_learns:
            with autocast(settings.device, settings.bf16):
                self.critic.requires_grad_(True)
                both = self._judge(torch.cat([_with_mouth(p.detach(), batch.maps) for p in (batch.truth, made)]))
                real, fake = both.float().chunk(2)
                critic_loss = _mean_at_mouth((real - 1) ** 2, batch.maps) + _mean_at_mouth((fake + 1) ** 2, batch.maps)
            descend(critic_loss, self.critic_optimiser, MAX_NORM)
            terms["critic"] = critic_loss
        self.average.update_parameters(self.network)
        return {name: value.detach() for name, value in terms.items()}

    @torch.no_grad()
    def measure(self) -> Mapping[str, float]:
        """Return the average's errors on validation people; writes ``samples.png``."""
        network, device = self.average.module, self._settings.device
        scores, shown = measure_pairs(network, self._pairs, limit=_MEASURED, device=device)
        write_png(self._out / "samples.png", stack_rows(shown))
        return scores


def losses(made: Repaired, batch: Batch, features: float) -> dict[str, Tensor]:
    """Return the weighted losses by name.

    ``colour``, ``light`` (squared), ``edges`` and ``features`` are errors against the truth, which count most in the
    mouth and where pixels are missing. ``mask``, ``smooth`` and ``flow`` keep the mask small and smooth and the flow
    short.
    """
    mouth = near_mouth(batch.maps)
    weight = 1 + 7 * mouth + 4 * fixed_mask(batch.maps)
    error = made.picture - batch.truth
    size = weight.mean()
    across, down = error.diff(dim=-1).abs(), error.diff(dim=-2).abs()
    return {
        "colour": 10 * (weight * error.abs()).mean() / size,
        "light": 20 * (weight * error**2).mean() / size,
        "edges": 5 * ((weight[..., 1:] * across).mean() + (weight[..., 1:, :] * down).mean()) / size,
        "features": features * feature_distance(made.picture, batch.truth, 0.1 + mouth).mean(),
        "mask": 0.05 * made.mask.mean(),
        "smooth": 0.1 * (made.mask.diff(dim=-1).abs().mean() + made.mask.diff(dim=-2).abs().mean()),
        "flow": 0.01 * (made.flow**2).mean(),
    }


def near_mouth(maps: Tensor) -> Tensor:
    """Return a mask of the mouth's opening and the lips around it, (B, 1, h, w) in [0, 1]."""
    lips = 4 * finer_of(maps.shape[-2])
    return nn.functional.max_pool2d(maps[:, 2:3], 2 * lips + 1, stride=1, padding=lips)


def _with_mouth(picture: Tensor, maps: Tensor) -> Tensor:
    """Return what the critic sees: a picture and the map of the mouth, (B, 4, h, w)."""
    return torch.cat([picture, maps[:, 2:3]], dim=1)


def _mean_at_mouth(patches: Tensor, maps: Tensor) -> Tensor:
    """Return the mean over those patches (B, 1, h/16, w/16) in which the mouth is."""
    weight = nn.functional.adaptive_max_pool2d(near_mouth(maps), patches.shape[-2:])
    return (patches * weight).sum() / weight.sum().clamp(min=1e-6)


def train_repair(
    run: Run, data: str, settings: RepairSettings, *, steps: int | None = None, start: str = "", critics: str = ""
) -> Path:
    """Train the repair network; returns the weights file, which the first process writes.

    Args:
        run: folder, checkpoints, processes.
        data: set of pairs.
        settings: of the recipe; ``start`` and ``critics`` in it are filled in here.
        steps: None for 3000.
        start, critics: weights and critics of an earlier training to go on from.

    Raises:
        ReenactError: the data cannot be used, or another process of the group has ended.
        SettingsError: the folder holds another run, or memory ran out.
    """
    weights, steps = run.out / WEIGHTS, steps or STEPS
    with advise_smaller_batch(settings.batch):
        pair_set = PairSet(data)
        origin = load_repair(start) if start else None
        settings = replace(settings, start=digest_of(start), critics=digest_of(critics))
        recipe = RepairRecipe(settings, pair_set, run.out, origin.network if origin else None, run.group)
        if critics:
            load_critics(Path(critics), recipe.critic)
        run.train(recipe, steps, "fdgan")
        if run.group.first:
            described = f"repair recipe ({settings.variant}), {steps} steps of {settings.batch * run.group.size}"
            pairs = f"{len(pair_set.rows(validation=False))} pairs"
            scores, _ = measure_pairs(recipe.average.module, pair_set, device=settings.device)
            note = describe_run(described, origin, pairs, pair_set.names(), pair_set.terms_of_use, scores)
            finest = max(origin.finest if origin else 1, int(pair_set.finer.max()))
            save_repair(weights, recipe.average.module.cpu(), note, finest)
            save_critics(run.out / CRITICS, recipe.critic.cpu())
    return weights
