"""What a farm does for a render: analyse once, render in chunks that any worker may take, verify.

Every queue's files are made from this one model. Tasks are lists of arguments for ``ofx-reenact``; no shell sees a
value.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from ofx_reenact.errors import FrameError, OutputError, SettingsError
from ofx_reenact.files import read_json, write_json
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence, files_of, frame_path
from ofx_reenact.provenance import beside
from ofx_reenact.settings import Settings, kind
from ofx_reenact.settings.paths import absolute, check_text, flag

SCHEMA = "ofx-reenact/job/1"
STEPS = ("analyse", "render", "verify")
CHUNK = 20
_LONGEST_NAME = 64


@dataclass(frozen=True)
class FarmJob:
    """One render on a farm.

    Attributes:
        name: for people and queues: letters, digits, ``._-`` and spaces only.
        settings: of every task. Paths are absolute; performance and identity files are named: chunks share them.
        frames: all to render.
        chunk_size: frames a chunk.
        chunk_seconds: what a chunk should take, for queues that size chunks themselves; 0 leaves ``chunk_size``.
    """

    name: str
    settings: Settings
    frames: FrameRange
    chunk_size: int = CHUNK
    chunk_seconds: int = 0

    def __post_init__(self) -> None:
        """Check what hand-written files may get wrong."""
        if not isinstance(self.name, str) or self.name != safe_name(self.name):
            raise SettingsError(f"job name {self.name!r}: {_LONGEST_NAME} letters, digits, spaces and ._- at most")
        if not isinstance(self.chunk_size, int) or isinstance(self.chunk_size, bool) or self.chunk_size < 1:
            raise SettingsError(f"--chunk-size {self.chunk_size}: give a whole number, 1 or more")
        if not isinstance(self.chunk_seconds, int) or self.chunk_seconds < 0:
            raise SettingsError(f"--chunk-seconds {self.chunk_seconds}: give a whole number, 0 or more")

    @classmethod
    def of(cls, settings: Settings, chunk_size: int = CHUNK, chunk_seconds: int = 0, name: str = "") -> FarmJob:
        """Make the job of a render: paths made absolute, what its tasks share named beside the output.

        Frames that are there and whole are skipped, as a task that is done again needs it; ``existing`` may also be
        ``overwrite``.

        Raises:
            SettingsError: an option cannot go to a farm.
            FrameError: target or driver is not there, or the frames are not in the driver.
        """
        if not settings.target or not settings.output:
            raise SettingsError("--target and --output are needed")
        if settings.preview:
            raise SettingsError("--preview: a movie is of a whole render, and a farm renders chunks; leave it out")
        settings = absolute(settings)
        frame_path(settings.output, 1)
        if not files_of(settings.target):
            raise FrameError(f"{settings.target}: no such file")
        frames = _frames(settings)
        mark = _mark(settings)
        settings = replace(
            settings,
            frames=str(frames),
            performance=settings.performance or str(beside(settings.output, f".{mark}.npz")),
            identity=settings.identity or str(beside(settings.output, f".{mark}.safetensors")),
            existing="overwrite" if settings.existing == "overwrite" else "skip",
        )
        named = name or beside(settings.output, "").name
        return cls(safe_name(named) or "reenact", settings, frames, chunk_size, chunk_seconds)

    @property
    def chunks(self) -> list[FrameRange]:
        """The frames, cut by ``chunk_size``."""
        return self.frames.chunks(self.chunk_size)

    @property
    def report(self) -> Path:
        """Where the verification's report goes."""
        return beside(self.settings.output, ".verify.json")

    def arguments(self, step: str, frames: FrameRange | None = None) -> list[str]:
        """Return a step's command line, for the frames given or all.

        Raises:
            SettingsError: no such step.
            FrameError: frames that are not the job's.
        """
        chosen = self.frames if frames is None else frames
        if strange := chosen - self.frames:
            raise FrameError(f"frames {strange} are not of this job, which has {self.frames}")
        settings = replace(self.settings, frames=str(chosen))
        if step == "analyse":
            return ["analyse", *options(replace(settings, frames=""))]
        if step == "render":
            return ["render", *options(settings)]
        if step == "verify":
            shared = [f"--frames={chosen}", f"--performance={settings.performance}", f"--json={self.report}"]
            return ["verify", *shared, "--", settings.output]
        raise SettingsError(f"step '{step}': choose from {', '.join(STEPS)}")

    def save(self, path: Path) -> None:
        """Write the job file.

        Raises:
            OutputError: it cannot be written.
        """
        content = {
            "schema": SCHEMA, "name": self.name, "frames": str(self.frames), "chunk_size": self.chunk_size,
            "chunk_seconds": self.chunk_seconds, "settings": self.settings.as_dict(),
        }  # fmt: skip
        write_json(path, content)

    @classmethod
    def load(cls, path: Path) -> FarmJob:
        """Read a job file.

        Raises:
            SettingsError: it is none, or holds what cannot be used.
        """
        content = read_json(path, SCHEMA, what="job file", error=SettingsError)
        known = {field.name for field in dataclasses.fields(cls)} | {"schema"}
        if set(content) != known:
            raise SettingsError(f"{path}: wrong fields: {', '.join(sorted(set(content) ^ known))}")
        if not isinstance(content["settings"], dict) or not isinstance(content["frames"], str):
            raise SettingsError(f"{path}: settings are an object and frames text")
        try:
            settings = Settings.from_dict(content["settings"])
            check_text(settings)
            frames = FrameRange.parse(content["frames"])
            return cls(content["name"], settings, frames, content["chunk_size"], content["chunk_seconds"])
        except (SettingsError, FrameError) as error:
            raise SettingsError(f"{path}: {error}") from error


def options(settings: Settings) -> list[str]:
    """Return the options of settings that are not the default, each one argument, so that no value looks like another.

    Raises:
        SettingsError: a value that the command line cannot say.
    """
    said = []
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value == field.default:
            continue
        if kind(field) == "paths" and any("," in part for part in value):
            raise SettingsError(f"{flag(field.name)} {','.join(value)}: no comma may be in a path of several")
        said.append(f"{flag(field.name)}={','.join(value) if isinstance(value, tuple) else value}")
    return said


def safe_name(text: str) -> str:
    """Return a name that every queue takes, made of any text."""
    plain = re.sub(r"[^A-Za-z0-9._ -]+", "_", text).strip(" .-")
    return plain[:_LONGEST_NAME].rstrip(" .-")


def folder_of(path: Path, what: str) -> Path:
    """Make the folder that a queue's files go to.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: the {what} folder cannot be made ({error.strerror or error})") from error
    return path.absolute()


def _frames(settings: Settings) -> FrameRange:
    """The frames to render, checked against the driver where it is there."""
    if settings.performance and Path(settings.performance).is_file():
        from ofx_reenact.tracking.performance import Performance

        there = FrameRange.of(Performance.load(Path(settings.performance)).frames.tolist())
    elif settings.driver:
        # Frames that are missing in the middle are rendered too, as --missing says.
        found = Sequence.open(settings.driver).frames
        there = FrameRange(tuple(range(found.first, found.last + 1)))
    else:
        raise SettingsError("--driver is needed, or a --performance that was tracked before")
    if not settings.frames:
        return there
    wanted = FrameRange.parse(settings.frames)
    if outside := wanted - there:
        raise FrameError(f"--frames {settings.frames}: the driver has frames {there}, not {outside}")
    return wanted


def _mark(settings: Settings) -> str:
    """Tell one analysis from another: the pictures as they are now, and how they are looked at."""
    names = ("tracker", "face", "target_face", "target_frame", "smoothing", "colorspace", "driver_colorspace", "repair")
    seen = {name: getattr(settings, name) for name in (*names, "profile", "weights", "fdgan_weights")}
    pictures = [settings.target, settings.driver, settings.landmarks, settings.target_landmarks, *settings.appearance]
    for name in filter(None, pictures):
        seen[name] = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files_of(name)]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:8]
