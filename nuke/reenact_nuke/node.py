"""Make the Reenact node: a Group, which shows its frames also in a Nuke without this module."""

from __future__ import annotations

import os
from typing import Any

import nuke
from reenact_nuke import engine_task, inputs, knobs, layout, make_knobs, options, presets, read_job, result_reads
from reenact_nuke.errors import ReenactError

# Scripts are opened on machines without this module: the callbacks must not fail there.
KNOB_CHANGED = """\
try:
    import reenact_nuke.node
    reenact_nuke.node.knob_changed(nuke.thisNode(), nuke.thisKnob())
except (ImportError, NameError):
    pass
"""
CREATED = """\
try:
    import reenact_nuke.node_files
    reenact_nuke.node_files.renew_id_of_copy(nuke.thisNode())
except (ImportError, NameError):
    pass
"""
# Knobs that may change whether the target moves, and Nuke's names for a panel that opens and a changed input.
_MAY_CHANGE_MOVING = (
    "showPanel", "inputChange", layout.PREFIX + "target_mode", layout.checkbox_name("target_frame"),
)  # fmt: skip
# True while no matte is connected; Tcl, so that it works without Python.
_NO_MATTE = f"![exists parent.input{inputs.MATTE}]"


def create() -> Any:
    """Make a node for the menu command: the first two selected nodes become target and driver."""
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
    """Make a node with all knobs, without inputs; returns the Group."""
    node = nuke.nodes.Group()
    node.setName("Reenact")
    node["tile_color"].setValue(0x7A4B8CFF)
    node["icon"].setValue("reenact.png")
    nuke.Layer("stmap", ["stmap.u", "stmap.v"])
    with node:
        _make_inner_nodes()
    make_knobs.add(node, layout.items())
    presets.refresh(node)
    node["knobChanged"].setValue(KNOB_CHANGED)
    node["onCreate"].setValue(CREATED)
    for option in options.all_options():
        _enable(node, option["name"])
    _enable_range(node)
    _enable_moving(node)
    return node


def _make_inner_nodes() -> None:
    """Make the nodes in the group; an expression on the knob *show* chooses the output, without Python."""
    target, _driver, matte, plate, *_mattes = (
        nuke.nodes.Input(name=name, xpos=200 * index, ypos=0) for index, name in enumerate(inputs.NAMES)
    )
    preview = nuke.nodes.Read(name=result_reads.PREVIEW, xpos=-400, ypos=0)
    result = nuke.nodes.Read(name=result_reads.RESULT, xpos=-200, ypos=0)
    rendered = (("KeepPreview", preview), ("KeepResult", result))
    mixed = [_mix_by_matte(name, over, target, matte) for name, over in rendered]
    carried = nuke.nodes.STMap(name="CarryPlate", xpos=600, ypos=200)
    carried["uv"].setValue("stmap")
    carried.setInput(0, plate)
    carried.setInput(1, result)
    switch = nuke.nodes.Switch(name="Show", xpos=0, ypos=400)
    for index, shown in enumerate((target, mixed[0], mixed[1], carried)):
        switch.setInput(index, shown)
    switch["which"].setExpression(f"parent.{layout.PREFIX}show")
    output = nuke.nodes.Output(name="Output1", xpos=0, ypos=500)
    output.setInput(0, switch)


def _mix_by_matte(name: str, over: Any, target: Any, matte: Any) -> Any:
    """Make a Keymix: the target where the matte is 0, in rgba; other layers are the render's."""
    keymix = nuke.nodes.Keymix(name=name, xpos=0, ypos=200)
    keymix["channels"].setValue("rgba")
    keymix["invertMask"].setValue(True)
    for index, source in enumerate((over, target, matte)):
        keymix.setInput(index, source)
    keymix["disable"].setExpression(_NO_MATTE)
    return keymix


def suggest_output(node: Any) -> None:
    """Name an output beside the script, if the script is saved and no output is named."""
    knob = knobs.knob(node, layout.PREFIX + "output")
    script = nuke.root().name()
    if script and os.path.isabs(script) and not knob.value():
        folder, file = os.path.split(script)
        stem = os.path.splitext(file)[0]
        knob.setValue("{}/reenact/{}_{}_v001.####.exr".format(folder.replace("\\", "/"), stem, node.name()))


def knob_changed(node: Any, knob: Any) -> None:
    """Grey the knobs that have no effect: numbers that are not set, an unused range, options of a target that moves.

    When the panel opens, enable the buttons too: a script that was saved during a job has them grey.
    """
    name = knob.name()
    if name == "showPanel":
        presets.refresh(node)
        engine_task.restore_buttons(node)
    for option in options.all_options():
        if name == layout.checkbox_name(option["name"]):
            _enable(node, option["name"])
    if name == layout.PREFIX + "range":
        _enable_range(node)
    if name in _MAY_CHANGE_MOVING:
        _enable_moving(node)


def _enable(node: Any, option: str) -> None:
    number, is_set = node.knob(layout.knob_name(option)), node.knob(layout.checkbox_name(option))
    if number is not None and is_set is not None:
        number.setEnabled(bool(is_set.value()))


def _enable_range(node: Any) -> None:
    is_custom = node[layout.PREFIX + "range"].value() == "custom"
    for name in ("first", "last"):
        node[layout.PREFIX + name].setEnabled(is_custom)


def _enable_moving(node: Any) -> None:
    """Grey the options of a target that moves if it is a still; not if the target is not known yet."""
    try:
        moves = node.input(inputs.TARGET) is None or read_job.target_moves(node)
    except (ReenactError, RuntimeError):
        moves = True
    for option in layout.MOVING_ONLY:
        is_set = node.knob(layout.checkbox_name(option))
        if is_set is not None:
            is_set.setEnabled(moves)
        knob = node.knob(layout.knob_name(option))
        if knob is not None:
            knob.setEnabled(moves and (is_set is None or bool(is_set.value())))
