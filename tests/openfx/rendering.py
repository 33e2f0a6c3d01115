"""What a host does to have a frame rendered, in the order that the standard gives, and what it looks at then."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from openfx.api import Status
from openfx.images import CHANNELS, DTYPES, FILL, PLAIN, Layout, Memory

if TYPE_CHECKING:
    from openfx.effect import Instance

Window = tuple[int, int, int, int]
Scale = tuple[float, float]
Arguments = dict[str, tuple[str, Any]]
_ACTION = "OfxImageEffectAction"
_RENDER = f"{_ACTION}Render"


class ActionFailed(Exception):
    """A plug-in answered an action by a status that is an error."""

    def __init__(self, action: str, status: Status) -> None:
        super().__init__(f"{action}: {status.name}")
        self.action, self.status = action, status


def render(
    instance: Instance, time: float, *, scale: Scale = (1.0, 1.0), window: Window | None = None,
    abort_after: int | None = None, layout: Layout = PLAIN, identity: bool = True,
) -> np.ndarray:  # fmt: skip
    """Render a frame; returns the output, (H, W, 4), top row first, FILL where nobody wrote.

    Args:
        instance: of the effect.
        time: the effect's.
        scale: of the pixels: 0.5 is half a resolution.
        window: x1, y1, x2, y2 of the pixels that are wanted, y up; all by default.
        abort_after: how often the plug-in may ask whether to end before it is told so.
        layout: of the output's memory.
        identity: ask first whether some clip is the result.

    Raises:
        ActionFailed: the plug-in could not.
    """
    whole = window_of(instance, scale)
    window = window or whole
    canonical = tuple(edge / scale[i % 2] for i, edge in enumerate(window))
    instance.region_of_definition(time, scale)
    instance.regions_of_interest(time, canonical, scale)
    if instance.described.properties.get("OfxImageEffectPropTemporalClipAccess", 0) and instance.host.temporal:
        instance.frames_needed(time)
    instance.identity = instance.is_identity(time, scale, window) if identity else None
    if instance.identity:
        name, then = instance.identity
        found = instance.inputs[name].picture(then, scale) if name in instance.inputs else None
        if found is None:
            raise ActionFailed(f"{_ACTION}IsIdentity", Status.FAILED)
        return found
    with _watching(instance, abort_after):
        return _render(instance, time, scale, window, layout)


def window_of(instance: Instance, scale: Scale) -> Window:
    """Return the whole output in pixels at a scale: x1, y1, x2, y2, y up."""
    clip = instance.inputs["Output"]
    (x, y), (width, height) = clip.pixel_corner(scale), clip.size
    return x, y, x + max(1, math.ceil(width * scale[0])), y + max(1, math.ceil(height * scale[1]))


def at(time: float) -> Arguments:
    """Return an action's argument of the time."""
    return {"OfxPropTime": ("Double", time)}


def scaled(scale: Scale) -> Arguments:
    """Return an action's argument of the render scale."""
    return {"OfxImageEffectPropRenderScale": ("Double", [float(one) for one in scale])}


def render_arguments(instance: Instance, time: float, scale: Scale, window: Window) -> Arguments:
    """Return what the action to render is given."""
    names = ("OfxImageEffectPropThumbnailRender", "OfxImageEffectPropNoSpatialAwareness")
    late = dict.fromkeys(names, ("String", "false"))
    return {
        **at(time), **scaled(scale), "OfxImageEffectPropFieldToRender": ("String", "OfxFieldNone"),
        "OfxImageEffectPropRenderWindow": ("Int", window), "OfxImageEffectPropSequentialRenderStatus": ("Int", 0),
        "OfxImageEffectPropInteractiveRenderStatus": ("Int", 0), "OfxImageEffectPropRenderQualityDraft": ("Int", 0),
        **(late if instance.host.api >= (1, 5) else {}),
    }  # fmt: skip


def _sequence_arguments(time: float, scale: Scale) -> Arguments:
    return {
        "OfxImageEffectPropFrameRange": ("Double", [time, time]), "OfxImageEffectPropFrameStep": ("Double", 1.0),
        "OfxPropIsInteractive": ("Int", 1), **scaled(scale), "OfxImageEffectPropSequentialRenderStatus": ("Int", 0),
        "OfxImageEffectPropInteractiveRenderStatus": ("Int", 0),
    }  # fmt: skip


@contextmanager
def _watching(instance: Instance, abort_after: int | None) -> Iterator[None]:
    """Answer the plug-in's question whether to end, for one render."""
    before, instance.aborted = instance.abort, False
    if abort_after is not None:
        left = iter(range(abort_after))
        instance.abort = lambda: next(left, None) is None
    try:
        yield
    finally:
        instance.abort = before


def _render(instance: Instance, time: float, scale: Scale, window: Window, layout: Layout) -> np.ndarray:
    sequence, whole = _sequence_arguments(time, scale), window_of(instance, scale)
    begun = instance.call(f"{_ACTION}BeginSequenceRender", sequence, time=time)
    if begun not in (Status.OK, Status.DEFAULT):
        raise ActionFailed(f"{_ACTION}BeginSequenceRender", begun)
    shape = whole[3] - whole[1], whole[2] - whole[0], CHANNELS["OfxImageComponentRGBA"]
    instance.output = output = Memory(np.full(shape, FILL, DTYPES[instance.depth]), layout)
    told = len(instance.record.messages)
    try:
        status = instance.call(_RENDER, render_arguments(instance, time, scale, window), time=time)
        _check_output(instance, output, window, whole)
        if status is Status.FAILED and not instance.aborted and not _is_explained(instance, told):
            instance.record.violations.append(f"{_RENDER}: fails and tells nobody why")
        if status is not Status.OK:
            raise ActionFailed(_RENDER, status)
        return output.read()
    finally:
        instance.output = None
        output.free()
        instance.call(f"{_ACTION}EndSequenceRender", sequence, time=time)


def _is_explained(instance: Instance, told: int) -> bool:
    """Tell whether a plug-in said why it failed, if it could: now, or before by what still stands or cannot stand."""
    record, host = instance.record, instance.host
    keeps, speaks = (host.has("OfxMessageSuite", version) for version in (2, 1))
    said = record.messages[told:] if keeps else record.messages
    explained = instance in record.standing or any(message.effect is instance for message in said)
    return explained or not (keeps or speaks)


def _check_output(instance: Instance, output: Memory, window: Window, whole: Window) -> None:
    if not output.is_whole():
        instance.record.violations.append(f"{_RENDER}: writes beside the pixels of the output")
    beyond = output.read()
    beyond[whole[3] - window[3] : whole[3] - window[1], window[0] - whole[0] : window[2] - whole[0]] = FILL
    if not (beyond == FILL).all():
        instance.record.violations.append(f"{_RENDER}: writes beyond the window that is wanted")
