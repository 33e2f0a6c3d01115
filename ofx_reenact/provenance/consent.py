"""The consent of the person shown: who, by which release, for what, until when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ofx_reenact.errors import OutputError, ReenactError
from ofx_reenact.files import read_json, sha256_of, write_json

SCHEMA = "ofx-reenact/consent/1"
_TEXTS = ("performer", "release", "expires", "sha256")
_FIELDS = ("schema", *_TEXTS, "scope", "document")


@dataclass(frozen=True)
class Consent:
    """A release, by its id, as the consent file ``path`` describes it.

    ``scope`` are the uses that it allows, ``expires`` is the last day on which it holds. ``sha256`` is that of the
    signed ``document``, whose place is None if the file does not say it.
    """

    performer: str
    release: str
    scope: tuple[str, ...]
    expires: date
    sha256: str
    document: Path | None
    path: Path

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with it today."""
        return self.problems()

    def problems(self, *, on: date | None = None, scope: str = "", release: Path | None = None) -> tuple[str, ...]:
        """Say why it does not hold; empty if it does.

        Args:
            on: day of the use; today if not given.
            scope: use asked for, as ``scope`` names it; not looked at if empty.
            release: the release document; ``document`` if not given, and not looked at if that is not there.
        """
        found = []
        if self.expires < (on or date.today()):
            found.append(f"{self.path}: consent of {self.performer} expired on {self.expires}")
        if scope and scope.casefold() not in (allowed.casefold() for allowed in self.scope):
            found.append(f"{self.path}: '{scope}' is not in the scope of {self.release} ({', '.join(self.scope)})")
        document = release or self.found_document
        if document is not None:
            try:
                if _digest(document) != self.sha256:
                    found.append(f"{document}: not the release that {self.path} was written for (its SHA-256 differs)")
            except ReenactError as error:
                found.append(str(error))
        return tuple(found)

    @property
    def found_document(self) -> Path | None:
        """The release document, if the file says where it lies and it is there."""
        return self.document if self.document is not None and self.document.is_file() else None


def read_consent(path: Path) -> Consent:
    """Read a consent file.

    Raises:
        ReenactError: naming the file and the field.
    """
    content = read_json(path, SCHEMA, what="consent file")
    if unknown := sorted(set(content) - set(_FIELDS)):
        raise ReenactError(f"{path}: unknown field '{unknown[0]}'; known are {', '.join(_FIELDS)}")
    return _consent(content, path)


def write_consent(
    path: Path, *, performer: str, release: str, scope: tuple[str, ...], expires: str, document: Path
) -> Consent:
    """Write the consent file of a release document, with its SHA-256 and where it lies.

    Raises:
        OutputError: the file is there already, or cannot be written.
        ReenactError: a value cannot be used, or the document cannot be read.
    """
    if path.exists():
        raise OutputError(f"{path}: is there already; a consent file is not overwritten")
    content = {
        "schema": SCHEMA, "performer": performer, "release": release, "scope": list(scope), "expires": expires,
        "sha256": _digest(document), "document": _placed(document, path),
    }  # fmt: skip
    consent = _consent(content, path)
    write_json(path, content)
    return consent


def read_date(text: str) -> date:
    """Read a date as 2027-12-31; newer Pythons read other forms too, which are refused.

    Raises:
        ValueError: it is none.
    """
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError(text)
    return day


def _consent(content: Mapping[str, Any], path: Path) -> Consent:
    """Check every field's value."""
    for name in _TEXTS:
        if not _is_text(content.get(name)):
            raise ReenactError(f"{path}: field '{name}' is missing or empty")
    scope = content.get("scope")
    if not isinstance(scope, list) or not scope or not all(map(_is_text, scope)):
        raise ReenactError(f"{path}: field 'scope' is not a list of uses, as [\"feature film\"]")
    try:
        expires = read_date(content["expires"])
    except ValueError as error:
        raise ReenactError(f"{path}: field 'expires' is not a date as 2027-12-31") from error
    sha256 = content["sha256"].lower()
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ReenactError(f"{path}: field 'sha256' is not a SHA-256 of 64 hexadecimal digits")
    document = content.get("document")
    if document is not None and not _is_text(document):
        raise ReenactError(f"{path}: field 'document' is not a path")
    return Consent(
        content["performer"], content["release"], tuple(scope), expires, sha256,
        path.parent / document if document else None, path,
    )  # fmt: skip


def _is_text(value: Any) -> bool:
    # What is in control characters has no place in a name, and none in an EXR's header.
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _placed(document: Path, path: Path) -> str:
    """Where a document lies, seen from the consent file's folder if it is inside."""
    inside, folder = document.absolute(), path.absolute().parent
    return inside.relative_to(folder).as_posix() if inside.is_relative_to(folder) else str(inside)


def _digest(document: Path) -> str:
    try:
        return sha256_of(document)
    except OSError as error:
        raise ReenactError(f"{document}: the release cannot be read ({error.strerror})") from error
