"""What each button does; ``ACTIONS`` at the end lists them.

Nuke's main thread prepares the work and puts the result into the script; in between a thread talks to the engine.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Tuple

import nuke
from reenact_nuke import (
    curve_files,
    farm,
    inputs,
    knobs,
    landmarks,
    layout,
    log,
    moving_target_files,
    node_files,
    paths,
    performance_curves,
    presets,
    result_reads,
)
from reenact_nuke.analysis import Analysis, prepare
from reenact_nuke.engine_task import Call, Task, cancel, report_error, require_idle, start
from reenact_nuke.errors import ReenactError
from reenact_nuke.job import Job
from reenact_nuke.performance_files import may_overwrite, needs_tracking, read_memory, remember, tracking_sources
from reenact_nuke.read_job import read_job
from reenact_nuke.tracked_inputs import BOTH, TrackedInput


def press(action: str) -> None:
    """Do the action of a button of the current node; show errors in a message, or raise them in a terminal."""
    node = nuke.thisNode()
    try:
        ACTIONS[action](node)
    except ReenactError as error:
        if not nuke.GUI:
            raise
        report_error(str(error))
    except Exception as error:
        log.write_traceback()
        report_error(f"The Reenact node has a bug: {error!r}. Send the log to your support: {log.path()}")


def analyse(node: Any) -> None:
    """Track the driver, and a target that moves, again."""
    job = read_job(node, retrack=BOTH, rerender_target=True)
    lost = " ".join(text for text in (_what_is_lost(node, job, tracked) for tracked in job.tracked_inputs) if text)
    if lost:
        if not nuke.GUI:
            raise ReenactError(f"{node.name()}: {lost} Name another performance file first.")
        if not nuke.ask(lost + " Track again?"):
            return
    require_idle()
    prepare(node, job, job.tracked_inputs)
    analysis = Analysis(node, job, job.tracked_inputs)

    def work(call: Call) -> str:
        line = analysis.track(call)
        analysis.make_shared_files(call)
        return line

    start(Task(node, "Analyse", work, str))


def _what_is_lost(node: Any, job: Job, tracked: TrackedInput) -> str:
    """Describe what the artist loses if an input is tracked again; empty if nothing."""
    hand_made, path = read_memory(node, tracked).get("hand_made"), job.settings[tracked.option]
    if hand_made:
        whose = f"of the {tracked.name} " if job.moves else ""
        return f"Landmarks {whose}placed by hand in frames {hand_made} will be lost."
    if os.path.exists(path) and not may_overwrite(node, tracked, path):
        return f"{path} exists and was not written by this node, or was changed since: it will be overwritten."
    return ""


def preview(node: Any) -> None:
    """Render the frame in the viewer; track first if necessary."""
    (job, needed), frame = _read_for_render(node), int(nuke.frame())
    output = node_files.path_beside(node, job.settings["output"], "preview/preview.####.exr")
    settings = dict(job.settings, frames=str(frame), output=output, existing="overwrite")
    if job.moves and not os.path.isfile(settings["parts_file"]):
        # A preview writes no parts file: the artist may still change settings many times.
        del settings["parts_file"]

    def finish(report: Dict[str, Any]) -> None:
        result_reads.show_preview(node, report, frame, settings.get("colorspace"))

    _render(node, job._replace(settings=settings, first=frame, last=frame), job, needed, "preview", finish)


def render(node: Any) -> None:
    """Render the frame range and show the result; track first if necessary."""
    job, needed = _read_for_render(node)
    if not _may_write_output(node, job.settings["output"]):
        return

    def finish(report: Dict[str, Any]) -> None:
        result_reads.show_result(node, report, job.first, job.last, job.settings.get("colorspace"))

    _render(node, job, job, needed, "render", finish)


def _read_for_render(node: Any) -> Tuple[Job, List[TrackedInput]]:
    """Read the job, and the inputs that have to be tracked before it."""
    job = read_job(node)
    needed = [tracked for tracked in job.tracked_inputs if needs_tracking(node, job, tracked)]
    return (read_job(node, retrack=needed) if needed else job), needed


def _may_write_output(node: Any, output: str) -> bool:
    """Ask the artist if another node writes to the same output, for example the original of a copy.

    Raises:
        ReenactError: in a terminal, if another node does.
    """
    others = [other for other in knobs.reenact_nodes() if other != node and not other["disable"].value()]
    same = [other for other in others if knobs.path(knobs.knob(other, layout.PREFIX + "output")) == output]
    if not same:
        return True
    text = f"{same[0].fullName()} writes to the same output, {output}: frames of both would be mixed."
    if nuke.GUI:
        return bool(nuke.ask(text + " Continue?"))
    raise ReenactError(f"{node.name()}: {text} Name another output, or disable one of them.")


def _render(
    node: Any,
    rendered: Job,
    job: Job,
    needed: List[TrackedInput],
    do: str,
    finish: Callable[[Dict[str, Any]], None],
) -> None:
    """Render ``rendered``, which may be one frame of ``job``; tracking is that of ``job``, the whole range.

    Args:
        node: the Reenact node.
        rendered: the frames to render.
        job: as the node has it.
        needed: inputs to track before.
        do: the engine's request, ``render`` or ``preview``.
        finish: called in the main thread with the engine's answer.
    """
    require_idle()
    prepare(node, job, needed, rendered.first, rendered.last)
    analysis = Analysis(node, job, needed)

    def work(call: Call) -> Dict[str, Any]:
        analysis.track(call)
        return call(do, settings=rendered.settings)

    def end(report: Dict[str, Any]) -> str:
        if job.moves:
            moving_target_files.remember_files(node, rendered)
        finish(report)
        if report["failed"]:
            raise ReenactError(summary(report))
        return summary(report)

    start(Task(node, do.capitalize(), work, end))


def send_to_farm(node: Any) -> None:
    """Have the engine write the job file, and give the job to the studio's function."""
    job = read_job(node)
    for tracked in job.tracked_inputs:
        if needs_tracking(node, job, tracked):
            raise ReenactError(
                f"{node.name()}: press Analyse first, so that all machines of the farm read the same "
                f"performance of the {tracked.name}"
            )
    if not _may_write_output(node, job.settings["output"]):
        return
    require_idle()
    # In a folder of the job's own: later renders and jobs of this node must not change what this job reads.
    file = node_files.new_path(node, job.settings["output"], "job.json")
    job = _in_folder(job, os.path.splitext(file)[0])
    prepare(node, job, (), job.first, job.last)
    fields = {"name": node.name(), "settings": job.settings, "file": file}
    analysis = Analysis(node, job, ())

    def work(call: Call) -> Dict[str, Any]:
        analysis.make_shared_files(call)
        return call("job", **fields)

    def finish(written: Dict[str, Any]) -> str:
        message = farm.send(written)
        if nuke.GUI:
            nuke.message(message)
        return message

    start(Task(node, "Farm", work, finish))


def _in_folder(job: Job, folder: str) -> Job:
    """Copy a job, with the inputs that Nuke renders for each render in the given folder."""
    target, mattes, settings = job.target, dict(job.mattes), dict(job.settings)
    if target.rendered and not job.moves:
        target = target._replace(file=f"{folder}/{inputs.NAMES[inputs.TARGET]}.####.exr")
        settings["target"] = target.file
    for index, matte in job.mattes.items():
        if matte.rendered:
            mattes[index] = matte._replace(file=f"{folder}/{inputs.NAMES[index]}.####.exr")
            settings[inputs.NAMES[index]] = mattes[index].file
    return job._replace(target=target, mattes=mattes, settings=settings)


def export_landmarks(node: Any) -> None:
    """Make a Tracker with the performance's landmarks."""
    tracked, path = _chosen_performance(node)
    wanted = str(knobs.knob(node, layout.PREFIX + "landmark_frames").value()).strip()
    fields = {"performance": path}
    if wanted:
        fields["frames"] = wanted

    def finish(answer: Dict[str, Any]) -> str:
        tracker = landmarks.make_tracker(node, tracked, answer)
        return "{} has the landmarks of {} frames".format(tracker.name(), len(answer["frames"]))

    start(Task(node, "Landmarks", lambda call: call("landmarks", **fields), finish))


def import_landmarks(node: Any, source: Any = None) -> None:
    """Write a new performance with the landmarks of a Tracker or a JSON file, where they differ.

    Args:
        node: the Reenact node.
        source: a Tracker4 node, or a path; None for the selected Tracker, else a file that the artist chooses.
    """
    tracked, path = _chosen_performance(node)
    # A new file: others may be reading the present one.
    output = node_files.new_path(node, read_job(node).settings["output"], tracked.file_name)
    source = source if source is not None else landmarks.choose_source()
    if source is None:
        return
    keys = landmarks.read_source(source, tracked)

    def work(call: Call) -> Dict[str, Any]:
        known = call("landmarks", performance=path)
        moved = landmarks.moved_frames(known, keys)
        if not moved:
            return {}
        return call("place", performance=path, frames=moved, output=output)

    def finish(done: Dict[str, Any]) -> str:
        if not done:
            return f"No landmark was moved by more than {landmarks.NEAR:g} pixels: nothing to import"
        known = read_memory(node, tracked)
        is_same = known.get("performance") == path
        return remember(node, tracked, known if is_same else tracking_sources(read_job(node), tracked), done)

    start(Task(node, "Landmarks", work, finish))


def show_curves(node: Any) -> None:
    """Show the performance's curves on a tab."""
    _, path = _chosen_performance(node)

    def finish(answer: Dict[str, Any]) -> str:
        return performance_curves.show(node, answer)

    start(Task(node, "Curves", lambda call: call("curves", performance=path), finish))


def read_curves(node: Any) -> None:
    """Ask for a file of curves, and set the knobs' keys from it."""
    path = nuke.getFilename("Curves", "*.json") if nuke.GUI else ""
    if path:
        nuke.message(curve_files.set_keys(node, path))


def save_curves(node: Any) -> None:
    """Ask for a file, and write the animated knobs' curves to it, over the node's frame range."""
    job = read_job(node)
    path = nuke.getFilename("Curves", "*.json") if nuke.GUI else ""
    if path:
        nuke.message(curve_files.save(node, path, job.first, job.last))


def set_frame(node: Any, option: str) -> None:
    """Set an option to the frame in the viewer."""
    knobs.knob(node, layout.checkbox_name(option)).setValue(True)
    knobs.knob(node, layout.knob_name(option)).setValue(int(nuke.frame()))


def next_version(node: Any) -> None:
    """Raise the output's version by one."""
    knob = knobs.knob(node, layout.PREFIX + "output")
    if not knob.value():
        raise ReenactError(f"{node.name()}: name an output first, as in shot_v001.####.exr")
    knob.setValue(paths.next_version(str(knob.value())))


def show_log(node: Any) -> None:
    """Show the end of the log."""
    text = "{}\n\n{}".format(log.path(), log.tail() or "The log is empty.")
    if nuke.GUI:
        nuke.message(text)
    else:
        nuke.tprint(text)


def apply_preset(node: Any) -> None:
    """Set the knobs from the chosen preset."""
    presets.apply(node, str(knobs.knob(node, layout.PREFIX + "preset").value()))


def save_preset(node: Any) -> None:
    """Ask for a name, and save the present values as a preset."""
    name = nuke.getInput("Name of the preset", "mine") if nuke.GUI else ""
    if name:
        presets.save(node, name.strip())


def summary(report: Dict[str, Any]) -> str:
    """Write one line about what was rendered."""
    parts = ["{} frames written in {:.1f} s".format(len(report["written"]), report["seconds"])]
    parts += [f"{len(report[name])} {name}" for name in ("skipped", "held", "black", "bridged") if report[name]]
    # An engine of an earlier version does not report these.
    if report.get("plain"):
        parts.append("{} without the target's face, unchanged".format(len(report["plain"])))
    if report.get("parts"):
        count, total = len(report["parts"]), len(report["written"])
        parts.append(f"{count} of {total} frames take mouth or eyes from other frames or pictures")
    if report["failed"]:
        frame, reason = next(iter(report["failed"].items()))
        parts.append("{} failed, the first is frame {}: {}".format(len(report["failed"]), frame, reason))
    if report["confidence"]:
        frame = min(report["confidence"], key=lambda f: float(report["confidence"][f]))
        parts.append("lowest confidence {:.2f} at {}".format(float(report["confidence"][frame]), frame))
    return "; ".join(parts + list(report["warnings"]))


def _chosen_performance(node: Any) -> Tuple[TrackedInput, str]:
    """Give the input whose performance the artist works on, and the performance file.

    Raises:
        ReenactError: there is none, or it has to be tracked again.
    """
    job, tracked = read_job(node), landmarks.chosen_input(node)
    if tracked not in job.tracked_inputs:
        raise ReenactError(f"{node.name()}: the target is a still: set 'landmarks of' to driver")
    path = job.settings[tracked.option]
    if not os.path.isfile(path):
        raise ReenactError(f"{node.name()}: there is no performance yet ({path}): press Analyse")
    if needs_tracking(node, job, tracked):
        raise ReenactError(
            f"{node.name()}: the {tracked.name} or its tracking options were changed since {path}: press Analyse"
        )
    return tracked, path


ACTIONS: Dict[str, Callable[[Any], None]] = {
    "analyse": analyse, "preview": preview, "render": render, "cancel": lambda node: cancel(), "farm": send_to_farm,
    "show_log": show_log, "export_landmarks": export_landmarks, "import_landmarks": import_landmarks,
    "show_curves": show_curves, "set_reference": lambda node: set_frame(node, "reference"),
    "set_target_reference": lambda node: set_frame(node, "target_reference"),
    "set_driver_start": lambda node: set_frame(node, "driver_start"), "next_version": next_version,
    "read_curves": read_curves, "save_curves": save_curves, "apply_preset": apply_preset, "save_preset": save_preset,
}  # fmt: skip
