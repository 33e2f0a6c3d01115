"""List and digest what a job's files are made from: inputs, options and weights of performance, identity and frames."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from ofx_reenact.engine.plates import Plates
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.names import files_of, has_placeholder
from ofx_reenact.frames.picture import Picture
from ofx_reenact.provenance import Input, MadeOf, Source, option_of
from ofx_reenact.provenance.sources import FACE_OPTIONS
from ofx_reenact.settings import Settings, names_affecting, names_of_paths, paths_in
from ofx_reenact.settings.face import FaceChoice
from ofx_reenact.settings.option import Affects
from ofx_reenact.tracking.performance import Performance

Digest = Callable[..., str]


def performance_made_of(settings: Settings, digest: Digest = sha256_of) -> MadeOf:
    """Return what a performance of these settings is made from: driver, landmarks and tracking options.

    ``digest`` returns the SHA-256 of files. Options without a value are left out; a file that does not exist has an
    empty digest.
    """
    return MadeOf(_sources(settings, "track", digest), _values(settings, "track"))


def identity_made_of(settings: Settings, target: Picture | Plates, digest: Digest = sha256_of) -> MadeOf:
    """Return what an identity of these settings is made from: target, landmarks, and other pictures of the person."""
    if isinstance(target, Plates):
        source = Source(settings.target, digest(*files_of(settings.target)))
    else:
        plate = target.plate.path
        # A frame of a sequence is a file; a frame of a video also needs its number.
        source = Source(str(plate), digest(plate), None if has_placeholder(settings.target) else target.frame)
    inputs = {**_sources(settings, "person", digest), "target": source}
    return MadeOf(inputs, {k: v for k, v in _values(settings, "person").items() if k != "target_frame"})


def parts_made_of(settings: Settings, performance: Performance, digest: Digest = sha256_of) -> MadeOf:
    """Return what the choice of parts is made from: the target, and the driver as the performance records it."""
    inputs = {"target": Source(settings.target, digest(*files_of(settings.target)))}
    # Performances of earlier versions do not record their driver.
    with contextlib.suppress(ValueError):
        inputs |= {what: s for what, s in MadeOf.of_text(performance.made_of).inputs.items() if what == "driver"}
    return MadeOf(inputs)


def frames_made_of(settings: Settings, inputs: Mapping[str, Input], ldnet: str, fdgan: str) -> MadeOf:
    """Return what a job's frames are made from; it is the same on all machines and in all chunks of the job.

    Options that have their defaults are left out, so that new options of a later version do not change the digest.

    Args:
        settings: the job's settings.
        inputs: all inputs of the job, by option. Those that no pixel depends on are left out: the consent file, which
            may be renewed, and the sound of a preview.
        ldnet: SHA-256 of LD-Net's weights.
        fdgan: SHA-256 of FD-GAN's weights; "" without FD-GAN.
    """
    values, defaults, unused = _plain(settings), _plain(Settings()), names_affecting("output")
    names = [name for name in names_affecting("track", "person", "pixels", "content") if name in values]
    return MadeOf(
        {what: Source(one.name, one.sha256 or "") for what, one in inputs.items() if option_of(what) not in unused},
        {name: values[name] for name in names if name != "device" and values[name] != defaults.get(name)},
        {"ldnet": ldnet, "fdgan": fdgan},
    )


def _sources(settings: Settings, affects: Affects, digest: Digest) -> dict[str, Source]:
    """Return the files that options of this ``affects`` name, without the target: one entry for each option."""
    sources = {}
    for name in (set(names_affecting(affects)) & set(names_of_paths("read"))) - {"target"}:
        paths = paths_in({name: getattr(settings, name)}, "read")
        if paths:
            files = [file for path in paths for file in files_of(path)]
            sources[name] = Source(", ".join(paths), digest(*files) if files else "")
    return dict(sorted(sources.items()))


def _values(settings: Settings, affects: Affects) -> dict[str, object]:
    """Return the options of this ``affects`` that name no file, without those that also affect ``pixels``."""
    names = set(names_affecting(affects)) - set(names_affecting("pixels"))
    return {name: value for name, value in _plain(settings).items() if name in names}


def _plain(settings: Settings) -> dict[str, Any]:
    """Return the options that name no file.

    A face chosen by its number is an integer, as in files of earlier versions; one chosen by a picture is left out.
    """
    files = set(names_of_paths("read", "read_or_written", "written", "weights")) - set(FACE_OPTIONS)
    values = {name: value for name, value in settings.as_dict().items() if name not in files}
    for name in FACE_OPTIONS:
        choice = FaceChoice.parse(values[name])
        if choice.picture:
            del values[name]
        elif choice.position is None:
            values[name] = choice.number
    return values
