"""Read a node's knobs as values of the engine's options."""

from __future__ import annotations

from typing import Any, Dict, List

import nuke
from reenact_nuke import layout, options, paths
from reenact_nuke.errors import ReenactError


def value(node: Any, option: Dict[str, Any]) -> Any:
    """Read an option's value from its knobs; None for a number that is not set.

    A node of an earlier version has no knobs for newer options: they have their default.

    Raises:
        ReenactError: of several choices none is ticked.
    """
    name, kind = option["name"], option["type"]
    if kind == "choices":
        boxes = [(choice, node.knob(layout.knob_name(name, choice))) for choice in option["choices"]]
        chosen = [choice for choice, box in boxes if box is not None and box.value()]
        if not chosen:
            raise ReenactError("{}: tick at least one of {}".format(name, ", ".join(option["choices"])))
        return chosen
    found = node.knob(layout.knob_name(name))
    if found is None:
        return option["default"]
    if kind == "int" and option["default"] is None:
        return int(found.value()) if knob(node, layout.checkbox_name(name)).value() else None
    if kind == "int":
        return int(found.value())
    if kind == "float":
        return round(float(found.value()), 6)
    if kind == "paths":
        parts = [part.strip() for part in str(found.value()).split(",")]
        return [absolute_path(part) for part in parts if part]
    if kind == "text" and option["unless"]:
        return _number_or_path(found.value(), option)
    if kind == "text" and option["path"]:
        return path(found)
    return options.present_choice(option, str(found.value()).strip())


def _number_or_path(content: Any, option: Dict[str, Any]) -> Any:
    """Convert the content of a knob that takes a number, a path or another text.

    The knob of an earlier version holds a whole number.
    """
    text = str(int(content)) if isinstance(content, (int, float)) else str(content).strip()
    if text in ("", option["default"]):
        return option["default"]
    if text.isdigit():
        return int(text)
    return absolute_path(text) if options.is_path(option, text) else text


def values(node: Any) -> Dict[str, Any]:
    """Read all options of the panel that do not have the engine's default, in the engine's order.

    Animated options are left out: they are in the file of curves.
    """
    found = {}
    for option in options.all_options():
        if option["name"] not in layout.MANAGED and not is_animated(node, option):
            set_to = value(node, option)
            if set_to != option["default"]:
                found[option["name"]] = set_to
    return found


def is_animated(node: Any, option: Dict[str, Any]) -> bool:
    """Tell whether an option's knob has keys or an expression."""
    found = node.knob(layout.knob_name(option["name"])) if option["animatable"] else None
    return found is not None and bool(found.isAnimated() or found.hasExpression())


def path(file_knob: Any) -> str:
    """Read a file knob's path: absolute, Tcl evaluated, padding unchanged; empty if there is none."""
    name = evaluate(file_knob)
    return absolute_path(name) if name else ""


def evaluate(file_knob: Any) -> str:
    """Read a file knob's text with its Tcl evaluated.

    Raises:
        ReenactError: the Tcl is wrong.
    """
    try:
        return str(file_knob.getEvaluatedValue() or "").strip()
    except RuntimeError as error:
        text = f"{file_knob.node().name()}, {file_knob.name()}: '{file_knob.value()}' cannot be evaluated: {error}"
        raise ReenactError(text) from error


def absolute_path(name: str) -> str:
    """Make a file name absolute: of the rendered view, through the studio's file name filters."""
    # The filters come first: on Linux W:/ is not an absolute path.
    return paths.absolute(_filtered(name.replace("%V", view()).replace("%v", view()[:1])), project_folder())


def _filtered(name: str) -> str:
    return str(nuke.filenameFilter(name) or name) if name else ""


def view() -> str:
    """Give the view that is rendered: the project's first."""
    return str(nuke.views()[0])


def reenact_nodes() -> List[Any]:
    """List the Reenact nodes of the script, also in groups, but not in a Precomp, which is another script."""
    groups, precomps = (nuke.allNodes(kind, group=nuke.root(), recurseGroups=True) for kind in ("Group", "Precomp"))
    in_precomp = tuple(node.fullName() + "." for node in precomps)
    found = [node for node in groups if node.knob(layout.PREFIX + "output") is not None]
    return [node for node in found if not node.fullName().startswith(in_precomp)]


def knob(node: Any, name: str) -> Any:
    """Give a knob that the node must have.

    Raises:
        ReenactError: it does not, since another version made the node.
    """
    found = node.knob(name)
    if found is None:
        raise ReenactError(f"{node.name()} has no knob {name}: another version made this node; make a new one")
    return found


def project_folder() -> str:
    """Give the project directory, where relative paths start; empty if there is none."""
    root: Any = nuke.root()
    return _filtered(evaluate(root["project_directory"]))
