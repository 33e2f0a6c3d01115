"""A render as a farm job: analyse once, render in chunks on any workers, verify.

Every queue's files are made from a :class:`FarmJob`. Tasks read their settings from the job file (``job task``), so no
value of a job is passed through a shell or a queue. (The bundle has no job file: its values are parameters.)
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ofx_reenact.engine.check_paths import check_paths
from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.farm.job_plan import plan_job
from ofx_reenact.farm.queue import CHUNK_SIZE
from ofx_reenact.files import read_json, write_json
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.provenance import beside
from ofx_reenact.provenance.sidecar import stem_of
from ofx_reenact.settings import Settings
from ofx_reenact.settings.paths import absolute

SCHEMA = "ofx-reenact/job/1"
_LONGEST_NAME = 64
_WRITE_AGAIN = "write the job again (ofx-reenact job, or Send to farm)"


@dataclass(frozen=True)
class FarmJob:
    """One render on a farm."""

    name: str  # letters, digits, ``._-`` and spaces only: any queue takes these
    settings: Settings  # of every task; paths are absolute, and files that chunks share have names
    frames: FrameRange  # all frames of the job
    chunk_size: int = CHUNK_SIZE  # frames per chunk
    # Seconds that a chunk should take, where the queue can choose its size; 0: always ``chunk_size`` frames.
    chunk_seconds: int = 0

    def __post_init__(self) -> None:
        """Check the values: a job file may be edited by hand."""
        if not isinstance(self.name, str) or self.name != safe_name(self.name):
            raise SettingsError(
                f"job name {self.name!r}: use at most {_LONGEST_NAME} characters: letters, digits, spaces and ._-"
            )
        if not isinstance(self.chunk_size, int) or isinstance(self.chunk_size, bool) or self.chunk_size < 1:
            raise SettingsError(f"--chunk-size {self.chunk_size}: give a whole number, 1 or more")
        if not isinstance(self.chunk_seconds, int) or self.chunk_seconds < 0:
            raise SettingsError(f"--chunk-seconds {self.chunk_seconds}: give a whole number, 0 or more")

    @classmethod
    def of(cls, settings: Settings, chunk_size: int = CHUNK_SIZE, chunk_seconds: int = 0, name: str = "") -> FarmJob:
        """Make the job of a render: paths become absolute, and files that its tasks share get names beside the output.

        Frames that exist and are whole are skipped, so that a task can be run again; with ``existing="overwrite"`` they
        are rendered again.

        Raises:
            SettingsError: an option cannot be used on a farm.
            FrameError: target, driver or a matte does not exist, or lacks some of the frames.
        """
        if not settings.target or not settings.output:
            raise SettingsError("--target and --output are needed")
        if settings.preview:
            raise SettingsError("--preview: a farm renders chunks, and a preview needs the whole render; leave it out")
        settings = absolute(settings)
        frame_path(settings.output, 1)
        frames, shared = plan_job(settings)
        settings = replace(
            settings, frames=str(frames), **shared,
            existing="overwrite" if settings.existing == "overwrite" else "skip",
        )  # fmt: skip
        check_paths(settings, ("the report,", beside(settings.output, ".verify.json")))
        name = safe_name(name or stem_of(settings.output)) or "reenact"
        return cls(name, settings, frames, chunk_size, chunk_seconds)

    @property
    def chunks(self) -> list[FrameRange]:
        """The frames, ``chunk_size`` at a time."""
        return self.frames.chunks(self.chunk_size)

    @property
    def report(self) -> Path:
        """Path of the verification's report."""
        return beside(self.settings.output, ".verify.json")

    def select(self, chunk: int | None = None, frames: str = "") -> FrameRange:
        """Return the frames of one task.

        Args:
            chunk: number of the chunk, from 0.
            frames: a range; frames of it that are not the job's are left out. Without chunk and frames: all frames.

        Raises:
            SettingsError: the job has no such chunk.
            FrameError: the job has none of the frames.
        """
        if chunk is not None:
            if not 0 <= chunk < len(self.chunks):
                raise SettingsError(f"--chunk {chunk}: the job has chunks 0 to {len(self.chunks) - 1}")
            return self.chunks[chunk]
        chosen = self.frames & FrameRange.parse(frames) if frames else self.frames
        if not chosen:
            raise FrameError(f"--frames {frames}: none of them is in this job, which has {self.frames}")
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
            SettingsError: it is not a job file, or a value is not valid.
        """
        content = read_json(path, SCHEMA, what="job file", error=SettingsError)
        known = {field.name for field in dataclasses.fields(cls)} | {"schema"}
        if set(content) != known:
            fields = ", ".join(sorted(set(content) ^ known))
            raise SettingsError(f"{path}: wrong fields {fields}; {_WRITE_AGAIN}")
        if not isinstance(content["settings"], dict) or not isinstance(content["frames"], str):
            raise SettingsError(f"{path}: settings must be an object, and frames text")
        try:
            settings = Settings.from_dict(content["settings"])
            frames = FrameRange.parse(content["frames"])
            return cls(content["name"], settings, frames, content["chunk_size"], content["chunk_seconds"])
        except (SettingsError, FrameError) as error:
            raise SettingsError(f"{path}: {error}") from error


def safe_name(text: str) -> str:
    """Replace the characters that not every queue takes, and cut the text to 64 characters."""
    plain = re.sub(r"[^A-Za-z0-9._ -]+", "_", text).strip(" .-")
    return plain[:_LONGEST_NAME].rstrip(" .-")
