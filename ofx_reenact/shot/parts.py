"""Lay mouth and eyes of other views into a frame: carried to the same pose, in the frame's light, blur and grain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ofx_reenact.compose.carry import Carried
from ofx_reenact.compose.part import (
    CarriedPart,
    Placed,
    carry_part,
    drop_jaw,
    match_grain,
    match_light,
    measure_agreement,
    soften,
)  # fmt: skip
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.motion import Pose
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage
from ofx_reenact.warp.gaze import gaze as measure_gaze
from ofx_reenact.warp.openings import Opening

Sources = Mapping[str, Sequence[tuple[View, float]]]
# A source this much finer than the result is halved first, or its detail would alias.
_FINER = 1.42


@stage("parts")
def lay_parts(frame: Frame, view: View, pose: Pose, parts: Sources, number: int = 0) -> Frame:
    """Lay parts of other views into a frame; pixels outside the parts keep every bit, and alpha stays.

    Args:
        frame: as it was made of the view, before it is painted; its colour belongs to it alone and is changed.
        view: the target's.
        pose: of the face in the frame.
        parts: for "mouth", "eye_right" and "eye_left", or some of them, views and their weights, which sum to 1 at
            most; the rest is the frame's own.
        number: of the frame; grain that is added differs from one number to the next.

    Returns:
        The frame, with a matte of where other views show, and with what neither shows of it as invented; as it was if
        nothing could be laid in.
    """
    matte = np.zeros(frame.shape, np.float32)
    for name, sources in parts.items():
        found = [(_carry(name, source, view, pose), weight) for source, weight in sources if weight > 0]
        carried = [(part, weight) for part, weight in found if part is not None]
        if not carried:
            continue
        box = carried[0][0].stmap.slices
        own = frame.colour[box]
        change, covered, laid = np.zeros_like(own[..., :3]), np.zeros_like(own[..., 0]), []
        for part, asked in carried:
            light = _match(part, own, number)
            # An eye that was shut has other rims; without the part there is nothing behind its lids.
            weight = asked * (measure_agreement(light, own[..., :3], part.stmap.reach) if name == "mouth" else 1.0)
            share = part.stmap.reach * np.float32(weight)
            change += (light - own[..., :3]) * share[..., None]
            covered += share
            laid.append((part, weight))
        inside = covered > 0
        own[inside, :3] += change[inside]
        matte[box] = np.maximum(matte[box], np.minimum(covered, 1))
        frame = replace(frame, carried=_join(frame.carried, laid))
    return replace(frame, laid=matte) if matte.any() else frame


def _carry(name: str, source: View, view: View, pose: Pose) -> CarriedPart | None:
    """Carry a part of a source to the pose of a view's face."""
    while source.head.scale > _FINER * pose.head.scale and min(source.size) > 2:
        source = source.halved
    ends = Placed(source.mesh, source.head), Placed(pose.mesh(view), pose.head)
    gaze = measure_gaze(view.frontal, source.frontal) + pose.gaze
    part = carry_part(name, source.pixels, *ends, gaze, drop_jaw(*ends), view.size)
    if part is None:
        return None
    scale = pose.head.scale / source.head.scale
    soft = soften(part.composed.colour, source.blur * scale, view.blur)
    return replace(part, composed=replace(part.composed, colour=soft))


def _match(part: CarriedPart, own: np.ndarray, number: int) -> np.ndarray:
    """Bring a part to the light and grain of a frame's own pixels (h, w, C): (h, w, 3), alpha associated as theirs."""
    colour = part.composed.colour
    light = colour[..., :3]
    if colour.shape[-1] == 4:
        light = light / np.maximum(colour[..., 3:], 1e-3)
    if own.shape[-1] == 4:
        light = light * own[..., 3:]
    light = match_light(light, own[..., :3], part.stmap.reach)
    return match_grain(light, own[..., :3], part.stmap.slices, number)


def _join(carried: Carried | None, laid: Sequence[tuple[CarriedPart, float]]) -> Carried | None:
    """Say of each pixel what the frame's view and the parts' sources together show of it, by their weights."""
    if carried is None:
        return None
    invented, stretch = carried.composed.invented.copy(), carried.stmap.stretch.copy()
    left, top = carried.stmap.left, carried.stmap.top
    mouth = carried.mouth
    for part, weight in laid:
        box = part.stmap.slices
        rows, columns = (slice(max(b.start - at, 0), b.stop - at) for b, at in zip(box, (top, left), strict=True))
        into = invented[rows, columns]
        y, x = rows.start + top - box[0].start, columns.start + left - box[1].start
        out = (slice(y, y + into.shape[0]), slice(x, x + into.shape[1]))
        share = part.stmap.reach[out] * np.float32(weight)
        # Weights add up: each takes its share of what the frame's own had.
        into += share * (part.composed.invented[out] - carried.composed.invented[rows, columns])
        stretch[rows, columns] += share * (part.stmap.stretch[out] - carried.stmap.stretch[rows, columns])
        if part.mouth is not None:
            mouth = part.mouth if mouth is None else _wider(mouth, part.mouth)
    composed = replace(carried.composed, invented=np.clip(invented, 0, 1))
    return replace(carried, stmap=replace(carried.stmap, stretch=stretch), composed=composed, mouth=mouth)


def _wider(one: Opening, other: Opening) -> Opening:
    """Return the opening that covers more; both are of the same lips."""
    return one if one.coverage.sum() >= other.coverage.sum() else other
