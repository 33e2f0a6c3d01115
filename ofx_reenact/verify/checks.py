"""The checks of a sequence: each is a question, and answers with what is wrong and what could not be told."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ofx_reenact.engine.proxy import Proxy
from ofx_reenact.errors import FrameError, ReenactError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.plate import Plate, Window
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.layers import formats_of, is_made
from ofx_reenact.provenance.attributes import PROXY
from ofx_reenact.provenance.sidecar import stem_of
from ofx_reenact.verify.answer import Answer, answered, by_frames, naming
from ofx_reenact.verify.look import Header, Look
from ofx_reenact.verify.origin import origin
from ofx_reenact.verify.provenance import compare_frames
from ofx_reenact.verify.sidecar import changed_inputs
from ofx_reenact.verify.subject import Subject

_TYPES = {"float16": "half", "float32": "float", "uint32": "uint"}


Check = Callable[[Subject], Answer]


def frames(subject: Subject) -> Answer:
    """Is every frame there, and does each decode whole?"""
    missing = subject.frames - subject.looks
    problems = [f"{subject.output}: {naming(missing)} of {subject.frames} missing"] if missing else []
    return Answer((*problems, *(one.damage for one in subject.looks.values() if one.damage)))


def finite(subject: Subject) -> Answer:
    """Is every value a number, but for those that the plate has as well in a channel that is kept?"""
    found: list[tuple[int, str]] = []
    untold: list[tuple[int, str]] = []
    for one in subject.whole:
        kept, reason = _odd_in_plate(subject, one) if one.nonfinite else ({}, "")
        for name, count in one.nonfinite.items():
            text = f"{count} NaN or infinite values in channel {name}"
            if reason and not is_made(name):
                untold.append((one.frame, f"{text}; whether the plate has them is not known ({reason})"))
            elif count != kept.get(name, 0):
                found.append((one.frame, text))
    return answered(by_frames(found), by_frames(untold), strict=subject.strict)


def repeats(subject: Subject) -> Answer:
    """Does no frame repeat another although target or driver moved?"""
    groups: dict[str, list[Look]] = defaultdict(list)
    for one in subject.whole:
        groups[one.digest].append(one)
    moved: list[tuple[int, str]] = []
    untold: list[tuple[int, str]] = []
    for first, *others in groups.values():
        for other in others:
            mover = subject.mover(first.frame, other.frame)
            text = f"the same pixels as frame {first.frame}"
            if mover:
                moved.append((other.frame, f"{text}, though the {mover} moved"))
            elif mover is None:
                what = "target or driver" if subject.sidecar.moving else "the driver"
                said = [subject.unknown[name] for name in ("plate", "performance") if name in subject.unknown]
                reason = "; ".join(said) or "they are not in the performance"
                untold.append((other.frame, f"{text}; whether {what} moved is not known ({reason})"))
    return answered(by_frames(moved), by_frames(untold), strict=subject.strict)


def plate(subject: Subject) -> Answer:
    """Have all frames the windows of their plate, or of its proxy, and the channels that were asked for?"""
    settings = subject.sidecar.settings

    def shape(plate: Plate) -> dict[str, Any]:
        if settings is None:
            raise ReenactError("what was asked for is not known without the sidecar's settings")
        made = Proxy.of(plate, settings.proxy)
        formats = formats_of(settings.layers, plate, settings.depth, subject.sidecar.said.cast)
        return _shape_of_plate(replace(plate, data_window=made.data, display_window=made.display), formats)

    answer = _compare(subject, _shape, shape)
    return Answer(answer.problems, (*answer.notes, *proxies(subject)))


def proxies(subject: Subject) -> list[str]:
    """Name the frames that are proxies: made for previews."""
    said = [(one.frame, one.made[PROXY]) for one in subject.whole if PROXY in one.made]
    return by_frames((frame, f"a proxy, 1/{factor} of the plate's resolution") for frame, factor in said)


def colour(subject: Subject) -> Answer:
    """Does every frame name its colour space, and is it the one that was rendered in?"""
    known = subject.sidecar.said.colour or {}
    wanted = known.get("space") or _most_common(subject, lambda header: {"space": header.colour_space}).get("space")
    is_wanted = functools.cache(lambda space: _is_same_space(space, wanted, known.get("config")))
    found = []
    for one, header in _headers(subject):
        if header.colour_space is None:
            found.append((one.frame, "no colour space in the header"))
        elif not is_wanted(header.colour_space):
            found.append((one.frame, f"colour space {header.colour_space}, not {wanted}"))
    return Answer(tuple(by_frames(found)))


def timing(subject: Subject) -> Answer:
    """Are rate and timecode the plate's?"""

    def timing_of(plate: Plate) -> dict[str, Any]:
        timecode = plate.attributes.getattribute("smpte:TimeCode")
        numbers = tuple(map(int, timecode)) if isinstance(timecode, tuple) else None
        return {"rate": plate.fps, "timecode": numbers}

    return _compare(subject, _timing, timing_of)


def sidecar(subject: Subject) -> Answer:
    """Is the sidecar there, does it know every frame, and are the inputs still those that it names?"""
    beside = subject.sidecar
    if beside.problem:
        return Answer((beside.problem,))
    problems = []
    if silent := FrameRange.of(subject.looks) - beside.frames:
        problems.append(f"{beside.path}: says nothing of {naming(silent)}")
    changed, gone, unknown = changed_inputs(beside)
    untold = [f"{name}: gone, so its SHA-256 was not compared" for name in gone]
    untold += [f"{name}: its SHA-256 is not known" for name in unknown]
    answer = answered([*problems, *changed], untold, strict=subject.strict)
    named = beside.said.output or subject.output
    moved = () if stem_of(named) == stem_of(subject.output) else (f"rendered as {named}, and renamed since",)
    return Answer(answer.problems, (*answer.notes, *moved))


def faces(subject: Subject) -> Answer:
    """Is every frame without a face of the driver named in the sidecar?"""
    said, found, without = subject.sidecar.faces, [], []
    for frame in subject.looks:
        known, face = subject.state(frame), said.get(frame)
        if face is None:
            found.append((frame, "the sidecar does not say whether the driver had a face"))
        elif known is not None and face != known:
            found.append((frame, f"the sidecar says the face was {face}, the performance that it was {known}"))
        if (face or known) not in (None, "tracked"):
            without.append((frame, f"no face of the driver; {face or known}"))
    return Answer(tuple(by_frames(found)), tuple(by_frames(without)))


def provenance(subject: Subject) -> Answer:
    """Does every frame say what made it, and do number, pixels and sidecar agree with it?"""
    wrong, untold, known = (by_frames(found) for found in compare_frames(subject))
    answer = answered(wrong, untold, strict=subject.strict)
    return Answer(answer.problems, (*answer.notes, *known))


CHECKS: Mapping[str, Check] = {
    "frames": frames, "finite": finite, "repeats": repeats, "plate": plate, "colour": colour, "timing": timing,
    "sidecar": sidecar, "origin": origin, "faces": faces, "provenance": provenance,
}  # fmt: skip


def _headers(subject: Subject) -> list[tuple[Look, Header]]:
    return [(one, one.header) for one in subject.looks.values() if one.header is not None]


def _is_same_space(one: str, other: str | None, config: str | None) -> bool:
    """Whether two names are one space's: a file may bear another name of it than the config's own."""
    if other is None or one == other:
        return one == other
    # A studio's config may not be reachable from here; the names that files bear are known to the one here as well.
    for known in (config, None):
        with contextlib.suppress(FrameError):
            colour = Colour(known)
            return colour.resolve(one) == colour.resolve(other)
    return False


def _shape(header: Header) -> dict[str, Any]:
    return {
        "data window": header.data_window,
        "display window": header.display_window,
        "pixel aspect": header.pixel_aspect,
        "channels": dict(sorted(header.channels.items())),
    }


def _shape_of_plate(target: Plate, formats: Mapping[str, str]) -> dict[str, Any]:
    """The windows and channels that a frame made from a plate has: its own and the plate's other channels."""
    kept = {name: _TYPES[pixels.dtype.name] for name, pixels in target.extra.items()}
    return {
        "data window": target.data_window,
        "display window": target.display_window,
        "pixel aspect": round(float(target.attributes.get_float_attribute("PixelAspectRatio", 1.0)), 6),
        "channels": dict(sorted({**kept, **formats}.items())),
    }


def _timing(header: Header) -> dict[str, Any]:
    return {"rate": header.fps, "timecode": header.timecode}


def _most_common(subject: Subject, facts: Callable[[Header], dict[str, Any]]) -> dict[str, Any]:
    """Of each fact, the value that most frames have."""
    all_facts = [facts(header) for _, header in _headers(subject)]
    chosen: dict[str, Any] = {}
    for name in all_facts[0] if all_facts else ():
        (text, _), *_ = Counter(repr(one[name]) for one in all_facts).most_common(1)
        chosen[name] = next(one[name] for one in all_facts if repr(one[name]) == text)
    return chosen


def _odd_in_plate(subject: Subject, one: Look) -> tuple[dict[str, int], str]:
    """Count what is no number in the plate of a frame, by channel; or say why that is not known."""
    if subject.plates is None or all(is_made(name) for name in one.nonfinite):
        return {}, subject.unknown.get("plate", "")
    try:
        return subject.plates.odd(one.frame), ""
    except ReenactError as error:
        return {}, str(error)


def _compare(
    subject: Subject, facts: Callable[[Header], dict[str, Any]], of_plate: Callable[[Plate], dict[str, Any]]
) -> Answer:
    """Say which frames have other facts than their plate or, where that is not known, than most frames."""
    # What differs from frame to frame cannot be told by the other frames.
    own = ("timecode",) if subject.sidecar.moving else ()
    usual = {name: value for name, value in _most_common(subject, facts).items() if name not in own}
    found, untold = [], defaultdict(list)
    for one, header in _headers(subject):
        wanted, whose = usual, "in most frames"
        try:
            wanted, whose = of_plate(subject.plate(one.frame)), "in the plate"
        except ReenactError as error:
            untold[f"not compared with the plate: {error}"].append(one.frame)
        found += [
            (one.frame, f"{name} {_shown(value, wanted[name])}, {whose} {_shown(wanted[name], value)}")
            for name, value in facts(header).items()
            if name in wanted and value != wanted[name]
        ]
    everywhere = len(_headers(subject))
    said = [text if len(frames) == everywhere else f"{naming(frames)}: {text}" for text, frames in untold.items()]
    return answered(by_frames(found), said, strict=subject.strict)


def _shown(value: Any, other: Any) -> str:
    """A fact for people; of channels only those that the other does not have alike."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{n} {kind}" for n, kind in value.items() if other.get(n) != kind) or "none of these"
    if isinstance(value, Window):
        return f"{value.width}x{value.height}{value.x:+d}{value.y:+d}"
    return str(value)
