"""What the buttons do. Nuke's main thread prepares and wires, a thread of its own talks to the engine meanwhile."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Tuple

import nuke
from reenact_nuke import (
    animated,
    curves,
    farm,
    inputs,
    kept,
    knobs,
    landmarks,
    layout,
    log,
    own,
    paths,
    presets,
    readback,
)
from reenact_nuke.analysis import Analysis, prepare
from reenact_nuke.errors import ReenactError
from reenact_nuke.performances import made_of, may_replace, must_track, tracked
from reenact_nuke.resolve import Resolved, resolve
from reenact_nuke.state import remember
from reenact_nuke.subjects import BOTH, Subject
from reenact_nuke.task import Call, Task, cancel, complain, see_idle, start


def press(action: str) -> None:
    """Do what a button of the current node says; every error ends here, in a message or, in a terminal, raised."""
    node = nuke.thisNode()
    try:
        ACTIONS[action](node)
    except ReenactError as error:
        if not nuke.GUI:
            raise
        complain(str(error))
    except Exception as error:
        log.write_traceback()
        complain(f"A defect of the Reenact node: {error!r}. Log: {log.path()}")


def analyse(node: Any) -> None:
    """Track the driver anew, and a target that moves."""
    found = resolve(node, fresh=BOTH, again=True)
    lost = " ".join(text for text in (_lost(node, found, subject) for subject in found.subjects) if text)
    if lost:
        if not nuke.GUI:
            raise ReenactError(f"{node.name()}: {lost} Name another performance file.")
        if not nuke.ask(lost + " Track anew?"):
            return
    see_idle()
    prepare(node, found, found.subjects)
    analysis = Analysis(node, found, found.subjects)

    def work(call: Call) -> str:
        said = analysis.track(call)
        analysis.share(call)
        return said

    start(Task(node, "Analyse", work, str))


def _lost(node: Any, found: Resolved, subject: Subject) -> str:
    """What the artist loses if somebody is tracked anew; empty if nothing."""
    hand_made, path = tracked(node, subject).get("hand_made"), found.settings[subject.option]
    if hand_made:
        whose = f"of the {subject.name} " if found.moves else ""
        return f"Landmarks {whose}placed by hand in frames {hand_made} will be lost."
    if os.path.exists(path) and not may_replace(node, subject, path):
        return f"{path} is there, and not as this node made it; it will be replaced."
    return ""


def preview(node: Any) -> None:
    """Render the frame in the viewer, and track first if that is needed."""
    (found, needed), frame = _ready(node), int(nuke.frame())
    output = own.beside(node, found.settings["output"], "preview/preview.####.exr")
    settings = dict(found.settings, frames=str(frame), output=output, existing="overwrite")
    if found.moves and not os.path.isfile(settings["parts_file"]):
        # While somebody moves a slider, what they look at needs no file.
        del settings["parts_file"]

    def finish(report: Dict[str, Any]) -> None:
        readback.show_preview(node, report, frame, settings.get("colorspace"))

    _render(node, found._replace(settings=settings, first=frame, last=frame), found, needed, "preview", finish)


def render(node: Any) -> None:
    """Render the range, track first if that is needed, and show the result."""
    found, needed = _ready(node)
    if not _may_write(node, found.settings["output"]):
        return

    def finish(report: Dict[str, Any]) -> None:
        readback.show_result(node, report, found.first, found.last, found.settings.get("colorspace"))

    _render(node, found, found, needed, "render", finish)


def _ready(node: Any) -> Tuple[Resolved, List[Subject]]:
    """Read a node for a render, and tell who has to be tracked before."""
    found = resolve(node)
    needed = [subject for subject in found.subjects if must_track(node, found, subject)]
    return (resolve(node, fresh=needed) if needed else found), needed


def _may_write(node: Any, output: str) -> bool:
    """Ask before the frames of two nodes are mixed, such as those of a copy that still has the original's output.

    Raises:
        ReenactError: they would be, and there is nobody to ask.
    """
    others = [other for other in knobs.nodes() if other != node and not other["disable"].value()]
    same = [other for other in others if knobs.path(knobs.knob(other, layout.PREFIX + "output")) == output]
    if not same:
        return True
    text = f"{same[0].fullName()} writes to the same output, {output}; their frames would be mixed."
    if nuke.GUI:
        return bool(nuke.ask(text + " Go on?"))
    raise ReenactError(f"{node.name()}: {text} Name another output, or disable one of them.")


def _render(
    node: Any,
    asked: Resolved,
    found: Resolved,
    needed: List[Subject],
    do: str,
    finish: Callable[[Dict[str, Any]], None],
) -> None:
    """Render as ``asked``; the performances and what else is kept are those of ``found``, the whole range."""
    see_idle()
    prepare(node, found, needed, asked.first, asked.last)
    analysis = Analysis(node, found, needed)

    def work(call: Call) -> Dict[str, Any]:
        analysis.track(call)
        return call(do, settings=asked.settings)

    def end(report: Dict[str, Any]) -> str:
        if found.moves:
            kept.remember(node, asked)
        finish(report)
        if report["failed"]:
            raise ReenactError(summary(report))
        return summary(report)

    start(Task(node, do.capitalize(), work, end))


def send_to_farm(node: Any) -> None:
    """Have the engine write the job, and hand it on."""
    found = resolve(node)
    for subject in found.subjects:
        if must_track(node, found, subject):
            raise ReenactError(
                f"{node.name()}: press Analyse first; every machine of the farm must work from the same tracked "
                f"{subject.name}"
            )
    if not _may_write(node, found.settings["output"]):
        return
    see_idle()
    # What a job reads stays as it is when the node renders again, or sends another job.
    file = own.beside_new(node, found.settings["output"], "job.json")
    found = _in_folder(found, os.path.splitext(file)[0])
    prepare(node, found, (), found.first, found.last)
    fields = {"name": node.name(), "settings": found.settings, "file": file}
    analysis = Analysis(node, found, ())

    def work(call: Call) -> Dict[str, Any]:
        analysis.share(call)
        return call("job", **fields)

    def finish(job: Dict[str, Any]) -> str:
        message = farm.send(job)
        if nuke.GUI:
            nuke.message(message)
        return message

    start(Task(node, "Farm", work, finish))


def _in_folder(found: Resolved, folder: str) -> Resolved:
    """The same, with what Nuke renders for every render in a folder of its own."""
    target, mattes, settings = found.target, dict(found.mattes), dict(found.settings)
    if target.rendered and not found.moves:
        target = target._replace(file=f"{folder}/{inputs.NAMES[inputs.TARGET]}.####.exr")
        settings["target"] = target.file
    for index, matte in found.mattes.items():
        if matte.rendered:
            mattes[index] = matte._replace(file=f"{folder}/{inputs.NAMES[index]}.####.exr")
            settings[inputs.NAMES[index]] = mattes[index].file
    return found._replace(target=target, mattes=mattes, settings=settings)


def export_landmarks(node: Any) -> None:
    """Make a Tracker of the performance's landmarks."""
    subject, path = _performance(node)
    wanted = str(knobs.knob(node, layout.PREFIX + "landmark_frames").value()).strip()
    fields = {"performance": path}
    if wanted:
        fields["frames"] = wanted

    def finish(found: Dict[str, Any]) -> str:
        tracker = landmarks.make_tracker(node, subject, found)
        return "{} has the landmarks of {} frames".format(tracker.name(), len(found["frames"]))

    start(Task(node, "Landmarks", lambda call: call("landmarks", **fields), finish))


def import_landmarks(node: Any, source: Any = None) -> None:
    """Place what a Tracker or a JSON file says by hand, where it differs from the performance.

    Args:
        node: the Reenact node.
        source: a Tracker4 node or a path; the selected Tracker, else a file that is asked for, if None.
    """
    subject, path = _performance(node)
    # Those who work from the present file go on doing so.
    output = own.beside_new(node, resolve(node).settings["output"], subject.file)
    source = source if source is not None else landmarks.choose()
    if source is None:
        return
    keys = landmarks.keys_of(source, subject)

    def work(call: Call) -> Dict[str, Any]:
        known = call("landmarks", performance=path)
        changed = landmarks.changed(known, keys)
        if not changed:
            return {}
        return call("place", performance=path, frames=changed, output=output)

    def finish(done: Dict[str, Any]) -> str:
        if not done:
            return f"No landmark differs by more than {landmarks.NEAR:g} pixels; nothing was changed"
        known = tracked(node, subject)
        same = known.get("performance") == path
        return remember(node, subject, known if same else made_of(resolve(node), subject), done)

    start(Task(node, "Landmarks", work, finish))


def show_curves(node: Any) -> None:
    """Put the performance's curves on a tab."""
    _, path = _performance(node)

    def finish(found: Dict[str, Any]) -> str:
        return curves.show(node, found)

    start(Task(node, "Curves", lambda call: call("curves", performance=path), finish))


def read_curves(node: Any) -> None:
    """Ask for a file of curves and key the knobs as it says."""
    path = nuke.getFilename("Curves", "*.json") if nuke.GUI else ""
    if path:
        nuke.message(animated.apply(node, path))


def save_curves(node: Any) -> None:
    """Ask for a file and write the keyed knobs' curves to it, over the node's frame range."""
    found = resolve(node)
    path = nuke.getFilename("Curves", "*.json") if nuke.GUI else ""
    if path:
        nuke.message(animated.save(node, path, found.first, found.last))


def set_frame(node: Any, option: str) -> None:
    """Make the frame in the viewer an option's frame."""
    knobs.knob(node, layout.is_set_name(option)).setValue(True)
    knobs.knob(node, layout.knob_name(option)).setValue(int(nuke.frame()))


def next_version(node: Any) -> None:
    """Count the output's version up."""
    held = knobs.knob(node, layout.PREFIX + "output")
    if not held.value():
        raise ReenactError(f"{node.name()}: name an output first, as shot_v001.####.exr")
    held.setValue(paths.next_version(str(held.value())))


def show_log(node: Any) -> None:
    """Show the end of the log."""
    text = "{}\n\n{}".format(log.path(), log.tail() or "nothing yet")
    if nuke.GUI:
        nuke.message(text)
    else:
        nuke.tprint(text)


def apply_preset(node: Any) -> None:
    """Take the chosen preset's values."""
    presets.apply(node, str(knobs.knob(node, layout.PREFIX + "preset").value()))


def save_preset(node: Any) -> None:
    """Ask for a name and keep the present values under it."""
    name = nuke.getInput("Name of the preset", "mine") if nuke.GUI else ""
    if name:
        presets.save(node, name.strip())


def summary(report: Dict[str, Any]) -> str:
    """One line of what was rendered."""
    parts = ["{} frames written in {:.1f} s".format(len(report["written"]), report["seconds"])]
    parts += [f"{len(report[name])} {name}" for name in ("skipped", "held", "black", "bridged") if report[name]]
    # An engine of an earlier version knows no target that moves.
    if report.get("plain"):
        parts.append("{} without the target's face, left as they are".format(len(report["plain"])))
    if report.get("parts"):
        count, of = len(report["parts"]), len(report["written"])
        parts.append(f"parts of {count} of {of} frames come from others")
    if report["failed"]:
        frame, reason = next(iter(report["failed"].items()))
        parts.append("{} failed, the first {}: {}".format(len(report["failed"]), frame, reason))
    if report["confidence"]:
        frame = min(report["confidence"], key=lambda f: float(report["confidence"][f]))
        parts.append("lowest confidence {:.2f} at {}".format(float(report["confidence"][frame]), frame))
    return "; ".join(parts + list(report["warnings"]))


def _performance(node: Any) -> Tuple[Subject, str]:
    """The performance that the artist works on, whose it is and its file.

    Raises:
        ReenactError: there is none yet.
    """
    found, subject = resolve(node), landmarks.subject_of(node)
    if subject not in found.subjects:
        raise ReenactError(f"{node.name()}: the target is a still; choose landmarks of the driver")
    path = found.settings[subject.option]
    if not os.path.isfile(path):
        raise ReenactError(f"{node.name()}: there is no performance yet ({path}); press Analyse")
    if must_track(node, found, subject):
        raise ReenactError(
            f"{node.name()}: {path} is not of the {subject.name} and its tracking as they are; press Analyse"
        )
    return subject, path


ACTIONS: Dict[str, Callable[[Any], None]] = {
    "analyse": analyse, "preview": preview, "render": render, "cancel": lambda node: cancel(), "farm": send_to_farm,
    "show_log": show_log, "export_landmarks": export_landmarks, "import_landmarks": import_landmarks,
    "show_curves": show_curves, "set_reference": lambda node: set_frame(node, "reference"),
    "set_target_reference": lambda node: set_frame(node, "target_reference"),
    "set_driver_start": lambda node: set_frame(node, "driver_start"), "next_version": next_version,
    "read_curves": read_curves, "save_curves": save_curves, "apply_preset": apply_preset, "save_preset": save_preset,
}  # fmt: skip
