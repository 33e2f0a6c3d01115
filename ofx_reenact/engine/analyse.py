"""Track the driver and find the target's face once, into the files that every render of them shares."""

from __future__ import annotations

from typing import Any

from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.warm import Warm
from ofx_reenact.errors import SettingsError
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.progress import Observer, Progress, ignore
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance, State


def analyse_inputs(
    settings: Settings, observe: Observer = ignore, warm: Warm | None = None, *, fresh: bool = False
) -> dict[str, Any]:
    """Write the performance file and, if one is named, the identity file.

    Args:
        settings: of the renders that follow; ``performance`` is needed.
        observe: is told of each step.
        warm: what earlier jobs left and this one leaves.
        fresh: make both anew though they are there; an identity that was trained is kept.

    Returns:
        What :func:`describe_performance` says, and the paths ``performance`` and ``identity``.

    Raises:
        ReenactError: the input cannot be used.
    """
    if not settings.performance:
        raise SettingsError("analyse writes a performance file; name it in settings.performance")
    if settings.identity and not settings.target:
        raise SettingsError("--target is needed to make an --identity")
    loader = Loader(settings, warm or Warm(), observe, fresh=fresh)
    if settings.identity:
        observe(Progress("target", 0, 1, None, settings.target))
        _ = loader.identity
        observe(Progress("target", 1, 1, None))
    about = describe_performance(loader.performance)
    return {**about, "performance": settings.performance, "identity": settings.identity}


def describe_performance(performance: Performance) -> dict[str, Any]:
    """Return what there is to show of a performance, JSON-ready; ranges of frames are text, empty for none."""
    p, tracked = performance, performance.state == State.TRACKED
    ranges = {
        "tracked": p.frames[tracked],
        "bridged": p.frames[p.state == State.BRIDGED],
        "held": p.frames[p.state == State.HELD],
        "absent": p.absent,
        "hand_made": p.frames[p.hand_made],
    }
    return {
        "first": int(p.frames[0]),
        "last": int(p.frames[-1]),
        "reference": p.reference,
        **{name: str(FrameRange.of(frames)) for name, frames in ranges.items()},
        "confidence": round(float(p.confidence[tracked].min()), 4),
        "size": list(p.file_size),
        "fps": p.fps,
    }
