"""The Reads inside the group that show what was rendered: result and preview."""

from __future__ import annotations

from typing import Any, Dict

from reenact_nuke import colour, knobs, layout

RESULT, PREVIEW = "Result", "Preview"


def show_result(node: Any, report: Dict[str, Any], first: int, last: int, target_space: Any) -> None:
    """Load rendered frames into the result's Read, and show it as the node's output.

    Args:
        node: the Reenact node.
        report: the engine's answer to ``render``.
        first, last: the frame range, both included.
        target_space: the setting ``colorspace``; None or empty if the engine took the target file's own.
    """
    _load(node.node(RESULT), report, first, last, target_space)
    knobs.knob(node, layout.PREFIX + "show").setValue("result")


def show_preview(node: Any, report: Dict[str, Any], frame: int, target_space: Any) -> None:
    """Load the preview's frame into its Read, for every frame of the timeline, and show it as the node's output."""
    _load(node.node(PREVIEW), report, frame, frame, target_space)
    knobs.knob(node, layout.PREFIX + "show").setValue("preview")


def _load(read: Any, report: Dict[str, Any], first: int, last: int, target_space: Any) -> None:
    """Set file, range and colour space of a Read.

    A missing frame is an error, so that a farm does not deliver a comp with a black frame.
    """
    # fromUserText, not setValue: then Nuke opens the file and takes its format.
    read["file"].fromUserText("{} {}-{}".format(report["output"], first, last))
    for name, frame in (("first", first), ("last", last), ("origfirst", first), ("origlast", last)):
        read[name].setValue(frame)
    read["on_error"].setValue("error")
    colour.set_on_read(read, str(report.get("colour_space", "")), target_space or None)
    read["reload"].execute()
