"""``ofx-reenact provenance``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ofx_reenact.cli.options import group
from ofx_reenact.errors import Exit

if TYPE_CHECKING:
    from ofx_reenact.frames.ranges import FrameRange

app = group("provenance", "Sign frames, check their signatures, and show how a frame was made.")

_Output = Annotated[str, typer.Argument(help="Sequence that was rendered.", metavar="O.####.exr")]
_Frames = Annotated[str, typer.Option("--frames", "-f", help="Frames, as 1001-1010; all that exist if empty.")]


@app.command("sign")
def sign(
    output: _Output,
    cert: Annotated[
        Path, typer.Option(help="Certificate chain (PEM), the signer's own first.", envvar="OFX_REENACT_C2PA_CERT")
    ],
    key: Annotated[Path, typer.Option(help="Its private key (PEM).", envvar="OFX_REENACT_C2PA_KEY")],
    frames: _Frames = "",
    existing: Annotated[
        Literal["error", "skip", "overwrite"], typer.Option(help="What to do with existing signatures.")
    ] = "error",
) -> int:
    """Sign each frame with a C2PA manifest beside it; the frames stay unchanged."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.provenance.credentials import read_credentials
    from ofx_reenact.provenance.signing import SUFFIX, sign_sequence

    signatures = Path(output).with_suffix(SUFFIX)
    refuse_over_inputs([("the signatures,", signatures)], [("the signing", output), ("--cert", cert), ("--key", key)])
    credentials = read_credentials(cert, key)
    signed, skipped = sign_sequence(output, credentials, _range(frames), existing)
    typer.echo(f"{len(signed)} frames signed by {credentials.name}")
    if skipped:
        typer.echo(f"{len(skipped)} frames were signed already: {skipped}")
    return 0


@app.command("verify")
def verify(
    output: _Output,
    trust: Annotated[
        Path,
        typer.Option(help="Certificates (PEM) that signatures must lead back to.", envvar="OFX_REENACT_C2PA_TRUST"),
    ],
    frames: _Frames = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Check that each frame is as it was signed, by a trusted signer; exit code 1 if one is not."""
    from ofx_reenact.provenance.credentials import read_trusted
    from ofx_reenact.provenance.signing import verify_sequence

    verdicts = verify_sequence(output, read_trusted(trust), _range(frames))
    bad = [verdict for verdict in verdicts if verdict.problems]
    if as_json:
        listed = [
            {"path": str(v.path), "signer": v.signer, "problems": list(v.problems), "signed": dict(v.facts)}
            for v in verdicts
        ]
        typer.echo(json.dumps({"good": not bad, "files": listed}, indent=1, ensure_ascii=False))
        return Exit.FAILED if bad else Exit.DONE
    for verdict in bad:
        typer.secho(f"{verdict.path}: {'; '.join(verdict.problems)}", fg="red")
    good = len(verdicts) - len(bad)
    signers = sorted({verdict.signer for verdict in verdicts if not verdict.problems})
    typer.echo(f"{good} frames are as they were signed{' by ' + ' and '.join(signers) if signers else ''}")
    if bad:
        typer.echo(f"{len(bad)} files are not")
    return Exit.FAILED if bad else Exit.DONE


@app.command("show")
def show(
    frame: Annotated[Path, typer.Argument(help="Frame that was rendered.", metavar="F.exr")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> int:
    """Print a frame's provenance: its attributes, its entry in the sidecar, its signature."""
    from ofx_reenact.provenance.attributes import read_attributes

    attributes, entry, signature = read_attributes(frame), _sidecar_entry(frame), _signature(frame)
    if as_json:
        content = {"attributes": attributes, "sidecar": entry, "signature": signature}
        typer.echo(json.dumps(content, indent=1, ensure_ascii=False))
        return 0
    for name, value in {**attributes, **entry, "signature": signature}.items():
        typer.echo(f"{name}: {value}")
    return 0


def _range(frames: str) -> FrameRange | None:
    from ofx_reenact.frames.ranges import FrameRange

    return FrameRange.parse(frames) if frames else None


def _sidecar_entry(frame: Path) -> dict[str, Any]:
    """Return the sidecar's entry for a frame; empty if there is none."""
    from ofx_reenact.provenance.sidecar import Sidecar, sidecar_path

    number = re.fullmatch(r"(.*?)(-?\d+)(\.[^.]*)", frame.name)
    if number is None:
        return {}
    path = sidecar_path(str(frame.with_name(f"{number[1]}#{number[3]}")))
    return Sidecar.load(path).as_dict()["frames"].get(str(int(number[2])), {}) if path.exists() else {}


def _signature(frame: Path) -> str:
    from ofx_reenact.errors import ReenactError
    from ofx_reenact.provenance.signing import SUFFIX, read_signature

    if not frame.with_suffix(SUFFIX).exists():
        return "none"
    try:
        verdict = read_signature(frame)
    except ReenactError as error:
        return str(error)
    if verdict.problems:
        return "; ".join(verdict.problems)
    return f"by {verdict.signer}; 'provenance verify' checks whether they are trusted"
