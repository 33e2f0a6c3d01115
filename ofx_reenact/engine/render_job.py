"""A render job: target and driver in, EXR sequence out. Reading, rendering and writing overlap."""

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
from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.cast import CastShot, consent_id, describe_members, open_members
from ofx_reenact.engine.check_paths import preview_to_write
from ofx_reenact.engine.input_digests import frames_made_of
from ofx_reenact.engine.malloc import keep_freed_memory
from ofx_reenact.engine.occlusion import Occlusions, find_occlusions
from ofx_reenact.engine.plan import Plan, combine_states, plan_frames
from ofx_reenact.engine.plates import Plates
from ofx_reenact.engine.preview import Preview, check_sound
from ofx_reenact.engine.writer import FrameWriter
from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.frames.matte import Protection
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
        written, skipped: frames written by this job, and frames that existed already.
        held, black: written frames without a driver face, with ``--missing hold`` or ``--missing black``.
        bridged: written frames in short gaps without a driver face, interpolated.
        plain: written frames in which a moving target shows no face, and stays unchanged.
        parts: written frames that take mouth or eyes from another frame or picture.
        faceless, absent: requested frames whose driver frame shows no face, or does not exist.
        failed: frames that could not be written, with the reason.
        warnings: notes for the user.
        colour_space, colour_reason: the target's colour space, and how it was chosen.
        reference: the driver's reference frame.
        confidence: of each written frame, 0 to 1.
        sidecar, preview: the files that were written; ``preview`` is None if there is none.
        seconds: how long the job took.
        device: the PyTorch device that it ran on.
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
    """Render a job in this process and return when it is done.

    Args:
        settings: ``target`` and ``output`` are needed, and ``driver`` or ``performance``.
        observe: called after each step, in this thread.
        job: the job's name on a farm, if it has one.

    Raises:
        ReenactError: an input cannot be used; nothing was written, or only whole frames.
    """
    return Job(settings, Watch(observe), JobCache(), job).run()


@dataclass(frozen=True)
class LoadedJob:
    """A job that is loaded and planned, ready to render.

    Attributes:
        plates: the target's pictures.
        target: the still, or the first picture of a moving target.
        performance: the driver's; in a cast the first member's.
        inputs: the files that were read, by option, for the sidecar.
        made_of: what the frames are made from, for the sidecar and the frames.
        plan: which frames to render.
        shot: renders them.
    """

    plates: Plates
    target: Picture
    performance: Performance
    inputs: Mapping[str, provenance.Input]
    made_of: provenance.MadeOf
    plan: Plan
    shot: Shot | CastShot


class Job:
    """One render job. :meth:`run` does all of it; :meth:`open` and :meth:`render` are its two halves."""

    def __init__(self, settings: Settings, watch: Watch, cache: JobCache, job: str = "") -> None:
        """Check the settings and load the weights.

        Args:
            settings: the job's settings; ``target`` and ``output`` are needed.
            watch: called with each step; may cancel the job from another thread.
            cache: what the process has loaded for earlier jobs; empty for a single job.
            job: the job's name on a farm, if it has one.

        Raises:
            ReenactError: an option, the cast, a consent file or weights cannot be used.
        """
        for name in ("target", "output"):
            if not getattr(settings, name):
                raise SettingsError(f"--{name} is needed")
        self.settings, self.watch, self.name = settings, watch, provenance.job_name(job)
        self.members = open_members(settings, watch, cache)
        self.loader, self.movie = self.members[0].loader, preview_to_write(settings)
        self.device, self.colour = self.loader.device, self.loader.colour
        self.weights, self.fdgan = self.loader.weights, self.loader.fdgan
        self.keep_mattes: Protection | None = None
        self.occlusions: Occlusions | None = None

    def run(self) -> Report:
        """Load the inputs, render the frames, write the sidecar, and return the report.

        Raises:
            ReenactError: an input cannot be used; nothing was written, or only whole frames.
            Cancelled: the watch cancelled the job; every frame that was rendered is written.
        """
        started = time.monotonic()
        settings, job = self.settings, self.open()
        plan, target = job.plan, job.target
        confidence, failed = self.render(job)
        # With a moving target, frames have the target's numbers, not the driver's.
        missing = [set(member.loader.performance.absent.tolist()) for member in self.members]
        absent = [] if job.plates.moving else sorted(set.intersection(*missing) & set(plan.frames))
        report = Report(
            output=settings.output,
            written=tuple(confidence),
            skipped=tuple(plan.skipped),
            held=plan.shown_as(State.HELD, confidence),
            black=tuple(sorted(plan.black & set(confidence))),
            bridged=plan.shown_as(State.BRIDGED, confidence),
            plain=tuple(frame for frame in plan.plain if frame in confidence),
            parts=tuple(frame for frame in confidence if job.shot.describe_parts(frame)),
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
    def open(self) -> LoadedJob:
        """Load target and driver, check every path and option, and plan the frames; nothing is rendered yet.

        Raises:
            ReenactError: an input cannot be used.
            Cancelled: the watch cancelled the job.
        """
        frame_path(self.settings.output, 1)
        check_sound(self.settings)
        if self.settings.frames:
            FrameRange.parse(self.settings.frames)
        self.watch(Progress("target", 0, 1, None, self.settings.target))
        plates, target = self.loader.plates, self.loader.target
        keep_freed_memory(target.plate.rgb.nbytes)
        for member in self.members:
            _ = member.loader.target_performance, member.loader.identity
            if not plates.moving:
                self.watch(Progress("target", 1, 1, None, member.name))
            _ = member.driver_states
            if member.role.settings.parts_file:
                # Loading the shot writes the parts file, which then counts as an input of this render as well.
                _ = member.loader.shot
        inputs = self.inputs(plates)
        made_of = frames_made_of(self.settings, inputs, self.weights.sha256, self.fdgan.sha256 if self.fdgan else "")
        driver = combine_states([member.driver_states for member in self.members])
        plan = plan_frames(self.settings, driver, made_of.digest)
        plates.check(plan.todo)
        self.occlusions = find_occlusions(
            self.settings, plates, [member.loader.target_performance for member in self.members], self.colour
        )
        shown = target.plate.display_window, target.plate.data_window
        self.keep_mattes = Protection.open(self.settings.holdout, self.settings.mask, plan.frames, *shown)
        shot = CastShot.of(self.members, plates) if self.settings.cast else self.loader.shot
        return LoadedJob(plates, target, self.loader.performance, inputs, made_of, plan, shot)

    def warnings(self, job: LoadedJob) -> tuple[str, ...]:
        """Return the notes for the user: on the plate, on each person, their consent and the tracker's terms."""
        own = [note for member in self.members for note in member.warnings(job.plan.frames)]
        return (*job.target.plate.notes, *own)

    def write_sidecar(self, report: Report, job: LoadedJob) -> None:
        """Write what the frames were made from, and the confidence of each, into the sidecar.

        Skipped frames are included: the job that wrote them may have been killed before it wrote the sidecar.
        """
        if not report.written and not report.skipped:
            return
        digest = job.made_of.digest
        written = {
            frame: {"confidence": confidence, "made_of": digest, "parts": job.shot.describe_parts(frame)}
            for frame, confidence in report.confidence.items()
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
            cast=describe_members(self.members) if self.settings.cast else {},
            takes={digest: job.made_of},
            frames=frame_entries(written, job.plan.states),
        ).save(report.sidecar, frame_entries(job.plan.recorded, job.plan.states))

    def inputs(self, plates: Plates) -> dict[str, provenance.Input]:
        """Return the files that the job reads, by option: name, one SHA-256 over them all in order, and count."""
        settings = self.settings
        named = {what: path for member in self.members for what, path in member.paths.items()}
        if settings.cast:
            named |= {name: getattr(settings, name) for name in ("cast", "holdout", "mask", "sound")}
        if plates.moving:
            files = files_of(settings.target)
            inputs = {"target": provenance.Input(settings.target, self.loader.sha256(*files), len(files))}
        else:
            # If the still is a frame of a sequence, only that frame counts.
            path = plates.first.plate.path
            inputs = {"target": provenance.Input(str(path), self.loader.sha256(path))}
        for what, name in named.items():
            if files := files_of(name):
                inputs[what] = provenance.Input(name, self.loader.sha256(*files), len(files))
        return inputs

    def render(self, job: LoadedJob) -> tuple[dict[int, float], dict[int, str]]:
        """Render and write the planned frames; returns each written frame's confidence, and why others failed."""
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
                    inputs = self.members[0].role.settings, job.plates, job.performance, job.plan
                    movie = opened.enter_context(Preview(self.movie, *inputs, self.colour, self.loader.notes.append))
                results = opened.enter_context(contextlib.closing(writer.run(self.render_frames(job))))
                self.watch(Progress("render", 0, len(todo), None))
                for done, (frame, result, reason) in enumerate(results, start=1):
                    if reason is None:
                        confidence[frame] = round(result.pose_confidence, 4)
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

    def render_frames(self, job: LoadedJob) -> Iterator[tuple[int, Frame]]:
        """Yield the planned frames, rendered in order; a thread reads the next frame's picture meanwhile."""
        with ThreadPoolExecutor(1, thread_name_prefix="plate") as pool:
            # If the next picture cannot be read, rendering that frame raises the error.
            todo = job.plan.todo.numbers
            for frame, following in itertools.zip_longest(todo, todo[1:]):
                self.watch.check()
                if following is not None:
                    pool.submit(job.plates.picture, following)
                yield frame, self.render_frame(job, frame)

    def render_frame(self, job: LoadedJob, frame: int) -> Frame:
        """Render one frame, black if the plan says so; ``--holdout`` and ``--mask``, if given, keep the plate."""
        made = job.shot.black(frame) if frame in job.plan.black else job.shot.render(frame)
        if self.keep_mattes is None:
            return made
        return made.keep_plate(job.plates.picture(frame).pixels, job.plates.proxy.reduce(self.keep_mattes.read(frame)))


def frame_entries(
    attributes: Mapping[int, Mapping[str, Any]], states: Mapping[int, State]
) -> dict[int, provenance.FrameEntry]:
    """Return the sidecar's entries of frames from their attributes; frames without a confidence are left out."""
    return {
        frame: provenance.FrameEntry(
            round(float(one["confidence"]), 4), states[frame].name.lower(), one.get("made_of"), one.get("parts") or None
        )
        for frame, one in attributes.items()
        if isinstance(one.get("confidence"), float)
    }
