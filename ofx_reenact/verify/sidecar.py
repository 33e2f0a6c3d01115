"""The sidecar of a sequence as the checks need it, and its hashes compared with the files they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ofx_reenact.errors import ReenactError
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.names import files_of, has_padding
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.provenance import Input, Sidecar, option_of, sidecar_path
from ofx_reenact.settings import Settings


@dataclass(frozen=True)
class Beside:
    """What the file beside a sequence says, or the problem for which it cannot be used.

    ``settings`` are the render's, or None if they are not those of this version.
    """

    path: Path
    said: Sidecar
    problem: str | None = None
    settings: Settings | None = None

    @property
    def faces(self) -> dict[int, str]:
        """Frame → how its face was found; frames without a word of it are left out."""
        return {frame: entry.face for frame, entry in self.said.frames.items() if entry.face}

    @property
    def frames(self) -> FrameRange:
        """The frames it knows."""
        return FrameRange.of(self.said.frames)

    @property
    def moving(self) -> bool:
        """Whether the target moves: of one that does not, a single file or frame was used, and not counted."""
        return self.said.inputs.get("target", Input()).files is not None

    def files(self, name: str) -> tuple[Path, ...]:
        """Return the files of an input as the render was given it, or beside the sequence; none if it is gone."""
        return files_of(name) or files_of(str(self.path.parent / name)) if name else ()

    def name_of(self, name: str) -> str:
        """Return the name by which an input is reached from here; empty if it is gone."""
        beside = str(self.path.parent / name)
        return next((one for one in (name, beside) if name and files_of(one)), "")


def read_beside(output: str) -> Beside:
    """Read the sidecar of a sequence, ``O.####.exr``; what is wrong with it is said in the result."""
    path = sidecar_path(output)
    try:
        said = Sidecar.load(path)
    except ReenactError as error:
        return Beside(path, Sidecar(), str(error))
    if said.settings is None:
        return Beside(path, said)
    try:
        settings = Settings.from_dict(said.settings)
        if settings.frames:
            FrameRange.parse(settings.frames)
    except ReenactError as error:
        return Beside(path, said, f"{path}: its settings are not those of this version ({error})")
    return Beside(path, said, None, settings)


def changed_inputs(sidecar: Beside) -> tuple[list[str], list[str], list[str]]:
    """Compare the sidecar's hashes with the files.

    Returns lines on inputs that are others than when rendered, names of those gone, and of those without a hash.
    """
    changed, gone, unknown = [], [], []
    for kind, one in sidecar.said.inputs.items():
        name = f"{kind} {one.name}"
        # A release may be renewed; whether it holds is another question than what the pixels were made from.
        if option_of(kind) == "consent":
            continue
        if one.sha256 is None:
            unknown.append(name)
            continue
        files = _files_hashed(sidecar, kind, one)
        if not files:
            gone.append(name)
        elif one.files is not None and len(files) != one.files:
            changed.append(f"{name}: {len(files)} files, {one.files} when rendered")
        elif sha256_of(*files) != one.sha256:
            changed.append(f"{name}: not the file it was rendered from (another SHA-256)")
    return changed, gone, unknown


def _files_hashed(sidecar: Beside, kind: str, one: Input) -> tuple[Path, ...]:
    """The files behind one hash: all of a sequence, but of a target that does not move only the frame that was used."""
    if kind != "target" or not has_padding(one.name) or one.files is not None:
        return sidecar.files(one.name)
    settings, files = sidecar.settings, sidecar.files(one.name)
    if settings is None or settings.target_frame is None:
        return files[:1]
    try:
        return (Sequence.open(sidecar.name_of(one.name)).path(settings.target_frame),)
    except ReenactError:
        return ()
