"""Does the sidecar still say what the frames were made from, and were kept files made from what it names?"""

from __future__ import annotations

from collections.abc import Mapping

from ofx_reenact.engine.made_of import frames_made_of
from ofx_reenact.errors import ReenactError
from ofx_reenact.provenance import MadeOf, Sidecar
from ofx_reenact.provenance.kept import contradictions
from ofx_reenact.settings import Settings
from ofx_reenact.verify.answer import Answer, answered, naming
from ofx_reenact.verify.subject import Subject


def origin(subject: Subject) -> Answer:
    """Are the inputs and options that the sidecar names those that its frames were made from?"""
    beside = subject.sidecar
    if beside.problem:
        return Answer()
    said = beside.said
    problems = [f"{beside.path}: {text}" for text in _edited(said)] if said.takes else []
    problems += contradictions(said, beside.path.parent)
    untold = ["the sidecar does not say what frames were made from"] if subject.whole and not said.takes else []
    notes = _takes(said) if len(said.takes) > 1 else []
    answer = answered(problems, untold, strict=subject.strict)
    return Answer(answer.problems, (*answer.notes, *notes))


def _edited(said: Sidecar) -> list[str]:
    """What of a sidecar does not agree with its own digests."""
    edited = [digest for digest, take in said.takes.items() if take.digest != digest]
    if edited:
        return [f"what it says of take {edited[0][:12]} is not what its frames were made from; it was edited"]
    if said.settings is None:
        return []
    weights, fdgan = said.weights or {}, said.fdgan if isinstance(said.fdgan, Mapping) else {}
    try:
        settings = Settings.from_dict(said.settings)
    except ReenactError:
        return []
    now = frames_made_of(settings, said.inputs, str(weights.get("sha256", "")), str(fdgan.get("sha256", "")))
    known = now.digest in said.takes
    return [] if known else ["its inputs, settings or weights are not those of any frame; it was edited"]


def _takes(said: Sidecar) -> list[str]:
    """Name the frames of each take, and how it differs from the one that most frames are of."""
    frames = {digest: [f for f, entry in said.frames.items() if entry.made_of == digest] for digest in said.takes}
    usual = max(frames, key=lambda digest: len(frames[digest]))
    return [
        f"{naming(numbers)}: made with other {_difference(said.takes[digest], said.takes[usual])} than most frames"
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
