"""``ofx-reenact analyse``."""

from __future__ import annotations

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import with_settings
from ofx_reenact.settings import Settings


def analyse(settings: Settings, progress: str = "") -> int:
    """Track the driver and find the target's face once, into the files that all chunks of a render share."""
    from ofx_reenact.engine.analyse import analyse_inputs

    way = shown.choose(progress)
    with shown.observer(way) as observe:
        about = analyse_inputs(settings, observe)
    if way == "json":
        shown.event("report", about)
    else:
        lost = ", ".join(f"{about[state]} {state}" for state in ("bridged", "held", "absent") if about[state])
        said = f"frames {about['first']}-{about['last']} tracked" + (f"; without a face: {lost}" if lost else "")
        shown.tell(way, f"{said}; performance: {about['performance']}")
    return 0


command = with_settings(analyse, {"progress": shown.OPTION})
