"""``ofx-reenact data``: what trainings and evaluations are made from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ofx_reenact.cli.options import group
from ofx_reenact.errors import SettingsError
from ofx_reenact.settings.option import check_choice

app = group("data", "Make data to train and evaluate on.")
_Jobs = Annotated[int, typer.Option(help="Processes at once; 0 takes a process for each core.", min=0)]
# Seconds from one line of progress to the next.
_EVERY = 10.0


@app.command("heads")
def heads(
    out: Annotated[Path, typer.Option(help="Heads file (.npz) to write.")],
    source: Annotated[str, typer.Option(help="Where heads come from \\[anny|ict].")] = "anny",
    folder: Annotated[str, typer.Option("--from", help="ICT-FaceKit's folder, for source ict.", metavar="PATH")] = "",
    identities: Annotated[int, typer.Option(help="People in the labelled grid.", min=2)] = 100,
    poses: Annotated[int, typer.Option(help="Poses and expressions that each of them takes.", min=2)] = 2000,
    seed: Annotated[int, typer.Option(help="Of the random generator; the same seed draws the same grid.")] = 100,
) -> int:
    """Draw synthetic heads: a head model to train on, and a grid of labelled landmarks to test on."""
    check_choice("--source", source, ("anny", "ict"))
    if source == "ict" and not folder:
        raise SettingsError("--source ict needs --from, the folder of ICT-FaceKit's repository")
    from ofx_reenact.training.ldnet.anny_heads import anny_model
    from ofx_reenact.training.ldnet.heads import draw_grid, save_heads
    from ofx_reenact.training.ldnet.ict import ict_model

    model = ict_model(Path(folder)) if source == "ict" else anny_model()
    save_heads(out, model, draw_grid(model, identities, poses, seed))
    typer.echo(f"{identities} people in {poses} poses from {model.source}: {out}")
    return 0


@app.command("tracks")
def tracks(
    input: Annotated[list[str], typer.Option("--input", help="Picture, clip or folder of them; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Set of landmarks (.npz) to write.")],
    every: Annotated[int, typer.Option(help="Take every so many frames of a clip.", min=1)] = 1,
) -> int:
    """Track real people: landmarks labelled with who it is, by what stands before the first _ in a file's name."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.training.ldnet.tracks import build_tracks

    refuse_over_inputs([("--out", out)], [("--input", name) for name in input])
    faceless: list[Path] = []

    def observe(path: Path, found: int) -> None:
        if not found:
            faceless.append(path)

    people, count = build_tracks(input, out, every=every, observe=observe)
    typer.echo(f"{count} landmark sets of {people} people: {out}")
    for path in faceless:
        typer.echo(f"  no face in {path}")
    return 0


@app.command("crops")
def crops(
    input: Annotated[list[str], typer.Option("--input", help="Picture, clip or folder of them; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Set of crops (.npz) to write.")],
    size: Annotated[
        int, typer.Option(help="Side of the crops in pixels; twice that where a picture has them.", min=128)
    ] = 384,
    every: Annotated[int, typer.Option(help="Take every so many frames of a clip.", min=1)] = 5,
    hold_out: Annotated[
        list[str] | None, typer.Option(help="People to keep for validation, as a pattern; may be repeated.")
    ] = None,
    listed: Annotated[
        bool, typer.Option("--listed", help="Leave files out for which no index.csv says the terms of use.")
    ] = False,
    jobs: _Jobs = 0,
    sheet: Annotated[
        str, typer.Option(help="Write forty crops with their masks' outlines as a PNG to look at.", metavar="PATH")
    ] = "",
) -> int:
    """Pack faces to train FD-GAN on. Who is in a file: by its folder's index.csv, or what stands before the first _.

    What was made is kept until the set is written: a second call goes on where a first was ended.
    """
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.frames.preview import write_png
    from ofx_reenact.training.fdgan.data.crops import Crops, draw_sheet
    from ofx_reenact.training.fdgan.data.cut import REASONS, build_crops

    refuse_over_inputs([("--out", out), ("--sheet", sheet)], [("--input", name) for name in input])
    counts = build_crops(
        input, out, size=size, every=every, hold_out=hold_out or (), listed=listed, jobs=_cores(jobs),
        observe=_shown("crops"),
    )  # fmt: skip
    typer.echo(f"{counts.kept} crops: {out}")
    for reason in REASONS:
        if names := getattr(counts, reason):
            typer.echo(f"  {len(names)} left out, {reason}: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}")
    if sheet:
        write_png(Path(sheet), draw_sheet(Crops.load(out)))
    return 0


@app.command("pairs")
def pairs(
    out: Annotated[Path, typer.Option(help="Set of pairs (.npz) to write.")],
    crops: Annotated[str, typer.Option(help="Set of crops.", metavar="PATH")] = "",
    heads: Annotated[
        list[str] | None, typer.Option(help="File of rendered heads; may be repeated.", metavar="PATH")
    ] = None,
    variants: Annotated[
        int, typer.Option(help="Ways to shut each open mouth; other takes that are carried to each, at most.", min=1)
    ] = 4,
    seed: Annotated[int, typer.Option(help="Of the random generator.")] = 1,
    jobs: _Jobs = 0,
    sheet: Annotated[str, typer.Option(help="Write twenty pairs as a PNG to look at.", metavar="PATH")] = "",
) -> int:
    """Shut the mouths of photographs and open them again with the warp: what is missing then is what FD-GAN learns.

    What was made is kept until the set is written: a second call goes on where a first was ended.
    """
    if not crops and not heads:
        raise SettingsError("nothing to make pairs of: give --crops, --heads or both")
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.frames.preview import write_png
    from ofx_reenact.training.fdgan.data.pair_set import PairSet, build_pairs, draw_sheet

    read = [("--crops", crops), *(("--heads", name) for name in heads or ())]
    refuse_over_inputs([("--out", out), ("--sheet", sheet)], read)
    made = build_pairs(
        crops or None, out, heads=heads or (), variants=variants, seed=seed, jobs=_cores(jobs), observe=_shown("pairs")
    )
    typer.echo(f"{', '.join(f'{count} {kind}' for kind, count in made.items())}: {out}")
    if sheet:
        write_png(Path(sheet), draw_sheet(PairSet(out)))
    return 0


@app.command("faces")
def faces(
    crops: Annotated[str, typer.Option(help="Set of crops.", metavar="PATH")],
    out: Annotated[Path, typer.Option(help="Set of faces (.npz) to write.")],
    size: Annotated[int, typer.Option(help="Side of the pictures; the paper's is 256.", min=32)] = 256,
    views: Annotated[int, typer.Option(help="Views of each crop that the warp makes beside it.", min=1)] = 2,
    seed: Annotated[int, typer.Option(help="Of the random generator.")] = 1,
    jobs: _Jobs = 0,
) -> int:
    """Turn heads and shut mouths of photographs by the warp: pairs of one person for the portrait network.

    What was made is kept until the set is written: a second call goes on where a first was ended.
    """
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.training.fdgan.data.faces import build_faces

    refuse_over_inputs([("--out", out)], [("--crops", crops)])
    count = build_faces(crops, out, size=size, views=views, seed=seed, jobs=_cores(jobs), observe=_shown("faces"))
    typer.echo(f"{count} views: {out}")
    return 0


@app.command("render-heads")
def rendered_heads(
    assets: Annotated[Path, typer.Option(help="Folder of MakeHuman's assets (CC0).", metavar="DIR")],
    out: Annotated[Path, typer.Option(help="File of rendered heads (.npz) to write.")],
    identities: Annotated[int, typer.Option(help="People.", min=1)] = 100,
    poses: Annotated[int, typer.Option(help="Pictures of each; the first is neutral.", min=1)] = 10,
    size: Annotated[int, typer.Option(help="Pixels a side.", min=64)] = 256,
    samples: Annotated[int, typer.Option(help="Per pixel; more for less noise.", min=1)] = 32,
    hair: Annotated[bool, typer.Option(help="Give people hair.")] = True,
    device: Annotated[str, typer.Option(help="What renders \\[auto|cuda|llvm|scalar].")] = "auto",
    threads: Annotated[int, typer.Option(help="Of the CPU; 0 takes all.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Of the random generator; the same seed makes the same file.", min=0)] = 0,
    sheet: Annotated[Path | None, typer.Option(help="Contact sheet (.png or .jpg) to look at.")] = None,
) -> int:
    """Render textured heads: pictures of the same person, with exact flow, classes and tracks."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.training.rendered_heads.file import RenderedHeads
    from ofx_reenact.training.rendered_heads.render import Progress, RenderOptions, render_heads, write_sheet

    refuse_over_inputs([("--out", out), ("--sheet", sheet)], [("--assets", assets)])

    def on_progress(step: Progress) -> None:
        if step.done % poses == 0:
            typer.echo(f"  {step.done} of {step.total} pictures, {step.dropped} without a face", err=True)

    options = RenderOptions(assets, out, identities, poses, size, samples, hair, device, threads, seed)
    render_heads(options, on_progress)
    made = RenderedHeads(out)
    if sheet:
        write_sheet(made, sheet)
    typer.echo(f"{len(made)} pictures of {len(set(made.identity.tolist()))} people: {out} ({made.dropped} dropped)")
    return 0


def _cores(jobs: int) -> int:
    return jobs or os.cpu_count() or 1


def _shown(what: str) -> Callable[[int, int], None]:
    """Return what prints how far a set is, with the time left, every few seconds; on a terminal or not."""
    began, first, told = time.monotonic(), -1, time.monotonic()

    def observe(done: int, count: int) -> None:
        nonlocal first, told
        first, now = done if first < 0 else first, time.monotonic()
        if now - told < _EVERY or done == first:
            return
        told, left = now, (now - began) / (done - first) * (count - done)
        typer.echo(f"  {what}: {done} of {count}, {left // 60:.0f} min {left % 60:02.0f} s left", err=True)

    return observe
