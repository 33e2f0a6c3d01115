"""The actions on failed checks: render missing frames, write the sidecar again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ofx_reenact.errors import SettingsError
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.provenance import NO_CONSENT, NO_FDGAN, SOURCE_TYPE, FrameEntry, Input, Sidecar
from ofx_reenact.provenance.attributes import FACE, PARTS
from ofx_reenact.verify.checked_sequence import CheckedSequence


def render_missing_frames(sequence: CheckedSequence) -> FrameRange:
    """Render the frames that are missing or not whole, with the sidecar's settings; return those written.

    Raises:
        ReenactError: the sidecar has no settings, or an input cannot be used.
    """
    settings, path = sequence.sidecar.settings, sequence.sidecar.path
    if settings is None:
        raise SettingsError(f"{path}: has no settings to render the missing frames with; render them again")
    missing = sequence.frames - (one.frame for one in sequence.whole)
    from ofx_reenact.engine.render_job import render_sequence

    settings = replace(settings, output=sequence.output, frames=str(missing), existing="skip", preview="")
    report = render_sequence(settings)
    return FrameRange.of(report.written)


def add_frames_to_sidecar(sequence: CheckedSequence) -> FrameRange:
    """Add frames that the sidecar does not have, from their attributes; return them.

    A lost sidecar is written without settings and without the inputs' hashes; its field ``rebuilt`` tells so. Existing
    values stay: a hash that differs from its input file's is not replaced.

    Raises:
        OutputError: it cannot be written.
    """
    content, known = sequence.sidecar.content, set(sequence.sidecar.faces)
    frames = {one.frame: _entry(sequence, one.frame, one.made) for one in sequence.whole if one.frame not in known}
    if replace(content, frames={}) == Sidecar() and sequence.whole:
        content = _rebuild(sequence, sequence.whole[0].made)
    replace(content, frames=frames).save(sequence.sidecar.path)
    return FrameRange.of(frames)


def _entry(sequence: CheckedSequence, frame: int, made: Mapping[str, Any]) -> FrameEntry:
    """Return a frame's entry; how the driver's face was found is taken from the performance, else from ``made``."""
    own = made.get("reenact:confidence")
    confidence = round(own, 4) if isinstance(own, int | float) else None
    parts = made.get(PARTS) or None
    return FrameEntry(confidence, sequence.face_state(frame) or made.get(FACE), made.get("reenact:made_of"), parts)


def _rebuild(sequence: CheckedSequence, made: Mapping[str, Any]) -> Sidecar:
    """Return a sidecar with those fields that can be read from the attributes of one frame."""
    header, fdgan = sequence.whole[0].header, made.get("reenact:fdgan_sha256", NO_FDGAN)
    assert header is not None
    return Sidecar(
        output=Path(sequence.output).name,
        inputs={kind: Input(str(made.get(f"reenact:{kind}", ""))) for kind in ("target", "driver")},
        weights={"sha256": made.get("reenact:weights_sha256")},
        fdgan=fdgan if fdgan == NO_FDGAN else {"sha256": fdgan},
        colour={"space": header.colour_space, "reason": "the frames' tag"},
        consent=made.get("reenact:consent_id", NO_CONSENT),
        digital_source_type=SOURCE_TYPE,
        extra={"rebuilt": "from the frames' attributes; settings and hashes of the inputs are lost"},
    )
