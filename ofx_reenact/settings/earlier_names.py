"""Names and values of options in earlier versions, so that old jobs, sidecars, scripts and command lines still work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Earlier value → present value, for each option whose values were renamed, and for the recipes of trainings.
VALUES: Mapping[str, Mapping[str, str]] = {"profile": {"plate": "warp", "paper": "portrait"}}
LDNET_RECIPES = {"plate": "supervised", "paper": "adversarial"}
FDGAN_RECIPES = {"dense": "repair", "paper": "portrait"}


def as_named_now(values: Mapping[str, Any]) -> dict[str, Any]:
    """Rename options and values of earlier versions to the present ones.

    In earlier versions ``gaze`` was an angle "X,Y" in degrees, or empty, and ``gaze_file`` named a curves file.
    """
    now = dict(values)
    for name, renamed in VALUES.items():
        if isinstance(value := now.get(name), str):
            now[name] = renamed.get(value, value)
    if (file := now.pop("gaze_file", "")) and not now.get("curves"):
        now["curves"] = file
    gaze = now.get("gaze")
    if gaze == "":
        del now["gaze"]
    elif isinstance(gaze, str) and "," in gaze:
        try:
            now["gaze_x"], now["gaze_y"] = (float(part) for part in gaze.split(","))
            del now["gaze"]
        except ValueError:
            # It is no angle either: the check of the options will refuse it.
            pass
    return now
