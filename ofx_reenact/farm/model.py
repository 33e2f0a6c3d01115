"""What a farm does for a render: analyse once, render in chunks that any worker may take, verify.

Every queue's files are made from this one model, and the file that it is kept in is what ``job task`` works from: no
shell and no queue sees a value.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ofx_reenact.engine.paths import check_paths
from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.farm.plan import plan_job
from ofx_reenact.farm.queue import CHUNK
from ofx_reenact.files import read_json, write_json
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.provenance import beside
from ofx_reenact.provenance.sidecar import stem_of
from ofx_reenact.settings import Settings
from ofx_reenact.settings.paths import absolute

SCHEMA = "ofx-reenact/job/1"
_LONGEST_NAME = 64


@dataclass(frozen=True)
class FarmJob:
    """One render on a farm."""

    name: str  # for people and queues: letters, digits, ``._-`` and spaces only
    settings: Settings  # of every task; paths are absolute, what is analysed once has names: chunks share it
    frames: FrameRange  # all to render
    chunk_size: int = CHUNK  # frames a chunk
    chunk_seconds: int = 0  # what a chunk should take, where the queue can size chunks itself; 0: ``chunk_size``

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
            FrameError: target, driver or a matte is not there, or the frames are not in the driver, or in a target
                that moves.
        """
        if not settings.target or not settings.output:
            raise SettingsError("--target and --output are needed")
        if settings.preview:
            raise SettingsError("--preview: a movie is of a whole render, and a farm renders chunks; leave it out")
        settings = absolute(settings)
        frame_path(settings.output, 1)
        frames, shared = plan_job(settings)
        settings = replace(
            settings, frames=str(frames), **shared,
            existing="overwrite" if settings.existing == "overwrite" else "skip",
        )  # fmt: skip
        check_paths(settings, ("the report,", beside(settings.output, ".verify.json")))
        named = name or stem_of(settings.output)
        return cls(safe_name(named) or "reenact", settings, frames, chunk_size, chunk_seconds)

    @property
    def chunks(self) -> list[FrameRange]:
        """The frames, cut by ``chunk_size``."""
        return self.frames.chunks(self.chunk_size)

    @property
    def report(self) -> Path:
        """Where the verification's report goes."""
        return beside(self.settings.output, ".verify.json")

    def select(self, chunk: int | None = None, frames: str = "") -> FrameRange:
        """Return the frames of one task.

        Args:
            chunk: which chunk of the job, from 0; or
            frames: a range, of which the job's frames are meant; neither for all.

        Raises:
            SettingsError: no such chunk.
            FrameError: none of the frames is the job's.
        """
        if chunk is not None:
            if not 0 <= chunk < len(self.chunks):
                raise SettingsError(f"--chunk {chunk}: the job has chunks 0 to {len(self.chunks) - 1}")
            return self.chunks[chunk]
        chosen = self.frames & FrameRange.parse(frames) if frames else self.frames
        if not chosen:
            raise FrameError(f"--frames {frames}: none of them is of this job, which has {self.frames}")
        return chosen

    def as_dict(self) -> dict[str, Any]:
        """Return the content of the job file, JSON-ready."""
        return {
            "schema": SCHEMA, "name": self.name, "frames": str(self.frames), "chunk_size": self.chunk_size,
            "chunk_seconds": self.chunk_seconds, "settings": self.settings.as_dict(),
        }  # fmt: skip

    def save(self, path: Path) -> None:
        """Write the job file.

        Raises:
            OutputError: it cannot be written.
        """
        write_json(path, self.as_dict())

    @classmethod
    def load(cls, path: Path) -> FarmJob:
        """Read a job file.

        Raises:
            SettingsError: it is none, or holds what cannot be used.
        """
        content = read_json(path, SCHEMA, what="job file", error=SettingsError)
        known = {field.name for field in dataclasses.fields(cls)} | {"schema"}
        if set(content) != known:
            wrong = ", ".join(sorted(set(content) ^ known))
            raise SettingsError(f"{path}: wrong fields, {wrong}; write the job anew (ofx-reenact job, or Send to farm)")
        if not isinstance(content["settings"], dict) or not isinstance(content["frames"], str):
            raise SettingsError(f"{path}: settings are an object and frames text")
        try:
            settings = Settings.from_dict(content["settings"])
            frames = FrameRange.parse(content["frames"])
            return cls(content["name"], settings, frames, content["chunk_size"], content["chunk_seconds"])
        except (SettingsError, FrameError) as error:
            raise SettingsError(f"{path}: {error}") from error


def safe_name(text: str) -> str:
    """Return a name that every queue takes, made of any text."""
    plain = re.sub(r"[^A-Za-z0-9._ -]+", "_", text).strip(" .-")
    return plain[:_LONGEST_NAME].rstrip(" .-")
