"""Read the sidecar of a sequence for the checks, and compare its hashes with the input files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ofx_reenact.errors import ReenactError
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.names import files_of, has_placeholder
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.provenance import Input, Sidecar, option_of, sidecar_path
from ofx_reenact.settings import Settings


@dataclass(frozen=True)
class SidecarFile:
    """The sidecar of a sequence.

    Attributes:
        path: of the file.
        content: empty if the file cannot be read.
        problem: why the file or its settings cannot be used; None if they can.
        settings: the render's; None if there are none, or this version cannot read them.
    """

    path: Path
    content: Sidecar
    problem: str | None = None
    settings: Settings | None = None

    @property
    def faces(self) -> dict[int, str]:
        """Frame → how its face was found, for the frames where the sidecar has it."""
        return {frame: entry.face for frame, entry in self.content.frames.items() if entry.face}

    @property
    def frames(self) -> FrameRange:
        """The frames that have an entry."""
        return FrameRange.of(self.content.frames)

    @property
    def moving(self) -> bool:
        """Whether the target moves: only then does its input in the sidecar have a number of files."""
        return self.content.inputs.get("target", Input()).files is not None

    def files(self, name: str) -> tuple[Path, ...]:
        """Return the files of an input, at its path or beside the sequence; empty if they are gone."""
        return files_of(name) or files_of(str(self.path.parent / name)) if name else ()

    def name_of(self, name: str) -> str:
        """Return a path at which an input exists: its own, or beside the sequence; empty if it is gone."""
        moved = str(self.path.parent / name)
        return next((one for one in (name, moved) if name and files_of(one)), "")


def read_sidecar_file(output: str) -> SidecarFile:
    """Read the sidecar of a sequence ``O.####.exr``; an error becomes the result's ``problem``."""
    path = sidecar_path(output)
    try:
        content = Sidecar.load(path)
    except ReenactError as error:
        return SidecarFile(path, Sidecar(), str(error))
    if content.settings is None:
        return SidecarFile(path, content)
    try:
        settings = Settings.from_dict(content.settings)
        if settings.frames:
            FrameRange.parse(settings.frames)
    except ReenactError as error:
        return SidecarFile(path, content, f"{path}: its settings are not those of this version ({error})")
    return SidecarFile(path, content, None, settings)


def compare_inputs(sidecar: SidecarFile) -> tuple[list[str], list[str], list[str]]:
    """Compare the sidecar's hashes with the input files.

    Returns:
        Lines on inputs that changed since the render, names of inputs that are gone, and names of those without a hash.
    """
    changed, gone, without_hash = [], [], []
    for kind, one in sidecar.content.inputs.items():
        name = f"{kind} {one.name}"
        # A consent may be renewed, and no pixel depends on it. ``publish`` has a check of its own for it.
        if option_of(kind) == "consent":
            continue
        if one.sha256 is None:
            without_hash.append(name)
            continue
        files = _files_hashed(sidecar, kind, one)
        if not files:
            gone.append(name)
        elif one.files is not None and len(files) != one.files:
            changed.append(f"{name}: {len(files)} files, {one.files} when rendered")
        elif sha256_of(*files) != one.sha256:
            changed.append(f"{name}: not the file it was rendered from (another SHA-256)")
    return changed, gone, without_hash


def _files_hashed(sidecar: SidecarFile, kind: str, one: Input) -> tuple[Path, ...]:
    """Return the files that an input's hash was computed from: all, but of a still target only the frame used."""
    if kind != "target" or not has_placeholder(one.name) or one.files is not None:
        return sidecar.files(one.name)
    settings, files = sidecar.settings, sidecar.files(one.name)
    if settings is None or settings.target_frame is None:
        return files[:1]
    try:
        return (Sequence.open(sidecar.name_of(one.name)).path(settings.target_frame),)
    except ReenactError:
        return ()
