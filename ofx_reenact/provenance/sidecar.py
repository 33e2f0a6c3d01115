"""The sidecar of a sequence: what it was made from, how, and the confidence of each frame."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from ofx_reenact import __version__
from ofx_reenact.errors import OutputError, ReenactError
from ofx_reenact.files import locked, read_json, write_json
from ofx_reenact.frames.names import Pattern
from ofx_reenact.provenance.attributes import NO_FDGAN
from ofx_reenact.provenance.sources import MadeOf

SCHEMA = "ofx-reenact/sidecar/1"
_T = TypeVar("_T")
_FRAME = re.compile(r"-?[0-9]{1,9}")
# Types of the fields: of the file, of an input, of a frame, and of weights, FD-GAN and colour.
_SIDECAR = {
    "output": str, "inputs": dict, "settings": dict, "reference": int, "tracker": str, "weights": dict,
    "fdgan": (dict, str), "colour": dict, "versions": dict, "consent": str, "job": str, "digital_source_type": str,
    "warnings": list, "takes": dict, "cast": dict,
}  # fmt: skip
_INPUT = {"name": str, "sha256": str, "files": int}
_ENTRY = {"confidence": (int, float), "face": str, "made_of": str, "parts": str}
_ABOUT = {"sha256": str, "space": str, "config": str}
_NAMES = {str: "text", dict: "an object", list: "a list", int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Input:
    """An input of the render: a file or a sequence.

    Attributes:
        name: path, as the render was given it.
        sha256: over the bytes of its files in order; None if not known.
        files: number of files; None for a still target, which is one picture.
        extra: further fields of the file.
    """

    name: str = ""
    sha256: str | None = None
    files: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameEntry:
    """The entry of one frame; None where a value is not known.

    Attributes:
        confidence: 0 to 1.
        face: how the driver's face was found: ``tracked``, ``bridged`` or ``held``.
        made_of: digest of one of the sidecar's :attr:`~Sidecar.takes`.
        parts: frames or pictures that parts of the face were taken from, as ``mouth=1012,eye_left=smile.jpg``.
        extra: further fields of the file.
    """

    confidence: float | None = None
    face: str | None = None
    made_of: str | None = None
    parts: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """A sidecar; None where a value is not known. ``docs/provenance.md`` describes each field.

    Attributes:
        fdgan: ``off`` if FD-GAN paints nothing.
        cast: member's name → its own values.
        takes: digest → what frames were made from; more than one if some were rendered with other options.
        extra: further fields of the file, which stay unchanged.
    """

    output: str | None = None
    inputs: Mapping[str, Input] = field(default_factory=dict)
    settings: Mapping[str, Any] | None = None
    reference: int | None = None
    tracker: str | None = None
    weights: Mapping[str, Any] | None = None
    fdgan: Mapping[str, Any] | str | None = None
    colour: Mapping[str, Any] | None = None
    versions: Mapping[str, str] | None = None
    consent: str | None = None
    job: str | None = None
    digital_source_type: str | None = None
    warnings: Sequence[str] | None = None
    cast: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    takes: Mapping[str, MadeOf] = field(default_factory=dict)
    frames: Mapping[int, FrameEntry] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Sidecar:
        """Read a sidecar.

        Raises:
            ReenactError: it cannot be read, or is not a sidecar.
        """
        content = read_json(path, SCHEMA, what="sidecar")
        try:
            return _parse(content)
        except ValueError as error:
            raise ReenactError(f"{path}: {error}; render with --existing overwrite") from error

    def save(self, path: Path, earlier: Mapping[int, FrameEntry] | None = None) -> None:
        """Write the sidecar, merged with the entries of the one at ``path``; a file that is not a sidecar is replaced.

        If this sidecar has no frames, the fields about the whole sequence at ``path`` stay unchanged. Processes that
        render chunks of one sequence may call this at the same time: a lock lets one at a time read, merge and replace.

        Args:
            path: of the sidecar.
            earlier: entries of frames that existed before this render, used where the sidecar at ``path`` has none.

        Raises:
            OutputError: the file cannot be locked, read or written; it stays unchanged.
        """
        try:
            self._merge(path, earlier)
        except OutputError as error:
            raise OutputError(
                f"{error}; the frames are whole: render again with --existing skip to add them to the sidecar"
            ) from error

    def _merge(self, path: Path, earlier: Mapping[int, FrameEntry] | None) -> None:
        with locked(path):
            before = None
            try:
                before = Sidecar.load(path)
            except ReenactError as error:
                # The file may exist, but reading it failed: replacing it would lose the entries of other processes.
                if isinstance(cause := error.__cause__, OSError) and not isinstance(cause, FileNotFoundError):
                    raise OutputError(str(error)) from error
            frames = {**(earlier or {}), **(before.frames if before else {}), **self.frames}
            about = self if self.frames or before is None else before
            used = {entry.made_of for entry in frames.values()}
            takes = {k: take for k, take in {**(before.takes if before else {}), **self.takes}.items() if k in used}
            write_json(path, dataclasses.replace(about, takes=takes, frames=dict(sorted(frames.items()))).as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return the content of the file: JSON-ready, without fields that are not known."""
        inputs = {what: _known(entry) for what, entry in self.inputs.items()}
        takes = {digest: take.as_dict() for digest, take in self.takes.items()}
        frames = {str(frame): _known(entry) for frame, entry in self.frames.items()}
        about = {name: value for name, value in _known(self).items() if name not in ("cast", "takes", "frames")}
        some = {name: value for name, value in (("cast", dict(self.cast)), ("takes", takes)) if value}
        return {"schema": SCHEMA, **about, "inputs": inputs, **some, "frames": frames}

    @property
    def claims(self) -> dict[str, str | None]:
        """Attribute → value, for attributes that must be the same in every frame."""
        fdgan = {"sha256": NO_FDGAN} if self.fdgan == NO_FDGAN else self.fdgan
        return {
            "reenact:weights_sha256": (self.weights or {}).get("sha256"),
            "reenact:fdgan_sha256": fdgan.get("sha256") if isinstance(fdgan, Mapping) else None,
            "reenact:consent_id": self.consent,
        }


def option_of(what: str) -> str:
    """Return the option of an input: ``driver``, also for a cast's member ``anna.driver``."""
    return what.rpartition(".")[2]


def sidecar_path(output: str) -> Path:
    """Return the sidecar's path: ``O.####.exr`` → ``O.reenact.json``."""
    return beside(output, ".reenact.json")


def beside(output: str, suffix: str) -> Path:
    """Return the path of a file beside a sequence: ``O.####.exr`` and ``.mp4`` → ``O.mp4``."""
    return Path(output).with_name(f"{stem_of(output)}{suffix}")


def stem_of(output: str) -> str:
    """Return a sequence's name without the frame number: ``D/O.####.exr`` → ``O``; empty for ``####.exr``."""
    pattern = Pattern.of(output)
    return pattern.stem if pattern else Path(output).name.rpartition(".")[0]


def versions() -> dict[str, str]:
    """Return package → version, for the packages that pixels depend on."""
    found = {"ofx-reenact": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for name in ("torch", "numpy", "scipy", "numba", "opencv-python", "OpenImageIO", "opencolorio", "av"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _parse(content: Mapping[str, Any]) -> Sidecar:
    """Build a sidecar from a file's content.

    Raises:
        ValueError: a field is wrong; the message names it.
    """
    about = _checked(content, _SIDECAR, "the sidecar")
    frames = about.pop("frames", None)
    if not isinstance(frames, dict):
        raise ValueError("the sidecar has no frames: 'frames' is not a table of frames")
    if odd := next((name for name in frames if not _FRAME.fullmatch(name)), None):
        raise ValueError(f"'frames' has '{odd}', which is no frame number")
    for name in ("weights", "fdgan", "colour"):
        if isinstance(about.get(name), dict):
            about[name] = _checked(about[name], _ABOUT, name)
    inputs = {what: _checked(entry, _INPUT, f"input '{what}'") for what, entry in about.pop("inputs", {}).items()}
    return _build(Sidecar, {
        **{name: value for name, value in about.items() if name != "schema"},
        "inputs": {what: _build(Input, entry) for what, entry in inputs.items()},
        "takes": {digest: MadeOf.of_dict(take) for digest, take in about.get("takes", {}).items()},
        "frames": {int(f): _build(FrameEntry, _checked(entry, _ENTRY, f"frame {f}")) for f, entry in frames.items()},
    })  # fmt: skip


def _build(kind: Callable[..., _T], values: Mapping[str, Any]) -> _T:
    """Make a sidecar or a part of one; unknown fields go into ``extra``."""
    named = inspect.signature(kind).parameters.keys() - {"extra"}
    extra = {name: value for name, value in values.items() if name not in named}
    return kind(**{name: value for name, value in values.items() if name in named}, extra=extra)


def _checked(entry: Any, kinds: Mapping[str, Any], whose: str) -> dict[str, Any]:
    """Check the types of an object's values; return those that are not null.

    Raises:
        ValueError: it is not an object, or a value has another type.
    """
    if not isinstance(entry, dict):
        raise ValueError(f"{whose} is not an object")
    values = {name: value for name, value in entry.items() if value is not None}
    for name in values.keys() & kinds.keys():
        if not isinstance(values[name], kinds[name]) or isinstance(values[name], bool):
            allowed = kinds[name] if isinstance(kinds[name], tuple) else (kinds[name],)
            raise ValueError(f"'{name}' of {whose} is not {' or '.join(_NAMES[one] for one in allowed)}")
    return values


def _known(entry: Any) -> dict[str, Any]:
    """Return the fields that are known, with those in ``extra``."""
    values = {f.name: getattr(entry, f.name) for f in dataclasses.fields(entry)}
    values |= values.pop("extra")
    return {name: value for name, value in values.items() if value is not None}
