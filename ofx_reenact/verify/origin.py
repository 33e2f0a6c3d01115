"""The check whether inputs and options in the sidecar are those that frames and analysis files were made from."""

from __future__ import annotations

from collections.abc import Mapping

from ofx_reenact.engine.input_digests import frames_made_of
from ofx_reenact.errors import ReenactError
from ofx_reenact.provenance import MadeOf, Sidecar
from ofx_reenact.provenance.analysis_files import find_contradictions
from ofx_reenact.settings import Settings
from ofx_reenact.verify.check_result import CheckResult, make_result, name_frames
from ofx_reenact.verify.checked_sequence import CheckedSequence


def origin(sequence: CheckedSequence) -> CheckResult:
    """Were the frames made from the inputs and with the options in the sidecar?"""
    file = sequence.sidecar
    if file.problem:
        return CheckResult()
    content = file.content
    problems = [f"{file.path}: {text}" for text in _find_edits(content)] if content.takes else []
    problems += find_contradictions(content, file.path.parent)
    unknown = ["the sidecar does not tell what frames were made from"] if sequence.whole and not content.takes else []
    notes = _describe_takes(content) if len(content.takes) > 1 else []
    result = make_result(problems, unknown, strict=sequence.strict)
    return CheckResult(result.problems, (*result.notes, *notes))


def _find_edits(content: Sidecar) -> list[str]:
    """Return where a sidecar does not agree with its own digests: somebody edited it."""
    edited = [digest for digest, take in content.takes.items() if take.digest != digest]
    if edited:
        return [f"take {edited[0][:12]} does not have its own digest; it was edited"]
    if content.settings is None:
        return []
    weights, fdgan = content.weights or {}, content.fdgan if isinstance(content.fdgan, Mapping) else {}
    try:
        settings = Settings.from_dict(content.settings)
    except ReenactError:
        return []
    now = frames_made_of(settings, content.inputs, str(weights.get("sha256", "")), str(fdgan.get("sha256", "")))
    known = now.digest in content.takes
    return [] if known else ["its inputs, settings or weights are not those of any frame; it was edited"]


def _describe_takes(content: Sidecar) -> list[str]:
    """Return a line for each take (what frames were made from): its frames, and what differs from most frames'."""
    frames = {digest: [f for f, entry in content.frames.items() if entry.made_of == digest] for digest in content.takes}
    usual = max(frames, key=lambda digest: len(frames[digest]))
    takes = content.takes
    return [
        f"{name_frames(numbers)}: made with other {_difference(takes[digest], takes[usual])} than most frames"
        for digest, numbers in frames.items()
        if digest != usual and numbers
    ]


def _difference(one: MadeOf, other: MadeOf) -> str:
    """Name the options, inputs and weights in which two takes differ."""
    pairs = ((one.settings, other.settings), (one.weights, other.weights))
    names = {name for a, b in pairs for name in {*a, *b} if a.get(name) != b.get(name)}
    names |= {what for what in {*one.inputs, *other.inputs} if _digest(one, what) != _digest(other, what)}
    return ", ".join(sorted(names)) or "inputs"


def _digest(take: MadeOf, what: str) -> str:
    return take.inputs[what].sha256 if what in take.inputs else ""
