"""The checks of a sequence. Each answers the question in its docstring with what is wrong and what is not known."""

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
from ofx_reenact.verify.check_result import CheckResult, make_result, merge_frames, name_frames
from ofx_reenact.verify.checked_sequence import CheckedSequence
from ofx_reenact.verify.frame_inspection import Header, InspectedFrame
from ofx_reenact.verify.origin import origin
from ofx_reenact.verify.provenance import compare_frames
from ofx_reenact.verify.sidecar import compare_inputs

_TYPES = {"float16": "half", "float32": "float", "uint32": "uint"}

Check = Callable[[CheckedSequence], CheckResult]


def frames(sequence: CheckedSequence) -> CheckResult:
    """Does every frame exist and decode whole?"""
    missing = sequence.frames - sequence.inspected
    problems = [f"{sequence.output}: {name_frames(missing)} of {sequence.frames} missing"] if missing else []
    return CheckResult((*problems, *(one.damage for one in sequence.inspected.values() if one.damage)))


def finite(sequence: CheckedSequence) -> CheckResult:
    """Are all values finite, except those that a channel copied from the plate has from there?"""
    found: list[tuple[int, str]] = []
    unknown: list[tuple[int, str]] = []
    for one in sequence.whole:
        in_plate, reason = _nonfinite_in_plate(sequence, one) if one.nonfinite else ({}, "")
        for name, count in one.nonfinite.items():
            text = f"{count} NaN or infinite values in channel {name}"
            if reason and not is_made(name):
                unknown.append((one.frame, f"{text}; whether the plate has them is not known ({reason})"))
            elif count != in_plate.get(name, 0):
                found.append((one.frame, text))
    return make_result(merge_frames(found), merge_frames(unknown), strict=sequence.strict)


def repeats(sequence: CheckedSequence) -> CheckResult:
    """Do frames differ where target or driver moved between them?"""
    groups: dict[str, list[InspectedFrame]] = defaultdict(list)
    for one in sequence.whole:
        groups[one.digest].append(one)
    moved: list[tuple[int, str]] = []
    unknown: list[tuple[int, str]] = []
    for first, *others in groups.values():
        for other in others:
            mover = sequence.who_moved(first.frame, other.frame)
            text = f"the same pixels as frame {first.frame}"
            if mover:
                moved.append((other.frame, f"{text}, though the {mover} moved"))
            elif mover is None:
                what = "target or driver" if sequence.sidecar.moving else "the driver"
                reasons = [sequence.unknown[name] for name in ("plate", "performance") if name in sequence.unknown]
                reason = "; ".join(reasons) or "they are not in the performance"
                unknown.append((other.frame, f"{text}; whether {what} moved is not known ({reason})"))
    return make_result(merge_frames(moved), merge_frames(unknown), strict=sequence.strict)


def plate(sequence: CheckedSequence) -> CheckResult:
    """Does every frame have its plate's windows, or its proxy's, and the channels that the settings name?"""
    settings = sequence.sidecar.settings

    def shape(plate: Plate) -> dict[str, Any]:
        if settings is None:
            raise ReenactError("windows and channels are not known without the sidecar's settings")
        proxy = Proxy.of(plate, settings.proxy)
        formats = formats_of(settings.layers, plate, settings.depth, sequence.sidecar.content.cast)
        return _shape_of_plate(replace(plate, data_window=proxy.data, display_window=proxy.display), formats)

    result = _compare(sequence, _shape, shape)
    return CheckResult(result.problems, (*result.notes, *proxies(sequence)))


def proxies(sequence: CheckedSequence) -> list[str]:
    """Return a line on the frames that are proxies, which are made for previews."""
    factors = [(one.frame, one.made[PROXY]) for one in sequence.whole if PROXY in one.made]
    return merge_frames((frame, f"a proxy, 1/{factor} of the plate's resolution") for frame, factor in factors)


def colour(sequence: CheckedSequence) -> CheckResult:
    """Does every frame name its colour space, and is it the one of the render?"""
    known = sequence.sidecar.content.colour or {}
    wanted = known.get("space") or _most_common(sequence, lambda header: {"space": header.colour_space}).get("space")
    is_wanted = functools.cache(lambda space: _is_same_space(space, wanted, known.get("config")))
    found = []
    for one, header in _headers(sequence):
        if header.colour_space is None:
            found.append((one.frame, "no colour space in the header"))
        elif not is_wanted(header.colour_space):
            found.append((one.frame, f"colour space {header.colour_space}, not {wanted}"))
    return CheckResult(tuple(merge_frames(found)))


def timing(sequence: CheckedSequence) -> CheckResult:
    """Are frame rate and timecode the plate's?"""

    def timing_of(plate: Plate) -> dict[str, Any]:
        timecode = plate.attributes.getattribute("smpte:TimeCode")
        numbers = tuple(map(int, timecode)) if isinstance(timecode, tuple) else None
        return {"rate": plate.fps, "timecode": numbers}

    return _compare(sequence, _timing, timing_of)


def sidecar(sequence: CheckedSequence) -> CheckResult:
    """Does the sidecar exist, does it have an entry for every frame, and are the inputs unchanged?"""
    file = sequence.sidecar
    if file.problem:
        return CheckResult((file.problem,))
    problems = []
    if missing := FrameRange.of(sequence.inspected) - file.frames:
        problems.append(f"{file.path}: has no entry for {name_frames(missing)}")
    changed, gone, without_hash = compare_inputs(file)
    unknown = [f"{name}: gone, so its SHA-256 was not compared" for name in gone]
    unknown += [f"{name}: its SHA-256 is not known" for name in without_hash]
    result = make_result([*problems, *changed], unknown, strict=sequence.strict)
    rendered = file.content.output or sequence.output
    renamed = () if stem_of(rendered) == stem_of(sequence.output) else (f"rendered as {rendered}, and renamed since",)
    return CheckResult(result.problems, (*result.notes, *renamed))


def faces(sequence: CheckedSequence) -> CheckResult:
    """Does the sidecar tell for each frame how the driver's face was found, and does the performance agree?"""
    in_sidecar, found, without = sequence.sidecar.faces, [], []
    for frame in sequence.inspected:
        known, face = sequence.face_state(frame), in_sidecar.get(frame)
        if face is None:
            found.append((frame, "the sidecar does not tell how the driver's face was found"))
        elif known is not None and face != known:
            found.append((frame, f"the face was {face} according to the sidecar, {known} according to the performance"))
        if (face or known) not in (None, "tracked"):
            without.append((frame, f"no face of the driver; {face or known}"))
    return CheckResult(tuple(merge_frames(found)), tuple(merge_frames(without)))


def provenance(sequence: CheckedSequence) -> CheckResult:
    """Does every frame have its attributes, and do number, pixels and sidecar agree with them?"""
    problems, unknown, notes = (merge_frames(found) for found in compare_frames(sequence))
    result = make_result(problems, unknown, strict=sequence.strict)
    return CheckResult(result.problems, (*result.notes, *notes))


CHECKS: Mapping[str, Check] = {
    "frames": frames, "finite": finite, "repeats": repeats, "plate": plate, "colour": colour, "timing": timing,
    "sidecar": sidecar, "origin": origin, "faces": faces, "provenance": provenance,
}  # fmt: skip


def _headers(sequence: CheckedSequence) -> list[tuple[InspectedFrame, Header]]:
    return [(one, one.header) for one in sequence.inspected.values() if one.header is not None]


def _is_same_space(one: str, other: str | None, config: str | None) -> bool:
    """Return whether two names mean the same colour space: a file can have an alias of the config's name."""
    if other is None or one == other:
        return one == other
    # If the studio's config cannot be read here, the default one knows the names in files too.
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


def _shape_of_plate(plate: Plate, formats: Mapping[str, str]) -> dict[str, Any]:
    """Return windows and channels of a frame made from a plate: rendered channels, and those copied from the plate."""
    copied = {name: _TYPES[pixels.dtype.name] for name, pixels in plate.extra.items()}
    return {
        "data window": plate.data_window,
        "display window": plate.display_window,
        "pixel aspect": round(float(plate.attributes.get_float_attribute("PixelAspectRatio", 1.0)), 6),
        "channels": dict(sorted({**copied, **formats}.items())),
    }


def _timing(header: Header) -> dict[str, Any]:
    return {"rate": header.fps, "timecode": header.timecode}


def _most_common(sequence: CheckedSequence, facts: Callable[[Header], dict[str, Any]]) -> dict[str, Any]:
    """Return for each fact (a named value of the header) the value that most frames have."""
    all_facts = [facts(header) for _, header in _headers(sequence)]
    chosen: dict[str, Any] = {}
    for name in all_facts[0] if all_facts else ():
        (text, _), *_ = Counter(repr(one[name]) for one in all_facts).most_common(1)
        chosen[name] = next(one[name] for one in all_facts if repr(one[name]) == text)
    return chosen


def _nonfinite_in_plate(sequence: CheckedSequence, one: InspectedFrame) -> tuple[dict[str, int], str]:
    """Return channel → number of NaN and infinite values in a frame's plate, and the reason if that is not known."""
    if sequence.plates is None or all(is_made(name) for name in one.nonfinite):
        return {}, sequence.unknown.get("plate", "")
    try:
        return sequence.plates.nonfinite(one.frame), ""
    except ReenactError as error:
        return {}, str(error)


def _compare(
    sequence: CheckedSequence, facts: Callable[[Header], dict[str, Any]], of_plate: Callable[[Plate], dict[str, Any]]
) -> CheckResult:
    """Report frames whose facts differ from their plate's or, without a plate, from those of most frames."""
    # A moving target's timecode differs in each frame, so it cannot be compared with the other frames.
    varying = ("timecode",) if sequence.sidecar.moving else ()
    usual = {name: value for name, value in _most_common(sequence, facts).items() if name not in varying}
    found, unknown = [], defaultdict(list)
    for one, header in _headers(sequence):
        wanted, where = usual, "in most frames"
        try:
            wanted, where = of_plate(sequence.plate(one.frame)), "in the plate"
        except ReenactError as error:
            unknown[f"not compared with the plate: {error}"].append(one.frame)
        found += [
            (one.frame, f"{name} {_as_text(value, wanted[name])}, {where} {_as_text(wanted[name], value)}")
            for name, value in facts(header).items()
            if name in wanted and value != wanted[name]
        ]
    count = len(_headers(sequence))
    notes = [text if len(frames) == count else f"{name_frames(frames)}: {text}" for text, frames in unknown.items()]
    return make_result(merge_frames(found), notes, strict=sequence.strict)


def _as_text(value: Any, other: Any) -> str:
    """Return a fact as text for people; of channels, only those that ``other`` does not have or has in another type."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{n} {kind}" for n, kind in value.items() if other.get(n) != kind) or "none of these"
    if isinstance(value, Window):
        return f"{value.width}x{value.height}{value.x:+d}{value.y:+d}"
    return str(value)
