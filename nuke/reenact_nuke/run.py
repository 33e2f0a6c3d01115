"""What the buttons do. Nuke's main thread prepares and wires, a thread of its own talks to the engine meanwhile."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Tuple

import nuke
from reenact_nuke import curves, farm, inputs, knobs, landmarks, layout, log, own, paths, presets, readback
from reenact_nuke.errors import ReenactError
from reenact_nuke.resolve import Resolved, made_of, may_replace, must_track, resolve, tracked, tracking_settings
from reenact_nuke.state import remember
from reenact_nuke.task import Call, Task, cancel, complain, in_main, see_idle, start


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
    """Track the driver anew."""
    found = resolve(node, fresh=True)
    hand_made, path = tracked(node).get("hand_made"), found.settings["performance"]
    lost = f"Landmarks placed by hand in frames {hand_made} will be lost." if hand_made else ""
    if not lost and os.path.exists(path) and not may_replace(node, path):
        lost = f"{path} is there, and not as this node made it; it will be replaced."
    if lost:
        if not nuke.GUI:
            raise ReenactError(f"{node.name()}: {lost} Name another performance file.")
        if not nuke.ask(lost + " Track anew?"):
            return
    see_idle()
    prepare(node, found, target=False, driver=True)
    made = made_of(found)

    def finish(done: Dict[str, Any]) -> str:
        return remember(node, made, done)

    start(Task(node, "Analyse", lambda call: call("analyse", settings=analysis(found)), finish))


def preview(node: Any) -> None:
    """Render the frame in the viewer, and track first if that is needed."""
    (found, needed), frame = _ready(node), int(nuke.frame())
    output = own.beside(node, found.settings["output"], "preview/preview.####.exr")
    settings = dict(found.settings, frames=str(frame), output=output, existing="overwrite")

    def finish(report: Dict[str, Any]) -> None:
        readback.show_preview(node, report, frame, settings.get("colorspace"))

    _render(node, found, needed, "preview", settings, finish)


def render(node: Any) -> None:
    """Render the range, track first if that is needed, and show the result."""
    found, needed = _ready(node)
    if not _may_write(node, found.settings["output"]):
        return

    def finish(report: Dict[str, Any]) -> None:
        readback.show_result(node, report, found.first, found.last, found.settings.get("colorspace"))

    _render(node, found, needed, "render", found.settings, finish)


def _ready(node: Any) -> Tuple[Resolved, bool]:
    """Read a node for a render, and tell whether its driver has to be tracked before."""
    found = resolve(node)
    needed = must_track(node, found)
    return (resolve(node, fresh=True) if needed else found), needed


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
    found: Resolved,
    needed: bool,
    do: str,
    settings: Dict[str, Any],
    finish: Callable[[Dict[str, Any]], None],
) -> None:
    see_idle()
    prepare(node, found, target=True, driver=needed)
    made = made_of(found)

    def work(call: Call) -> Dict[str, Any]:
        if needed:
            # At once: the file is there from now on, however the rendering ends.
            in_main(remember, node, made, call("analyse", settings=analysis(found)))
        return call(do, settings=settings)

    def end(report: Dict[str, Any]) -> str:
        finish(report)
        if report["failed"]:
            raise ReenactError(summary(report))
        return summary(report)

    start(Task(node, do.capitalize(), work, end))


def analysis(found: Resolved) -> Dict[str, Any]:
    """The settings that an analysis is asked for with."""
    settings = tracking_settings(found)
    settings.pop("frames", None)
    if "device" in found.settings:
        settings["device"] = found.settings["device"]
    settings["performance"] = found.settings["performance"]
    return settings


def prepare(node: Any, found: Resolved, target: bool, driver: bool) -> None:
    """Let Nuke render the inputs that are no files, those of them that are asked for."""
    if target and found.target.rendered:
        frame = found.settings["target_frame"]
        inputs.render(node, inputs.TARGET, found.target, frame, frame)
    if driver and found.driver.rendered:
        inputs.render(node, inputs.DRIVER, found.driver, found.first, found.last)


def send_to_farm(node: Any) -> None:
    """Have the engine write the job, and hand it on."""
    found = resolve(node)
    if must_track(node, found):
        raise ReenactError(
            f"{node.name()}: press Analyse first; every machine of the farm must work from the same tracked driver"
        )
    if not _may_write(node, found.settings["output"]):
        return
    see_idle()
    # What a job reads stays as it is when the node renders again, or sends another job.
    file = own.beside_new(node, found.settings["output"], "job.json")
    if found.target.rendered:
        folder = os.path.splitext(file)[0]
        target = found.target._replace(file=f"{folder}/{inputs.NAMES[inputs.TARGET]}.####.exr")
        found = found._replace(target=target, settings=dict(found.settings, target=target.file))
    prepare(node, found, target=True, driver=False)
    fields = {"name": node.name(), "settings": found.settings, "file": file}

    def finish(job: Dict[str, Any]) -> str:
        message = farm.send(job)
        if nuke.GUI:
            nuke.message(message)
        return message

    start(Task(node, "Farm", lambda call: call("job", **fields), finish))


def export_landmarks(node: Any) -> None:
    """Make a Tracker of the performance's landmarks."""
    path, wanted = _performance(node), str(knobs.knob(node, layout.PREFIX + "landmark_frames").value()).strip()
    fields = {"performance": path}
    if wanted:
        fields["frames"] = wanted

    def finish(found: Dict[str, Any]) -> str:
        tracker = landmarks.make_tracker(node, found)
        return "{} has the landmarks of {} frames".format(tracker.name(), len(found["frames"]))

    start(Task(node, "Landmarks", lambda call: call("landmarks", **fields), finish))


def import_landmarks(node: Any, source: Any = None) -> None:
    """Place what a Tracker or a JSON file says by hand, where it differs from the performance.

    Args:
        node: the Reenact node.
        source: a Tracker4 node or a path; the selected Tracker, else a file that is asked for, if None.
    """
    path = _performance(node)
    # Those who work from the present file go on doing so.
    output = own.beside_new(node, resolve(node).settings["output"], "performance.npz")
    source = source if source is not None else landmarks.choose()
    if source is None:
        return
    keys = landmarks.keys_of(source)

    def work(call: Call) -> Dict[str, Any]:
        known = call("landmarks", performance=path)
        changed = landmarks.changed(known, keys)
        if not changed:
            return {}
        return call("place", performance=path, frames=changed, output=output)

    def finish(done: Dict[str, Any]) -> str:
        if not done:
            return f"No landmark differs by more than {landmarks.NEAR:g} pixels; nothing was changed"
        known = tracked(node)
        same = known.get("performance") == path
        return remember(node, known if same else made_of(resolve(node)), done)

    start(Task(node, "Landmarks", work, finish))


def show_curves(node: Any) -> None:
    """Put the performance's curves on a tab."""
    path = _performance(node)

    def finish(found: Dict[str, Any]) -> str:
        return curves.show(node, found)

    start(Task(node, "Curves", lambda call: call("curves", performance=path), finish))


def set_reference(node: Any) -> None:
    """Make the frame in the viewer the driver's reference."""
    knobs.knob(node, layout.is_set_name("reference")).setValue(True)
    knobs.knob(node, layout.knob_name("reference")).setValue(int(nuke.frame()))


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
    if report["failed"]:
        frame, reason = next(iter(report["failed"].items()))
        parts.append("{} failed, the first {}: {}".format(len(report["failed"]), frame, reason))
    if report["confidence"]:
        frame = min(report["confidence"], key=lambda f: float(report["confidence"][f]))
        parts.append("lowest confidence {:.2f} at {}".format(float(report["confidence"][frame]), frame))
    return "; ".join(parts + list(report["warnings"]))


def _performance(node: Any) -> str:
    """The performance file of a node that has been analysed.

    Raises:
        ReenactError: there is none yet.
    """
    found = resolve(node)
    path = found.settings["performance"]
    if not os.path.isfile(path):
        raise ReenactError(f"{node.name()}: there is no performance yet ({path}); press Analyse")
    if must_track(node, found):
        raise ReenactError(f"{node.name()}: {path} is not of the driver and its tracking as they are; press Analyse")
    return path


ACTIONS: Dict[str, Callable[[Any], None]] = {
    "analyse": analyse, "preview": preview, "render": render, "cancel": lambda node: cancel(), "farm": send_to_farm,
    "show_log": show_log, "export_landmarks": export_landmarks, "import_landmarks": import_landmarks,
    "show_curves": show_curves, "set_reference": set_reference, "next_version": next_version,
    "apply_preset": apply_preset, "save_preset": save_preset,
}  # fmt: skip
