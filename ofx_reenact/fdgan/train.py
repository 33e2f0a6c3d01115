"""A training of FD-GAN from its pairs to its weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ofx_reenact.fdgan.dense import DenseRecipe, DenseSettings
from ofx_reenact.fdgan.lessons import Lessons
from ofx_reenact.fdgan.score import measure_pairs
from ofx_reenact.training import Curves, Point, run
from ofx_reenact.weights import load_dense, save_dense

WEIGHTS = "fdgan_dense.safetensors"
STEPS = 3000


@dataclass(frozen=True)
class Training:
    """What ``train fdgan`` is asked to do.

    Attributes:
        data: set of pairs.
        out: folder of the run.
        steps: batches.
        start: weights to go on with.
        save_every: steps from checkpoint to checkpoint, and from one sheet of samples to the next.
        resume: go on with the run in ``out``.
        threads: of the CPU; 0 leaves it to torch.
        dense: settings of the recipe.
    """

    data: str
    out: Path
    steps: int = STEPS
    start: str = ""
    save_every: int = 200
    resume: bool = False
    threads: int = 0
    dense: DenseSettings = field(default_factory=DenseSettings)


def train(training: Training, observe: Callable[[Point], None] = lambda point: None) -> Path:
    """Run a training; returns the weights file.

    Raises:
        ReenactError: the data cannot be used.
        SettingsError: ``out`` holds another run.
    """
    if training.threads:
        torch.set_num_threads(training.threads)
    lessons = Lessons(training.data)
    start = load_dense(training.start) if training.start else None
    recipe = DenseRecipe(training.dense, lessons, training.out, start.network if start else None)
    curves = Curves(training.out)

    def both(point: Point) -> None:
        curves(point)
        observe(point)

    run(recipe, training.out, training.steps, save_every=training.save_every, resume=training.resume, observe=both)
    scores, _ = measure_pairs(recipe.average, lessons, device=training.dense.device)
    settings = training.dense
    about = f"dense recipe ({settings.variant}), {training.steps} steps of {settings.batch}"
    note = {
        "recipe": about + (f", from {start.sha256[:12]}" if start else ""),
        "data": f"{len(lessons.rows(validation=False))} pairs of {len(lessons.people)} people; terms: "
        + ", ".join(lessons.terms),
        "errors": json.dumps({name: round(value, 4) for name, value in scores.items()}),
    }
    weights = training.out / WEIGHTS
    save_dense(weights, recipe.average.cpu(), note)
    return weights
