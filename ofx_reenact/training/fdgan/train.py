"""A training of FD-GAN from its pairs to its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch.nn import Module

from ofx_reenact.errors import SettingsError
from ofx_reenact.fdgan.weights import load_portrait, load_repair, save_portrait, save_repair
from ofx_reenact.files import sha256_of
from ofx_reenact.training.distributed import ALONE, Group
from ofx_reenact.training.fdgan.critics import load_critics, save_critics
from ofx_reenact.training.fdgan.data.faces import Faces
from ofx_reenact.training.fdgan.data.pair_set import PairSet
from ofx_reenact.training.fdgan.portrait import PortraitRecipe, PortraitSettings
from ofx_reenact.training.fdgan.repair import RepairRecipe, RepairSettings
from ofx_reenact.training.fdgan.score import measure_pairs
from ofx_reenact.training.loop import Curves, Point, run
from ofx_reenact.training.recipe import Recipe
from ofx_reenact.weights import Weights

CRITICS = "critics.safetensors"
WEIGHTS = {"repair": "fdgan_repair.safetensors", "portrait": "fdgan_portrait.safetensors"}
STEPS = {"repair": 3000, "portrait": 1_000_000}


@dataclass(frozen=True)
class Training:
    """What ``train fdgan`` is asked to do, by the recipe ``repair`` or ``portrait``.

    ``data`` are pairs, or faces for ``paper``, whose pictures have a side of ``size``, a divisor of the set's; 0 takes
    the set's. ``start`` and ``critics`` are files of an earlier training of the recipe. ``steps`` None takes the
    recipe's own number, 0 ``threads`` torch's.
    """

    recipe: str
    data: str
    out: Path
    steps: int | None = None
    size: int = 0
    start: str = ""
    critics: str = ""
    save_every: int = 200
    resume: bool = False
    threads: int = 0
    repair: RepairSettings = field(default_factory=RepairSettings)
    portrait: PortraitSettings = field(default_factory=PortraitSettings)


def train(training: Training, observe: Callable[[Point], None] = lambda point: None, group: Group = ALONE) -> Path:
    """Run a training, or one process's part of it; returns the weights file, which the first process writes.

    Raises:
        ReenactError: the data cannot be used.
        SettingsError: ``out`` holds another run, or memory ran out.
    """
    if training.threads:
        torch.set_num_threads(training.threads)
    try:
        return (_train_repair if training.recipe == "repair" else _train_portrait)(training, observe, group)
    except (MemoryError, RuntimeError) as error:
        # torch has a class of its own for the GPU only; on the CPU the message alone tells.
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error):
            settings = training.repair if training.recipe == "repair" else training.portrait
            raise SettingsError(f"out of memory with --batch {settings.batch}: choose a smaller one") from error
        raise


def _train_repair(training: Training, observe: Callable[[Point], None], group: Group) -> Path:
    pair_set = PairSet(training.data)
    start = load_repair(training.start) if training.start else None
    settings = replace(training.repair, **_origins(training, start))
    recipe = RepairRecipe(settings, pair_set, training.out, start.network if start else None, group)
    steps, weights = _run(training, recipe, recipe.critic, observe, group), training.out / WEIGHTS["repair"]
    if group.first:
        about = f"repair recipe ({settings.variant}), {steps} steps of {settings.batch * group.size}"
        data = f"{len(pair_set.rows(validation=False))} pairs"
        scores, _ = measure_pairs(recipe.average, pair_set, device=settings.device)
        note = _note(about, start, data, pair_set.names(), pair_set.terms, scores)
        finest = max(start.finest if start else 1, int(pair_set.finer.max()))
        save_repair(weights, recipe.average.cpu(), note, finest)
        save_critics(training.out / CRITICS, recipe.critic.cpu())
    return weights


def _train_portrait(training: Training, observe: Callable[[Point], None], group: Group) -> Path:
    faces = Faces(training.data, training.size)
    start = load_portrait(training.start) if training.start else None
    settings = replace(training.portrait, **_origins(training, start))
    recipe = PortraitRecipe(settings, faces, training.out, start.network if start else None, group)
    steps, weights = _run(training, recipe, recipe.critics, observe, group), training.out / WEIGHTS["portrait"]
    if group.first:
        about = f"portrait recipe ({settings.variant}), {steps} steps of {settings.batch * group.size} at {faces.size}²"
        about += f", learning rate {settings.learning_rate:g}"
        note = _note(about, start, f"faces of {faces.size} pixels", faces.names(), faces.terms, recipe.measure())
        save_portrait(weights, recipe.average.cpu(), faces.size, note)
        save_critics(training.out / CRITICS, recipe.critics.cpu())
    return weights


def _origins(training: Training, start: Weights | None) -> dict[str, Any]:
    """What a run goes on with, by its content: a checkpoint of another start is not gone on with."""
    critics = sha256_of(Path(training.critics)) if training.critics else ""
    return {"start": start.sha256 if start else "", "critics": critics}


def _run(training: Training, recipe: Recipe, critics: Module, observe: Callable[[Point], None], group: Group) -> int:
    """Train, from earlier critics if they are given; returns the number of steps."""
    if training.critics:
        load_critics(Path(training.critics), critics)
    out, steps, every = training.out, training.steps or STEPS[training.recipe], training.save_every
    observe = Curves(out, observe) if group.first else observe
    run(recipe, out, steps, save_every=every, resume=training.resume, observe=observe, group=group)
    return steps


def _note(
    about: str,
    start: Weights | None,
    data: str,
    people: Sequence[str],
    terms: Sequence[str],
    scores: Mapping[str, float],
) -> dict[str, str]:
    """What a weights file says of its training; of whom, as a digest of their names, so that a list can be checked.

    A run that goes on with weights has seen the people of their run as well; those are named by their digest.
    """
    digest = hashlib.sha256("\n".join(sorted(people)).encode()).hexdigest()
    before = f"; and those of {start.sha256[:12]}: {start.metadata.get('people', 'not known')}" if start else ""
    known = sorted(term or "not known" for term in terms)
    return {
        "recipe": about + (f", from {start.sha256[:12]}" if start else ""),
        "data": f"{data}; terms: {', '.join(known)}",
        "people": f"{len(people)}, SHA-256 of their names {digest}{before}",
        "errors": json.dumps({name: round(value, 4) for name, value in scores.items()}),
    }
