"""A training of LD-Net from its files to its weights: which recipe, on whom, from where, to where."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from ofx_reenact.errors import SettingsError
from ofx_reenact.files import sha256_of
from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.ldnet.weights import load_ldnet, save_ldnet
from ofx_reenact.training.distributed import refuse
from ofx_reenact.training.ldnet.adversarial import STEPS, AdversarialSettings, Stage1, Stage2
from ofx_reenact.training.ldnet.heads import SCHEMA, HeadModel, load_heads
from ofx_reenact.training.ldnet.people import LandmarkSet, People, SyntheticPeople
from ofx_reenact.training.ldnet.score import score
from ofx_reenact.training.ldnet.supervised import SupervisedRecipe, SupervisedSettings
from ofx_reenact.training.ldnet.swaps import Drawing
from ofx_reenact.training.loop import CHECKPOINT, Curves, Point, read_checkpoint, run
from ofx_reenact.training.npz import schema_of
from ofx_reenact.training.recipe import Recipe

WEIGHTS = "ldnet.safetensors"
SUPERVISED_STEPS = 16_000


@dataclass(frozen=True)
class Training:
    """What ``train ldnet`` is asked to do, by the recipe ``supervised`` or ``adversarial``.

    ``data`` are heads files; ``adversarial`` takes one set of tracked landmarks as well, draws ``people`` of each heads
    file, and runs ``stage`` ``1``, ``2`` or ``all``. ``supervised`` can go on from ``start`` and use ``tracks`` for its
    identity cycle. ``steps`` None takes the recipe's own number for each stage, 0 ``threads`` torch's.
    """

    recipe: str
    data: tuple[str, ...]
    out: Path
    stage: str = "all"
    steps: int | None = None
    people: int = 1000
    tracks: str = ""
    start: str = ""
    save_every: int = 500
    resume: bool = False
    threads: int = 0
    adversarial: AdversarialSettings = field(default_factory=lambda: AdversarialSettings(stage=1))
    supervised: SupervisedSettings = field(default_factory=SupervisedSettings)


def train(training: Training, observe: Callable[[str, Point], None] = lambda stage, point: None) -> Path | None:
    """Run a training.

    Returns:
        The weights file, or None after stage 1 alone, which makes none.

    Raises:
        ReenactError: the data cannot be used.
        SettingsError: the options do not fit together, or ``out`` holds another run.
    """
    refuse("train ldnet")
    if not training.data:
        raise SettingsError("--data is needed: a heads file; `ofx-reenact data heads` makes one")
    if training.threads:
        torch.set_num_threads(training.threads)
    return (_train_supervised if training.recipe == "supervised" else _train_adversarial)(training, observe)


def _train_supervised(training: Training, observe: Callable[[str, Point], None]) -> Path:
    models = [load_heads(path)[0] for path in training.data]
    start = load_ldnet(training.start) if training.start else None
    tracks = LandmarkSet(training.tracks) if training.tracks else None
    used = sha256_of(Path(training.tracks)) if training.tracks else ""
    settings = replace(training.supervised, start=start.sha256 if start else "", tracks=used)
    template = start.template if start else models[0].template()
    drawing = Drawing(settings.norm, template)
    measured = partial(score, models=_named(models), drawing=drawing)
    network = start.network if start else None
    recipe = SupervisedRecipe(settings, models, template, measured, start=network, tracks=tracks)
    steps = training.steps or SUPERVISED_STEPS
    _run(training, recipe, training.out, steps, lambda point: observe("supervised", point))
    about = f"supervised recipe, {steps} steps of {settings.batch}" + (f", from {start.sha256[:12]}" if start else "")
    return _save(training, recipe.average, template, about, models)


def _train_adversarial(training: Training, observe: Callable[[str, Point], None]) -> Path | None:
    people, models = _people(training)
    template = models[0].template() if models else torch.zeros(68, 2)
    if training.adversarial.norm == "rigid" and not models:
        raise SettingsError("the rigid normalisation needs a mean face: give a heads file too, or --norm bbox")
    folder = training.out / "stage1"
    if training.stage in ("1", "all"):
        first = Stage1(replace(training.adversarial, stage=1), people, template)
        _run(training, first, folder, training.steps or STEPS[1], lambda point: observe("stage 1", point))
    if training.stage == "1":
        return None
    second = replace(training.adversarial, stage=2)
    drawing = Drawing(second.norm, template)
    network = _stage1_network(second, folder)
    recipe = Stage2(second, people, template, network, partial(score, models=_named(models), drawing=drawing))
    steps = training.steps or STEPS[2]
    _run(training, recipe, training.out / "stage2", steps, lambda point: observe("stage 2", point))
    about = f"adversarial recipe, stage 2 {steps} steps of {second.batch}, adv {second.adv}, {people.count} people"
    return _save(training, recipe.network, template, about, models)


def _run(
    training: Training, recipe: Recipe, out: Path, steps: int, observe: Callable[[Point], None]
) -> None:
    run(recipe, out, steps, save_every=training.save_every, resume=training.resume, observe=Curves(out, observe))


def _stage1_network(settings: AdversarialSettings, folder: Path) -> LDNet:
    """Take the network of stage 1's run; batch, rates and people may be others in stage 2."""
    if not (folder / CHECKPOINT).exists():
        raise SettingsError(f"{folder}: no run of stage 1; train --stage 1 first, or --stage all")
    about, _, _, state = read_checkpoint(folder / CHECKPOINT)
    for name, wanted in {"recipe": "adversarial", "stage": 1, "norm": settings.norm, "width": settings.width}.items():
        if about.get(name) != wanted:
            raise SettingsError(f"{folder}: trained with {name} {about.get(name)}, not {wanted}")
    network = LDNet(width=settings.width)
    network.load_state_dict(state["modules"]["network"])
    return network


def _people(training: Training) -> tuple[People, list[HeadModel]]:
    """Whom the adversarial recipe trains on: heads files' synthetic people, or one set of tracked landmarks."""
    models, sets = [], []
    for path in training.data:
        if schema_of(path) == SCHEMA:
            models.append(load_heads(path)[0])
        else:
            sets.append(LandmarkSet(path))
    if sets and (models or len(sets) > 1):
        raise SettingsError("--data: give heads files, or one set of tracked landmarks, not both")
    if sets:
        return sets[0], []
    return SyntheticPeople.of(models, training.people, training.adversarial.seed), models


def _named(models: Sequence[HeadModel]) -> dict[str, HeadModel]:
    return {model.source.partition(" ")[0]: model for model in models}


def _save(training: Training, network: LDNet, template: torch.Tensor, about: str, models: Sequence[HeadModel]) -> Path:
    settings = training.supervised if training.recipe == "supervised" else training.adversarial
    scores = score(network, _named(models), Drawing(settings.norm, template), count=8192)
    note = {
        "recipe": about,
        "data": "; ".join(f"synthetic heads from {model.source}" for model in models) or ", ".join(training.data),
        "errors": json.dumps({name: round(value, 5) for name, value in scores.items()}),
    }
    weights = training.out / WEIGHTS
    save_ldnet(weights, network.cpu(), template, settings.norm, note)
    return weights
