"""``ofx-reenact analyse``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import PROGRESS, with_settings
from ofx_reenact.settings import Settings


def analyse(settings: Settings, progress: str = "") -> int:
    """Track driver and target once, into the files that all chunks of a render share."""
    from ofx_reenact.engine.analyse import analyse_inputs

    way = shown.choose(progress)
    with shown.observer(way) as observe:
        about = analyse_inputs(settings, observe)
    if way == "json":
        shown.event("report", about)
    else:
        for name, one in about.get("cast", {"": about}).items():
            whose = f"{name}: " if name else ""
            shown.tell(way, f"{whose}{_tracked(one)}; performance: {one['performance']}")
            if target := one.get("target"):
                named = one["target_performance"]
                shown.tell(way, f"{whose}target: {_tracked(target)}" + (f"; performance: {named}" if named else ""))
    return 0


def _tracked(about: Mapping[str, Any]) -> str:
    """Say of a performance in which frames the face was found."""
    lost = ", ".join(f"{about[state]} {state}" for state in ("bridged", "held", "absent") if about[state])
    return f"frames {about['first']}-{about['last']} tracked" + (f"; without a face: {lost}" if lost else "")


command = with_settings(analyse, {"progress": PROGRESS})
