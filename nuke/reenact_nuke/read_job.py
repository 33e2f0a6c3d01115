"""Read a job from a node: the engine's settings, from its knobs and inputs."""

from __future__ import annotations

from typing import Any, Collection, Tuple

import nuke
from reenact_nuke import (
    curve_files,
    inputs,
    knobs,
    layout,
    moving_target_files,
    node_files,
    options,
    paths,
    performance_files,
    tracked_inputs,
    upstream_nodes,
)
from reenact_nuke.errors import ReenactError
from reenact_nuke.inputs import DRIVER, MATTES, NAMES, TARGET, Source
from reenact_nuke.job import Job
from reenact_nuke.tracked_inputs import TrackedInput


def read_job(node: Any, retrack: Collection[TrackedInput] = (), rerender_target: bool = False) -> Job:
    """Read a job from a node.

    Args:
        node: the Reenact node.
        retrack: inputs that will be tracked (again). Their performances, and frames that Nuke renders for tracking, go
            to new files; of the others the node uses what it remembers, if that is still right.
        rerender_target: render a target that moves again, even if the node sees no change.

    Raises:
        ReenactError: an input or the output is missing, or the range is empty.
    """
    output = _output(node)
    folder = node_files.path_beside(node, output, "inputs")
    target, driver = (inputs.describe_input(node, index, folder) for index in (TARGET, DRIVER))
    moves = _moves(node, target)
    if moves and target.rendered:
        before = moving_target_files.rendered_target(node, target) if not rerender_target else ""
        # A farm may be reading the frames: no folder is written to a second time.
        file = before or node_files.new_path(node, output, "target") + "/target.####.exr"
        target = target._replace(file=file)
    if driver.rendered and tracked_inputs.DRIVER not in retrack:
        driver = performance_files.reuse_rendered_driver(node, driver)
    mattes = {index: inputs.describe_input(node, index, folder) for index in MATTES if node.input(index) is not None}
    shown = target if moves else driver
    first, last = frame_range(node, shown)
    chosen = knobs.values(node)
    for name, space in (("colorspace", target.space), ("driver_colorspace", driver.space)):
        if name not in chosen and space:
            chosen[name] = space
    chosen.update(
        target=target.file, driver=driver.file, output=output, frames=frames_text(first, last),
        performance=performance_files.choose_path(
            node, tracked_inputs.DRIVER, output, tracked_inputs.DRIVER in retrack
        ),
    )  # fmt: skip
    chosen.update({NAMES[index]: matte.file for index, matte in mattes.items()})
    # Over all frames, not only the rendered ones: the light of a frame is a mean over its neighbours.
    curves = curve_files.curves_text(node, min(first, shown.first), max(last, shown.last))
    curves_file = curve_files.curves_path(node, output, curves) if curves else _earlier_gaze_file(node)
    if curves_file:
        chosen["curves"] = curves_file
    job = Job(chosen, target, driver, mattes, moves, first, last, curves)
    if moves:
        _add_moving(node, job, retrack)
    elif "target_frame" not in chosen and paths.is_footage(target.file):
        chosen["target_frame"] = _first_shown(node, target)
    ordered = {option["name"]: chosen[option["name"]] for option in options.all_options() if option["name"] in chosen}
    return job._replace(settings=ordered)


def _earlier_gaze_file(node: Any) -> str:
    """Give the file of the gaze's curves that a node of an earlier version names; empty if none."""
    knob = node.knob(layout.PREFIX + "gaze_file")
    return knobs.path(knob) if knob is not None else ""


def _output(node: Any) -> str:
    output = knobs.path(knobs.knob(node, layout.PREFIX + "output"))
    if not output:
        raise ReenactError(f"{node.name()}: name an output, as in shot_v001.####.exr")
    if not paths.has_placeholder(output) or not output.lower().endswith(".exr"):
        raise ReenactError(f"{node.name()}: output '{output}' is not an EXR sequence, such as shot_v001.####.exr")
    return output


def target_moves(node: Any) -> bool:
    """Tell whether the target moves, by the knob *target*; with ``auto``, by the nodes upstream.

    A node of an earlier version has no such knob: its target is a still.
    """
    mode = _mode(node)
    if mode != "auto":
        return mode == "moves"
    has_target_frame = bool(knobs.knob(node, layout.checkbox_name("target_frame")).value())
    return not has_target_frame and upstream_nodes.comes_from_footage(node.input(TARGET))


def _mode(node: Any) -> str:
    knob = node.knob(layout.PREFIX + "target_mode")
    return str(knob.value()) if knob is not None else "still"


def _moves(node: Any, target: Source) -> bool:
    """As :func:`target_moves`, of a target whose files are known.

    Raises:
        ReenactError: the knob says ``moves``, but it has one frame.
    """
    if target.moves or _mode(node) != "moves":
        return target.moves and target_moves(node)
    raise ReenactError(f"{node.name()}: the target input has only one frame: connect footage, or set 'target' to still")


def _first_shown(node: Any, target: Source) -> int:
    """Give the frame of a target's footage that is animated if none is chosen: the first that its Read shows.

    With a node of an earlier version it is the first in the file, if that is a video.
    """
    is_earlier = node.knob(layout.PREFIX + "target_mode") is None
    return 1 if is_earlier and not paths.has_placeholder(target.file) else target.first


def _add_moving(node: Any, job: Job, retrack: Collection[TrackedInput]) -> None:
    """Add the settings that only a target that moves has: its files, and the driver's first frame."""
    chosen = job.settings
    output, is_retracked = chosen["output"], tracked_inputs.TARGET in retrack
    chosen.pop("target_frame", None)
    chosen["target_performance"] = performance_files.choose_path(node, tracked_inputs.TARGET, output, is_retracked)
    chosen["driver_start"] = driver_start(job)
    for file in moving_target_files.FILES:
        if file.option not in chosen:
            chosen[file.option] = moving_target_files.choose_path(node, file, job, bool(retrack))


def driver_start(job: Job) -> int:
    """Give the driver's frame for the first frame of the target on disk, so that frames pair as the Reads show them.

    The engine counts from the target's first frame on disk; its Read may begin later.
    """
    chosen, target = job.settings, job.target
    start, speed = chosen.get("driver_start", job.driver.first), chosen.get("driver_speed", 1.0)
    on_disk = target.first if target.rendered else paths.first_frame(target.file, target.first)
    return round(start + (on_disk - target.first) * speed)


def frame_range(node: Any, source: Source) -> Tuple[int, int]:
    """Give the first and last frame to render, by the knob *frame range*.

    Args:
        node: the Reenact node.
        source: the input whose frame numbers count.

    Raises:
        ReenactError: the last is before the first.
    """
    kind = knobs.knob(node, layout.PREFIX + "range").value()
    if kind == "root":
        root = nuke.root()
        first, last = int(root["first_frame"].value()), int(root["last_frame"].value())
    elif kind == "custom":
        first, last = (int(knobs.knob(node, layout.PREFIX + name).value()) for name in ("first", "last"))
    else:
        first, last = source.first, source.last
    if last < first:
        raise ReenactError(f"{node.name()}: frame range {first}-{last} ends before it begins: correct the range")
    return first, last


def frames_text(first: int, last: int) -> str:
    """Write a range of frames for the engine: ``1001`` or ``1001-1100``."""
    return str(first) if first == last else f"{first}-{last}"
