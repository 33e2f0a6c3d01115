"""Names of colour spaces: what Nuke calls a Read's, what the engine is told, and the script's OCIO config."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Optional

import nuke
from reenact_nuke import log
from reenact_nuke.errors import ReenactError

# Nuke's own colour management: its names that the engine's config knows as well, by the name there.
NUKE_SPACES: Dict[str, str] = {"linear": "lin_rec709", "sRGB": "srgb_tx"}


def managed_by_ocio() -> bool:
    """Whether the script's colours are OCIO's."""
    held = nuke.root().knob("colorManagement")
    return held is not None and held.value() == "OCIO"


def config() -> str:
    """The script's OCIO config for the engine; empty for the engine's own, or where ``$OCIO`` rules both already."""
    if os.environ.get("OCIO") or not managed_by_ocio():
        return ""
    root: Any = nuke.root()
    if root["OCIO_config"].value() == "custom":
        return str(root["customOCIOConfigPath"].getEvaluatedValue() or "")
    held = root.knob("OCIOConfigPath")
    path = str(held.value() or "") if held is not None else ""
    if path.startswith("ocio://") or os.path.isfile(path):
        return path
    log.write("the file of OCIO config {} was not found; the engine uses its own".format(root["OCIO_config"].value()))
    return ""


def working_space() -> str:
    """The space that pixels have inside Nuke, by the engine's name."""
    if not managed_by_ocio():
        return NUKE_SPACES["linear"]
    held = nuke.root().knob("workingSpaceLUT")
    return plain(str(held.value())) if held is not None and held.value() else "scene_linear"


def plain(name: str) -> str:
    """A name without what Nuke's menus add: ``default (X)`` → ``X``, ``Utility/X`` → ``X``; empty for ``default``."""
    match = re.match(r"default \((.*)\)$", name)
    if match:
        name = match.group(1)
    return "" if name == "default" else name.rsplit("/", 1)[-1]


def of_read(read: Any, needed: bool) -> str:
    """The space that a Read takes its file to be in, by the engine's name.

    Args:
        read: the node.
        needed: the picture's colours come out again, so that a wrong space would be seen.

    Returns:
        Empty if Nuke does not say; the engine goes by the file's tag and format then.

    Raises:
        ReenactError: the space is Nuke's own, unknown to OCIO, and it is needed.
    """
    if read["raw"].value():
        return working_space()
    name = plain(str(read["colorspace"].value()))
    if managed_by_ocio() or not name:
        return name
    if name in NUKE_SPACES:
        return NUKE_SPACES[name]
    if needed:
        raise ReenactError(
            f"{read.name()}: '{name}' is a colour space of Nuke's own; set colour management to OCIO in the project "
            "settings, or name the engine's space in the Reenact node's 'colour space'"
        )
    return ""


def set_on_read(read: Any, space: str, given: Optional[str]) -> None:
    """Make a Read take its file as it was written.

    Args:
        read: the node.
        space: what the engine says the frames are in.
        given: the space that the target was said to be in.
    """
    names = {"lin_rec709", "Linear Rec.709 (sRGB)"} if not managed_by_ocio() else {working_space()}
    if space in names or (given in names and given == working_space()):
        read["raw"].setValue(True)
        return
    read["raw"].setValue(False)
    for name in read["colorspace"].values():
        if plain(name) == space:
            read["colorspace"].setValue(name)
            return
    # A converted target is in the config's scene_linear, which is what Nuke takes an EXR for.
    log.write(f"{read.name()}: no colour space {space} here; the Read keeps its default")
