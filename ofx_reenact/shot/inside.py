"""The inside of a still's mouth: painted once for a shot, where it opens widest, and carried to every frame from there.

A network that paints each frame anew paints other teeth each time. What it painted once goes with skull and jaw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ofx_reenact.compose.part import Placed, drop_jaw, find_split, show_inside
from ofx_reenact.compose.picture import shade_inside
from ofx_reenact.ops.sample import sample
from ofx_reenact.shot.frame import Frame, Painter, Tables
from ofx_reenact.shot.motion import Motion, Pose
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.landmarks import LIPS_INNER
from ofx_reenact.tracking.performance import SURE
from ofx_reenact.tracking.surface import FACE_POINTS, measure_gap
from ofx_reenact.warp import openings
from ofx_reenact.warp.lens import pixel_places

# How far around an opening its picture is kept, in widths of the mouth.
_AROUND = 0.25


@dataclass(frozen=True)
class Inside:
    """The mouth of a painted frame of the shot, open.

    Attributes:
        number: of the frame.
        picture: (h, w, C) float32, the frame around its mouth.
        left: column of the picture's first pixel in the frame.
        top: its row.
        face: where it lies in the frame.
        split: where upper teeth end, from the upper lip (0) to the lower (1).
    """

    number: int
    picture: np.ndarray
    left: int
    top: int
    face: Placed
    split: float

    @classmethod
    def of_frame(cls, number: int, frame: Frame, view: View, pose: Pose) -> Inside | None:
        """Take the inside of a painted frame; None where its mouth is shut."""
        face = Placed(pose.mesh(view), pose.head)
        lens = face.mouth
        if frame.carried is None or frame.carried.mouth is None or lens.gap <= openings.SHUT_MOUTH:
            return None
        first, low, last, high = lens.box(_AROUND * 2 * lens.half)
        left, top = max(int(first), 0), max(int(low), 0)
        picture = frame.colour[top : max(int(high) + 1, top + 1), left : max(int(last) + 1, left + 1)]
        if not picture.size:
            return None
        return cls(number, picture.copy(), left, top, face, find_split(frame.colour, lens))


def find_widest(motion: Motion, view: View) -> int | None:
    """Return the frame of a shot in which a still's mouth opens widest; None where the driver is never surely seen."""
    gaps = measure_gap(view.frontal[:FACE_POINTS] + motion.expression, LIPS_INNER)
    rows = np.array([row for row in motion.rows.values() if motion.confidence[row] >= SURE])
    frames = {row: frame for frame, row in motion.rows.items()}
    return frames[int(rows[np.argmax(gaps[rows])])] if len(rows) else None


def paint_with(frame: Frame, view: View, pose: Pose, painter: Painter, dictionary: Tables, inside: Inside) -> Frame:
    """Finish a frame whose colour belongs to it alone: with the inside of another, and painted where that has none."""
    carried, shown = frame.carried, _show(inside, view, pose)
    if carried is None or carried.mouth is None or carried.mouth.shade is None or shown is None:
        return painter.paint(frame, view, pose, dictionary)
    seen, offset = shown.views[0].seen.astype(np.float32), shown.views[0].offset
    rows, columns = seen.shape
    box = (slice(shown.top, shown.top + rows), slice(shown.left, shown.left + columns))
    share = carried.invented(box) * seen
    x, y = pixel_places(shown.left, shown.top, columns, rows)
    own = shade_inside(view.carrier.lips, carried.mouth.shade)
    there = sample(inside.picture, x + offset[..., 0] - inside.left, y + offset[..., 1] - inside.top)
    frame.colour[box] += (there - own) * share[..., None]
    invented = carried.composed.invented.copy()
    top, left = box[0].start - carried.composed.slices[0].start, box[1].start - carried.composed.slices[1].start
    into = invented[max(top, 0) : top + rows, max(left, 0) : left + columns]
    into *= 1 - seen[max(-top, 0) :, max(-left, 0) :][: into.shape[0], : into.shape[1]]
    left_over = replace(carried, composed=replace(carried.composed, invented=invented))
    painted = painter.paint(replace(frame, carried=left_over), view, pose, dictionary)
    # What was painted once is still invented.
    return replace(painted, carried=carried)


def _show(inside: Inside, view: View, pose: Pose) -> openings.Opening | None:
    """Return the mouth's opening in a pose as the inside shows it; None where that shows nothing."""
    ends = inside.face, Placed(pose.mesh(view), pose.head)
    feather = max(1.0, openings.FEATHER * view.carrier.sheet.face_height)
    shown = show_inside(*ends, drop_jaw(*ends), inside.split, feather, view.size)
    return shown if shown is not None and shown.views else None
