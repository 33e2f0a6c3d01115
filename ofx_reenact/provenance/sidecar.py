"""One sidecar a sequence: what it was made from, how, and how sure each frame is."""

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
from ofx_reenact.provenance.made_of import MadeOf

SCHEMA = "ofx-reenact/sidecar/1"
_T = TypeVar("_T")
_FRAME = re.compile(r"-?[0-9]{1,9}")
# What a field of the file may be, of the whole, of one input, of one frame, and of weights and colour.
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
    """What the frames are made from: a file or a sequence, by the name that the render was given.

    ``sha256`` is over the bytes of its files in order, None if not known; ``files`` is how many there are, None for the
    one picture that a target is which does not move; ``extra`` is what the sidecar says besides.
    """

    name: str = ""
    sha256: str | None = None
    files: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameEntry:
    """What is known of one frame.

    ``confidence`` is from 0 to 1; ``face`` how the driver's was found (``tracked``, ``bridged``, ``held``); ``made_of``
    one of the sidecar's :attr:`~Sidecar.takes`; ``parts`` which other frames or pictures parts of the face were taken
    from, as the frame says it (``mouth=1012,eye_left=smile.jpg``), None if none was.
    """

    confidence: float | None = None
    face: str | None = None
    made_of: str | None = None
    parts: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """What is known of a sequence. ``docs/provenance.md`` describes each field; None is not known.

    ``fdgan`` is ``off`` where FD-GAN paints nothing; ``cast`` is what is each member's own, by name; ``takes`` are what
    the frames were made from, by digest: of one sequence, some may be rendered with other options than the rest;
    ``extra`` are fields that are none of these, kept as they are.
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
            ReenactError: it cannot be read, or is none.
        """
        content = read_json(path, SCHEMA, what="sidecar")
        try:
            return _parse(content)
        except ValueError as error:
            raise ReenactError(f"{path}: {error}; render with --existing overwrite") from error

    def save(self, path: Path, there: Mapping[int, FrameEntry] | None = None) -> None:
        """Write the sidecar, merged with the frames of the one that is there; a file that is none is replaced.

        Several processes that render chunks of one sequence may do so at once: one at a time reads, merges and
        replaces.

        Args:
            path: of the sidecar.
            there: frames that were there before this render; they count where the sidecar at ``path`` does not know
                them. With these alone, what it says of the whole sequence stays.

        Raises:
            OutputError: it cannot be locked, read or written; what was there stays.
        """
        try:
            self._merge(path, there)
        except OutputError as error:
            raise OutputError(
                f"{error}; the frames are whole, and the same render with --existing skip notes them"
            ) from error

    def _merge(self, path: Path, there: Mapping[int, FrameEntry] | None) -> None:
        with locked(path):
            before = None
            try:
                before = Sidecar.load(path)
            except ReenactError as error:
                # One that a network drive does not give just now has others' frames in it.
                if isinstance(cause := error.__cause__, OSError) and not isinstance(cause, FileNotFoundError):
                    raise OutputError(str(error)) from error
            frames = {**(there or {}), **(before.frames if before else {}), **self.frames}
            about = self if self.frames or before is None else before
            used = {entry.made_of for entry in frames.values()}
            takes = {k: take for k, take in {**(before.takes if before else {}), **self.takes}.items() if k in used}
            write_json(path, dataclasses.replace(about, takes=takes, frames=dict(sorted(frames.items()))).as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return it as the file has it: JSON-ready, without what is not known."""
        inputs = {what: _known(entry) for what, entry in self.inputs.items()}
        takes = {digest: take.as_dict() for digest, take in self.takes.items()}
        frames = {str(frame): _known(entry) for frame, entry in self.frames.items()}
        about = {name: value for name, value in _known(self).items() if name not in ("cast", "takes", "frames")}
        some = {name: value for name, value in (("cast", dict(self.cast)), ("takes", takes)) if value}
        return {"schema": SCHEMA, **about, "inputs": inputs, **some, "frames": frames}

    @property
    def claims(self) -> dict[str, str | None]:
        """The attributes that every frame has to agree with: name → value."""
        fdgan = {"sha256": NO_FDGAN} if self.fdgan == NO_FDGAN else self.fdgan
        return {
            "reenact:weights_sha256": (self.weights or {}).get("sha256"),
            "reenact:fdgan_sha256": fdgan.get("sha256") if isinstance(fdgan, Mapping) else None,
            "reenact:consent_id": self.consent,
        }


def option_of(what: str) -> str:
    """Return the option that brought an input; a cast's members have theirs as ``anna.driver``."""
    return what.rpartition(".")[2]


def sidecar_path(output: str) -> Path:
    """Return the sidecar's place: ``O.####.exr`` → ``O.reenact.json``."""
    return beside(output, ".reenact.json")


def beside(output: str, suffix: str) -> Path:
    """Return the place of one file for a whole sequence: ``O.####.exr`` → ``O`` and the suffix."""
    return Path(output).with_name(f"{stem_of(output)}{suffix}")


def stem_of(output: str) -> str:
    """Return a sequence's name without the frame number: ``D/O.####.exr`` → ``O``; empty for ``####.exr``."""
    pattern = Pattern.of(output)
    return pattern.stem if pattern else Path(output).name.rpartition(".")[0]


def versions() -> dict[str, str]:
    """Versions of what the pixels depend on."""
    found = {"ofx-reenact": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for name in ("torch", "numpy", "scipy", "numba", "opencv-python", "OpenImageIO", "opencolorio", "av"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _parse(content: Mapping[str, Any]) -> Sidecar:
    """Build a sidecar of a file's content.

    Raises:
        ValueError: naming the field that is not what it should be.
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
    return _made(Sidecar, {
        **{name: value for name, value in about.items() if name != "schema"},
        "inputs": {what: _made(Input, entry) for what, entry in inputs.items()},
        "takes": {digest: MadeOf.of_dict(take) for digest, take in about.get("takes", {}).items()},
        "frames": {int(f): _made(FrameEntry, _checked(entry, _ENTRY, f"frame {f}")) for f, entry in frames.items()},
    })  # fmt: skip


def _made(kind: Callable[..., _T], values: Mapping[str, Any]) -> _T:
    """Make a sidecar, or a part of one; what is none of its fields goes into ``extra``."""
    named = inspect.signature(kind).parameters.keys() - {"extra"}
    extra = {name: value for name, value in values.items() if name not in named}
    return kind(**{name: value for name, value in values.items() if name in named}, extra=extra)


def _checked(entry: Any, kinds: Mapping[str, Any], whose: str) -> dict[str, Any]:
    """Return what an object of the file says; null says nothing.

    Raises:
        ValueError: it is no object, or one of its values is of another kind.
    """
    if not isinstance(entry, dict):
        raise ValueError(f"{whose} is not an object")
    said = {name: value for name, value in entry.items() if value is not None}
    for name in said.keys() & kinds.keys():
        if not isinstance(said[name], kinds[name]) or isinstance(said[name], bool):
            allowed = kinds[name] if isinstance(kinds[name], tuple) else (kinds[name],)
            raise ValueError(f"'{name}' of {whose} is not {' or '.join(_NAMES[one] for one in allowed)}")
    return said


def _known(entry: Any) -> dict[str, Any]:
    """Return a value's fields that are known, those in ``extra`` among them."""
    values = {f.name: getattr(entry, f.name) for f in dataclasses.fields(entry)}
    values |= values.pop("extra")
    return {name: value for name, value in values.items() if value is not None}
