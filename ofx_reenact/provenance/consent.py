"""The consent file of the person shown: who, by which release, for which uses, until when."""

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
    """A consent file.

    Attributes:
        performer: the person shown.
        release: id of the signed release.
        scope: the uses that it allows.
        expires: the last day on which it is valid.
        sha256: of the signed document.
        document: path of the signed document; None if the file does not name it.
        path: of the consent file.
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
        """Why the consent is not valid today, for any use; empty if it is."""
        return self.problems()

    def problems(self, *, on: date | None = None, scope: str = "", release: Path | None = None) -> tuple[str, ...]:
        """Return why the consent is not valid; empty if it is.

        Args:
            on: day of the use; None: today.
            scope: the use, as in ``scope``; empty: not checked.
            release: path of the signed document; None: ``document``, which is not checked if it does not exist.
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
        """The signed document, if the file names it and it exists."""
        return self.document if self.document is not None and self.document.is_file() else None


def read_consent(path: Path) -> Consent:
    """Read a consent file.

    Raises:
        ReenactError: it cannot be read, or a field is wrong; the message names it.
    """
    content = read_json(path, SCHEMA, what="consent file")
    if unknown := sorted(set(content) - set(_FIELDS)):
        raise ReenactError(f"{path}: unknown field '{unknown[0]}'; known are {', '.join(_FIELDS)}")
    return _parse(content, path)


def write_consent(
    path: Path, *, performer: str, release: str, scope: tuple[str, ...], expires: str, document: Path
) -> Consent:
    """Write a consent file for a signed document, with the document's SHA-256 and path.

    Raises:
        OutputError: the file exists already, or cannot be written.
        ReenactError: a value is not valid, or the document cannot be read.
    """
    if path.exists():
        raise OutputError(f"{path}: exists already; a consent file is not overwritten")
    content = {
        "schema": SCHEMA, "performer": performer, "release": release, "scope": list(scope), "expires": expires,
        "sha256": _digest(document), "document": _stored_path(document, path),
    }  # fmt: skip
    consent = _parse(content, path)
    write_json(path, content)
    return consent


def read_date(text: str) -> date:
    """Read a date as 2027-12-31. Other forms, which newer Pythons read too, are refused.

    Raises:
        ValueError: it is not such a date.
    """
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError(text)
    return day


def _parse(content: Mapping[str, Any], path: Path) -> Consent:
    """Check every field and return the consent."""
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
    # Control characters are not allowed in an EXR's header.
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _stored_path(document: Path, path: Path) -> str:
    """Return the document's path, relative if it is inside the consent file's folder."""
    inside, folder = document.absolute(), path.absolute().parent
    return inside.relative_to(folder).as_posix() if inside.is_relative_to(folder) else str(inside)


def _digest(document: Path) -> str:
    try:
        return sha256_of(document)
    except OSError as error:
        raise ReenactError(f"{document}: the release cannot be read ({error.strerror})") from error
