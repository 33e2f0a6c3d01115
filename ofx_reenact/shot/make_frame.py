"""Make one frame: warp a view to a pose, lay in parts of other frames, and paint what no picture shows."""

from __future__ import annotations

import numpy as np

from ofx_reenact.compose.drawn_teeth import Mouth
from ofx_reenact.shot.add_teeth import hang_teeth
from ofx_reenact.shot.frame import Frame, Painter, Tables, carry_view
from ofx_reenact.shot.lay_parts import Sources, lay_parts
from ofx_reenact.shot.motion import Pose
from ofx_reenact.shot.mouth_interior import MouthInterior, paint_from_interior
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage


@stage("compose")
def make_frame(
    view: View,
    pose: Pose,
    painter: Painter | None = None,
    dictionary: Tables = (),
    sources: Sources | None = None,
    inside: MouthInterior | None = None,
    teeth: Mouth | None = None,
) -> Frame:
    """Make one frame from one view; the only place where warp, parts, painting and teeth come together.

    Args:
        view: the picture whose pixels are warped.
        pose: where its face goes.
        painter: paints what no view shows; None for the warp alone.
        dictionary: the person's FD-GAN tables (n_i, C_i), for the painter.
        sources: for each part that comes from other views, those views and their weights.
        inside: interior of the mouth that was painted once for the whole shot; None paints it for this frame alone.
        teeth: where teeth are drawn over a painted mouth; None draws none.
    """
    carries = painter is None or painter.carries
    colour = np.empty_like(view.pixels)
    carried = carry_view(view, pose, colour) if carries else None
    if carried is None:
        colour[:] = view.pixels
    frame = Frame(colour, pose.confidence, carried)
    if sources and carried is not None:
        frame = lay_parts(frame, view, pose, sources, view.seed)
    if painter is None:
        return frame
    if inside is not None:
        frame = paint_from_interior(frame, view, pose, painter, dictionary, inside)
    else:
        frame = painter.paint(frame, view, pose, dictionary)
    return frame if teeth is None else hang_teeth(frame, view, pose, teeth)
