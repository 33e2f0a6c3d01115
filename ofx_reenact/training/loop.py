"""The training loop that all networks share: steps, checkpoints, curves, and resuming.

A *recipe* has the networks, losses and data of a training; the loop counts steps and writes files. A checkpoint holds
all that a recipe needs to go on, the state of its random generator included: a run that was interrupted and resumed
gives the same numbers as one that was not. With several processes each has a random generator of its own; the
checkpoint, which the first process writes, holds all of them.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ofx_reenact.errors import SettingsError, WeightsError
from ofx_reenact.files import write_whole
from ofx_reenact.training.distributed import ALONE, Group
from ofx_reenact.training.recipe import Recipe

CHECKPOINT, CURVES, PICTURE = "checkpoint.pt", "curves.jsonl", "curves.png"
# The files that every run writes into its folder.
FILES = (CHECKPOINT, CURVES, PICTURE)


def has_bf16(device: str) -> bool:
    """Return whether a device has instructions for bfloat16.

    A CPU without them multiplies matrices several hundred times slower in bfloat16 than in float32.
    """
    if torch.device(device).type != "cpu":
        return True
    # Private functions: the public torch.cpu.get_capabilities is younger than the oldest torch that is supported, 2.6.
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def autocast(device: str, bf16: bool) -> torch.autocast:
    """Run forward passes in bfloat16 if ``bf16`` and if the device has instructions for it."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16 and has_bf16(device))


@dataclass(frozen=True)
class Point:
    """One point of a run's curves: the losses of a step, the errors measured after it, seconds since the start."""

    step: int
    steps: int
    seconds: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Run:
    """How a training is run.

    Attributes:
        out: folder of the run.
        save_every: steps from checkpoint to checkpoint.
        resume: go on from the checkpoint in ``out``.
        observe: called at each checkpoint with the name of the training (``fdgan``, ``stage 1``) and a point.
        group: the processes that train together.
    """

    out: Path
    save_every: int = 500
    resume: bool = False
    observe: Callable[[str, Point], None] = lambda name, point: None
    group: Group = ALONE

    def train(self, recipe: Recipe, steps: int, name: str) -> None:
        """Train by a recipe, and draw its curves; see :func:`run`."""
        observe: Callable[[Point], None] = partial(self.observe, name)
        run(
            recipe, self.out, steps, save_every=self.save_every, resume=self.resume, group=self.group,
            observe=Curves(self.out, observe) if self.group.first else observe,
        )  # fmt: skip


def run(
    recipe: Recipe,
    out: Path,
    steps: int,
    *,
    save_every: int,
    resume: bool = False,
    observe: Callable[[Point], None] = lambda point: None,
    group: Group = ALONE,
) -> None:
    """Train up to a number of steps; checkpoint and curves are written into ``out``.

    In a group of processes the first one measures, writes and calls ``observe`` while the others wait.

    Raises:
        ReenactError: another process of the group has ended.
        SettingsError: ``out`` holds a run and ``resume`` is not set, or that run had other settings.
        WeightsError: its checkpoint cannot be read.
    """
    checkpoint = out / CHECKPOINT
    step, spent = 0, 0.0
    if checkpoint.exists():
        if not resume:
            raise SettingsError(f"{out}: holds a run already; resume it with --resume, or choose another --out")
        step, spent = restore(recipe, checkpoint, group)
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic() - spent
    while step < steps:
        with group.connected():
            losses = recipe.step(step, steps)
        step += 1
        if step % save_every == 0 or step == steps:
            measured = recipe.measure() if group.first else {}
            state = _whole_state(recipe, group)
            if group.first:
                values = {name: float(value) for name, value in losses.items()} | dict(measured)
                point = Point(step, steps, time.monotonic() - began, values)
                _save(_about(recipe, group), state, checkpoint, point)
                observe(point)
            group.wait()


@contextmanager
def advise_smaller_batch(batch: int) -> Iterator[None]:
    """Turn torch's out-of-memory error into one that names the option to change.

    Raises:
        SettingsError: memory ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch has an error class only for a GPU's memory; on a CPU only the message shows that memory ran out.
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error):
            raise SettingsError(f"out of memory with --batch {batch}: choose a smaller one") from error
        raise


class Curves:
    """Draw the curves of a run at each point, for TensorBoard and as ``curves.png``."""

    def __init__(self, out: Path, observe: Callable[[Point], None]) -> None:
        """Prepare to write into a run's folder; ``observe`` is called with each point as well.

        Raises:
            SettingsError: the packages that draw are not installed.
        """
        try:
            import matplotlib
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise SettingsError(f"training needs more packages ({error}): pip install 'ofx-reenact[train]'") from error
        matplotlib.use("Agg")
        self._out, self._observe, self._writer = out, observe, SummaryWriter(str(out))

    def __call__(self, point: Point) -> None:
        """Add one point."""
        for name, value in point.values.items():
            self._writer.add_scalar(name.replace(" ", "/"), value, point.step)
        self._writer.flush()
        draw_curves(self._out)
        self._observe(point)


def draw_curves(out: Path) -> None:
    """Draw a run's curves so far as ``curves.png``, one plot for each value."""
    from matplotlib import pyplot

    curves = read_curves(out)
    columns = min(4, len(curves))
    rows = -(-len(curves) // columns)
    figure, plots = pyplot.subplots(rows, columns, figsize=(4 * columns, 2.6 * rows), squeeze=False)
    for axes in plots.flat:
        axes.set_axis_off()
    for axes, (name, (steps, values)) in zip(plots.flat, curves.items(), strict=False):
        axes.set_axis_on()
        axes.plot(steps, values, linewidth=1.2)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
    figure.tight_layout()
    with write_whole(out / PICTURE) as partial_file:
        figure.savefig(partial_file, format="png", dpi=90)
    pyplot.close(figure)


def read_curves(out: Path) -> dict[str, tuple[list[int], list[float]]]:
    """Return the steps and numbers of each value that is logged in a run's folder."""
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for line in (out / CURVES).read_text(encoding="utf-8", errors="replace").splitlines():
        # After a crash the last line may be half written; curves are only for looking.
        with contextlib.suppress(ValueError, AttributeError, KeyError):
            entry = json.loads(line)
            for name in entry.keys() - {"step", "seconds"}:
                steps, values = curves.setdefault(name, ([], []))
                steps.append(entry["step"])
                values.append(entry[name])
    return dict(sorted(curves.items()))


def read_checkpoint(checkpoint: Path) -> tuple[dict[str, Any], int, float, dict[str, Any]]:
    """Read a checkpoint: the settings of the run, its step, the seconds spent, and the recipe's state.

    Raises:
        WeightsError: the checkpoint cannot be read.
    """
    try:
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
        return dict(saved["about"]), int(saved["step"]), float(saved["seconds"]), saved["state"]
    # A zip archive with a pickle, limited to tensors and plain values: a damaged one raises errors of any class.
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise WeightsError(f"{checkpoint}: not a whole checkpoint ({reason}); choose another --out") from error


def restore(recipe: Recipe, checkpoint: Path, group: Group = ALONE) -> tuple[int, float]:
    """Give a recipe the state of a checkpoint; returns its step and the seconds spent.

    Raises:
        SettingsError: the run had other settings, or is of an earlier version.
        WeightsError: the checkpoint cannot be read.
    """
    about, step, spent, state = read_checkpoint(checkpoint)
    if "chance" in state:
        raise SettingsError(
            f"{checkpoint}: a run of an earlier version, which cannot be resumed; begin a new one in another --out "
            "(--start can take the weights of an earlier run)"
        )
    wanted = _about(recipe, group)
    if about != wanted:
        names = sorted(k for k in about.keys() | wanted.keys() if about.get(k) != wanted.get(k))
        raise SettingsError(f"{checkpoint}: a run with other settings ({', '.join(names)}); choose another --out")
    if group.size > 1:
        state |= {"generator": state["generator"][group.rank]}
    recipe.restore(state)
    return step, spent


def _about(recipe: Recipe, group: Group) -> dict[str, Any]:
    return recipe.about() | ({"processes": group.size} if group.size > 1 else {})


def _whole_state(recipe: Recipe, group: Group) -> dict[str, Any]:
    """Return a recipe's state; with several processes ``generator`` is the list of all their random generators."""
    state = recipe.state()
    return state | ({"generator": group.gather(state["generator"])} if group.size > 1 else {})


def _save(about: dict[str, Any], state: dict[str, Any], checkpoint: Path, point: Point) -> None:
    saved = {"about": about, "step": point.step, "seconds": point.seconds, "state": state}
    with write_whole(checkpoint) as partial_file:
        torch.save(saved, partial_file)
    line = {"step": point.step, "seconds": round(point.seconds, 1), **point.values}
    with checkpoint.with_name(CURVES).open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
