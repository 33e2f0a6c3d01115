"""Teeth of a shot: whether they are drawn, and how they are hung into a frame's mouth where it was painted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ofx_reenact.compose.grain import grain
from ofx_reenact.compose.picture import is_grey
from ofx_reenact.compose.teeth import Mouth, draw_teeth
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame, Painter
from ofx_reenact.shot.motion import Pose
from ofx_reenact.shot.person import Person
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage
from ofx_reenact.tracking.landmarks import CHIN
from ofx_reenact.warp import openings

# Of the frames that surely show the person, so many may open the mouth by a tracker's mistake.
_MISTAKEN = 0.02


def find_mouth(
    open_view: Callable[[], View],
    painter: Painter | None,
    person: Person,
    settings: Settings,
    others: Sequence[np.ndarray] = (),
) -> Mouth | None:
    """Find the mouth that teeth are drawn in, in all of a shot or in no frame of it.

    Args:
        open_view: returns the view of the person's calm face.
        painter: paints the mouth; nothing is drawn where none does.
        person: whose mouth it is; painters that were taught theirs are left alone unless asked otherwise.
        settings: say whether teeth are to be drawn.
        others: meshes (468 or more, 2 or more) in the other pictures of the person.

    Returns:
        The mouth; None where none are to be drawn, or where FD-GAN knows the person's own from other pictures.
    """
    painted = settings.teeth == "painted" or (settings.teeth == "auto" and person.adapters)
    if painter is None or not painter.carries or painted:
        return None
    opened = sum(openings.fit_lens("mouth", mesh).gap > openings.SHUT_MOUTH for mesh in others)
    return None if opened > _MISTAKEN * len(others) else open_view().mouth


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
    lens = frame.carried.lenses["mouth"]
    part = frame.colour[(*box, slice(3))]
    # What the picture itself does with the jaw counts as well.
    jaw = pose.jaw + view.frontal[list(CHIN)].mean(0) - mouth.chin
    made = draw_teeth(part, opening.left, opening.top, mouth.under(view.skin), lens, pose.head, jaw, view.blur)
    if is_grey(view.display.encode(part)):
        made = np.repeat(made.mean(-1, keepdims=True), 3, -1)
    shown = view.display.encode(made) + grain(box, view.grain, view.seed)
    part += (view.display.decode(np.clip(shown, 0, 1)) - part) * share
    return frame
