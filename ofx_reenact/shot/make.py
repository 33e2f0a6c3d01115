"""How a frame is made of a view in a pose: carried, parts of other frames laid in, painted where none shows it."""

from __future__ import annotations

import numpy as np

from ofx_reenact.compose.teeth import Mouth
from ofx_reenact.shot.frame import Frame, Painter, Tables, carry_view
from ofx_reenact.shot.inside import Inside, paint_with
from ofx_reenact.shot.motion import Pose
from ofx_reenact.shot.parts import Sources, lay_parts
from ofx_reenact.shot.teeth import hang_teeth
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage


@stage("compose")
def make_frame(
    view: View,
    pose: Pose,
    painter: Painter | None = None,
    dictionary: Tables = (),
    sources: Sources | None = None,
    inside: Inside | None = None,
    teeth: Mouth | None = None,
) -> Frame:
    """Make a frame.

    Args:
        view: whose pixels are carried.
        pose: where to.
        painter: paints what no view shows; None leaves the warp alone.
        dictionary: of the person, for the painter to read.
        sources: the views that parts are taken from, by part; those of the view itself are not named.
        inside: of the mouth, painted for the whole shot; None paints this frame by itself.
        teeth: hung into the mouth where it was painted; None leaves it as it was painted.
    """
    carries = painter is None or painter.carries
    colour = np.empty_like(view.pixels)
    carried = carry_view(view, pose, colour) if carries else None
    if carried is None:
        colour[:] = view.pixels
    frame = Frame(colour, pose.sure, carried)
    if sources and carried is not None:
        frame = lay_parts(frame, view, pose, sources, view.seed)
    if painter is None:
        return frame
    if inside is not None:
        frame = paint_with(frame, view, pose, painter, dictionary, inside)
    else:
        frame = painter.paint(frame, view, pose, dictionary)
    return frame if teeth is None else hang_teeth(frame, view, pose, teeth)
