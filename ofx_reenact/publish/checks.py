"""The checks of a publish that ``verify`` does not have: resolution, weights, consent, version."""

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
from ofx_reenact.verify.check_result import CheckResult, merge_frames
from ofx_reenact.verify.checked_sequence import CheckedSequence
from ofx_reenact.verify.checks import CHECKS, Check, proxies


def checks_for(options: Options, place: Place | None) -> dict[str, Check]:
    """Return name → check, in order; ``place`` is where the sequence goes, None if it is only checked."""
    return {
        **CHECKS,
        "resolution": resolution,
        "weights": partial(weights, approved=options.approved),
        "consent": partial(consent, named=options.consent),
        "version": partial(version, place=place),
    }


def resolution(sequence: CheckedSequence) -> CheckResult:
    """Has every frame the plate's full resolution?"""
    return CheckResult(tuple(f"{proxy}; render it with --proxy 1" for proxy in proxies(sequence)))


def weights(sequence: CheckedSequence, approved: str) -> CheckResult:
    """Are all weights on the studio's list or, without a list, shipped with the package?"""
    try:
        known = read_approved(Path(approved)) if approved else shipped_weights()
    except ReenactError as error:
        return CheckResult((str(error),))
    allowed = f"those of {approved}" if approved else "the weights that are shipped with the package"
    found = [
        (one.frame, f"weights {digest} are not among {allowed}")
        for one in sequence.whole
        for digest in _digests(one.made).values()
        if digest not in known
    ]
    unnamed = [(one.frame, "the header names no weights") for one in sequence.whole if not _digests(one.made)]
    sidecar = sequence.sidecar
    problems = [
        f"{sidecar.path}: {name} {digest} is not among {allowed}"
        for name, digest in _digests(sidecar.content.claims).items()
        if digest not in known
    ]
    return CheckResult((*merge_frames([*unnamed, *found]), *problems))


def consent(sequence: CheckedSequence, named: str) -> CheckResult:
    """Is there a valid consent file for each person shown, and do the frames have its id?

    ``named`` is the consent file to check; if empty, those that the frames were rendered with are checked.
    """
    ids = [(one.frame, str(one.made.get("reenact:consent_id", provenance.NO_CONSENT))) for one in sequence.whole]
    without = [(f, "rendered without --consent") for f, text in ids if provenance.NO_CONSENT in text.split(", ")]
    if without:
        return CheckResult(tuple(merge_frames(without)))
    content, settings = sequence.sidecar.content, sequence.sidecar.settings
    names = [settings.consent if settings else ""]
    if content.cast:
        names = [one.name for key, one in content.inputs.items() if provenance.option_of(key) == "consent"]
    files = [Path(named)] if named else [file for name in names for file in sequence.sidecar.files(name)]
    if not named and len(files) < len(names):
        return CheckResult(("the consent file of the render is not reachable from here; name one with --consent",))
    try:
        releases = [provenance.read_consent(file) for file in dict.fromkeys(files)]
    except ReenactError as error:
        return CheckResult((str(error),))
    known = ", ".join(dict.fromkeys(one.release for one in releases))
    paths = ", ".join(str(one.path) for one in releases)
    others = merge_frames((f, f"rendered under release {text}, {paths} is {known}") for f, text in ids if text != known)
    return CheckResult((*others, *(warning for one in releases for warning in one.warnings)))


def version(_sequence: CheckedSequence, place: Place | None) -> CheckResult:
    """Is the version not published yet?"""
    if place is not None and place.folder.exists():
        return CheckResult((f"{place.folder}: exists already and is not overwritten; publish another version",))
    return CheckResult()


def read_approved(path: Path) -> set[str]:
    """Read a studio's list of weights: one SHA-256 per line; ``#`` and text after the SHA-256 are comments.

    Raises:
        ReenactError: the list cannot be read, or a line does not start with a SHA-256.
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
            raise ReenactError(f"{path}: line {number} does not start with a SHA-256 of 64 hexadecimal digits")
        listed.add(digest)
    return listed


def _digests(made: Mapping[str, Any]) -> dict[str, str]:
    """Return network → SHA-256 of the weights that a frame's attributes name."""
    named = {name: made.get(f"reenact:{name}_sha256") for name in ("weights", "fdgan")}
    return {name: str(digest) for name, digest in named.items() if digest not in (None, provenance.NO_FDGAN)}
