"""The result in the script: the Reads inside the group, and which of them the group gives out."""

from __future__ import annotations

from typing import Any, Dict

from reenact_nuke import colour, knobs, layout

RESULT, PREVIEW = "Result", "Preview"


def show_result(node: Any, report: Dict[str, Any], first: int, last: int, given: Any) -> None:
    """Point the result's Read at the frames of a report and give them out.

    Args:
        node: the Reenact node.
        report: what the engine's render said.
        first, last: the frames asked for.
        given: the colour space that the target was said to be in, None or empty if it went by its file.
    """
    _point(node.node(RESULT), report, first, last, given)
    knobs.knob(node, layout.PREFIX + "show").setValue("result")


def show_preview(node: Any, report: Dict[str, Any], frame: int, given: Any) -> None:
    """Point the preview's Read at the one frame of a report and give it out, whatever the time."""
    _point(node.node(PREVIEW), report, frame, frame, given)
    knobs.knob(node, layout.PREFIX + "show").setValue("preview")


def _point(read: Any, report: Dict[str, Any], first: int, last: int, given: Any) -> None:
    """Set file, range and colour of a Read.

    A frame that is missing stays an error, as Nuke has it: a render farm must not deliver a comp with a hole.
    """
    # As a user types it, so that Nuke opens the file and takes its format.
    read["file"].fromUserText("{} {}-{}".format(report["output"], first, last))
    for name, frame in (("first", first), ("last", last), ("origfirst", first), ("origlast", last)):
        read[name].setValue(frame)
    read["on_error"].setValue("error")
    colour.set_on_read(read, str(report.get("colour_space", "")), given or None)
    read["reload"].execute()
