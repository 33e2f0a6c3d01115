"""The training loop that the networks share: steps, checkpoints, curves, and going on where a run stopped.

A *recipe* knows networks, losses and data; the loop knows time and disk. A checkpoint holds all that a recipe needs to
go on, the state of its random generator included: a run that was broken off and resumed gives the numbers of an
unbroken one. In a run of several processes each has a generator of its own, and all are in the checkpoint that the
first one writes.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ofx_reenact.errors import SettingsError, WeightsError
from ofx_reenact.files import written_whole
from ofx_reenact.training.distributed import ALONE, Group
from ofx_reenact.training.recipe import Recipe

CHECKPOINT, CURVES, PICTURE = "checkpoint.pt", "curves.jsonl", "curves.png"
# What every run writes into its folder.
FILES = (CHECKPOINT, CURVES, PICTURE)


def bf16_pays(device: str) -> bool:
    """Whether a device has instructions for bfloat16.

    A CPU without them multiplies matrices several hundred times slower in bfloat16 than in float32.
    """
    if torch.device(device).type != "cpu":
        return True
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def autocast(device: str, bf16: bool) -> torch.autocast:
    """Run forward passes in bfloat16 where that is wanted and pays."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16 and bf16_pays(device))


@dataclass(frozen=True)
class Point:
    """One point of a run's curves: losses of the last step, errors measured after it."""

    step: int
    steps: int
    seconds: float
    values: Mapping[str, float]


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
    """Train to a number of steps; the checkpoint and the curves lie in ``out``.

    In a group of processes the first one measures, writes and is observed, while the others wait for it.

    Raises:
        ReenactError: another process of the group has ended.
        SettingsError: ``out`` holds a run and ``resume`` was not asked for, or the run was made of something else.
        WeightsError: its checkpoint cannot be read.
    """
    checkpoint = out / CHECKPOINT
    step, spent = 0, 0.0
    if checkpoint.exists():
        if not resume:
            raise SettingsError(f"{out}: holds a run already; --resume goes on with it, another --out begins anew")
        step, spent = restored(recipe, checkpoint, group)
    group.align(recipe.state())
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic() - spent
    while step < steps:
        losses = recipe.step(step, steps)
        step += 1
        if step % save_every == 0 or step == steps:
            measured = recipe.measure() if group.first else {}
            state = _whole_state(recipe, group)
            if group.first:
                values = {name: float(value) for name, value in losses.items()} | dict(measured)
                point = Point(step, steps, time.monotonic() - began, values)
                _keep(_about(recipe, group), state, checkpoint, point)
                observe(point)
            group.wait()


class Curves:
    """Watches a run and draws its curves, for TensorBoard and as ``curves.png``."""

    def __init__(self, out: Path, observe: Callable[[Point], None]) -> None:
        """Prepare to write into a run's folder; ``observe`` is told of each point as well.

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
    """Draw a run's curves so far as ``curves.png``, one box a value."""
    from matplotlib import pyplot

    curves = read_curves(out)
    columns = min(4, len(curves))
    rows = -(-len(curves) // columns)
    figure, boxes = pyplot.subplots(rows, columns, figsize=(4 * columns, 2.6 * rows), squeeze=False)
    for box in boxes.flat:
        box.set_axis_off()
    for box, (name, (steps, values)) in zip(boxes.flat, curves.items(), strict=False):
        box.set_axis_on()
        box.plot(steps, values, linewidth=1.2)
        box.set_title(name, fontsize=9)
        box.tick_params(labelsize=7)
    figure.tight_layout()
    with written_whole(out / PICTURE) as partial:
        figure.savefig(partial, format="png", dpi=90)
    pyplot.close(figure)


def read_curves(out: Path) -> dict[str, tuple[list[int], list[float]]]:
    """Return each value's steps and numbers, as logged in a run's folder."""
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for line in (out / CURVES).read_text(encoding="utf-8", errors="replace").splitlines():
        # A machine that went down may have left half a line; curves are only looked at.
        with contextlib.suppress(ValueError, AttributeError, KeyError):
            entry = json.loads(line)
            for name in entry.keys() - {"step", "seconds"}:
                steps, values = curves.setdefault(name, ([], []))
                steps.append(entry["step"])
                values.append(entry[name])
    return dict(sorted(curves.items()))


def read_checkpoint(checkpoint: Path) -> tuple[dict[str, Any], int, float, dict[str, Any]]:
    """Return what a run was made of, its step, the seconds spent, and its recipe's state.

    Raises:
        WeightsError: the checkpoint cannot be read.
    """
    try:
        kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
        return dict(kept["about"]), int(kept["step"]), float(kept["seconds"]), kept["state"]
    # A zip archive with a pickle in it, limited to tensors and plain values: what is damaged raises anything.
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise WeightsError(f"{checkpoint}: not a whole checkpoint ({reason})") from error


def restored(recipe: Recipe, checkpoint: Path, group: Group = ALONE) -> tuple[int, float]:
    """Give a recipe the state of a checkpoint; returns its step and the seconds spent.

    Raises:
        SettingsError: the run was made of something else.
        WeightsError: the checkpoint cannot be read.
    """
    about, step, spent, state = read_checkpoint(checkpoint)
    wanted = _about(recipe, group)
    if about != wanted:
        names = sorted(k for k in about.keys() | wanted.keys() if about.get(k) != wanted.get(k))
        raise SettingsError(f"{checkpoint}: a run of other settings ({', '.join(names)}); choose another --out")
    if group.size > 1:
        state |= {"chance": state["chance"][group.rank]}
    recipe.restore(state)
    return step, spent


def _about(recipe: Recipe, group: Group) -> dict[str, Any]:
    return recipe.about() | ({"processes": group.size} if group.size > 1 else {})


def _whole_state(recipe: Recipe, group: Group) -> dict[str, Any]:
    """A recipe's state, with every process's random generator in a list if there are several."""
    state = recipe.state()
    return state | ({"chance": group.gather(state["chance"])} if group.size > 1 else {})


def _keep(about: dict[str, Any], state: dict[str, Any], checkpoint: Path, point: Point) -> None:
    kept = {"about": about, "step": point.step, "seconds": point.seconds, "state": state}
    with written_whole(checkpoint) as partial:
        torch.save(kept, partial)
    line = {"step": point.step, "seconds": round(point.seconds, 1), **point.values}
    with checkpoint.with_name(CURVES).open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
