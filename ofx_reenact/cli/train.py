"""``ofx-reenact train``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ofx_reenact.cli.options import group, value_now
from ofx_reenact.settings.earlier_names import FDGAN_RECIPES, LDNET_RECIPES
from ofx_reenact.settings.option import check_choice

if TYPE_CHECKING:
    from ofx_reenact.frames.overwrite import Named
    from ofx_reenact.training.ldnet.adversarial import Adversary
    from ofx_reenact.training.loop import Point

app = group("train", "Train the networks.")

_Seed = Annotated[int, typer.Option(help="Seed of the random generator.")]
_Device = Annotated[str, typer.Option(help="Where to train \\[auto|cpu|cuda].")]
_Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves it to torch.", min=0)]
_SaveEvery = Annotated[int, typer.Option(help="Steps between checkpoints.", min=1)]
_Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")]


@app.command("ldnet")
def ldnet(
    data: Annotated[
        list[str], typer.Option(help="Heads file; may be repeated. Adversarial recipe: or one set of tracks.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run, for checkpoints, curves, weights.")],
    recipe: Annotated[
        str, typer.Option(help="supervised: the true swap is known; adversarial: the paper \\[supervised|adversarial].")
    ] = "supervised",
    stage: Annotated[str, typer.Option(help="Adversarial recipe: stage to train \\[1|2|all].")] = "all",
    steps: Annotated[int | None, typer.Option(help="Steps of each stage; the recipe has a default.")] = None,
    batch: Annotated[int | None, typer.Option(help="Swaps in a step; the recipe has a default.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of Adam; the recipe has a default.")] = None,
    people: Annotated[int, typer.Option(help="Adversarial recipe: people drawn from each heads file.", min=2)] = 1000,
    adv: Annotated[str, typer.Option(help="Adversarial recipe: form of equation 2 \\[ll|ll_clamp|nlu].")] = "ll_clamp",
    critics: Annotated[int, typer.Option(help="Adversarial recipe: steps of C and D for each of G.", min=1)] = 1,
    tracks: Annotated[str, typer.Option(help="Supervised recipe: set of tracks, to train on real people too.")] = "",
    start: Annotated[str, typer.Option(help="Supervised recipe: weights to go on from.")] = "",
    width: Annotated[int, typer.Option(help="Features of the hidden layers.", min=8)] = 512,
    seed: _Seed = 1,
    device: _Device = "auto",
    threads: _Threads = 0,
    save_every: _SaveEvery = 500,
    resume: _Resume = False,
) -> int:
    """Train LD-Net, which makes landmarks with the target's identity and the driver's pose and expression."""
    recipe = value_now("--recipe", recipe, LDNET_RECIPES)
    check_choice("--recipe", recipe, ("supervised", "adversarial"))
    check_choice("--stage", stage, ("1", "2", "all"))
    check_choice("--adv", adv, ("ll", "ll_clamp", "nlu"))
    from ofx_reenact.device import choose_device
    from ofx_reenact.training.ldnet.adversarial import AdversarialSettings, train_adversarial
    from ofx_reenact.training.ldnet.recipe_base import WEIGHTS
    from ofx_reenact.training.ldnet.supervised import SupervisedSettings, train_supervised
    from ofx_reenact.training.loop import Run

    read = [*(("--data", name) for name in data), ("--tracks", tracks), ("--start", start)]
    _refuse_over_inputs(out, [WEIGHTS], read)
    _use_threads(threads)
    given = _given(batch=batch, learning_rate=learning_rate)
    given |= {"seed": seed, "device": choose_device(device), "width": width}
    run = Run(out, save_every, resume, _show)
    weights: Path | None
    if recipe == "supervised":
        weights = train_supervised(run, data, SupervisedSettings(**given), steps=steps, start=start, tracks=tracks)
    else:
        settings = AdversarialSettings(stage=1, adv=cast("Adversary", adv), critics=critics, **given)
        weights = train_adversarial(run, data, settings, stage=stage, steps=steps, people=people)
    typer.echo(f"weights: {weights}" if weights else f"stage 1 is done; --stage 2 goes on from {out}")
    return 0


@app.command("fdgan")
def fdgan(
    data: Annotated[str, typer.Option(help="Set of pairs; portrait recipe: set of faces (.npz).", metavar="PATH")],
    out: Annotated[Path, typer.Option(help="Folder of the run, for checkpoints, curves, samples, weights.")],
    recipe: Annotated[
        str, typer.Option(help="repair: what a warp cannot show; portrait: the whole face \\[repair|portrait].")
    ] = "repair",
    variant: Annotated[
        str, typer.Option(help="The network, or an ablation in its place \\[fdgan|fdgan-1|adain|pix2pixhd].")
    ] = "fdgan",
    steps: Annotated[int | None, typer.Option(help="Number of steps; the recipe has a default.", min=1)] = None,
    batch: Annotated[
        int | None, typer.Option(help="Pairs in a step, of each process; the recipe has a default.", min=1)
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate; the recipe has a default.")] = None,
    size: Annotated[int, typer.Option(help="Portrait recipe: side in pixels; 0 for the set's.", min=0)] = 0,
    critic_from: Annotated[
        float, typer.Option(help="Repair recipe: fraction of the steps before the critic takes part; 1 for never.")
    ] = 1 / 3,
    start: Annotated[str, typer.Option(help="Weights of the same recipe to go on from.", metavar="PATH")] = "",
    critics: Annotated[str, typer.Option(help="Critics of that training to go on from.", metavar="PATH")] = "",
    seed: _Seed = 1,
    device: _Device = "auto",
    threads: _Threads = 0,
    save_every: _SaveEvery = 200,
    resume: _Resume = False,
) -> int:
    """Train FD-GAN: the repair network, which paints what a warp cannot show, or the portrait network of the paper.

    On several GPUs: torchrun --nproc-per-node 2 -m ofx_reenact train fdgan ...
    """
    recipe = value_now("--recipe", recipe, FDGAN_RECIPES)
    check_choice("--recipe", recipe, ("repair", "portrait"))
    check_choice("--variant", variant, ("fdgan", "fdgan-1", "adain", "pix2pixhd"))
    from ofx_reenact.device import choose_device
    from ofx_reenact.training.distributed import join_group
    from ofx_reenact.training.fdgan import portrait, repair
    from ofx_reenact.training.fdgan.recipe_base import CRITICS
    from ofx_reenact.training.loop import Run

    written = repair.WEIGHTS if recipe == "repair" else portrait.WEIGHTS
    read = [("--data", data), ("--start", start), ("--critics", critics)]
    _refuse_over_inputs(out, [written, CRITICS, "samples.png"], read)
    _use_threads(threads)
    given = _given(batch=batch, learning_rate=learning_rate)
    given |= {"seed": seed, "device": choose_device(device), "variant": variant}
    with join_group(given["device"]) as group:
        run = Run(out, save_every, resume, _show, group)
        if recipe == "repair":
            settings = repair.RepairSettings(critic_from=critic_from, **given)
            weights = repair.train_repair(run, data, settings, steps=steps, start=start, critics=critics)
        else:
            of_paper = portrait.PortraitSettings(**given)
            weights = portrait.train_portrait(
                run, data, of_paper, size=size, steps=steps, start=start, critics=critics
            )  # fmt: skip
        if group.first:
            typer.echo(f"weights: {weights}")
    return 0


@app.command("identity")
def identity(
    target: Annotated[str, typer.Option(help="Picture of the person, as it will be rendered.", metavar="PATH")],
    frames: Annotated[str, typer.Option(help="Clip or folder of pictures of the same person.", metavar="PATH")],
    out: Annotated[str, typer.Option("--identity", help="Identity file to write.", metavar="PATH")],
    steps: Annotated[int, typer.Option(help="Number of steps.", min=1)] = 400,
    batch: Annotated[int, typer.Option(help="Frames in a step.", min=1)] = 4,
    fdgan_weights: Annotated[str, typer.Option(help="FD-GAN weights; default: the shipped ones.")] = "",
    colorspace: Annotated[str, typer.Option(help="Colour space of the target; default: from its tag or format.")] = "",
    layer: Annotated[str, typer.Option(help="Layer of the target's EXR to read.")] = "",
    device: _Device = "auto",
    threads: _Threads = 0,
) -> int:
    """Train FD-GAN on one person, from 30 to 500 frames; renders then use the identity file."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.settings import Settings
    from ofx_reenact.training.fdgan.custom import CustomSettings
    from ofx_reenact.training.identity import train_identity

    read = [("--target", target), ("--frames", frames), ("--fdgan-weights", fdgan_weights)]
    refuse_over_inputs([("--identity", out)], read)
    _use_threads(threads)
    settings = Settings(
        target=target, identity=out, fdgan_weights=fdgan_weights, colorspace=colorspace, layer=layer, device=device
    )  # fmt: skip

    def observe(step: int, loss: float) -> None:
        if step % 50 == 0 or step == steps:
            typer.echo(f"identity {step}/{steps}  loss {loss:.3f}")

    report = train_identity(settings, frames, CustomSettings(steps=steps, batch=batch), observe)
    typer.echo(f"{report.used} frames, {report.faceless} without a face")
    typer.echo(f"mouth in frames kept for validation: {report.custom.before:.2f} → {report.custom.after:.2f} dB: {out}")
    return 0


def _refuse_over_inputs(out: Path, files: Iterable[str], read: Iterable[Named]) -> None:
    """Refuse a run's folder if ``files``, or the files of every run, would replace a file that the run reads."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.training.loop import FILES

    refuse_over_inputs([("--out", out / name) for name in (*FILES, *files)], read)


def _use_threads(threads: int) -> None:
    """Let torch use so many CPU threads; 0 leaves it to torch."""
    if threads:
        import torch

        torch.set_num_threads(threads)


def _given(**values: float | None) -> dict[str, Any]:
    """Return the options that were given on the command line; the recipe has defaults for the others."""
    return {name: value for name, value in values.items() if value is not None}


def _show(name: str, point: Point) -> None:
    """Print one point of a run's curves."""
    values = "  ".join(f"{key} {value:.4g}" for key, value in point.values.items())
    left = point.seconds / point.step * (point.steps - point.step)
    typer.echo(f"{name} {point.step}/{point.steps}  {left / 60:.0f} min left  {values}")
