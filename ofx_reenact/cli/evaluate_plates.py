"""``ofx-reenact evaluate moving``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ofx_reenact.cli.evaluate_report import (
    PAGE,
    command_line,
    print_step,
    print_table,
    refuse_outputs,
    write_report,
)


def command(
    plates: Annotated[Path, typer.Option(help="Folder of clips to drive.")],
    report: Annotated[Path, typer.Option(help="Folder for the report; pairs measured there are kept.")],
    drivers: Annotated[
        Path | None, typer.Option(help="Folder of clips that drive; default: the plates drive each other.")
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write the numbers here.")] = None,
    limit: Annotated[
        int, typer.Option(help="Maximum number of consecutive frames per pair, from the middle; 0: all.", min=0)
    ] = 0,
    pairs: Annotated[int, typer.Option(help="Maximum number of pairs, drawn at random; 0: all.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the draw of pairs.")] = 1,
    baselines: Annotated[bool, typer.Option(help="Also measure parts off and landmarks copied.")] = True,
    jobs: Annotated[int, typer.Option(help="Number of processes; each takes one plate at a time.", min=1)] = 1,
    identity: Annotated[str, typer.Option(help="Network for identity: auto, vggface2, sface.")] = "auto",
    show: Annotated[str, typer.Option(help="Pattern of PLATE__DRIVER: pairs whose pictures the page may show.")] = "*",
    note: Annotated[str, typer.Option(help="A line for the page, such as whose pictures these are.")] = "",
) -> int:
    """Measure plates driven by other clips: motion, jitter, identity, and pixels that must not change."""
    from ofx_reenact.evaluate.metrics import sface
    from ofx_reenact.evaluate.metrics.identity import choose_embedder
    from ofx_reenact.evaluate.page.figures import check_matplotlib
    from ofx_reenact.evaluate.pairs.choose_pairs import clip_pairs
    from ofx_reenact.evaluate.plates.compared_methods import DRIVEN, RENDERED_METHODS
    from ofx_reenact.evaluate.plates.measure_pair import Options
    from ofx_reenact.evaluate.plates.pair_statistics import summarise, to_json
    from ofx_reenact.evaluate.plates.report_page import make_page
    from ofx_reenact.evaluate.plates.run_evaluation import evaluate

    command_text = command_line("moving", command, locals())
    refuse_outputs(report, as_json, plates=plates, drivers=drivers)
    check_matplotlib()
    chosen = clip_pairs(plates, drivers, pairs, seed)
    left_out = [] if choose_embedder(identity) else [sface.MISSING]
    for note_on_network in left_out:
        typer.echo(note_on_network)
    options = Options(limit, tuple(RENDERED_METHODS) if baselines else (DRIVEN,), identity)
    summary = summarise(evaluate(chosen, options, report, jobs, print_step))
    lines = [f"At most {limit} consecutive frames per pair, from the middle."] if limit else []
    lines += [*left_out, *([note] if note else ())]
    numbers = to_json(summary, command_text, {"limit": limit, "seed": seed})
    write_report(report, as_json, numbers, make_page(summary, command_text, lines, show))
    _print_summary(summary)
    typer.echo(f"report: {report / PAGE}")
    return 0


def _print_summary(summary: Any) -> None:
    """Print the promises, kept or missed, and every number of every method."""
    from ofx_reenact.evaluate.plates.report_page import HEADINGS, all_rows, promised_rows

    title = f"{len(summary.pairs)} pairs, {summary.frames} frames; means ± half a 95 % interval"
    print_table(title, HEADINGS, promised_rows(summary))
    print_table("in comparison with baselines", *all_rows(summary))
