"""``ofx-reenact evaluate reenactment``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ofx_reenact.cli.evaluate_report import (
    PAGE,
    command_line,
    print_step,
    print_table,
    refuse_outputs,
    write_report,
)
from ofx_reenact.cli.options import value_now
from ofx_reenact.settings.earlier_names import VALUES
from ofx_reenact.settings.option import split_list

RELATIVE = "Motion is relative, the default of a render: the driver's change since its reference frame, not its pose."


def command(
    drivers: Annotated[Path, typer.Option(help="Folder of clips that drive.")],
    report: Annotated[Path, typer.Option(help="Folder for the report; pairs measured there are kept.")],
    targets: Annotated[Path | None, typer.Option(help="Folder of pictures to animate, in cross.")] = None,
    protocol: Annotated[
        str, typer.Option(help="self: each clip drives one of its own frames; cross: every clip drives every target.")
    ] = "cross",
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write the numbers here.")] = None,
    every: Annotated[int, typer.Option(help="Measure every Nth frame of a clip.", min=1)] = 1,
    limit: Annotated[int, typer.Option(help="Maximum number of frames per clip, evenly chosen; 0: all.", min=0)] = 16,
    methods: Annotated[str, typer.Option(help="Methods to render, such as ldnet,copied; default: all.")] = "",
    strengths: Annotated[str, typer.Option(help="For identity over gain, such as 0.6,0.8,1,1.2; default: none.")] = "",
    pairs: Annotated[int, typer.Option(help="Maximum number of pairs, drawn at random; 0: all.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the draw of pairs.")] = 1,
    target_frame: Annotated[int, typer.Option(help="In self: the frame of the clip that is the target.", min=1)] = 1,
    jobs: Annotated[int, typer.Option(help="Number of processes; each takes one target at a time.", min=1)] = 1,
    rendered: Annotated[
        Path | None, typer.Option(help="Frames of another program to measure as well: DIR/TARGET__DRIVER/0012.png.")
    ] = None,
    keep_frames: Annotated[bool, typer.Option(help="Keep the measured frames as PNG, for OpenFace.")] = False,
    openface: Annotated[
        Path | None, typer.Option(help="OpenFace's results for the kept frames: DIR/TARGET__DRIVER/METHOD.csv.")
    ] = None,
    identity: Annotated[str, typer.Option(help="Network for ISIM: auto, vggface2, sface.")] = "auto",
    features: Annotated[str, typer.Option(help="Network for FID and KID: auto, inception, mobilenet.")] = "auto",
    show: Annotated[str, typer.Option(help="Pattern of TARGET__DRIVER: pairs whose pictures the page may show.")] = "*",
    note: Annotated[str, typer.Option(help="A line for the page, such as whose pictures these are.")] = "",
) -> int:
    """Measure stills driven by clips: baselines, both profiles and, if given, another program's frames."""
    from ofx_reenact.evaluate.metrics.distribution import choose_extractor
    from ofx_reenact.evaluate.page.figures import check_matplotlib
    from ofx_reenact.evaluate.pairs.choose_pairs import check_protocol, cross_pairs, self_pairs
    from ofx_reenact.evaluate.stills.compared_methods import parse_methods, parse_strengths
    from ofx_reenact.evaluate.stills.measure_pair import Options
    from ofx_reenact.evaluate.stills.pair_statistics import summarise, to_json
    from ofx_reenact.evaluate.stills.report_page import make_page
    from ofx_reenact.evaluate.stills.run_evaluation import evaluate, list_left_out

    command_text = command_line("reenactment", command, locals())
    refuse_outputs(report, as_json, drivers=drivers, targets=targets, rendered=rendered, openface=openface)
    check_protocol(protocol, targets)
    check_matplotlib()
    chosen = cross_pairs(targets, drivers, pairs, seed) if targets else self_pairs(drivers, target_frame, pairs, seed)
    kept = report / "frames" if keep_frames else None
    methods = ",".join(value_now("--methods", name, VALUES["profile"]) for name in split_list(methods))
    to_render = parse_methods(methods), parse_strengths(strengths)
    options = Options(every, limit, rendered, identity, features, kept, *to_render)
    left_out = list_left_out(protocol, options)
    for note_on_network in left_out:
        typer.echo(note_on_network)
    results = evaluate(chosen, options, report, jobs, print_step)
    extractor = choose_extractor(features)
    summary = summarise(protocol, results, extractor, openface)
    settings = {"every": every, "limit": limit, "seed": seed, "target frame": target_frame if not targets else None}
    lines = [_describe_frames(every, limit), RELATIVE, *left_out, *([note] if note else ())]
    page = make_page(summary, extractor, command_text, lines, show)
    write_report(report, as_json, to_json(summary, command_text, settings), page)
    _print_summary(summary)
    typer.echo(f"report: {report / PAGE}")
    return 0


def _describe_frames(every: int, limit: int) -> str:
    frames = f"One frame in {every} of each clip" if every > 1 else "Every frame of each clip"
    return f"{frames}, at most {limit} per clip, evenly chosen." if limit else f"{frames}."


def _print_summary(summary: Any) -> None:
    """Print the paper's metrics with their backends, and how much of the performance is transferred."""
    from ofx_reenact.evaluate.metrics.scores import format_estimate
    from ofx_reenact.evaluate.stills.gain_tables import group_rows, region_rows, summary_sentences

    def cell(number: Any) -> str:
        return "–" if number is None else format_estimate(number, 3)

    columns = ("ISIM", "PSIM", "ED", "SSIM", "FID", "Fréchet MobileNetV2")
    names = [name for name in columns if name in summary.metrics]
    title = f"{summary.protocol}: {len(summary.results)} pairs, {summary.frames} frames; means ± half a 95 % interval"
    rows = ([method, *(cell(summary.rows[method].get(name)) for name in names)] for method in summary.methods)
    print_table(title, ("", *names), rows)
    for name in names:
        Console().print(f"{name}: {summary.backends[name]}")
    for title, (headings, lines) in (
        ("transfer of the driver's blendshapes: gain / correlation", group_rows(summary)),
        ("landmarks asked, of the driver's, and rendered, of those asked: gain / correlation", region_rows(summary)),
    ):
        print_table(title, headings, lines)
    for line in summary_sentences(summary):
        Console().print(line)
