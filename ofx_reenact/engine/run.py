"""A whole job: target and driver in, EXR sequence out. Reading, work and writing overlap; memory stays flat."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ofx_reenact import provenance
from ofx_reenact.engine.cast import CastShot, consent_id, described, open_members
from ofx_reenact.engine.made_of import frames_made_of
from ofx_reenact.engine.memory import keep_freed_memory
from ofx_reenact.engine.occlusion import Occlusions, find_occlusions
from ofx_reenact.engine.paths import movie_of
from ofx_reenact.engine.plan import Plan, plan_frames, together
from ofx_reenact.engine.plates import Plates
from ofx_reenact.engine.preview import Preview, check_sound
from ofx_reenact.engine.warm import Warm
from ofx_reenact.engine.writer import FrameWriter
from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.frames.matte import Kept
from ofx_reenact.frames.names import files_of, frame_path
from ofx_reenact.frames.picture import Picture
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.progress import Cancelled, Observer, Progress, Watch, ignore
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.shot import Shot
from ofx_reenact.stages import stage
from ofx_reenact.tracking.performance import Performance, State


@dataclass(frozen=True)
class Report:
    """What a job did, frame by frame.

    Attributes:
        written, skipped: frames written now, and frames that were there already.
        held, black: frames without a face of the driver, rendered as ``--missing`` says.
        bridged: frames without a face in short gaps, interpolated.
        plain: frames in which a target that moves shows no face, and stays as it is.
        parts: frames that take mouth or eyes from another frame or picture.
        faceless, absent: driver frames in which no face was found, and which do not exist.
        failed: frames that could not be written, with the reason.
        confidence: for each written frame, 0 to 1.
    """

    output: str
    written: tuple[int, ...]
    skipped: tuple[int, ...]
    held: tuple[int, ...]
    black: tuple[int, ...]
    bridged: tuple[int, ...]
    plain: tuple[int, ...]
    parts: tuple[int, ...]
    faceless: tuple[int, ...]
    absent: tuple[int, ...]
    failed: Mapping[int, str]
    warnings: tuple[str, ...]
    colour_space: str
    colour_reason: str
    reference: int
    confidence: Mapping[int, float]
    sidecar: Path
    preview: Path | None
    seconds: float
    device: str


def render_sequence(settings: Settings, observe: Observer = ignore, job: str = "") -> Report:
    """Render a job, which has the name ``job`` on a farm.

    Raises:
        ReenactError: the input cannot be used; nothing was written, or only whole frames.
    """
    return Job(settings, Watch(observe), Warm(), job).run()


@dataclass(frozen=True)
class Opened:
    """What a job has read and prepared; ``inputs`` and ``made_of`` say from what, for the sidecar and the frames.

    ``target`` is the still, or the first picture of a target that moves; ``plates`` has all of them. Of a cast,
    ``performance`` is the first member's.
    """

    plates: Plates
    target: Picture
    performance: Performance
    inputs: Mapping[str, provenance.Input]
    made_of: provenance.MadeOf
    plan: Plan
    shot: Shot | CastShot


class Job:
    """One render, in the order of :meth:`run`."""

    def __init__(self, settings: Settings, watch: Watch, warm: Warm, job: str = "") -> None:
        """Check and load what needs neither target nor driver.

        Args:
            settings: of the job; target and output are needed.
            watch: is told of each step, and may end the job.
            warm: what earlier jobs left and this one leaves; an empty one for a job by itself.
            job: its name on a farm, if it has one.
        """
        for name in ("target", "output"):
            if not getattr(settings, name):
                raise SettingsError(f"--{name} is needed")
        self.settings, self.watch, self.name = settings, watch, provenance.job_name(job)
        self.members = open_members(settings, watch, warm)
        self.loader, self.movie = self.members[0].loader, movie_of(settings)
        self.device, self.colour = self.loader.device, self.loader.colour
        self.weights, self.fdgan = self.loader.weights, self.loader.fdgan
        self.kept: Kept | None = None
        self.occlusions: Occlusions | None = None

    def run(self) -> Report:
        """Read, track, render, report.

        Raises:
            ReenactError: the input cannot be used; nothing was written, or only whole frames.
            Cancelled: the watch ended the job; every frame that was rendered is written.
        """
        started = time.monotonic()
        settings, job = self.settings, self.open()
        plan, target = job.plan, job.target
        confidence, failed = self.render(job)
        # Of a target that moves, frames bear its numbers, not the driver's.
        gone = [set(member.loader.performance.absent.tolist()) for member in self.members]
        absent = [] if job.plates.moving else sorted(set.intersection(*gone) & set(plan.frames))
        report = Report(
            output=settings.output,
            written=tuple(confidence),
            skipped=tuple(plan.skipped),
            held=plan.shown_as(State.HELD, confidence),
            black=tuple(sorted(plan.black & set(confidence))),
            bridged=plan.shown_as(State.BRIDGED, confidence),
            plain=tuple(frame for frame in plan.plain if frame in confidence),
            parts=tuple(frame for frame in confidence if job.shot.taken(frame)),
            faceless=tuple(frame for frame in plan.faceless if frame not in absent),
            absent=tuple(absent),
            failed=failed,
            warnings=self.warnings(job),
            colour_space=target.space,
            colour_reason=target.reason,
            reference=self.loader.shot.motion.reference,
            confidence=confidence,
            sidecar=provenance.sidecar_path(settings.output),
            preview=self.movie if confidence else None,
            seconds=round(time.monotonic() - started, 2),
            device=self.device,
        )
        self.write_sidecar(report, job)
        return report

    @stage("target")
    def open(self) -> Opened:
        """Read target and driver, and fit the performance to the target.

        Raises:
            ReenactError: one of them cannot be used.
            Cancelled: the watch ended the job.
        """
        frame_path(self.settings.output, 1)
        check_sound(self.settings)
        if self.settings.frames:
            FrameRange.parse(self.settings.frames)
        self.watch(Progress("target", 0, 1, None, self.settings.target))
        plates, target = self.loader.plates, self.loader.target
        keep_freed_memory(target.plate.rgb.nbytes)
        for member in self.members:
            _ = member.loader.plate, member.loader.identity
            if not plates.moving:
                self.watch(Progress("target", 1, 1, None, member.name))
            _ = member.seen
            if member.role.settings.parts_file:
                # It is an input from the first frame on, also of the render that makes it.
                _ = member.loader.shot
        inputs = self.inputs(plates)
        made_of = frames_made_of(self.settings, inputs, self.weights.sha256, self.fdgan.sha256 if self.fdgan else "")
        plan = plan_frames(self.settings, together([member.seen for member in self.members]), made_of.digest)
        plates.check(plan.todo)
        self.occlusions = find_occlusions(
            self.settings, plates, [member.loader.plate for member in self.members], self.colour
        )
        shown = target.plate.display_window, target.plate.data_window
        self.kept = Kept.open(self.settings.holdout, self.settings.mask, plan.frames, *shown)
        shot = CastShot.of(self.members, plates) if self.settings.cast else self.loader.shot
        return Opened(plates, target, self.loader.performance, inputs, made_of, plan, shot)

    def warnings(self, job: Opened) -> tuple[str, ...]:
        """Say what the user should know: of the plate, of each person, their consent and tracker's terms."""
        own = [note for member in self.members for note in member.warnings(job.plan.frames)]
        return (*job.target.plate.notes, *own)

    def write_sidecar(self, report: Report, job: Opened) -> None:
        """Say beside the frames what they were made from and how sure each is.

        Frames that were there are in it too: who wrote them may have been killed before the sidecar.
        """
        if not report.written and not report.skipped:
            return
        digest = job.made_of.digest
        now = {
            frame: {"confidence": sure, "made_of": digest, "parts": job.shot.taken(frame)}
            for frame, sure in report.confidence.items()
        }
        provenance.Sidecar(
            output=Path(report.output).name,
            inputs=job.inputs,
            settings=self.settings.as_dict(),
            reference=report.reference,
            tracker=job.performance.tracker,
            weights={**self.weights.metadata, "sha256": self.weights.sha256},
            fdgan={**self.fdgan.metadata, "sha256": self.fdgan.sha256} if self.fdgan else provenance.NO_FDGAN,
            colour={"space": report.colour_space, "reason": report.colour_reason, "config": self.colour.name},
            versions=provenance.versions(),
            consent=consent_id(self.members),
            job=self.name,
            digital_source_type=provenance.SOURCE_TYPE,
            warnings=report.warnings,
            cast=described(self.members) if self.settings.cast else {},
            takes={digest: job.made_of},
            frames=frame_entries(now, job.plan.states),
        ).save(report.sidecar, frame_entries(job.plan.said, job.plan.states))

    def inputs(self, plates: Plates) -> dict[str, provenance.Input]:
        """What the frames are made from, by what it is: each with its name and the SHA-256 over its files in order."""
        settings = self.settings
        named = {what: path for member in self.members for what, path in member.paths.items()}
        if settings.cast:
            named |= {name: getattr(settings, name) for name in ("cast", "holdout", "mask", "sound")}
        if plates.moving:
            files = files_of(settings.target)
            inputs = {"target": provenance.Input(settings.target, self.loader.sha256(*files), len(files))}
        else:
            # Of a target sequence, only the frame that was used.
            path = plates.first.plate.path
            inputs = {"target": provenance.Input(str(path), self.loader.sha256(path))}
        for what, name in named.items():
            if files := files_of(name):
                inputs[what] = provenance.Input(name, self.loader.sha256(*files), len(files))
        return inputs

    def render(self, job: Opened) -> tuple[dict[int, float], dict[int, str]]:
        """Render and write; returns each written frame's confidence, and the failed frames with their reason."""
        settings, todo = self.settings, job.plan.todo
        confidence: dict[int, float] = {}
        failed: dict[int, str] = {}
        attributes = provenance.frame_attributes(
            weights_sha256=self.weights.sha256,
            fdgan_sha256=self.fdgan.sha256 if self.fdgan else provenance.NO_FDGAN,
            target=Path(settings.target).name,
            driver=", ".join(Path(member.loader.performance.name).name for member in self.members),
            made_of=job.made_of.digest,
            consent=consent_id(self.members),
            job=self.name,
            proxy=settings.proxy,
        )
        writer = FrameWriter(settings, job.plates, job.shot, self.colour, attributes, job.plan.faces, self.occlusions)
        try:
            with contextlib.ExitStack() as opened:
                movie = None
                if self.movie is not None and todo:
                    parts = self.members[0].role.settings, job.plates, job.performance, job.plan
                    movie = opened.enter_context(Preview(self.movie, *parts, self.colour, self.loader.notes.append))
                results = opened.enter_context(contextlib.closing(writer.run(self.rendered(job))))
                self.watch(Progress("render", 0, len(todo), None))
                for done, (frame, result, reason) in enumerate(results, start=1):
                    if reason is None:
                        confidence[frame] = round(result.sure, 4)
                    else:
                        failed[frame] = reason
                    if movie is not None:
                        movie.write(frame, result)
                    self.watch(Progress("render", done, len(todo), frame, reason or ""))
        except Cancelled:
            raise Cancelled(tuple(sorted(writer.written))) from None
        if failed and not confidence:
            raise OutputError(next(iter(failed.values())))
        return confidence, failed

    def rendered(self, job: Opened) -> Iterator[tuple[int, Frame]]:
        """Render frame by frame until the watch ends it."""
        with ThreadPoolExecutor(1, thread_name_prefix="plate") as pool:
            # The next frame's picture is read meanwhile; whoever needs one that could not be says so.
            todo = job.plan.todo.numbers
            for frame, following in itertools.zip_longest(todo, todo[1:]):
                self.watch.check()
                if following is not None:
                    pool.submit(job.plates.picture, following)
                yield frame, self.rendered_alone(job, frame)

    def rendered_alone(self, job: Opened, frame: int) -> Frame:
        """Render one frame."""
        made = job.shot.black(frame) if frame in job.plan.black else job.shot.render(frame)
        if self.kept is None:
            return made
        return made.keep(job.plates.picture(frame).pixels, job.plates.proxy.reduce(self.kept.read(frame)))


def frame_entries(
    said: Mapping[int, Mapping[str, Any]], states: Mapping[int, State]
) -> dict[int, provenance.FrameEntry]:
    """Return what the sidecar says of frames, by what they say themselves; those without a confidence are left out."""
    return {
        frame: provenance.FrameEntry(
            round(float(one["confidence"]), 4), states[frame].name.lower(), one.get("made_of"), one.get("parts") or None
        )
        for frame, one in said.items()
        if isinstance(one.get("confidence"), float)
    }
