"""What a node's knobs and inputs come to: the engine's settings."""

from __future__ import annotations

from typing import Any, Collection, Dict, NamedTuple, Tuple

import nuke
from reenact_nuke import animated, inputs, kept, knobs, layout, own, paths, performances, subjects, upstream
from reenact_nuke.errors import ReenactError
from reenact_nuke.inputs import DRIVER, MATTES, NAMES, TARGET, Source
from reenact_nuke.subjects import Subject


class Resolved(NamedTuple):
    """A node, resolved.

    Attributes:
        settings: names and values of the engine's settings, without what is the default.
        target, driver: the inputs.
        mattes: the inputs that say where the target stays, by their number; those that are connected.
        moves: the target is footage that performs, not one frame.
        first, last: the frame range, in the target's numbers if it moves, else in the driver's.
        curves: what the file of curves is to hold; empty without.
    """

    settings: Dict[str, Any]
    target: Source
    driver: Source
    mattes: Dict[int, Source]
    moves: bool
    first: int
    last: int
    curves: str = ""

    @property
    def subjects(self) -> Tuple[Subject, ...]:
        """Whose faces are tracked."""
        return subjects.BOTH if self.moves else (subjects.DRIVER,)

    def source(self, subject: Subject) -> Source:
        """The input that shows one of them."""
        return self.target if subject == subjects.TARGET else self.driver


def resolve(node: Any, fresh: Collection[Subject] = (), again: bool = False) -> Resolved:
    """Read a node.

    Args:
        node: the Reenact node.
        fresh: who is to be tracked (again): the performance, and what Nuke renders to track it, go to files that nobody
            else uses. Else both are what the node remembers, as long as that fits.
        again: a target that moves is rendered again, even if nothing that the node sees has changed.

    Raises:
        ReenactError: an input or the output is missing, or the range is empty.
    """
    output = _output(node)
    folder = own.beside(node, output, "inputs")
    target, driver = (inputs.source(node, index, folder) for index in (TARGET, DRIVER))
    moves = _moves(node, target)
    if moves and target.rendered:
        before = kept.rendered(node, target) if not again else ""
        # Frames that a farm may be reading stay, so they have a folder that is never written to again.
        file = before or own.beside_new(node, output, "target") + "/target.####.exr"
        target = target._replace(file=file)
    if driver.rendered and subjects.DRIVER not in fresh:
        driver = performances.rendered_before(node, driver)
    mattes = {index: inputs.source(node, index, folder) for index in MATTES if node.input(index) is not None}
    shown = target if moves else driver
    first, last = frame_range(node, shown)
    chosen = knobs.values(node)
    for name, space in (("colorspace", target.space), ("driver_colorspace", driver.space)):
        if name not in chosen and space:
            chosen[name] = space
    chosen.update(
        target=target.file, driver=driver.file, output=output, frames=frames_text(first, last),
        performance=performances.path_of(node, subjects.DRIVER, output, subjects.DRIVER in fresh),
    )  # fmt: skip
    chosen.update({NAMES[index]: matte.file for index, matte in mattes.items()})
    # Over all that there is, whatever part of it is rendered: light is a mean over frames nearby.
    curves = animated.text_of(node, min(first, shown.first), max(last, shown.last))
    named = animated.path_of(node, output, curves) if curves else _gaze_file(node)
    if named:
        chosen["curves"] = named
    found = Resolved(chosen, target, driver, mattes, moves, first, last, curves)
    if moves:
        _add_moving(node, found, fresh)
    elif "target_frame" not in chosen and paths.is_footage(target.file):
        chosen["target_frame"] = _first_shown(node, target)
    ordered = {option["name"]: chosen[option["name"]] for option in paths.options() if option["name"] in chosen}
    return found._replace(settings=ordered)


def _gaze_file(node: Any) -> str:
    """The curve of the gaze that a node of an earlier version names; empty if there is none."""
    held = node.knob(layout.PREFIX + "gaze_file")
    return knobs.path(held) if held is not None else ""


def _output(node: Any) -> str:
    output = knobs.path(knobs.knob(node, layout.PREFIX + "output"))
    if not output:
        raise ReenactError(f"{node.name()}: name an output, as shot_v001.####.exr")
    if not paths.has_padding(output) or not output.lower().endswith(".exr"):
        raise ReenactError(f"{node.name()}: output '{output}' is no EXR sequence; write shot_v001.####.exr")
    return output


def does_move(node: Any) -> bool:
    """Whether the target is footage that performs, as its knob says; ``auto`` looks at what is connected.

    A node of an earlier version has no such knob, and its target is a still.
    """
    mode = _mode(node)
    if mode != "auto":
        return mode == "moves"
    takes_one = bool(knobs.knob(node, layout.is_set_name("target_frame")).value())
    return not takes_one and upstream.moves(node.input(TARGET))


def _mode(node: Any) -> str:
    held = node.knob(layout.PREFIX + "target_mode")
    return str(held.value()) if held is not None else "still"


def _moves(node: Any, target: Source) -> bool:
    """As :func:`does_move`, of a target that is known.

    Raises:
        ReenactError: it is to move and has one frame.
    """
    if target.moves or _mode(node) != "moves":
        return target.moves and does_move(node)
    raise ReenactError(f"{node.name()}: the target input has one frame; connect footage, or set target to still")


def _first_shown(node: Any, target: Source) -> int:
    """The frame of a target's footage that is animated if none is named: the first that its Read shows.

    Of a video, an earlier version left it to the engine, which took the first in the file.
    """
    is_earlier = node.knob(layout.PREFIX + "target_mode") is None
    return 1 if is_earlier and not paths.has_padding(target.file) else target.first


def _add_moving(node: Any, found: Resolved, fresh: Collection[Subject]) -> None:
    """Add to the settings what only a target that moves has: its files, and which driver's frame belongs to which."""
    chosen = found.settings
    output, anew = chosen["output"], subjects.TARGET in fresh
    chosen.pop("target_frame", None)
    chosen["target_performance"] = performances.path_of(node, subjects.TARGET, output, anew)
    chosen["driver_start"] = driver_start(found)
    for file in kept.FILES:
        if file.option not in chosen:
            chosen[file.option] = kept.path_of(node, file, found, bool(fresh))


def driver_start(found: Resolved) -> int:
    """The driver's frame that the engine begins with, so that frames pair as the Reads show them.

    The engine counts from the first frames that are on disk, where a Read may begin later.
    """
    chosen, target = found.settings, found.target
    start, speed = chosen.get("driver_start", found.driver.first), chosen.get("driver_speed", 1.0)
    on_disk = target.first if target.rendered else paths.first_frame(target.file, target.first)
    return round(start + (on_disk - target.first) * speed)


def frame_range(node: Any, source: Source) -> Tuple[int, int]:
    """The frames to render, as the range knob says.

    Args:
        node: the Reenact node.
        source: the input whose numbers the frames bear.

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
        raise ReenactError(f"{node.name()}: frame range {first}-{last} ends before it begins")
    return first, last


def frames_text(first: int, last: int) -> str:
    """A range as the engine reads it."""
    return str(first) if first == last else f"{first}-{last}"
