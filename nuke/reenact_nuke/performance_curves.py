"""Curves of a performance to look at: head rotation and blendshapes, as knobs on the node's last tab."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import nuke
from reenact_nuke import layout

_TAB = layout.PREFIX + "tab_curves"
_START = layout.PREFIX + "curve_"


def show(node: Any, found: Dict[str, Any]) -> str:
    """Make the tab, or replace it; returns a line for the artist.

    Args:
        node: the Reenact node.
        found: the engine's answer to ``curves``.
    """
    for name in list(node.knobs()):
        if name == _TAB or name.startswith(_START):
            node.removeKnob(node[name])
    node.addKnob(nuke.Tab_Knob(_TAB, "Curves"))
    for name, values in found["rotation"].items():
        _add(node, name, found["frames"], values, "Rotation of the head in degrees.", 60)
    for name, values in found["blendshapes"].items():
        _add(node, name, found["frames"], values, "Blendshape, 0 to 1.", 1)
    count = len(found["rotation"]) + len(found["blendshapes"])
    return "{} curves of {} frames are on the tab Curves".format(count, len(found["frames"]))


def _add(node: Any, name: str, frames: Sequence[int], values: List[float], text: str, high: float) -> None:
    knob = nuke.Double_Knob(_START + name, name)
    knob.setTooltip(text)
    knob.setRange(-high if high > 1 else 0, high)
    node.addKnob(knob)
    knob.setAnimated()
    knob.animation(0).addKey([nuke.AnimationKey(frame, value) for frame, value in zip(frames, values)])
