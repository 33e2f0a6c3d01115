"""The interior of a still's mouth: painted once, in the frame where it opens widest, and warped to all other frames.

A network that paints every frame anew paints different teeth in each. Painted once, upper teeth move with the skull and
lower teeth with the jaw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ofx_reenact.compose.composite import shade_interior
from ofx_reenact.compose.part import PlacedFace, find_split, measure_jaw_drop, show_interior
from ofx_reenact.ops.sample import sample
from ofx_reenact.shot.frame import Frame, Painter, Tables
from ofx_reenact.shot.motion import Motion, Pose
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.landmarks import LIPS_INNER
from ofx_reenact.tracking.performance import LEAST_CONFIDENCE
from ofx_reenact.tracking.surface import FACE_POINTS, measure_gap
from ofx_reenact.warp import openings
from ofx_reenact.warp.lens import pixel_places

# Margin of the picture around the mouth's opening, in widths of the mouth.
_AROUND = 0.25


@dataclass(frozen=True)
class MouthInterior:
    """The open mouth of a painted frame.

    Attributes:
        number: the frame's number.
        picture: (h, w, C) float32 scene-linear, the frame's pixels around the mouth.
        left: column of the picture's first pixel in the frame.
        top: row of the picture's first pixel in the frame.
        face: the face in the frame.
        split: height at which upper teeth end, from the upper lip (0) to the lower lip (1).
    """

    number: int
    picture: np.ndarray
    left: int
    top: int
    face: PlacedFace
    split: float

    @classmethod
    def of_frame(cls, number: int, frame: Frame, view: View, pose: Pose) -> MouthInterior | None:
        """Take the mouth of a painted frame; None if it is shut or outside the picture."""
        face = PlacedFace(pose.mesh(view), pose.head)
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
    """Return the frame in which a still's mouth opens widest; None if no frame's track is certain."""
    gaps = measure_gap(view.frontal[:FACE_POINTS] + motion.expression, LIPS_INNER)
    rows = np.array([row for row in motion.rows.values() if motion.confidence[row] >= LEAST_CONFIDENCE])
    frames = {row: frame for frame, row in motion.rows.items()}
    return frames[int(rows[np.argmax(gaps[rows])])] if len(rows) else None


def paint_from_interior(
    frame: Frame, view: View, pose: Pose, painter: Painter, dictionary: Tables, interior: MouthInterior
) -> Frame:
    """Finish a frame with the mouth's interior from another frame, and paint only what that does not show.

    Writes into the frame's colour, which must not be shared with the view.

    Args:
        frame: the warped frame, before it is painted.
        view: the still.
        pose: the pose of its face in the frame.
        painter: paints what the interior does not show.
        dictionary: the person's FD-GAN tables (n_i, C_i).
        interior: the open mouth of another frame.
    """
    carried, shown = frame.carried, _show_interior(interior, view, pose)
    if carried is None or carried.mouth is None or carried.mouth.shade is None or shown is None:
        return painter.paint(frame, view, pose, dictionary)
    seen, offset = shown.maps[0].seen.astype(np.float32), shown.maps[0].offset
    rows, columns = seen.shape
    box = (slice(shown.top, shown.top + rows), slice(shown.left, shown.left + columns))
    weight = carried.invented(box) * seen
    x, y = pixel_places(shown.left, shown.top, columns, rows)
    # The warp filled the unseen mouth in the lips' colour; the interior replaces that.
    own = shade_interior(view.carrier.lips, carried.mouth.shade)
    interior_colour = sample(interior.picture, x + offset[..., 0] - interior.left, y + offset[..., 1] - interior.top)
    frame.colour[box] += (interior_colour - own) * weight[..., None]
    # What the interior shows counts as carried, so the painter leaves it as it is.
    invented = carried.composed.invented.copy()
    top, left = box[0].start - carried.composed.slices[0].start, box[1].start - carried.composed.slices[1].start
    into = invented[max(top, 0) : top + rows, max(left, 0) : left + columns]
    into *= 1 - seen[max(-top, 0) :, max(-left, 0) :][: into.shape[0], : into.shape[1]]
    remaining = replace(carried, composed=replace(carried.composed, invented=invented))
    painted = painter.paint(replace(frame, carried=remaining), view, pose, dictionary)
    # The interior was painted too, so in the frame's maps it remains invented.
    return replace(painted, carried=carried)


def _show_interior(interior: MouthInterior, view: View, pose: Pose) -> openings.Opening | None:
    """Return the mouth's opening in a pose, filled from the interior; None if the interior shows none of it."""
    ends = interior.face, PlacedFace(pose.mesh(view), pose.head)
    feather = max(1.0, openings.FEATHER * view.carrier.sheet.face_height)
    shown = show_interior(*ends, measure_jaw_drop(*ends), interior.split, feather, view.size)
    return shown if shown is not None and shown.maps else None
