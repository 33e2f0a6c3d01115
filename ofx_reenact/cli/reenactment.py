"""``ofx-reenact evaluate reenactment``."""

from __future__ import annotations

import inspect
import math
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

JSON, PAGE = "report.json", "report.html"
RELATIVE = "Motion is relative, as a render's is: the driver's change since its reference, not its pose."


def command(
    drivers: Annotated[Path, typer.Option(help="Folder of clips that drive.")],
    report: Annotated[Path, typer.Option(help="Folder for the report; numbers that are there are not made again.")],
    targets: Annotated[Path | None, typer.Option(help="Folder of pictures to animate; for cross.")] = None,
    protocol: Annotated[
        str, typer.Option(help="self: each clip drives a frame of its own; cross: targets times drivers.")
    ] = "cross",
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write the numbers here.")] = None,
    every: Annotated[int, typer.Option(help="Measure one frame of so many of a clip.", min=1)] = 1,
    limit: Annotated[int, typer.Option(help="Frames of a clip at most, evenly chosen; 0: all.", min=0)] = 16,
    methods: Annotated[str, typer.Option(help="What is rendered, as ldnet,copied; all if not given.")] = "",
    strengths: Annotated[str, typer.Option(help="Of identity over gain, as 0.6,0.8,1,1.2; none if not given.")] = "",
    pairs: Annotated[int, typer.Option(help="Pairs at most, drawn by the seed; 0: all.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Of the draw of pairs.")] = 1,
    target_frame: Annotated[int, typer.Option(help="In self: the clip's frame that is the target.", min=1)] = 1,
    jobs: Annotated[int, typer.Option(help="Processes at once, a target each.", min=1)] = 1,
    rendered: Annotated[
        Path | None, typer.Option(help="Another program's frames to be scored as well: DIR/TARGET__DRIVER/0012.png.")
    ] = None,
    keep_frames: Annotated[bool, typer.Option(help="Keep what is measured as PNG, for OpenFace.")] = False,
    openface: Annotated[
        Path | None, typer.Option(help="What OpenFace found in the kept frames: DIR/TARGET__DRIVER/METHOD.csv.")
    ] = None,
    identity: Annotated[str, typer.Option(help="Backend of ISIM: auto, vggface2, sface.")] = "auto",
    features: Annotated[str, typer.Option(help="Backend of FID and KID: auto, inception, mobilenet.")] = "auto",
    show: Annotated[str, typer.Option(help="Pattern of TARGET__DRIVER whose pictures the page may show.")] = "*",
    note: Annotated[str, typer.Option(help="A line to stand on the page, as whose pictures these are.")] = "",
) -> int:
    """Reenactment whole: baselines, both profiles and, if given, another program's frames, in one run and report."""
    from ofx_reenact.evaluate.metrics import distribution
    from ofx_reenact.evaluate.plots import check_matplotlib
    from ofx_reenact.evaluate.reenactment import run
    from ofx_reenact.evaluate.reenactment.measure import Options
    from ofx_reenact.evaluate.reenactment.methods import parse_methods, parse_strengths
    from ofx_reenact.evaluate.reenactment.pairs import check_protocol, cross_pairs, self_pairs
    from ofx_reenact.evaluate.reenactment.report import page
    from ofx_reenact.evaluate.reenactment.summary import plain, summarise

    made_by = command_line("reenactment", command, locals())
    refuse_outputs(report, as_json, drivers=drivers, targets=targets, rendered=rendered, openface=openface)
    check_protocol(protocol, targets)
    check_matplotlib()
    chosen = cross_pairs(targets, drivers, pairs, seed) if targets else self_pairs(drivers, target_frame, pairs, seed)
    kept = report / "frames" if keep_frames else None
    wanted = parse_methods(methods), parse_strengths(strengths)
    options = Options(every, limit, rendered, identity, features, kept, *wanted)
    left_out = run.left_out(protocol, options)
    for missing in left_out:
        typer.echo(missing)
    results = run.evaluate(
        chosen, options, report, jobs, lambda step: typer.echo(f"{step.kind} {step.done} of {step.total}: {step.name}")
    )
    extractor = distribution.choose(features)
    summary = summarise(protocol, results, extractor, openface)
    settings = {"every": every, "limit": limit, "seed": seed, "target frame": target_frame if not targets else None}
    lines = [_say_frames(every, limit), RELATIVE, *left_out, *([note] if note else ())]
    _write(report, as_json, plain(summary, made_by, settings), page(summary, extractor, made_by, lines, show))
    _show(summary)
    typer.echo(f"report: {report / PAGE}")
    return 0


def _say_frames(every: int, limit: int) -> str:
    frames = f"One frame in {every} of each clip" if every > 1 else "Every frame of each clip"
    return f"{frames}, {limit} a clip at most, evenly chosen." if limit else f"{frames}."


def _write(report: Path, as_json: Path | None, numbers: dict[str, Any], page: str) -> None:
    from ofx_reenact.files import write_json, written_whole

    for path in (report / JSON, *([as_json] if as_json else [])):
        write_json(path, numbers)
    with written_whole(report / PAGE) as partial:
        partial.write_text(page, encoding="utf-8")


def refuse_outputs(report: Path, as_json: Path | None, **read: Path | None) -> None:
    """Refuse to write over what is read."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs

    written = [("--report", report / JSON), ("--report", report / PAGE), ("--json", as_json)]
    refuse_over_inputs(written, [(f"--{name}", path) for name, path in read.items()])


def command_line(name: str, command: Callable[..., int], values: dict[str, Any]) -> str:
    """Return a command of ``evaluate`` as it would be typed, options at their defaults left out."""
    words = ["ofx-reenact", "evaluate", name]
    for option, parameter in inspect.signature(command).parameters.items():
        value = values[option]
        if value != parameter.default:
            flag = "json" if option == "as_json" else option.replace("_", "-")
            words += [f"--{'' if value else 'no-'}{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return shlex.join(words)


def _show(summary: Any) -> None:
    """Print the paper's columns, a row a method, by what each was made, and how much of the performance arrives."""
    from ofx_reenact.evaluate.reenactment.arrival import group_rows, in_words, region_rows

    def cell(number: Any) -> str:
        if number is None:
            return "–"
        return f"{number.value:.3f}" + (f" ±{number.interval:.3f}" if math.isfinite(number.interval) else "")

    wanted = ("ISIM", "PSIM", "ED", "SSIM", "FID", "Fréchet MobileNetV2")
    names = [name for name in wanted if name in summary.metrics]
    title = f"{summary.protocol}: {len(summary.results)} pairs, {summary.frames} frames; means ± half a 95 % interval"
    rows = ([method, *(cell(summary.rows[method].get(name)) for name in names)] for method in summary.methods)
    print_table(title, ("", *names), rows)
    for name in names:
        Console().print(f"{name}: {summary.backends[name]}")
    for title, (headings, lines) in (
        ("what arrives of the driver's blendshapes: gain / correlation", group_rows(summary)),
        ("landmarks asked, of the driver's, and rendered, of what was asked: gain / correlation", region_rows(summary)),
    ):
        print_table(title, headings, lines)
    for line in in_words(summary):
        Console().print(line)


def print_table(title: str, headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table for people."""
    table = Table(*headings, title=title)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
