"""What a picture that Nuke renders is made of: a digest of the nodes above it, as a script would hold them."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Iterator, List, Set

from reenact_nuke import colour, knobs, own, paths

# Knobs that change no pixel: place and looks of a node, what buttons and callbacks do, its caches.
_LOOKS = re.compile(
    r"^(name|label|xpos|ypos|selected|icon|tile_color|gl_color|note_font.*|hide_input|bookmark|dope_sheet|"
    r"postage_stamp.*|cached|help|lifetime.*|indicators|knobChanged|onCreate|onDestroy|updateUI|autolabel|panel|"
    r"reload|maskChannelGUI)$"
)


def digest(node: Any) -> str:
    """Digest the nodes that a node's picture comes from, itself among them, and the files that they read."""
    found = hashlib.sha256(colour.working_space().encode("utf-8"))
    order: List[Any] = []
    _collect(node, order, set())
    places = {one.fullName(): number for number, one in enumerate(order)}
    for one in order:
        inputs = [places.get(other.fullName()) if other is not None else None for other in _inputs(one)]
        found.update(repr((one.Class(), inputs, list(_knobs(one)))).encode("utf-8", "replace"))
    return found.hexdigest()


def moves(node: Any) -> bool:
    """Whether a node's picture comes from footage: a Read of several frames above it, and no FrameHold in between."""
    waiting, seen = [node], set()
    while waiting:
        one = waiting.pop()
        if one is None or one.fullName() in seen or _holds(one):
            continue
        seen.add(one.fullName())
        if one.Class() == "Read" and _is_footage(one):
            return True
        waiting += [*_inputs(one), *(one.nodes() if hasattr(one, "nodes") else [])]
    return False


def _holds(node: Any) -> bool:
    """Whether a node shows one frame of what is above it."""
    if node.Class() != "FrameHold" or node["disable"].value():
        return False
    every = node.knob("increment")
    return every is None or not every.value()


def _is_footage(read: Any) -> bool:
    return int(read["last"].value()) > int(read["first"].value()) and paths.is_footage(knobs.path(read["file"]))


def _collect(node: Any, order: List[Any], seen: Set[str]) -> None:
    """Gather nodes, what is above them first; those inside a group before the group."""
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
        if not _LOOKS.match(name) and not name.startswith("reenact_do_"):
            yield f"{name} {knob.toScript()}"
    if node.Class() == "Read":
        first, last = int(node["first"].value()), int(node["last"].value())
        yield own.stamp(paths.files(knobs.path(node["file"]), first, last))
