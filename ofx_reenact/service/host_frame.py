"""One frame for a host: its picture comes through shared memory, what is made of it goes back the same way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.malloc import keep_freed_memory
from ofx_reenact.engine.plan import DriverStates, Plan, plan_frames
from ofx_reenact.engine.single_frame import collect_notes, read_keep_mattes, render_one, with_host_picture
from ofx_reenact.engine.warm import Warm
from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import Picture
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.progress import Watch
from ofx_reenact.service.host_framing import HostFraming, choose_proxy
from ofx_reenact.service.host_picture import HostPicture
from ofx_reenact.service.mapping import HAND, Mapping, open_mapping
from ofx_reenact.service.pixel_loops import is_same
from ofx_reenact.service.shared_pixels import SharedPixels
from ofx_reenact.settings import Settings
from ofx_reenact.shot.shot import Shot
from ofx_reenact.stages import stage


def render_frame(
    settings: Settings, frame: int, pixels: SharedPixels, space: str, watch: Watch, warm: Warm
) -> dict[str, Any]:
    """Render a frame of a host's picture, in place of the target file's own, into shared memory.

    Where the result is the picture itself, the host's numbers come back bit for bit.

    Args:
        settings: of the job; what ``proxy`` says does not count.
        frame: its number in the result.
        pixels: where the picture lies, and where the result goes.
        space: colour space of the picture; empty for that of the target's file.
        watch: is told of each step, and may end the job.
        warm: what earlier jobs left.

    Returns:
        How the driver's face was found (``state``), ``confidence``, ``parts`` and ``notes``.

    Raises:
        ReenactError: something cannot be used; there is no result.
        Cancelled: the watch ended the job; there is no result.
    """
    if not settings.target:
        raise SettingsError("--target is needed: the file of the clip, which was analysed")
    if settings.cast:
        raise SettingsError("--cast: a frame is made of one person at a time; name target and driver")
    assert pixels.result is not None
    settings = replace(settings, proxy=choose_proxy(pixels.scale))
    memory = open_mapping(pixels.mapping, pixels.size)
    try:
        loader = Loader(settings, warm, watch)
        plates, colour = loader.plates, loader.colour
        own = plates.picture(plates.frame)
        framing = HostFraming.of(loader.target.plate, plates.proxy, pixels)
        keep_freed_memory(loader.target.plate.rgb.nbytes)
        found = _space(colour, loader.target, settings, space)
        plan, mattes = _plan(loader, settings, frame), read_keep_mattes(loader, settings, frame)
        with stage(HAND):
            given = HostPicture.of(pixels.read(memory, pixels.source), pixels.alpha, found, framing, own, colour, frame)
            picture = given.picture(framing, frame, None if framing.is_whole else plates.picture(frame))
            kept = _kept(memory, pixels, framing, mattes, frame)
        watch.check()
        shot = _shot(loader, settings, frame, picture)
        made = render_one(shot, frame, picture, black=frame in plan.black, kept=kept)
        watch.check()
        with stage(HAND):
            pixels.write(memory, pixels.result, given.lay(framing, picture.pixels, made.colour))
    finally:
        memory.close()
    return {
        "state": plan.faces[frame],
        "confidence": round(made.sure, 4),
        "parts": shot.taken(frame),
        "notes": collect_notes(loader),
    }


def _plan(loader: Loader, settings: Settings, frame: int) -> Plan:
    """Find how the driver was found in a frame, and whether that leaves it black.

    Raises:
        FrameError: there is no such frame.
        TrackingError: no face was found, and that is to be an error.
    """
    seen = DriverStates.of(settings, loader.performance, loader.plate)
    if frame not in seen.states:
        raise FrameError(
            f"frame {frame} is not in the shot: the {'target' if seen.moving else 'driver'} has frames "
            f"{FrameRange.of(seen.states)}; set clip_offset and clip_speed so that the clip's frames have their numbers"
        )
    return plan_frames(replace(settings, frames=str(frame), existing="overwrite"), seen, "")


def _shot(loader: Loader, settings: Settings, frame: int, picture: Picture) -> Shot:
    """Return the shot with the host's picture in a frame."""
    with stage(HAND):
        if not loader.plates.moving and is_same(picture.pixels, loader.plates.picture(frame).pixels):
            return loader.shot
    return with_host_picture(loader, settings, frame, picture)


def _kept(
    memory: Mapping, pixels: SharedPixels, framing: HostFraming, own: np.ndarray | None, frame: int
) -> np.ndarray | None:
    """Return where the picture stays: by the host's matte, and by those of the settings; None for nowhere."""
    if pixels.holdout is None:
        return own
    matte = pixels.read(memory, pixels.holdout)[..., -1:]
    if bad := int(np.isnan(matte).sum()):
        raise FrameError(f"frame {frame}: {bad} values of the holdout's matte are NaN; clean it first")
    beyond = np.zeros((framing.rows.plate, framing.columns.plate, 1), np.float32)
    kept = framing.take(np.clip(matte, 0, 1), None if framing.is_whole else beyond)[..., 0]
    return kept if own is None else np.maximum(kept, own)


def _space(colour: Colour, target: Picture, settings: Settings, named: str) -> str:
    """Return the colour space of the host's picture: the one that was named, else that of the target's file.

    Raises:
        FrameError: there is no such space.
    """
    if not named:
        return colour.choose(target.plate, settings.colorspace or None)[0]
    try:
        return colour.resolve(named)
    except FrameError as error:
        raise FrameError(f"source_colorspace: {error}") from error

