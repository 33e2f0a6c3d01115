"""The request ``frame``: read a host's picture from shared memory, render the frame, write the result back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.malloc import keep_freed_memory
from ofx_reenact.engine.plan import DriverStates, Plan, plan_frames
from ofx_reenact.engine.single_frame import collect_notes, read_keep_mattes, render_one, with_host_picture
from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import Picture
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.progress import Watch
from ofx_reenact.service.host_picture import HostPicture
from ofx_reenact.service.host_scales import HostFraming, choose_proxy
from ofx_reenact.service.pixel_loops import is_same
from ofx_reenact.service.shared_memory import HAND_OVER_STAGE, Mapping, open_mapping
from ofx_reenact.service.shared_pixels import SharedPixels
from ofx_reenact.settings import Settings
from ofx_reenact.shot.shot import Shot
from ofx_reenact.stages import stage


def render_frame(
    settings: Settings, frame: int, pixels: SharedPixels, space: str, watch: Watch, cache: JobCache
) -> dict[str, Any]:
    """Render a frame from a host's picture instead of the target file's own, into shared memory.

    Pixels that the render does not change come back as the host's own values, bit for bit.

    Args:
        settings: the job's settings; ``proxy`` is replaced by one that fits the render scale.
        frame: the frame's number in the result.
        pixels: where the picture is in shared memory, and where the result goes.
        space: colour space of the picture; empty for that of the target's file.
        watch: called with each step; may cancel the job from another thread.
        cache: what the process has loaded for earlier jobs.

    Returns:
        ``state`` (how the driver's face was found), ``confidence``, ``parts`` and ``notes``.

    Raises:
        ReenactError: an input cannot be used; the result's memory is unchanged.
        Cancelled: the watch cancelled the job; the result's memory is unchanged.
    """
    if not settings.target:
        raise SettingsError("--target is needed: name the clip's file, which was analysed")
    if settings.cast:
        raise SettingsError("--cast: a host renders one person at a time; name --target and --driver")
    assert pixels.result is not None
    settings = replace(settings, proxy=choose_proxy(pixels.scale))
    memory = open_mapping(pixels.mapping, pixels.size)
    try:
        loader = Loader(settings, cache, watch)
        plates, colour = loader.plates, loader.colour
        own = plates.picture(plates.frame)
        framing = HostFraming.of(loader.target.plate, plates.proxy, pixels)
        keep_freed_memory(loader.target.plate.rgb.nbytes)
        space = _choose_space(colour, loader.target, settings, space)
        plan, mattes = _plan(loader, settings, frame), read_keep_mattes(loader, settings, frame)
        with stage(HAND_OVER_STAGE):
            given = HostPicture.of(pixels.read(memory, pixels.source), pixels.alpha, space, framing, own, colour, frame)
            picture = given.picture(framing, frame, None if framing.is_whole else plates.picture(frame))
            unchanged = _find_unchanged(memory, pixels, framing, mattes, frame)
        watch.check()
        shot = _shot(loader, settings, frame, picture)
        made = render_one(shot, frame, picture, black=frame in plan.black, unchanged=unchanged)
        watch.check()
        with stage(HAND_OVER_STAGE):
            pixels.write(memory, pixels.result, given.put_back(framing, picture.pixels, made.colour))
    finally:
        memory.close()
    return {
        "state": plan.faces[frame],
        "confidence": round(made.pose_confidence, 4),
        "parts": shot.describe_parts(frame),
        "notes": collect_notes(loader),
    }


def _plan(loader: Loader, settings: Settings, frame: int) -> Plan:
    """Plan a frame: how the driver's face was found, and whether the frame is black.

    Raises:
        FrameError: the shot has no such frame.
        TrackingError: no driver face was found, and ``--missing error`` is set.
    """
    driver = DriverStates.of(settings, loader.performance, loader.target_performance)
    if frame not in driver.states:
        raise FrameError(
            f"frame {frame} is not in the shot: the {'target' if driver.moving else 'driver'} has frames "
            f"{FrameRange.of(driver.states)}; set clip_offset and clip_speed so that the clip's frames have their "
            "numbers"
        )
    return plan_frames(replace(settings, frames=str(frame), existing="overwrite"), driver, "")


def _shot(loader: Loader, settings: Settings, frame: int, picture: Picture) -> Shot:
    """Return the shot with the host's picture, or the shot itself if a still's file has that picture."""
    with stage(HAND_OVER_STAGE):
        if not loader.plates.moving and is_same(picture.pixels, loader.plates.picture(frame).pixels):
            return loader.shot
    return with_host_picture(loader, settings, frame, picture)


def _find_unchanged(
    memory: Mapping, pixels: SharedPixels, framing: HostFraming, mattes: np.ndarray | None, frame: int
) -> np.ndarray | None:
    """Return where the picture stays unchanged, (h, w) in [0, 1]; None for nowhere.

    It is the maximum of the host's matte and of ``mattes``, those of the settings.
    """
    if pixels.holdout is None:
        return mattes
    matte = pixels.read(memory, pixels.holdout)[..., -1:]
    if bad := int(np.isnan(matte).sum()):
        raise FrameError(f"frame {frame}: {bad} values of the holdout are NaN; replace them first")
    beyond = np.zeros((framing.rows.plate, framing.columns.plate, 1), np.float32)
    held_out = framing.to_plate(np.clip(matte, 0, 1), None if framing.is_whole else beyond)[..., 0]
    return held_out if mattes is None else np.maximum(held_out, mattes)


def _choose_space(colour: Colour, target: Picture, settings: Settings, named: str) -> str:
    """Return the colour space of the host's picture: the named one, else that of the target's file.

    Raises:
        FrameError: the config has no such space.
    """
    if not named:
        return colour.choose(target.plate, settings.colorspace or None)[0]
    try:
        return colour.resolve(named)
    except FrameError as error:
        raise FrameError(f"source_colorspace: {error}") from error

