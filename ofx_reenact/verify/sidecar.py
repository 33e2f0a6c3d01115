"""The sidecar of a sequence: read, and its hashes compared with the files they stand for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ofx_reenact.errors import ReenactError
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence, files_of, has_padding
from ofx_reenact.provenance import SCHEMA, sidecar_path
from ofx_reenact.settings import Settings

_FRAME = re.compile(r"-?[0-9]{1,9}")
# What the checks read of the sidecar's other parts.
_TEXTS = {"weights": ("sha256",), "fdgan": ("sha256",), "colour": ("space", "config")}


@dataclass(frozen=True)
class Sidecar:
    """What is known of a sequence from the file beside it.

    Attributes:
        path: of the file.
        content: as it is; empty if the file cannot be used.
        problem: why it cannot be used, or None.
        settings: the render's, or None if they are not those of this version.
    """

    path: Path
    content: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    settings: Settings | None = None

    @property
    def faces(self) -> dict[int, str]:
        """Frame → how its face was come by; frames without a word of it are left out."""
        frames: dict[str, dict[str, Any]] = self.content.get("frames", {})
        return {int(frame): values["face"] for frame, values in frames.items() if values.get("face")}

    @property
    def frames(self) -> FrameRange:
        """The frames it knows."""
        return FrameRange.of(int(frame) for frame in self.content.get("frames", {}))

    def files(self, name: str) -> tuple[Path, ...]:
        """Return the files of an input as the render was given it, or beside the sequence; none if it is gone."""
        return files_of(name) or files_of(str(self.path.parent / name)) if name else ()

    def inputs(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each input that is named, with what it is used as."""
        for kind, named in self.content.get("inputs", {}).items():
            for one in named if isinstance(named, list) else [named]:
                if isinstance(one, dict) and isinstance(one.get("name"), str):
                    yield kind, one


def read_sidecar(output: str) -> Sidecar:
    """Read the sidecar of a sequence, ``O.####.exr``; what is wrong with it is said in the result."""
    path = sidecar_path(output)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Sidecar(path, problem=f"{path}: no such file")
    except (OSError, ValueError) as error:
        return Sidecar(path, problem=f"{path}: cannot be read ({error})")
    if wrong := _wrong(content):
        return Sidecar(path, problem=f"{path}: {wrong}")
    named = content.get("settings")
    if named is None:
        return Sidecar(path, content)
    try:
        settings = Settings.from_dict(named)
        if settings.frames:
            FrameRange.parse(settings.frames)
        return Sidecar(path, content, None, settings)
    except (ReenactError, TypeError, AttributeError) as error:
        return Sidecar(path, content, f"{path}: its settings are not those of this version ({error})")


def _wrong(content: Any) -> str | None:
    """Say what keeps a sidecar from being used."""
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        return f'expected "schema": "{SCHEMA}"'
    frames = content.get("frames")
    if not isinstance(frames, dict) or not all(isinstance(values, dict) for values in frames.values()):
        return "'frames' is not a table of frames"
    if not all(_FRAME.fullmatch(frame) for frame in frames):
        return "'frames' has a name that is no frame number"
    for frame, values in frames.items():
        if not isinstance(values.get("face", ""), str) or not isinstance(values.get("confidence", 0), int | float):
            return f"frame {frame}: its face is no word or its confidence no number"
    if not isinstance(content.get("inputs", {}), dict):
        return "'inputs' is not a table of files"
    for name, texts in _TEXTS.items():
        about = content.get(name, {})
        if isinstance(about, dict) and not all(isinstance(about.get(text), str | None) for text in texts):
            return f"'{name}' has a value that is no text"
    return None


def changed_inputs(sidecar: Sidecar) -> tuple[list[str], list[str], list[str]]:
    """Compare the sidecar's hashes with the files.

    Returns:
        Lines on inputs that are others than when rendered; names of those that are gone; names of those whose
        hash is not known.
    """
    changed: list[str] = []
    gone: list[str] = []
    unknown: list[str] = []
    for kind, one in sidecar.inputs():
        name = f"{kind} {one['name']}"
        # A release may be renewed; whether it holds is another question than what the pixels were made from.
        if kind == "consent":
            continue
        if not isinstance(one.get("sha256"), str):
            unknown.append(name)
            continue
        files = _files_hashed(sidecar, kind, one)
        count = one.get("files", len(files))
        if not files:
            gone.append(name)
        elif len(files) != count:
            changed.append(f"{name}: {len(files)} files, {count} when rendered")
        elif sha256_of(*files) != one["sha256"]:
            changed.append(f"{name}: not the file it was rendered from (another SHA-256)")
    return changed, gone, unknown


def target_file(sidecar: Sidecar) -> tuple[Path, int]:
    """Return the target's file and frame.

    Raises:
        ReenactError: it is not known or not reachable.
    """
    settings = sidecar.settings
    if settings is None:
        raise ReenactError("the target is not known without the sidecar's settings")
    files = sidecar.files(settings.target)
    if not files:
        raise ReenactError(f"{settings.target}: the target is not reachable from here")
    if not has_padding(settings.target) or settings.target_frame is None:
        return files[0], 1
    name = settings.target if files_of(settings.target) else str(sidecar.path.parent / settings.target)
    return Sequence.open(name).path(settings.target_frame), settings.target_frame


def _files_hashed(sidecar: Sidecar, kind: str, one: dict[str, Any]) -> tuple[Path, ...]:
    """The files behind one hash: all of a sequence, but of the target only the frame that was used."""
    if kind != "target" or not has_padding(one["name"]):
        return sidecar.files(one["name"])
    try:
        return (target_file(sidecar)[0],)
    except ReenactError:
        return ()
