"""``ofx-reenact consent``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ofx_reenact.cli.options import group
from ofx_reenact.errors import Exit, SettingsError

app = group("consent", "The consent file of the person shown.")


@app.command("template")
def template(
    output: Annotated[Path, typer.Argument(help="Consent file (.json) to write.", metavar="OUT.json")],
    performer: Annotated[str, typer.Option(help="Name of the person shown.")],
    release_id: Annotated[str, typer.Option("--id", help="Id of the release, named in every frame.")],
    release: Annotated[Path, typer.Option(help="The signed release; its SHA-256 is stored.")],
    scope: Annotated[str, typer.Option(help="Allowed uses, separated by commas.")],
    expires: Annotated[str, typer.Option(help="Last day on which it is valid, as 2027-12-31.")],
) -> int:
    """Write the consent file of a signed release."""
    from ofx_reenact.provenance.consent import write_consent

    uses = tuple(use.strip() for use in scope.split(","))
    write_consent(output, performer=performer, release=release_id, scope=uses, expires=expires, document=release)
    typer.echo(str(output))
    return 0


@app.command("check")
def check(
    input: Annotated[Path, typer.Argument(help="Consent file (.json).", metavar="F.json")],
    release: Annotated[
        Path | None, typer.Option(help="The signed release; 'document' of the file if not given.")
    ] = None,
    on: Annotated[str, typer.Option(help="Day of the use, as 2027-12-31; today if not given.")] = "",
    scope: Annotated[str, typer.Option(help="Use that must be in the scope.")] = "",
) -> int:
    """Check whether a consent is valid; exit code 1 if it is not."""
    from ofx_reenact.provenance.consent import read_consent, read_date

    try:
        day = read_date(on) if on else None
    except ValueError as error:
        raise SettingsError(f"--on {on}: give a date as 2027-12-31") from error
    consent = read_consent(input)
    problems = consent.problems(on=day, scope=scope, release=release)
    document = release or consent.found_document
    compared = f"compared with {document}" if document else "its document was not compared; --release names it"
    typer.echo(f"performer: {consent.performer}")
    typer.echo(f"release: {consent.release}, {compared}")
    typer.echo(f"scope: {', '.join(consent.scope)}")
    typer.echo(f"expires: {consent.expires}")
    for problem in problems:
        typer.secho(problem, fg="red")
    typer.echo("not valid" if problems else "valid")
    return Exit.FAILED if problems else Exit.DONE
