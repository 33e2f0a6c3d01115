"""``ofx-reenact analyse``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import PROGRESS, with_settings
from ofx_reenact.settings import Settings


def analyse(settings: Settings, progress: str = "") -> int:
    """Track driver and target once, and write the files that all chunks of a render share."""
    from ofx_reenact.engine.analyse import analyse_inputs

    style = shown.choose(progress)
    with shown.observer(style) as observe:
        about = analyse_inputs(settings, observe)
    if style == "json":
        shown.event("report", about)
    else:
        for name, facts in about.get("cast", {"": about}).items():
            prefix = f"{name}: " if name else ""
            shown.tell(style, f"{prefix}{_tracked(facts)}; performance: {facts['performance']}")
            if target := facts.get("target"):
                file = facts["target_performance"]
                shown.tell(style, f"{prefix}target: {_tracked(target)}" + (f"; performance: {file}" if file else ""))
    return 0


def _tracked(about: Mapping[str, Any]) -> str:
    """Describe in which frames of a performance the face was found."""
    lost = ", ".join(f"{about[state]} {state}" for state in ("bridged", "held", "absent") if about[state])
    return f"frames {about['first']}-{about['last']} tracked" + (f"; without a face: {lost}" if lost else "")


command = with_settings(analyse, {"progress": PROGRESS})
