"""Names and values that options had in earlier versions: old jobs, sidecars, scripts and command lines still work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Earlier value → value now, of each option that has changed; and of the recipes that trainings know.
VALUES: Mapping[str, Mapping[str, str]] = {"profile": {"plate": "warp", "paper": "portrait"}}
LDNET_RECIPES = {"plate": "supervised", "paper": "adversarial"}
FDGAN_RECIPES = {"dense": "repair", "paper": "portrait"}


def as_named_now(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return options' plain values under the names and with the values that they have now.

    A gaze was a turn by hand, "X,Y" in degrees, or nothing; a gaze file is a file of curves.
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
            # It never was one; whoever checks the options says so.
            pass
    return now
