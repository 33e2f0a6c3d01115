"""What must hold for a sequence to be published, beyond what ``verify`` asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ofx_reenact import provenance
from ofx_reenact.errors import ReenactError
from ofx_reenact.publish.options import Options
from ofx_reenact.publish.version import Place
from ofx_reenact.resources import shipped_weights
from ofx_reenact.verify.answer import Answer, by_frames
from ofx_reenact.verify.checks import CHECKS, Check, proxies
from ofx_reenact.verify.subject import Subject


def checks_for(options: Options, place: Place | None) -> dict[str, Check]:
    """Return every check of a publish, in order; ``place`` is where it will be published, if it will be."""
    return {
        **CHECKS,
        "resolution": resolution,
        "weights": partial(weights, approved=options.approved),
        "consent": partial(consent, named=options.consent),
        "version": partial(version, place=place),
    }


def resolution(subject: Subject) -> Answer:
    """Has no frame less than the plate's resolution?"""
    return Answer(tuple(f"{said}; render it with --proxy 1" for said in proxies(subject)))


def weights(subject: Subject, approved: str) -> Answer:
    """Are all weights on the studio's list, or without one, those that travel with the package?"""
    try:
        known = read_approved(Path(approved)) if approved else shipped_weights()
    except ReenactError as error:
        return Answer((str(error),))
    whose = f"those of {approved}" if approved else "the weights that travel with the package"
    found = [
        (one.frame, f"weights {digest} are not among {whose}")
        for one in subject.whole
        for digest in _digests(one.made).values()
        if digest not in known
    ]
    silent = [(one.frame, "no word of the weights in the header") for one in subject.whole if not _digests(one.made)]
    beside = subject.sidecar
    problems = [
        f"{beside.path}: {name} {digest} is not among {whose}"
        for name, digest in _digests(beside.said.claims).items()
        if digest not in known
    ]
    return Answer((*by_frames([*silent, *found]), *problems))


def consent(subject: Subject, named: str) -> Answer:
    """Is there a release of each person shown, of this id, that holds? Its file is ``named``, or else the render's."""
    ids = [(one.frame, str(one.made.get("reenact:consent_id", provenance.NO_CONSENT))) for one in subject.whole]
    without = [(f, "rendered without --consent") for f, said in ids if provenance.NO_CONSENT in said.split(", ")]
    if without:
        return Answer(tuple(by_frames(without)))
    inputs = subject.sidecar.said.inputs.items()
    names = [one.name for what, one in inputs if provenance.option_of(what) == "consent"]
    files = [Path(named)] if named else [file for name in names for file in subject.sidecar.files(name)]
    if len(files) < max(len(names), 1) and not named:
        return Answer(("the consent file of the render is not reachable from here; name one with --consent",))
    try:
        releases = [provenance.read_consent(file) for file in dict.fromkeys(files)]
    except ReenactError as error:
        return Answer((str(error),))
    held = ", ".join(dict.fromkeys(one.release for one in releases))
    whose = ", ".join(str(one.path) for one in releases)
    others = by_frames((f, f"rendered under release {said}, {whose} is {held}") for f, said in ids if said != held)
    return Answer((*others, *(warning for one in releases for warning in one.warnings)))


def version(_subject: Subject, place: Place | None) -> Answer:
    """Is the version's place still free?"""
    if place is not None and place.folder.exists():
        return Answer((f"{place.folder}: is there already; a published version is not overwritten",))
    return Answer()


def read_approved(path: Path) -> set[str]:
    """Read a studio's list of weights: a SHA-256 a line, what follows it and lines with # are for people.

    Raises:
        ReenactError: it cannot be read, or has a line that is none of these.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReenactError(f"{path}: the list of approved weights cannot be read ({error})") from error
    listed = set()
    for number, line in enumerate(lines, start=1):
        words = line.split("#")[0].split()
        if not words:
            continue
        digest = words[0].lower()
        if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise ReenactError(f"{path}: line {number} does not begin with a SHA-256 of 64 hexadecimal digits")
        listed.add(digest)
    return listed


def _digests(made: Mapping[str, Any]) -> dict[str, str]:
    """The hashes of all weights that a frame's attributes name, by network."""
    named = {name: made.get(f"reenact:{name}_sha256") for name in ("weights", "fdgan")}
    return {name: str(digest) for name, digest in named.items() if digest not in (None, provenance.NO_FDGAN)}
