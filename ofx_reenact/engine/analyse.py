"""Write the files that all renders and chunks of a shot share: performances, identity and choice of parts."""

from __future__ import annotations

from typing import Any

from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.cast import Member, open_members
from ofx_reenact.errors import SettingsError
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.progress import Observer, Progress, ignore
from ofx_reenact.settings import Settings
from ofx_reenact.settings.option import flag
from ofx_reenact.tracking.performance import Performance, State


def analyse_inputs(
    settings: Settings, observe: Observer = ignore, cache: JobCache | None = None, *, fresh: bool = False
) -> dict[str, Any]:
    """Write the performance file and, where settings name them, the target's performance, identity and parts file.

    Args:
        settings: settings of the renders that follow; ``performance`` is needed, in a cast for each member.
        observe: called with each step.
        cache: what the process has loaded for earlier jobs; what this job loads is added.
        fresh: make the files again although they exist; a trained identity stays.

    Returns:
        :func:`describe_performance` of the driver, and of a moving target under ``target``; the paths
        ``performance``, ``target_performance``, ``identity`` and ``parts_file``. With a cast: the same for each
        member, by name, under ``cast``.

    Raises:
        ReenactError: the input cannot be used.
    """
    members = open_members(settings, observe, cache or JobCache(), fresh=fresh)
    for member in members:
        _check(member)
    about = {member.name: _analyse(member, observe) for member in members}
    return {"cast": about} if settings.cast else about[""]


def _check(member: Member) -> None:
    """Raise if a member's settings lack something, before any member is analysed."""
    settings = member.role.settings
    if not settings.performance:
        raise SettingsError(member.role.label("--performance is needed: analyse writes this file"))
    for name in ("identity", "target_performance", "parts_file"):
        if getattr(settings, name) and not settings.target:
            raise SettingsError(f"--target is needed to make {flag(name)}")


def _analyse(member: Member, observe: Observer) -> dict[str, Any]:
    settings, loader = member.role.settings, member.loader
    if settings.identity:
        observe(Progress("target", 0, 1, None, settings.target))
        _ = loader.identity
        observe(Progress("target", 1, 1, None))
    about = describe_performance(loader.performance)
    if settings.target and loader.target_performance is not None:
        about["target"] = describe_performance(loader.target_performance)
    if settings.parts_file:
        # Loading the shot chooses the parts over all frames and writes the file.
        _ = loader.shot
    written = ("performance", "target_performance", "identity", "parts_file")
    return {**about, **{name: getattr(settings, name) for name in written}}


def describe_performance(performance: Performance) -> dict[str, Any]:
    """Return a summary of a performance as JSON values; ranges of frames are text, empty for no frame.

    ``confidence`` is the lowest of the tracked frames, 0 to 1; ``size`` is in pixels of the file.
    """
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
