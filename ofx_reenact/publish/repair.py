"""The two repairs: render frames that are missing, write the sidecar again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ofx_reenact import provenance
from ofx_reenact.errors import SettingsError
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.verify.subject import Subject


def render_missing(subject: Subject) -> FrameRange:
    """Render the frames that are not there or do not decode whole, as the sidecar says they were to be.

    Returns:
        The frames written.

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
    sidecar says stays: a hash that differs is never made to fit.

    Returns:
        The frames added.

    Raises:
        OutputError: it cannot be written.
    """
    content = dict(subject.sidecar.content)
    known = set(subject.sidecar.faces)
    frames = {one.frame: _said(subject, one.frame, _made(one)) for one in subject.whole if one.frame not in known}
    about = {name: value for name, value in content.items() if name not in ("schema", "frames")}
    if not about and subject.whole:
        about = _about(subject, _made(subject.whole[0]))
    provenance.write_sidecar(subject.sidecar.path, about, frames)
    return FrameRange.of(frames)


def _made(one: Any) -> Mapping[str, Any]:
    made: Mapping[str, Any] = one.header.made
    return made


def _said(subject: Subject, frame: int, made: Mapping[str, Any]) -> dict[str, Any]:
    """What the sidecar keeps of a frame; nothing of its face where the performance does not know it."""
    state = subject.state(frame)
    own = made.get("reenact:confidence")
    sure = {"confidence": round(own, 4)} if isinstance(own, int | float) else {}
    return {**sure, **({"face": state} if state else {})}


def _about(subject: Subject, made: Mapping[str, Any]) -> dict[str, Any]:
    """What frames say of the whole sequence."""
    header, fdgan = subject.whole[0].header, made.get("reenact:fdgan_sha256", provenance.NO_FDGAN)
    assert header is not None
    return {
        "output": Path(subject.output).name,
        "rebuilt": "from the frames' attributes; settings and hashes of the inputs are lost",
        "inputs": {
            kind: {"name": str(made.get(f"reenact:{kind}", "")), "sha256": None} for kind in ("target", "driver")
        },
        "weights": {"sha256": made.get("reenact:weights_sha256")},
        "fdgan": fdgan if fdgan == provenance.NO_FDGAN else {"sha256": fdgan},
        "colour": {"space": header.colour_space, "reason": "the frames' tag"},
        "consent": made.get("reenact:consent_id", provenance.NO_CONSENT),
        "digital_source_type": provenance.SOURCE_TYPE,
    }
