"""What a job's files are made from: the performance, the identity, the frames."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from ofx_reenact.engine.plates import Plates
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.names import files_of, has_padding
from ofx_reenact.frames.picture import Picture
from ofx_reenact.provenance import Input, MadeOf, Source, option_of
from ofx_reenact.provenance.made_of import WHOSE
from ofx_reenact.settings import Settings, names_affecting, names_of_paths, paths_in
from ofx_reenact.settings.face import FaceChoice
from ofx_reenact.settings.option import Affects
from ofx_reenact.tracking.performance import Performance

Digest = Callable[..., str]


def performance_made_of(settings: Settings, digest: Digest = sha256_of) -> MadeOf:
    """Return what a performance of these settings is made from: the driver, landmarks, and how it is tracked.

    ``digest`` gives the SHA-256 of files. An input that is not named is left out; one that is not there has none.
    """
    return MadeOf(_sources(settings, "track", digest), _values(settings, "track"))


def identity_made_of(settings: Settings, target: Picture | Plates, digest: Digest = sha256_of) -> MadeOf:
    """Return what an identity of these settings is made from: the target's picture or pictures, landmarks, others."""
    if isinstance(target, Plates):
        source = Source(settings.target, digest(*files_of(settings.target)))
    else:
        plate = target.plate.path
        # A sequence's frame has a file of its own; a video's is one of many in it.
        source = Source(str(plate), digest(plate), None if has_padding(settings.target) else target.frame)
    inputs = {**_sources(settings, "person", digest), "target": source}
    return MadeOf(inputs, {k: v for k, v in _values(settings, "person").items() if k != "target_frame"})


def parts_made_of(settings: Settings, performance: Performance, digest: Digest = sha256_of) -> MadeOf:
    """Return what the choice of parts is made from: the target, and the driver that the performance names."""
    inputs = {"target": Source(settings.target, digest(*files_of(settings.target)))}
    # A performance of an earlier version does not say whose it is.
    with contextlib.suppress(ValueError):
        inputs |= {what: s for what, s in MadeOf.of_text(performance.made_of).inputs.items() if what == "driver"}
    return MadeOf(inputs)


def frames_made_of(settings: Settings, inputs: Mapping[str, Input], ldnet: str, fdgan: str) -> MadeOf:
    """Return what a job's frames are made from: what is equal for all machines and chunks of the job.

    Options that are left at their defaults are left out, so that a later version's new ones change nothing.

    Args:
        settings: of the job.
        inputs: all that it reads, by option. What no pixel depends on is left out: the consent of who is shown, which
            may be renewed, and the sound of a preview.
        ldnet: SHA-256 of LD-Net's weights.
        fdgan: SHA-256 of FD-GAN's; "" where it paints nothing.
    """
    values, usual, beside = _plain(settings), _plain(Settings()), names_affecting("output")
    names = [name for name in names_affecting("track", "person", "pixels", "content") if name in values]
    return MadeOf(
        {what: Source(one.name, one.sha256 or "") for what, one in inputs.items() if option_of(what) not in beside},
        {name: values[name] for name in names if name != "device" and values[name] != usual.get(name)},
        {"ldnet": ldnet, "fdgan": fdgan},
    )


def _sources(settings: Settings, affects: Affects, digest: Digest) -> dict[str, Source]:
    """The inputs that are read for a thing, by option, the target apart; an option's pictures count as one."""
    sources = {}
    for name in (set(names_affecting(affects)) & set(names_of_paths("read"))) - {"target"}:
        paths = paths_in({name: getattr(settings, name)}, "read")
        if paths:
            files = [file for path in paths for file in files_of(path)]
            sources[name] = Source(", ".join(paths), digest(*files) if files else "")
    return dict(sorted(sources.items()))


def _values(settings: Settings, affects: Affects) -> dict[str, object]:
    """The options that a thing depends on, and a frame's pixels only by it; paths apart."""
    names = set(names_affecting(affects)) - set(names_affecting("pixels"))
    return {name: value for name, value in _plain(settings).items() if name in names}


def _plain(settings: Settings) -> dict[str, Any]:
    """The options, those that name files apart; a face's number as the whole number that files have always held."""
    files = set(names_of_paths("read", "kept", "written", "weights")) - set(WHOSE)
    values = {name: value for name, value in settings.as_dict().items() if name not in files}
    for name in WHOSE:
        choice = FaceChoice.parse(values[name])
        if choice.picture:
            del values[name]
        elif choice.position is None:
            values[name] = choice.number
    return values
