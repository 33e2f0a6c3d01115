"""Options as they were called before: jobs, sidecars and nodes of earlier versions go on working."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_named_now(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return options' plain values under the names and with the values that they have now.

    A gaze was a turn by hand, "X,Y" in degrees, or nothing; a gaze file is a file of curves.
    """
    now = dict(values)
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
