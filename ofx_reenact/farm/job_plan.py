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
        FrameError: target, driver or a matte does not exist, or lacks some of the frames.
        SettingsError: neither driver nor performance is given, the driver reaches no frame of the target, or a member
            of a cast has no path for a file that chunks share.
    """
    target = Sequence.open(settings.target)
    moving = settings.target_frame is None and len(target.frames) > 1
    roles = read_roles(settings)
    driver_frames = [_driver_frames(role.settings) for role in roles]
    if moving:
        # The frames are the target's, the same for every member of a cast; each member's driver is checked.
        checked = zip(roles, driver_frames, strict=True)
        frames, *_ = [_frames_of_target(role.settings, target, driver) for role, driver in checked]
    else:
        frames = _frames_of_driver(settings, FrameRange.of(frame for driver in driver_frames for frame in driver))
    if settings.holdout or settings.mask:
        first = frames.first if moving else settings.target_frame or target.frames.first
        plate = target.read_header(first, settings.layer)
        Protection.open(settings.holdout, settings.mask, frames, plate.display_window, plate.data_window)
    if not settings.cast:
        return frames, _shared_files(settings, moving)
    for role in roles:
        if unnamed := [name for name in _shared_files(role.settings, moving) if not getattr(role.settings, name)]:
            raise SettingsError(
                f"{settings.cast}: {role.name}: has no {', '.join(unnamed)}; on a farm, all chunks read these files: "
                "give a path for each"
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


def _frames_of_driver(settings: Settings, driver: FrameRange) -> FrameRange:
    """Return the frames to render of a still: they have the driver's numbers."""
    wanted = FrameRange.parse(settings.frames) if settings.frames else driver
    if outside := wanted - driver:
        raise FrameError(f"--frames {settings.frames}: the driver has frames {driver}, not {outside}")
    return wanted


def _frames_of_target(settings: Settings, target: Sequence, driver: FrameRange) -> FrameRange:
    """Return the frames to render of a moving target.

    Raises:
        FrameError: the target has gaps or lacks some of the frames; or, with ``--missing error``, the driver does.
        SettingsError: the driver reaches none of them.
    """
    if target.missing:
        raise FrameError(f"{target.name}: frames {target.missing} are missing; a target that moves needs every frame")
    wanted = FrameRange.parse(settings.frames) if settings.frames else target.frames
    if outside := wanted - target.frames:
        raise FrameError(f"--frames {settings.frames}: the target has frames {target.frames}, not {outside}")
    positions = driver_positions(target.frames.numbers, (driver.first, driver.last), settings)
    inside = (positions >= driver.first) & (positions <= driver.last)
    beyond = [f for f, within in zip(target.frames, inside, strict=True) if not within and f in wanted]
    if beyond and settings.missing == "error":
        raise FrameError(
            f"--missing error: the driver's frames {driver} do not reach the target's {FrameRange.of(beyond)}; "
            "use --missing hold or black to render them as well"
        )
    return wanted


def _shared_files(settings: Settings, moving: bool) -> dict[str, Any]:
    """Return option → path of the files that the analysis writes: the given path, else one beside the output."""
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
