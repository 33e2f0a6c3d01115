"""The two repairs: render frames that are missing, write the sidecar again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ofx_reenact.errors import SettingsError
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.provenance import NO_CONSENT, NO_FDGAN, SOURCE_TYPE, FrameEntry, Input, Sidecar
from ofx_reenact.provenance.attributes import FACE, PARTS
from ofx_reenact.verify.subject import Subject


def render_missing(subject: Subject) -> FrameRange:
    """Render the frames that are not there or not whole, as the sidecar says; returns those written.

    Raises:
        ReenactError: the sidecar does not say how, or an input cannot be used.
    """
    settings, path = subject.sidecar.settings, subject.sidecar.path
    if settings is None:
        raise SettingsError(f"{path}: does not say how the missing frames were to be rendered; render them again")
    missing = subject.frames - (one.frame for one in subject.whole)
    from ofx_reenact.engine.run import render_sequence

    report = render_sequence(replace(settings, output=subject.output, frames=str(missing), existing="skip", preview=""))
    return FrameRange.of(report.written)


def write_sidecar(subject: Subject) -> FrameRange:
    """Write into the sidecar what it lacks of frames that are there, from what they say of themselves.

    A sidecar that is lost comes back without its settings and without the inputs' hashes, and says so. What the
    sidecar says stays: a hash that differs is never made to fit. Returns the frames added.

    Raises:
        OutputError: it cannot be written.
    """
    said, known = subject.sidecar.said, set(subject.sidecar.faces)
    frames = {one.frame: _entry(subject, one.frame, one.made) for one in subject.whole if one.frame not in known}
    if replace(said, frames={}) == Sidecar() and subject.whole:
        said = _rebuilt(subject, subject.whole[0].made)
    replace(said, frames=frames).save(subject.sidecar.path)
    return FrameRange.of(frames)


def _entry(subject: Subject, frame: int, made: Mapping[str, Any]) -> FrameEntry:
    """What the sidecar keeps of a frame: of its face what the performance knows, else what the frame says."""
    own = made.get("reenact:confidence")
    sure = round(own, 4) if isinstance(own, int | float) else None
    parts = made.get(PARTS) or None
    return FrameEntry(sure, subject.state(frame) or made.get(FACE), made.get("reenact:made_of"), parts)


def _rebuilt(subject: Subject, made: Mapping[str, Any]) -> Sidecar:
    """What frames say of the whole sequence."""
    header, fdgan = subject.whole[0].header, made.get("reenact:fdgan_sha256", NO_FDGAN)
    assert header is not None
    return Sidecar(
        output=Path(subject.output).name,
        inputs={kind: Input(str(made.get(f"reenact:{kind}", ""))) for kind in ("target", "driver")},
        weights={"sha256": made.get("reenact:weights_sha256")},
        fdgan=fdgan if fdgan == NO_FDGAN else {"sha256": fdgan},
        colour={"space": header.colour_space, "reason": "the frames' tag"},
        consent=made.get("reenact:consent_id", NO_CONSENT),
        digital_source_type=SOURCE_TYPE,
        extra={"rebuilt": "from the frames' attributes; settings and hashes of the inputs are lost"},
    )
