"""Training of LD-Net as in the paper (section 3.1, equations 1 to 7): two stages, each against its critics.

Stage 1 trains E_P, G and a table N_I of identity codes against a classifier C that looks for the driver in the swapped
landmarks. Stage 2 freezes E_P, puts E_I in the table's place, and trains E_I and G against a discriminator D and a new
C. Where the paper is silent or unclear, :class:`AdversarialSettings` has an option.

From top to bottom: the settings, the data, the two stages (networks, optimisers, steps, losses), and the run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ofx_reenact.errors import SettingsError
from ofx_reenact.ldnet.network import Classifier, Discriminator, LabelTable, LDNet
from ofx_reenact.ldnet.normalise import Norm, normalise
from ofx_reenact.training.distributed import refuse_several
from ofx_reenact.training.ldnet.data.head_model import SCHEMA, HeadModel, load_heads
from ofx_reenact.training.ldnet.data.people import LandmarkSet, People, SyntheticPeople
from ofx_reenact.training.ldnet.data.swaps import SwapSettings
from ofx_reenact.training.ldnet.recipe_base import WEIGHTS, check_data, models_by_name, save_trained, squared_error
from ofx_reenact.training.ldnet.score import Score, score
from ofx_reenact.training.loop import CHECKPOINT, Run, autocast, read_checkpoint
from ofx_reenact.training.npz import schema_of
from ofx_reenact.training.recipe import Recipe, descend, set_rate

Adversary = Literal["ll", "ll_clamp", "nlu"]
# Steps and Adam's learning rate of each stage, as in the paper.
STEPS = {1: 400_000, 2: 1_000_000}
RATES = {1: 1e-4, 2: 5e-5}
# Adam's epsilon for networks, and for the table, whose gradients are rare and small.
_EPS, _TABLE_EPS = 1e-4, 1e-8


@dataclass(frozen=True)
class AdversarialSettings:
    """Settings of one stage of the adversarial recipe.

    Attributes:
        batch: pairs of driver and target in a step.
        learning_rate: of Adam; 0 for the paper's.
        adv: what equation 2 minimises, with P the probability that the classifier gives the driver. ``ll``: log P,
            which has no lower bound; ``ll_clamp``: log P, but not below that of a random guess; ``nlu``: -log(1 - P),
            times the number of other people.
        critics: steps of C and D for each step of G.
        table_rate: factor of the learning rate for N_I, of which a batch uses few rows.
        warm_up: steps of the learning rate's linear warm-up.
        norm: normalisation of the landmarks.
        bf16: whether layers run in bfloat16, where the device has it.
        width: features of the hidden layers.
    """

    stage: Literal[1, 2]
    batch: int = 32
    learning_rate: float = 0.0
    adv: Adversary = "ll_clamp"
    critics: int = 1
    table_rate: float = 100.0
    warm_up: int = 100
    norm: Norm = "bbox"
    seed: int = 1
    device: str = "cpu"
    bf16: bool = True
    width: int = 512


def load_people(data: Sequence[str], count: int, seed: int) -> tuple[People, list[HeadModel]]:
    """Read the people to train on: ``count`` drawn from each heads file, or those of one set of tracked landmarks.

    Returns the people and the head models.

    Raises:
        ReenactError: a file cannot be used.
        SettingsError: files of both kinds, or several sets.
    """
    models, sets = [], []
    for path in data:
        if schema_of(path) == SCHEMA:
            models.append(load_heads(path)[0])
        else:
            sets.append(LandmarkSet(path))
    if sets and (models or len(sets) > 1):
        raise SettingsError("--data: give heads files, or one set of tracked landmarks, not both")
    if sets:
        return sets[0], []
    return SyntheticPeople.of(models, count, seed), models


class AdversarialRecipe(Recipe):
    """What both stages share: drawing landmarks, optimisers, one optimiser's turn, the warm-up."""

    parts: ClassVar = ("modules", "optimisers")
    rng: torch.Generator

    def __init__(self, settings: AdversarialSettings, people: People, template: Tensor, network: LDNet) -> None:
        """Take people to draw from; ``template`` (68, 2) is the mean face of the ``rigid`` normalisation."""
        self._settings, self._people, self._template = settings, people, template
        self.rng = torch.Generator().manual_seed(settings.seed)
        self.network = network.to(settings.device).requires_grad_(True)
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self.optimisers: dict[str, torch.optim.Adam] = {}

    def about(self) -> dict[str, Any]:
        """Return the settings of the run."""
        return {"recipe": "adversarial", "people": self._people.count, **asdict(self._settings)}

    def _adam(self, *modules: nn.Module) -> torch.optim.Adam:
        parameters = [p for module in modules for p in module.parameters()]
        return torch.optim.Adam(parameters, lr=self._rate, eps=_EPS)

    @property
    def _rate(self) -> float:
        return self._settings.learning_rate or RATES[self._settings.stage]

    def _draw_pairs(self) -> tuple[Tensor, Tensor]:
        """Draw drivers S and targets T ≠ S, (B,) each."""
        count, batch = self._people.count, self._settings.batch
        driver = torch.randint(count, (batch,), generator=self.rng)
        other = torch.randint(count - 1, (batch,), generator=self.rng)
        return driver, other + (other >= driver)

    def _draw_landmarks(self, who: Tensor) -> Tensor:
        """Draw normalised landmarks (B, 68, 2) of people (B,)."""
        drawn = self._people.draw(who, self.rng)
        return normalise(drawn, self._settings.norm, self._template)[0].to(self._settings.device)

    def _turn(self, name: str, loss: Callable[..., Tensor], *arguments: Any) -> Tensor:
        """Let one optimiser take a gradient step on ``loss(*arguments)``; returns the loss."""
        with autocast(self._settings.device, self._settings.bf16):
            value = loss(*arguments)
        descend(value, self.optimisers[name])
        return value.detach()

    def _warm_up(self, number: int) -> None:
        """Set the learning rates of step ``number``."""
        fraction = min(1.0, (number + 1) / max(self._settings.warm_up, 1))
        for name, optimiser in self.optimisers.items():
            set_rate(optimiser, self._rate * (self._settings.table_rate if name == "table" else 1.0) * fraction)


class Stage1(AdversarialRecipe):
    """E_P, G and N_I against C: equations 1 and 2."""

    def __init__(self, settings: AdversarialSettings, people: People, template: Tensor) -> None:
        """Begin from random weights."""
        torch.manual_seed(settings.seed)
        super().__init__(settings, people, template, LDNet(width=settings.width))
        self.table = LabelTable(people.count).to(settings.device)
        self.classifier = Classifier(people.count, width=settings.width).to(settings.device)
        self.modules |= {"table": self.table, "classifier": self.classifier}
        table = torch.optim.Adam(self.table.parameters(), lr=self._rate, eps=_TABLE_EPS)
        networks = self._adam(self.network.pose_encoder, self.network.generator)
        self.optimisers = {"networks": networks, "table": table, "classifier": self._adam(self.classifier)}

    def step(self, number: int, steps: int) -> dict[str, float]:
        """Train C; then train the networks and the table by one step."""
        self._warm_up(number)
        for _ in range(self._settings.critics):
            driver, target = self._draw_pairs()
            landmarks = self._draw_landmarks(driver)
            found = self._turn("classifier", self._classifier_loss, landmarks, driver, target)
        terms: dict[str, Tensor] = {}
        self.optimisers["table"].zero_grad(set_to_none=True)
        self._turn("networks", self._network_losses, landmarks, driver, target, terms)
        self.optimisers["table"].step()
        return {"C": found.item(), **{name: value.item() for name, value in terms.items()}}

    def _classifier_loss(self, landmarks: Tensor, driver: Tensor, target: Tensor) -> Tensor:
        """Return equation 1: C looks for the driver's identity in the swapped landmarks."""
        with torch.no_grad():
            identity = self.table(target.to(landmarks.device))
            swapped = self.network.generate(self.network.encode_pose(landmarks), identity)
        return -log_p(self.classifier(swapped), driver).mean()

    def _network_losses(self, landmarks: Tensor, driver: Tensor, target: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """Return equation 2: reconstruct the driver's own landmarks; hide the driver's identity in the swap."""
        pose = self.network.encode_pose(landmarks)
        who = torch.cat([driver, target]).to(landmarks.device)
        own, swapped = self.network.generate(pose.repeat(2, 1), self.table(who)).chunk(2)
        rebuilt = squared_error(own, landmarks)
        found = adversary_loss(log_p(self.classifier(swapped), driver), self._people.count, self._settings.adv).mean()
        terms |= {"rec": rebuilt.detach(), "adv": found.detach()}
        return 1000 * rebuilt + 0.1 * found

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Return nothing: the table of stage 1 has no codes for unseen people."""
        return {}


class Stage2(AdversarialRecipe):
    """E_I and G against D and a new C, E_P frozen: equations 3 to 7."""

    def __init__(
        self,
        settings: AdversarialSettings,
        people: People,
        template: Tensor,
        network: LDNet,
        score: Score,
    ) -> None:
        """Begin from stage 1's network; ``score`` measures it on unseen people."""
        torch.manual_seed(settings.seed + 1)
        super().__init__(settings, people, template, network)
        self.network.pose_encoder.requires_grad_(False)
        self.discriminator = Discriminator(width=settings.width).to(settings.device)
        self.classifier = Classifier(people.count, width=settings.width).to(settings.device)
        self.modules |= {"discriminator": self.discriminator, "classifier": self.classifier}
        networks = self._adam(self.network.identity_encoder, self.network.generator)
        critics = self._adam(self.discriminator, self.classifier)
        self.optimisers = {"networks": networks, "critics": critics}
        self._score = score

    def step(self, number: int, steps: int) -> dict[str, float]:
        """Train D and C; then train the networks by one step."""
        self._warm_up(number)
        terms: dict[str, Tensor] = {}
        for _ in range(self._settings.critics):
            driver, target = self._draw_pairs()
            first, second, other = (self._draw_landmarks(who) for who in (driver, driver, target))
            self._turn("critics", self._critics_losses, second, other, target, terms)
        self._turn("networks", self._network_losses, first, second, other, target, terms)
        return {name: value.item() for name, value in terms.items()}

    def _critics_losses(self, second: Tensor, other: Tensor, target: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """Return equations 3 and 4: D tells swapped landmarks from real ones, C finds the target in real ones only."""
        with torch.no_grad():
            swapped = self.network(second, self.network.encode_identity(other))
        real, fake = self.discriminator(second), self.discriminator(swapped)
        d = ((real - 1) ** 2).mean() + ((fake + 1) ** 2).mean()
        c = -(log_p(self.classifier(other), target) + log_not_p(self.classifier(swapped), target)).mean()
        terms |= {"D": d.detach(), "C": c.detach()}
        return d + c

    def _network_losses(
        self, first: Tensor, second: Tensor, other: Tensor, target: Tensor, terms: dict[str, Tensor]
    ) -> Tensor:
        """Return equations 5 to 7: keep the pose code, rebuild the driver's second frame, deceive both critics."""
        pose = self.network.encode_pose(second)
        identity = self.network.encode_identity(torch.cat([first, other]))
        own, swapped = self.network.generate(pose.repeat(2, 1), identity).chunk(2)
        content = ((pose - self.network.encode_pose(swapped)) ** 2).sum(-1).mean()
        rebuilt = squared_error(own, second)
        deceived = (self.discriminator(swapped) ** 2).mean()
        recognised = -log_p(self.classifier(swapped), target).mean()
        found = {"cont": content, "rec": rebuilt, "adv_D": deceived, "adv_C": recognised}
        terms |= {name: value.detach() for name, value in found.items()}
        return 1000 * rebuilt + 0.01 * content + 0.1 * deceived + 0.1 * recognised

    @torch.no_grad()
    def measure(self) -> Mapping[str, float]:
        """Return point errors on unseen people."""
        return self._score(self.network)


def log_p(log_probabilities: Tensor, who: Tensor) -> Tensor:
    """Return log P (B,) of people (B,), given log P (B, K) of all."""
    return log_probabilities.gather(1, who.to(log_probabilities.device)[:, None])[:, 0]


def log_not_p(log_probabilities: Tensor, who: Tensor) -> Tensor:
    """Return log(1 - P) (B,) of people (B,), given log P (B, K) of all."""
    return (1 - log_p(log_probabilities, who).exp()).clamp(min=1e-6).log()


def adversary_loss(log_probability: Tensor, count: int, kind: Adversary) -> Tensor:
    """Return what equation 2 minimises (B,), given log P (B,) of the driver among ``count`` people."""
    if kind == "ll":
        return log_probability
    if kind == "ll_clamp":
        return log_probability.clamp(min=-math.log(count))
    unlikely = (1 - log_probability.exp()).clamp(min=1e-6).log()
    return -unlikely * (count - 1)


def train_adversarial(
    run: Run,
    data: Sequence[str],
    settings: AdversarialSettings,
    *,
    stage: str = "all",
    steps: int | None = None,
    people: int = 1000,
) -> Path | None:
    """Train LD-Net by the adversarial recipe, in the folders ``stage1`` and ``stage2`` of the run.

    Args:
        run: folder and checkpoints.
        data: heads files, or one set of tracked landmarks.
        settings: of the recipe; ``stage`` in it is filled in here.
        stage: ``1``, ``2`` or ``all``.
        steps: of each stage; None for the paper's.
        people: people drawn from each heads file.

    Returns:
        The weights file, or None after stage 1 alone, which makes none.

    Raises:
        ReenactError: the data cannot be used.
        SettingsError: the options do not fit together, the folder holds another run, or stage 2 finds no stage 1 in it.
    """
    refuse_several("train ldnet")
    check_data(data)
    persons, models = load_people(data, people, settings.seed)
    template = models[0].template() if models else torch.zeros(68, 2)
    if settings.norm == "rigid" and not models:
        raise SettingsError("the rigid normalisation needs a mean face: give a heads file too, or --norm bbox")
    folder = run.out / "stage1"
    if stage in ("1", "all"):
        first = Stage1(replace(settings, stage=1), persons, template)
        replace(run, out=folder).train(first, steps or STEPS[1], "stage 1")
    if stage == "1":
        return None
    settings, steps = replace(settings, stage=2), steps or STEPS[2]
    measure = partial(score, models=models_by_name(models), swap_settings=SwapSettings(settings.norm, template))
    second = Stage2(settings, persons, template, _load_stage1(settings, folder), measure)
    replace(run, out=run.out / "stage2").train(second, steps, "stage 2")
    described = f"adversarial recipe, stage 2 {steps} steps of {settings.batch}, adv {settings.adv}, "
    described += f"{persons.count} people"
    weights = run.out / WEIGHTS
    save_trained(weights, second.network, template, settings.norm, described, data, models)
    return weights


def _load_stage1(settings: AdversarialSettings, folder: Path) -> LDNet:
    """Read the network that stage 1 trained; its normalisation and width must be those of stage 2."""
    if not (folder / CHECKPOINT).exists():
        raise SettingsError(f"{folder}: no run of stage 1; train --stage 1 first, or --stage all")
    about, _, _, state = read_checkpoint(folder / CHECKPOINT)
    for name, wanted in {"recipe": "adversarial", "stage": 1, "norm": settings.norm, "width": settings.width}.items():
        if about.get(name) != wanted:
            raise SettingsError(
                f"{folder}: stage 1 was trained with {name} {about.get(name)}, not {wanted}; give the same to both"
            )
    network = LDNet(width=settings.width)
    network.load_state_dict(state["modules"]["network"])
    return network
