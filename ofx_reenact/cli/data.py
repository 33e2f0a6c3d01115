"""``ofx-reenact data``: make the files that networks are trained and evaluated on."""

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
_Jobs = Annotated[int, typer.Option(help="Processes at the same time; 0 is one for each core.", min=0)]
# Seconds between lines of progress.
_INTERVAL = 10.0


@app.command("heads")
def heads(
    out: Annotated[Path, typer.Option(help="File of a head model (.npz) to write.")],
    source: Annotated[str, typer.Option(help="Where the head model comes from \\[anny|ict].")] = "anny",
    folder: Annotated[str, typer.Option("--from", help="ICT-FaceKit's folder, for --source ict.", metavar="PATH")] = "",
    identities: Annotated[int, typer.Option(help="People in the labelled grid.", min=2)] = 100,
    poses: Annotated[int, typer.Option(help="Poses with expressions, the same for everybody.", min=2)] = 2000,
    seed: Annotated[int, typer.Option(help="Of the random generator; the same seed draws the same grid.")] = 100,
) -> int:
    """Make a head model to train LD-Net on, with a grid of labelled landmarks drawn from it to test on."""
    check_choice("--source", source, ("anny", "ict"))
    if source == "ict" and not folder:
        raise SettingsError("--source ict needs --from, the folder of ICT-FaceKit's repository")
    from ofx_reenact.training.ldnet.data.anny_head_model import anny_model
    from ofx_reenact.training.ldnet.data.head_model import draw_grid, save_heads
    from ofx_reenact.training.ldnet.data.ict_head_model import ict_model

    model = ict_model(Path(folder)) if source == "ict" else anny_model()
    save_heads(out, model, draw_grid(model, identities, poses, seed))
    typer.echo(f"{identities} people in {poses} poses from {model.source}: {out}")
    return 0


@app.command("tracks")
def tracks(
    input: Annotated[list[str], typer.Option("--input", help="Picture, clip or folder; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Set of landmarks (.npz) to write.")],
    every: Annotated[int, typer.Option(help="Step from one frame of a clip to the next.", min=1)] = 1,
) -> int:
    """Track real people: landmarks with the person's name, the text before the first _ of the file's name."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.training.ldnet.data.landmark_tracks import build_tracks

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
    input: Annotated[list[str], typer.Option("--input", help="Picture, clip or folder; may be repeated.")],
    out: Annotated[Path, typer.Option(help="Set of crops (.npz) to write.")],
    size: Annotated[
        int, typer.Option(help="Side of the crops in pixels; twice that where a picture has the pixels.", min=128)
    ] = 384,
    every: Annotated[int, typer.Option(help="Step from one frame of a clip to the next.", min=1)] = 5,
    hold_out: Annotated[
        list[str] | None, typer.Option(help="Pattern of people's names to keep for validation; may be repeated.")
    ] = None,
    listed: Annotated[
        bool, typer.Option("--listed", help="Leave out files for which no index.csv gives the terms of use.")
    ] = False,
    jobs: _Jobs = 0,
    sheet: Annotated[
        str, typer.Option(help="Contact sheet to write (.png): forty crops with their masks' outlines.", metavar="PATH")
    ] = "",
) -> int:
    """Cut out faces to train FD-GAN on. The person: from the folder's index.csv, else the name before the first _.

    Finished parts are kept until the set is written: after an interruption a second call continues.
    """
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.frames.preview import write_png
    from ofx_reenact.training.fdgan.data.crop_set import Crops, draw_contact_sheet
    from ofx_reenact.training.fdgan.data.cut_crops import REASONS, build_crops

    refuse_over_inputs([("--out", out), ("--sheet", sheet)], [("--input", name) for name in input])
    counts = build_crops(
        input, out, size=size, every=every, hold_out=hold_out or (), listed=listed, jobs=_cores(jobs),
        observe=_show_progress("crops"),
    )  # fmt: skip
    typer.echo(f"{counts.kept} crops: {out}")
    for reason in REASONS:
        if names := getattr(counts, reason):
            typer.echo(f"  {len(names)} left out, {reason}: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}")
    if sheet:
        write_png(Path(sheet), draw_contact_sheet(Crops.load(out)))
    return 0


@app.command("pairs")
def pairs(
    out: Annotated[Path, typer.Option(help="Set of pairs (.npz) to write.")],
    crops: Annotated[str, typer.Option(help="Set of crops.", metavar="PATH")] = "",
    heads: Annotated[
        list[str] | None, typer.Option(help="File of rendered heads; may be repeated.", metavar="PATH")
    ] = None,
    variants: Annotated[
        int, typer.Option(help="Ways to shut each open mouth; limit of other crops of a person carried to each.", min=1)
    ] = 4,
    seed: Annotated[int, typer.Option(help="Of the random generator.")] = 1,
    jobs: _Jobs = 0,
    sheet: Annotated[str, typer.Option(help="Contact sheet to write (.png): twenty pairs.", metavar="PATH")] = "",
) -> int:
    """Make pairs for the repair network: mouths shut and opened again by the warp, and what they should look like.

    Finished parts are kept until the set is written: after an interruption a second call continues.
    """
    if not crops and not heads:
        raise SettingsError("nothing to make pairs of: give --crops, --heads or both")
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.frames.preview import write_png
    from ofx_reenact.training.fdgan.data.pair_set import PairSet, build_pairs, draw_contact_sheet

    read = [("--crops", crops), *(("--heads", name) for name in heads or ())]
    refuse_over_inputs([("--out", out), ("--sheet", sheet)], read)
    made = build_pairs(
        crops or None, out, heads=heads or (), variants=variants, seed=seed, jobs=_cores(jobs),
        observe=_show_progress("pairs"),
    )  # fmt: skip
    typer.echo(f"{', '.join(f'{count} {kind}' for kind, count in made.items())}: {out}")
    if sheet:
        write_png(Path(sheet), draw_contact_sheet(PairSet(out)))
    return 0


@app.command("faces")
def faces(
    crops: Annotated[str, typer.Option(help="Set of crops.", metavar="PATH")],
    out: Annotated[Path, typer.Option(help="Set of faces (.npz) to write.")],
    size: Annotated[int, typer.Option(help="Side of the pictures; the paper's is 256.", min=32)] = 256,
    views: Annotated[int, typer.Option(help="Views of each crop that the warp makes, beside the crop.", min=1)] = 2,
    seed: Annotated[int, typer.Option(help="Of the random generator.")] = 1,
    jobs: _Jobs = 0,
) -> int:
    """Make views of faces for the portrait network: crops, and crops with the head turned and the mouth shut.

    Finished parts are kept until the set is written: after an interruption a second call continues.
    """
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.training.fdgan.data.face_set import build_faces

    refuse_over_inputs([("--out", out)], [("--crops", crops)])
    count = build_faces(
        crops, out, size=size, views=views, seed=seed, jobs=_cores(jobs), observe=_show_progress("faces")
    )
    typer.echo(f"{count} views: {out}")
    return 0


@app.command("render-heads")
def rendered_heads(
    assets: Annotated[Path, typer.Option(help="Folder of MakeHuman's assets (CC0).", metavar="DIR")],
    out: Annotated[Path, typer.Option(help="File of rendered heads (.npz) to write.")],
    identities: Annotated[int, typer.Option(help="People.", min=1)] = 100,
    poses: Annotated[int, typer.Option(help="Pictures of each person; the first is neutral.", min=1)] = 10,
    size: Annotated[int, typer.Option(help="Pixels a side.", min=64)] = 256,
    samples: Annotated[int, typer.Option(help="Samples per pixel; more make less noise.", min=1)] = 32,
    hair: Annotated[bool, typer.Option(help="Give people hair.")] = True,
    device: Annotated[str, typer.Option(help="Device that renders \\[auto|cuda|llvm|scalar].")] = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads; 0 is all.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Of the random generator; the same seed makes the same file.", min=0)] = 0,
    sheet: Annotated[Path | None, typer.Option(help="Contact sheet to write (.png or .jpg).")] = None,
) -> int:
    """Render heads of synthetic people: several pictures of each, with exact flow and classes, and tracked."""
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


def _show_progress(what: str) -> Callable[[int, int], None]:
    """Return a function that prints a line of progress with the time left, at most one in ``_INTERVAL`` seconds."""
    began, first, printed = time.monotonic(), -1, time.monotonic()

    def observe(done: int, count: int) -> None:
        nonlocal first, printed
        first, now = done if first < 0 else first, time.monotonic()
        if now - printed < _INTERVAL or done == first:
            return
        printed, left = now, (now - began) / (done - first) * (count - done)
        typer.echo(f"  {what}: {done} of {count}, {left // 60:.0f} min {left % 60:02.0f} s left", err=True)

    return observe
