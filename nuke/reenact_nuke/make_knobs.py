"""Make the node's knobs from the layout."""

from __future__ import annotations

from typing import Any, List

import nuke
from reenact_nuke.layout import Item

_PRESS = "import reenact_nuke.buttons; reenact_nuke.buttons.press('{}')"


def add(node: Any, items: List[Item]) -> None:
    """Add knobs to a node, in the given order."""
    for item in items:
        knob = _make(item)
        if item.help:
            knob.setTooltip(item.help)
        if item.joined:
            knob.clearFlag(nuke.STARTLINE)
        elif item.kind in ("bool", "button"):
            knob.setFlag(nuke.STARTLINE)
        node.addKnob(knob)
        if item.kind in ("text", "path", "int", "float", "choice", "bool", "hidden") and item.default not in (None, ""):
            knob.setValue(item.default)


def _make(item: Item) -> Any:
    name, label = item.name, item.label
    if item.kind == "tab":
        return nuke.Tab_Knob(name, label)
    if item.kind == "divider":
        return nuke.Text_Knob(name, label, "")
    if item.kind == "label":
        return nuke.Text_Knob(name, label, item.default)
    if item.kind == "path":
        return nuke.File_Knob(name, label)
    if item.kind == "choice":
        return nuke.Enumeration_Knob(name, label, list(item.choices))
    if item.kind == "bool":
        return nuke.Boolean_Knob(name, label)
    if item.kind == "int":
        return nuke.Int_Knob(name, label)
    if item.kind == "float":
        number = nuke.Double_Knob(name, label)
        number.setRange(item.low if item.low is not None else 0, item.high if item.high is not None else 1)
        return number
    if item.kind == "button":
        return nuke.PyScript_Knob(name, label, _PRESS.format(item.action))
    text = nuke.String_Knob(name, label)
    if item.kind == "hidden":
        text.setFlag(nuke.INVISIBLE)
    return text
