"""Knobs on a node: made from the layout, and read back as the engine's options."""

from __future__ import annotations

from typing import Any, Dict, List

import nuke
from reenact_nuke import layout, paths
from reenact_nuke.errors import ReenactError
from reenact_nuke.layout import Item

_PRESS = "import reenact_nuke.run; reenact_nuke.run.press('{}')"


def add(node: Any, items: List[Item]) -> None:
    """Add knobs to a node, in order."""
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


def value(node: Any, option: Dict[str, Any]) -> Any:
    """An option's value as its knobs say it; None for a number that is not set.

    An option that the engine has learnt since the node was made has no knob there, and its default.

    Raises:
        ReenactError: no choice of several is taken.
    """
    name, kind = option["name"], option["type"]
    if kind == "choices":
        named = [(choice, node.knob(layout.knob_name(name, choice))) for choice in option["choices"]]
        chosen = [choice for choice, held in named if held is not None and held.value()]
        if not chosen:
            raise ReenactError("{}: tick one of {}".format(name, ", ".join(option["choices"])))
        return chosen
    held = node.knob(layout.knob_name(name))
    if held is None:
        return option["default"]
    if kind == "int" and option["default"] is None:
        return int(held.value()) if knob(node, layout.is_set_name(name)).value() else None
    if kind == "int":
        return int(held.value())
    if kind == "float":
        return round(float(held.value()), 6)
    if kind == "paths":
        parts = [part.strip() for part in str(held.value()).split(",")]
        return [as_given(part) for part in parts if part]
    if kind == "text" and option["unless"]:
        return _number_or_path(held.value(), option)
    if kind == "text" and option["path"]:
        return path(held)
    text = str(held.value()).strip()
    # A node of an earlier version names a choice as it was called then.
    return option["earlier"].get(text, text)


def _number_or_path(said: Any, option: Dict[str, Any]) -> Any:
    """A text that may be a number, which the engine takes as such, a path, or neither.

    Knobs of earlier versions hold whole numbers.
    """
    text = str(int(said)) if isinstance(said, (int, float)) else str(said).strip()
    if text in ("", option["default"]):
        return option["default"]
    if text.isdigit():
        return int(text)
    return as_given(text) if paths.is_path(option, text) else text


def values(node: Any) -> Dict[str, Any]:
    """All options that the node does not decide itself and whose value is not the engine's default, in its order.

    Those whose knobs have another value in another frame are left out: curves say it.
    """
    found = {}
    for option in paths.options():
        if option["name"] not in layout.MANAGED and not is_animated(node, option):
            set_to = value(node, option)
            if set_to != option["default"]:
                found[option["name"]] = set_to
    return found


def is_animated(node: Any, option: Dict[str, Any]) -> bool:
    """Whether an option's knob is keyed, or driven by an expression."""
    held = node.knob(layout.knob_name(option["name"])) if option["animatable"] else None
    return held is not None and bool(held.isAnimated() or held.hasExpression())


def path(held: Any) -> str:
    """A file knob's path, absolute, with Tcl evaluated and the padding kept; empty if there is none."""
    name = evaluated(held)
    return as_given(name) if name else ""


def evaluated(held: Any) -> str:
    """A file knob's text with its Tcl evaluated.

    Raises:
        ReenactError: the Tcl is wrong.
    """
    try:
        return str(held.getEvaluatedValue() or "").strip()
    except RuntimeError as error:
        text = f"{held.node().name()}, {held.name()}: '{held.value()}' cannot be evaluated: {error}"
        raise ReenactError(text) from error


def as_given(name: str) -> str:
    """A file name as Nuke gives it to the operating system: of the view, absolute, through the studio's filters."""
    # Filtered before all else: W:/ is no absolute path to Linux.
    return paths.absolute(_filtered(name.replace("%V", view()).replace("%v", view()[:1])), project_folder())


def _filtered(name: str) -> str:
    return str(nuke.filenameFilter(name) or name) if name else ""


def view() -> str:
    """The one view that is rendered: the first of the project's."""
    return str(nuke.views()[0])


def nodes() -> List[Any]:
    """All Reenact nodes of the script, in whatever group they are; those in a Precomp are another script's."""
    groups, precomps = (nuke.allNodes(kind, group=nuke.root(), recurseGroups=True) for kind in ("Group", "Precomp"))
    foreign = tuple(node.fullName() + "." for node in precomps)
    found = [node for node in groups if node.knob(layout.PREFIX + "output") is not None]
    return [node for node in found if not node.fullName().startswith(foreign)]


def knob(node: Any, name: str) -> Any:
    """A knob that must be there.

    Raises:
        ReenactError: the node was made by another version.
    """
    found = node.knob(name)
    if found is None:
        raise ReenactError(f"{node.name()} has no knob {name}: it was made by another version; make a new node")
    return found


def project_folder() -> str:
    """Where relative paths start: the script's project directory, empty if it has none."""
    root: Any = nuke.root()
    return _filtered(evaluated(root["project_directory"]))
