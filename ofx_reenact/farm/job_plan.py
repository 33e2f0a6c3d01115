"""The frames that a farm job renders, checked before it is submitted, and the files that its chunks share."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.frames.matte import Protection
from ofx_reenact.frames.names import files_of
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.provenance import beside
from ofx_reenact.settings import Settings, names_affecting, names_of_paths, paths_in
from ofx_reenact.settings.cast import read_roles
from ofx_reenact.settings.option import Affects
from ofx_reenact.tracking.retime import driver_positions


def plan_job(settings: Settings) -> tuple[FrameRange, dict[str, Any]]:
    """Return the frames to render, and option → path of the files that the analysis writes once for all chunks.

    Args:
        settings: with absolute paths.

    Raises:
        FrameError: target, driver or a matte does not exist, or has not all of the frames.
        SettingsError: neither driver nor performance is given, no frame of the target meets one of the driver's, or a
            member of a cast names no file for what chunks share.
    """
    target = Sequence.open(settings.target)
    moving = settings.target_frame is None and len(target.frames) > 1
    roles = read_roles(settings)
    driven = [_driver_frames(role.settings) for role in roles]
    if moving:
        # The frames are the target's; every member's driver is checked for them.
        frames, *_ = [_frames_of_target(role.settings, target, one) for role, one in zip(roles, driven, strict=True)]
    else:
        frames = _frames_of_driver(settings, FrameRange.of(frame for one in driven for frame in one))
    if settings.holdout or settings.mask:
        first = frames.first if moving else settings.target_frame or target.frames.first
        plate = target.read_header(first, settings.layer)
        Protection.open(settings.holdout, settings.mask, frames, plate.display_window, plate.data_window)
    if not settings.cast:
        return frames, _shared(settings, moving)
    for role in roles:
        if unnamed := [name for name in _shared(role.settings, moving) if not getattr(role.settings, name)]:
            raise SettingsError(
                f"{settings.cast}: {role.name}: has no {', '.join(unnamed)}; on a farm, chunks share what is analysed, "
                "so name files for it"
            )
    return frames, {}


def _driver_frames(settings: Settings) -> FrameRange:
    """Return the driver's frames, without gaps: --missing decides how frames in a gap are rendered."""
    if settings.performance and Path(settings.performance).is_file():
        from ofx_reenact.tracking.performance import Performance

        return FrameRange.of(Performance.load(Path(settings.performance)).frames.tolist())
    if settings.driver:
        found = Sequence.open(settings.driver).frames
        return FrameRange(tuple(range(found.first, found.last + 1)))
    raise SettingsError("--driver is needed, or a --performance that was tracked before")


def _frames_of_driver(settings: Settings, driven: FrameRange) -> FrameRange:
    """Return the frames to render of a still: they have the driver's numbers."""
    wanted = FrameRange.parse(settings.frames) if settings.frames else driven
    if outside := wanted - driven:
        raise FrameError(f"--frames {settings.frames}: the driver has frames {driven}, not {outside}")
    return wanted


def _frames_of_target(settings: Settings, target: Sequence, driven: FrameRange) -> FrameRange:
    """Return the frames to render of a moving target; check that each has a plate and that the driver reaches it."""
    if target.missing:
        raise FrameError(f"{target.name}: frames {target.missing} are missing; a target that moves needs every frame")
    wanted = FrameRange.parse(settings.frames) if settings.frames else target.frames
    if outside := wanted - target.frames:
        raise FrameError(f"--frames {settings.frames}: the target has frames {target.frames}, not {outside}")
    positions = driver_positions(target.frames.numbers, (driven.first, driven.last), settings)
    inside = (positions >= driven.first) & (positions <= driven.last)
    beyond = [f for f, within in zip(target.frames, inside, strict=True) if not within and f in wanted]
    if beyond and settings.missing == "error":
        raise FrameError(
            f"--missing error: the driver's frames {driven} do not reach the target's {FrameRange.of(beyond)}; "
            "--missing hold or black goes on without"
        )
    return wanted


def _shared(settings: Settings, moving: bool) -> dict[str, Any]:
    """Return option → path of what is analysed once: the given path, else one beside the output."""
    digits = analysis_digits(settings, "track", "person")
    named = {"performance": f".{digits}.npz", "identity": f".{digits}.safetensors"}
    if moving:
        named["target_performance"] = f".{digits}.target.npz"
    if settings.parts == "on" and settings.profile == "warp" and (moving or settings.appearance):
        # The choice of parts depends on every option that changes the face.
        named["parts_file"] = f".{analysis_digits(settings, 'track', 'person', 'pixels')}.parts.json"
    return {name: getattr(settings, name) or str(beside(settings.output, suffix)) for name, suffix in named.items()}


def analysis_digits(settings: Settings, *affects: Affects) -> str:
    """Return eight hexadecimal digits that change with the input files and with the options named by ``affects``."""
    values = settings.as_dict()
    used = {name: values[name] for name in names_affecting(*affects) if name not in names_of_paths("read_or_written")}
    for name in paths_in(used, "read"):
        used[name] = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files_of(name)]
    return hashlib.sha256(json.dumps(used).encode()).hexdigest()[:8]
