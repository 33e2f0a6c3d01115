"""The Reenact node: a Group that works in any Nuke once it is made, with or without this module."""

from __future__ import annotations

import os
from typing import Any

import nuke
from reenact_nuke import inputs, knobs, layout, paths, presets, readback, resolve, task
from reenact_nuke.errors import ReenactError

# The node reaches machines without this module: its callbacks must not fail there.
KNOB_CHANGED = """\
try:
    import reenact_nuke.node
    reenact_nuke.node.knob_changed(nuke.thisNode(), nuke.thisKnob())
except (ImportError, NameError):
    pass
"""
CREATED = """\
try:
    import reenact_nuke.own
    reenact_nuke.own.see_copied(nuke.thisNode())
except (ImportError, NameError):
    pass
"""
# Knobs, and what Nuke calls the opening of the panel and a change of inputs.
_SAY_WHETHER_IT_MOVES = (
    "showPanel", "inputChange", layout.PREFIX + "target_mode", layout.is_set_name("target_frame"),
)  # fmt: skip
# Tcl inside, so that it holds without Python: a matte only counts while one is connected.
_NO_MATTE = f"![exists parent.input{inputs.MATTE}]"


def create() -> Any:
    """Make a node from the menu: the first two selected nodes become target and driver."""
    selected = list(reversed(nuke.selectedNodes()))
    node = build()
    for index, other in enumerate(selected[:2]):
        node.setInput(index, other)
    if selected:
        node.setXYpos(selected[0].xpos(), selected[0].ypos() + 100)
    suggest_output(node)
    if nuke.GUI:
        node.showControlPanel()
    return node


def build() -> Any:
    """Make a node with all knobs, connected to nothing; returns the Group."""
    node = nuke.nodes.Group()
    node.setName("Reenact")
    node["tile_color"].setValue(0x7A4B8CFF)
    node["icon"].setValue("reenact.png")
    nuke.Layer("stmap", ["stmap.u", "stmap.v"])
    with node:
        _inside()
    knobs.add(node, layout.items())
    presets.refresh(node)
    node["knobChanged"].setValue(KNOB_CHANGED)
    node["onCreate"].setValue(CREATED)
    for option in paths.options():
        _enable(node, option["name"])
    _enable_range(node)
    _enable_moving(node)
    return node


def _inside() -> None:
    """The nodes of the group; what it gives out is chosen by a knob through an expression, not by Python."""
    target, _driver, matte, plate, *_mattes = (
        nuke.nodes.Input(name=name, xpos=200 * index, ypos=0) for index, name in enumerate(inputs.NAMES)
    )
    preview = nuke.nodes.Read(name=readback.PREVIEW, xpos=-400, ypos=0)
    result = nuke.nodes.Read(name=readback.RESULT, xpos=-200, ypos=0)
    kept = [_keep_plate(name, over, target, matte) for name, over in (("KeepPreview", preview), ("KeepResult", result))]
    carried = nuke.nodes.STMap(name="CarryPlate", xpos=600, ypos=200)
    carried["uv"].setValue("stmap")
    carried.setInput(0, plate)
    carried.setInput(1, result)
    switch = nuke.nodes.Switch(name="Show", xpos=0, ypos=400)
    for index, shown in enumerate((target, kept[0], kept[1], carried)):
        switch.setInput(index, shown)
    switch["which"].setExpression(f"parent.{layout.PREFIX}show")
    output = nuke.nodes.Output(name="Output1", xpos=0, ypos=500)
    output.setInput(0, switch)


def _keep_plate(name: str, over: Any, target: Any, matte: Any) -> Any:
    """Where the matte is 0 the target stays; the other layers are the render's."""
    keymix = nuke.nodes.Keymix(name=name, xpos=0, ypos=200)
    keymix["channels"].setValue("rgba")
    keymix["invertMask"].setValue(True)
    for index, source in enumerate((over, target, matte)):
        keymix.setInput(index, source)
    keymix["disable"].setExpression(_NO_MATTE)
    return keymix


def suggest_output(node: Any) -> None:
    """Name an output beside the script, if it is saved and the node has none."""
    held = knobs.knob(node, layout.PREFIX + "output")
    script = nuke.root().name()
    if script and os.path.isabs(script) and not held.value():
        folder, file = os.path.split(script)
        stem = os.path.splitext(file)[0]
        held.setValue("{}/reenact/{}_{}_v001.####.exr".format(folder.replace("\\", "/"), stem, node.name()))


def knob_changed(node: Any, knob: Any) -> None:
    """Keep the panel in order: numbers that are not set, and those of a range that is not custom, are greyed.

    So are options of a target that moves while it is a still. When the panel opens, buttons that a script saved in the
    middle of a job has greyed come back.
    """
    name = knob.name()
    if name == "showPanel":
        presets.refresh(node)
        task.wake(node)
    for option in paths.options():
        if name == layout.is_set_name(option["name"]):
            _enable(node, option["name"])
    if name == layout.PREFIX + "range":
        _enable_range(node)
    if name in _SAY_WHETHER_IT_MOVES:
        _enable_moving(node)


def _enable(node: Any, option: str) -> None:
    number, is_set = node.knob(layout.knob_name(option)), node.knob(layout.is_set_name(option))
    if number is not None and is_set is not None:
        number.setEnabled(bool(is_set.value()))


def _enable_range(node: Any) -> None:
    custom = node[layout.PREFIX + "range"].value() == "custom"
    for name in ("first", "last"):
        node[layout.PREFIX + name].setEnabled(custom)


def _enable_moving(node: Any) -> None:
    """Grey what only a target that moves has while it is a still; where that is not known yet, nothing is."""
    try:
        moves = node.input(inputs.TARGET) is None or resolve.does_move(node)
    except (ReenactError, RuntimeError):
        moves = True
    for option in layout.OF_MOVING:
        is_set = node.knob(layout.is_set_name(option))
        if is_set is not None:
            is_set.setEnabled(moves)
        held = node.knob(layout.knob_name(option))
        if held is not None:
            held.setEnabled(moves and (is_set is None or bool(is_set.value())))
