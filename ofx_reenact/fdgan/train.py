"""A training of FD-GAN from its pairs to its weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ofx_reenact.distributed import ALONE, Group
from ofx_reenact.errors import SettingsError
from ofx_reenact.fdgan.dense import DenseRecipe, DenseSettings
from ofx_reenact.fdgan.faces import Faces
from ofx_reenact.fdgan.pair_set import PairSet
from ofx_reenact.fdgan.paper import PaperRecipe, PaperSettings
from ofx_reenact.fdgan.score import measure_pairs
from ofx_reenact.training import Curves, Point, run
from ofx_reenact.weights import load_dense, save_critic, save_dense, save_portrait

WEIGHTS = {"dense": "fdgan_dense.safetensors", "paper": "fdgan_paper.safetensors"}
STEPS = {"dense": 3000, "paper": 1_000_000}


@dataclass(frozen=True)
class Training:
    """What ``train fdgan`` is asked to do.

    Attributes:
        recipe: ``dense`` or ``paper``.
        data: set of pairs, or of faces for the paper recipe.
        out: folder of the run.
        steps: batches; None takes the recipe's own number.
        start: weights for the dense recipe to go on with.
        save_every: steps from checkpoint to checkpoint, and from one sheet of samples to the next.
        resume: go on with the run in ``out``.
        threads: of the CPU; 0 leaves it to torch.
        dense, paper: settings of the recipes.
    """

    recipe: str
    data: str
    out: Path
    steps: int | None = None
    start: str = ""
    save_every: int = 200
    resume: bool = False
    threads: int = 0
    dense: DenseSettings = field(default_factory=DenseSettings)
    paper: PaperSettings = field(default_factory=PaperSettings)


def train(
    training: Training,
    observe: Callable[[Point], None] = lambda point: None,
    group: Group = ALONE,
) -> Path:
    """Run a training, or one process's part of it; returns the weights file, which the first process writes.

    Raises:
        ReenactError: the data cannot be used.
        SettingsError: ``out`` holds another run, or memory ran out.
    """
    if training.threads:
        torch.set_num_threads(training.threads)
    try:
        return (_train_dense if training.recipe == "dense" else _train_paper)(training, observe, group)
    except (MemoryError, RuntimeError) as error:
        # torch has a class of its own for the GPU only; on the CPU the message alone tells.
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error):
            settings = training.dense if training.recipe == "dense" else training.paper
            raise SettingsError(f"out of memory with --batch {settings.batch}: choose a smaller one") from error
        raise


def _train_dense(training: Training, observe: Callable[[Point], None], group: Group) -> Path:
    pair_set, settings = PairSet(training.data), training.dense
    start = load_dense(training.start) if training.start else None
    recipe = DenseRecipe(settings, pair_set, training.out, start.network if start else None, group)
    weights = training.out / WEIGHTS["dense"]
    steps = _run(training, recipe, observe, group)
    if not group.first:
        return weights
    scores, _ = measure_pairs(recipe.average, pair_set, device=settings.device)
    about = f"dense recipe ({settings.variant}), {steps} steps of {settings.batch * group.size}"
    note = {
        "recipe": about + (f", from {start.sha256[:12]}" if start else ""),
        "data": f"{len(pair_set.rows(validation=False))} pairs of {len(pair_set.people)} people; terms: "
        + ", ".join(pair_set.terms),
        "errors": json.dumps({name: round(value, 4) for name, value in scores.items()}),
    }
    save_dense(weights, recipe.average.cpu(), note)
    save_critic(training.out / "critic.safetensors", recipe.critic.cpu())
    return weights


def _train_paper(training: Training, observe: Callable[[Point], None], group: Group) -> Path:
    faces, settings = Faces(training.data), training.paper
    recipe = PaperRecipe(settings, faces, training.out, group)
    weights = training.out / WEIGHTS["paper"]
    steps = _run(training, recipe, observe, group)
    if not group.first:
        return weights
    note = {
        "recipe": f"paper recipe, {steps} steps of {settings.batch * group.size} at {faces.size}², learning rate "
        f"{settings.learning_rate:g}",
        "data": f"{faces.people()} people; terms: {', '.join(faces.terms)}",
        "errors": json.dumps({name: round(value, 4) for name, value in recipe.measure().items()}),
    }
    save_portrait(weights, recipe.average.cpu(), faces.size, note)
    return weights


def _run(
    training: Training, recipe: DenseRecipe | PaperRecipe, observe: Callable[[Point], None], group: Group
) -> int:
    steps = training.steps or STEPS[training.recipe]
    observers: list[Callable[[Point], None]] = [Curves(training.out), observe] if group.first else []

    def all_of(point: Point) -> None:
        for each in observers:
            each(point)

    out, every = training.out, training.save_every
    run(recipe, out, steps, save_every=every, resume=training.resume, observe=all_of, group=group)
    return steps
