"""The nodes upstream of a picture that Nuke renders: a digest of them, and whether they read footage."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Iterator, List, Set

from reenact_nuke import colour, knobs, node_files, paths

# Knobs that change no pixel: position and look of a node, code of buttons and callbacks, caches.
_WITHOUT_PIXELS = re.compile(
    r"^(name|label|xpos|ypos|selected|icon|tile_color|gl_color|note_font.*|hide_input|bookmark|dope_sheet|"
    r"postage_stamp.*|cached|help|lifetime.*|indicators|knobChanged|onCreate|onDestroy|updateUI|autolabel|panel|"
    r"reload|maskChannelGUI)$"
)


def digest_upstream(node: Any) -> str:
    """Compute a digest of a node and all nodes upstream: classes, links, knobs as in a script, files of Reads."""
    found = hashlib.sha256(colour.working_space().encode("utf-8"))
    order: List[Any] = []
    _collect(node, order, set())
    places = {one.fullName(): number for number, one in enumerate(order)}
    for one in order:
        inputs = [places.get(other.fullName()) if other is not None else None for other in _inputs(one)]
        found.update(repr((one.Class(), inputs, list(_knobs(one)))).encode("utf-8", "replace"))
    return found.hexdigest()


def comes_from_footage(node: Any) -> bool:
    """Tell whether a Read of several frames is upstream of a node, without a FrameHold in between."""
    waiting, seen = [node], set()
    while waiting:
        one = waiting.pop()
        if one is None or one.fullName() in seen or _holds_frame(one):
            continue
        seen.add(one.fullName())
        if one.Class() == "Read" and _is_footage(one):
            return True
        waiting += [*_inputs(one), *(one.nodes() if hasattr(one, "nodes") else [])]
    return False


def _holds_frame(node: Any) -> bool:
    """Tell whether a node shows one frame of its input all the time."""
    if node.Class() != "FrameHold" or node["disable"].value():
        return False
    increment = node.knob("increment")
    return increment is None or not increment.value()


def _is_footage(read: Any) -> bool:
    return int(read["last"].value()) > int(read["first"].value()) and paths.is_footage(knobs.path(read["file"]))


def _collect(node: Any, order: List[Any], seen: Set[str]) -> None:
    """List nodes, each after its inputs; the nodes inside a group before the group."""
    waiting = [(node, False)]
    while waiting:
        one, is_ready = waiting.pop()
        if is_ready:
            order.append(one)
            continue
        if one.fullName() in seen:
            continue
        seen.add(one.fullName())
        waiting.append((one, True))
        inner = list(one.nodes()) if hasattr(one, "nodes") else []
        waiting += [(other, False) for other in [*_inputs(one), *inner] if other is not None]


def _inputs(node: Any) -> List[Any]:
    return [node.input(index) for index in range(node.inputs())]


def _knobs(node: Any) -> Iterator[str]:
    for name, knob in sorted(node.knobs().items()):
        if not _WITHOUT_PIXELS.match(name) and not name.startswith("reenact_do_"):
            yield f"{name} {knob.toScript()}"
    if node.Class() == "Read":
        first, last = int(node["first"].value()), int(node["last"].value())
        yield node_files.stat_digest(paths.files(knobs.path(node["file"]), first, last))
