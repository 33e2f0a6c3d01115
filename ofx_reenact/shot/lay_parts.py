"""Lay mouth and eyes of other views into a frame: warped to its pose, matched to its light, blur and grain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ofx_reenact.compose.carry import Carried
from ofx_reenact.compose.part import (
    CarriedPart,
    PlacedFace,
    carry_part,
    match_grain,
    match_light,
    measure_agreement,
    measure_jaw_drop,
    soften,
)  # fmt: skip
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.motion import Pose
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage
from ofx_reenact.warp.gaze import measure_gaze
from ofx_reenact.warp.openings import Opening

# For each part that comes from other views: those views and their weights.
Sources = Mapping[str, Sequence[tuple[View, float]]]
# A source whose face is larger than the result's by more than this factor is halved first, to avoid aliasing.
_LARGEST_SCALE = 1.42


@stage("parts")
def lay_parts(frame: Frame, view: View, pose: Pose, parts: Sources, number: int = 0) -> Frame:
    """Lay parts of other views into a frame. Pixels outside the parts keep every bit; alpha is unchanged.

    Args:
        frame: the warped frame, before it is painted. Its colour is written to, and must not be shared with the view.
        view: the target's view.
        pose: the pose of the face in the frame.
        parts: by part ("mouth", "eye_right", "eye_left"), views and their weights; these sum to at most 1, and the
            rest is the frame's own.
        number: the frame's number, which selects the pattern of added grain.

    Returns:
        The frame with the matte of its parts, and with maps that include the parts; unchanged if no part could be laid
        in.
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
        for part, chosen_weight in carried:
            matched = _match_look(part, own, number)
            # An eye is always laid in, even if its rim differs: where it is shut in the frame, nothing else lies behind
            # its lids.
            agreement = measure_agreement(matched, own[..., :3], part.stmap.reach) if name == "mouth" else 1.0
            weight = chosen_weight * agreement
            opacity = part.stmap.reach * np.float32(weight)
            change += (matched - own[..., :3]) * opacity[..., None]
            covered += opacity
            laid.append((part, weight))
        inside = covered > 0
        own[inside, :3] += change[inside]
        matte[box] = np.maximum(matte[box], np.minimum(covered, 1))
        frame = replace(frame, carried=_join(frame.carried, laid))
    return replace(frame, parts_matte=matte) if matte.any() else frame


def _carry(name: str, source: View, view: View, pose: Pose) -> CarriedPart | None:
    """Warp a part of a source to the pose of a view's face, as blurred as the view is; None if it is out of sight."""
    while source.head.scale > _LARGEST_SCALE * pose.head.scale and min(source.size) > 2:
        source = source.halved
    ends = PlacedFace(source.mesh, source.head), PlacedFace(pose.mesh(view), pose.head)
    gaze = measure_gaze(view.frontal, source.frontal) + pose.gaze
    part = carry_part(name, source.pixels, *ends, gaze, measure_jaw_drop(*ends), view.size)
    if part is None:
        return None
    scale = pose.head.scale / source.head.scale
    soft = soften(part.composed.colour, source.blur * scale, view.blur)
    return replace(part, composed=replace(part.composed, colour=soft))


def _match_look(part: CarriedPart, own: np.ndarray, number: int) -> np.ndarray:
    """Match a part to light, grain and alpha of a frame's own pixels (h, w, C); returns (h, w, 3), alpha associated."""
    colour = part.composed.colour
    matched = colour[..., :3]
    if colour.shape[-1] == 4:
        matched = matched / np.maximum(colour[..., 3:], 1e-3)
    if own.shape[-1] == 4:
        matched = matched * own[..., 3:]
    matched = match_light(matched, own[..., :3], part.stmap.reach)
    return match_grain(matched, own[..., :3], part.stmap.slices, number)


def _join(carried: Carried | None, laid: Sequence[tuple[CarriedPart, float]]) -> Carried | None:
    """Combine the maps of a frame's warp with those of the parts laid over it, by their weights."""
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
        opacity = part.stmap.reach[out] * np.float32(weight)
        # Each part replaces a fraction of the frame's own value: its opacity.
        into += opacity * (part.composed.invented[out] - carried.composed.invented[rows, columns])
        stretch[rows, columns] += opacity * (part.stmap.stretch[out] - carried.stmap.stretch[rows, columns])
        if part.mouth is not None:
            mouth = part.mouth if mouth is None else _larger_opening(mouth, part.mouth)
    composed = replace(carried.composed, invented=np.clip(invented, 0, 1))
    return replace(carried, stmap=replace(carried.stmap, stretch=stretch), composed=composed, mouth=mouth)


def _larger_opening(one: Opening, other: Opening) -> Opening:
    """Return the opening with the larger area; both are between the same lips."""
    return one if one.coverage.sum() >= other.coverage.sum() else other
