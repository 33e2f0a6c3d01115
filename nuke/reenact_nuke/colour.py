"""Names of colour spaces in Nuke and in the engine, and the script's OCIO config."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Optional

import nuke
from reenact_nuke import log
from reenact_nuke.errors import ReenactError

# Nuke's own colour management: its spaces that the engine's config has too, and their names there.
NUKE_SPACES: Dict[str, str] = {"linear": "lin_rec709", "sRGB": "srgb_tx"}


def managed_by_ocio() -> bool:
    """Tell whether the script's colour management is OCIO."""
    knob = nuke.root().knob("colorManagement")
    return knob is not None and knob.value() == "OCIO"


def ocio_config() -> str:
    """Give the script's OCIO config; empty for the engine's own, or if ``$OCIO`` decides for both."""
    if os.environ.get("OCIO") or not managed_by_ocio():
        return ""
    root: Any = nuke.root()
    if root["OCIO_config"].value() == "custom":
        return str(root["customOCIOConfigPath"].getEvaluatedValue() or "")
    knob = root.knob("OCIOConfigPath")
    path = str(knob.value() or "") if knob is not None else ""
    if path.startswith("ocio://") or os.path.isfile(path):
        return path
    name = root["OCIO_config"].value()
    log.write(f"the file of OCIO config {name} does not exist; the engine uses its own config")
    return ""


def working_space() -> str:
    """Give the script's working space by the engine's name."""
    if not managed_by_ocio():
        return NUKE_SPACES["linear"]
    knob = nuke.root().knob("workingSpaceLUT")
    return bare_name(str(knob.value())) if knob is not None and knob.value() else "scene_linear"


def bare_name(name: str) -> str:
    """Strip what Nuke's menus add: ``default (X)`` → ``X``, ``Utility/X`` → ``X``, ``default`` → empty."""
    match = re.match(r"default \((.*)\)$", name)
    if match:
        name = match.group(1)
    return "" if name == "default" else name.rsplit("/", 1)[-1]


def space_of_read(read: Any, needed: bool) -> str:
    """Give the colour space that a Read assumes for its file, by the engine's name.

    Args:
        read: the node.
        needed: the result has this picture's colours, so a wrong space would be visible.

    Returns:
        Empty if Nuke does not name one; then the engine takes the file's tag or format.

    Raises:
        ReenactError: it is needed, and it is a space of Nuke's own that OCIO does not have.
    """
    if read["raw"].value():
        return working_space()
    name = bare_name(str(read["colorspace"].value()))
    if managed_by_ocio() or not name:
        return name
    if name in NUKE_SPACES:
        return NUKE_SPACES[name]
    if needed:
        raise ReenactError(
            f"{read.name()}: '{name}' is a colour space of Nuke's own: set colour management to OCIO in the project "
            "settings, or name an OCIO space in 'colour space' of the Reenact node"
        )
    return ""


def set_on_read(read: Any, space: str, target_space: Optional[str]) -> None:
    """Set a Read's colour space to that of the rendered frames.

    Args:
        read: the node.
        space: of the frames, by the engine's name.
        target_space: the setting ``colorspace``, if any.
    """
    names = {"lin_rec709", "Linear Rec.709 (sRGB)"} if not managed_by_ocio() else {working_space()}
    if space in names or (target_space in names and target_space == working_space()):
        read["raw"].setValue(True)
        return
    read["raw"].setValue(False)
    for name in read["colorspace"].values():
        if bare_name(name) == space:
            read["colorspace"].setValue(name)
            return
    # A converted target is in the config's scene_linear, Nuke's default for EXR.
    log.write(f"{read.name()}: this Nuke has no colour space {space}; the Read keeps its default")
