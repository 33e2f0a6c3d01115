"""Hang teeth into a frame's mouth, where it was painted."""

from __future__ import annotations

import numpy as np

from ofx_reenact.compose.grain import grain
from ofx_reenact.compose.repair import GREY
from ofx_reenact.compose.teeth import Mouth, draw_teeth
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.motion import Pose
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage
from ofx_reenact.warp import openings


@stage("teeth")
def hang_teeth(frame: Frame, view: View, pose: Pose, mouth: Mouth) -> Frame:
    """Hang a person's teeth into a painted frame, in place, with the view's grain; a grey picture stays grey."""
    if frame.carried is None or frame.carried.mouth is None or view.display is None:
        return frame
    opening = frame.carried.mouth
    height, width = opening.coverage.shape
    box = (slice(opening.top, opening.top + height), slice(opening.left, opening.left + width))
    share = frame.carried.invented(box)[..., None]
    if not share.any():
        return frame
    lens = openings.fit_lens("mouth", pose.mesh(view))
    part = frame.colour[(*box, slice(3))]
    made = draw_teeth(part, opening.left, opening.top, mouth, lens, pose.head, pose.jaw, view.blur)
    if np.ptp(view.display.encode(part), axis=-1).max() < GREY:
        made = np.repeat(made.mean(-1, keepdims=True), 3, -1)
    shown = view.display.encode(made) + grain(box, view.grain, view.seed)
    part += (view.display.decode(np.clip(shown, 0, 1)) - part) * share
    return frame
