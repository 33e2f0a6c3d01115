"""``ofx-reenact publish``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from ofx_reenact.cli.verify import Frames, Json, Output, Performance, Strict, Target
from ofx_reenact.errors import Exit


def command(
    output: Output,
    target_dir: Annotated[str, typer.Option(help="Folder to publish into, as NAME/vNNN.", metavar="PATH")] = "",
    approved: Annotated[str, typer.Option(help="List of approved weights, one SHA-256 per line.", metavar="PATH")] = "",
    consent: Annotated[str, typer.Option(help="Consent file, if not the render's.", metavar="PATH")] = "",
    repair: Annotated[bool, typer.Option("--repair", help="Render missing frames and complete the sidecar.")] = False,
    frames: Frames = "",
    performance: Performance = "",
    target_performance: Target = "",
    strict: Strict = False,
    json: Json = None,
) -> int:
    """Check a rendered sequence with pyblish and publish it as a new version."""
    from ofx_reenact.files import write_json
    from ofx_reenact.frames.names import frame_path
    from ofx_reenact.frames.overwrite import Named, refuse_over_inputs
    from ofx_reenact.provenance import sidecar_path
    from ofx_reenact.publish.options import Options
    from ofx_reenact.publish.pyblish_run import publish
    from ofx_reenact.publish.version import name_of

    frame_path(output, 1)
    name_of(output)
    read: list[Named] = [("the publish", output), ("the publish", sidecar_path(output)), ("--performance", performance)]
    read += [("--target-performance", target_performance), ("--approved", approved), ("--consent", consent)]
    refuse_over_inputs([("--json", json)], read)
    options = Options(
        frames=frames,
        performance=performance,
        target_performance=target_performance,
        strict=strict,
        approved=approved,
        consent=consent,
        target_dir=target_dir,
    )
    report = publish(output, options, run_actions=repair)
    if json is not None:
        write_json(json, report)
    for line in lines_of(report):
        typer.echo(line)
    return Exit.DONE if report["good"] else Exit.FAILED


def pyblish_path() -> int:
    """Print the folder to put on PYBLISHPLUGINPATH."""
    from ofx_reenact.publish import PLUGINS

    typer.echo(str(PLUGINS))
    return 0


def lines_of(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the report as lines for people."""
    from ofx_reenact.verify.report import lines_of as lines_of_checks

    printed = set()
    if report["report"]:
        yield from lines_of_checks(report["report"])
        printed = {"\n".join(answer["problems"]) for answer in report["report"]["checks"].values()}
    for plugin, reason in report["failed"].items():
        if reason not in printed:
            yield f"  {plugin}: {reason}"
    for label, result in report["repaired"].items():
        yield f"repair: {label}: {result}"
    if report["published"]:
        yield f"published: {report['published']['folder']}"
    else:
        yield "good; name --target-dir to publish it" if report["good"] else "not published"
