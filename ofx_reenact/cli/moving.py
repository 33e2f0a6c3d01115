"""``ofx-reenact evaluate moving``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ofx_reenact.cli.reenactment import JSON, PAGE, command_line, print_table, refuse_outputs


def command(
    plates: Annotated[Path, typer.Option(help="Folder of clips that are driven.")],
    report: Annotated[Path, typer.Option(help="Folder for the report; numbers that are there are not made again.")],
    drivers: Annotated[
        Path | None, typer.Option(help="Folder of clips that drive; the plates drive each other if not given.")
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write the numbers here.")] = None,
    limit: Annotated[
        int, typer.Option(help="Frames of a pair at most, in a row from the middle; 0: all.", min=0)
    ] = 0,
    pairs: Annotated[int, typer.Option(help="Pairs at most, drawn by the seed; 0: all.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Of the draw of pairs.")] = 1,
    baselines: Annotated[bool, typer.Option(help="Also measure parts off and landmarks copied.")] = True,
    jobs: Annotated[int, typer.Option(help="Processes at once, a plate each.", min=1)] = 1,
    identity: Annotated[str, typer.Option(help="Backend of identity: auto, vggface2, sface.")] = "auto",
    show: Annotated[str, typer.Option(help="Pattern of PLATE__DRIVER whose pictures the page may show.")] = "*",
    note: Annotated[str, typer.Option(help="A line to stand on the page, as whose pictures these are.")] = "",
) -> int:
    """Plates that other clips drive: whether they follow, stay steady and the person, and elsewhere the plate."""
    from ofx_reenact.evaluate import identity as sface
    from ofx_reenact.evaluate.metrics.identity import choose
    from ofx_reenact.evaluate.moving import run
    from ofx_reenact.evaluate.moving.measure import Options
    from ofx_reenact.evaluate.moving.methods import DRIVEN, OURS
    from ofx_reenact.evaluate.moving.report import page
    from ofx_reenact.evaluate.moving.summary import plain, summarise
    from ofx_reenact.evaluate.plots import check_matplotlib
    from ofx_reenact.evaluate.reenactment.pairs import clip_pairs
    from ofx_reenact.files import write_json, written_whole

    made_by = command_line("moving", command, locals())
    refuse_outputs(report, as_json, plates=plates, drivers=drivers)
    check_matplotlib()
    chosen = clip_pairs(plates, drivers, pairs, seed)
    left_out = [] if choose(identity) else [sface.MISSING]
    for missing in left_out:
        typer.echo(missing)
    options = Options(limit, tuple(OURS) if baselines else (DRIVEN,), identity)
    results = run.evaluate(
        chosen, options, report, jobs, lambda step: typer.echo(f"{step.kind} {step.done} of {step.total}: {step.name}")
    )
    summary = summarise(results)
    for path in (report / JSON, *([as_json] if as_json else [])):
        write_json(path, plain(summary, made_by, {"limit": limit, "seed": seed}))
    lines = [f"{limit} frames of a pair at most, in a row from the middle."] if limit else []
    lines += [*left_out, *([note] if note else ())]
    with written_whole(report / PAGE) as partial:
        partial.write_text(page(summary, made_by, lines, show), encoding="utf-8")
    _show(summary)
    typer.echo(f"report: {report / PAGE}")
    return 0


def _show(summary: Any) -> None:
    """Print what is promised and what is kept, and every number by every way to drive a plate."""
    from ofx_reenact.evaluate.moving.report import HEADINGS, beside_rows, promised_rows

    title = f"{len(summary.pairs)} pairs, {summary.frames} frames; means ± half a 95 % interval"
    print_table(title, HEADINGS, promised_rows(summary))
    print_table("beside baselines", *beside_rows(summary))
