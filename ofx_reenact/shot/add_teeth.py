"""The teeth of a shot: decide whether any are drawn, and draw them into each frame's painted mouth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ofx_reenact.compose.composite import is_grey
from ofx_reenact.compose.drawn_teeth import Mouth, draw_teeth
from ofx_reenact.compose.grain import make_grain
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame, Painter
from ofx_reenact.shot.motion import Pose
from ofx_reenact.shot.person import Person
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage
from ofx_reenact.tracking.landmarks import CHIN
from ofx_reenact.warp import openings

# Fraction of the other pictures in which the tracker may see an open mouth by mistake.
_MISTAKEN = 0.02


def find_mouth(
    open_view: Callable[[], View],
    painter: Painter | None,
    person: Person,
    settings: Settings,
    others: Sequence[np.ndarray] = (),
) -> Mouth | None:
    """Decide whether teeth are drawn, in all frames of a shot or in none, and measure the mouth for them.

    Args:
        open_view: returns the view of the person's calm face; called only if teeth are drawn.
        painter: paints the mouth; without one no teeth are drawn.
        person: whose mouth it is; with trained adapters, ``--teeth auto`` leaves the teeth to FD-GAN.
        settings: the option ``teeth``.
        others: meshes (468 or more, 2 or more) in the person's other pictures.

    Returns:
        The mouth; None if no teeth are to be drawn, other pictures show the person's own, or it cannot be measured.
    """
    painted = settings.teeth == "painted" or (settings.teeth == "auto" and person.adapters)
    if painter is None or not painter.carries or painted:
        return None
    opened = sum(openings.fit_lens("mouth", mesh).gap > openings.SHUT_MOUTH for mesh in others)
    return None if opened > _MISTAKEN * len(others) else open_view().mouth


@stage("teeth")
def hang_teeth(frame: Frame, view: View, pose: Pose, mouth: Mouth) -> Frame:
    """Draw teeth into the painted mouth of a frame, in place, with the view's grain; a grey picture stays grey."""
    if frame.carried is None or frame.carried.mouth is None or view.display is None:
        return frame
    opening = frame.carried.mouth
    height, width = opening.coverage.shape
    box = (slice(opening.top, opening.top + height), slice(opening.left, opening.left + width))
    weight = frame.carried.invented(box)[..., None]
    if not weight.any():
        return frame
    lens = frame.carried.lenses["mouth"]
    part = frame.colour[(*box, slice(3))]
    # Measured from the jaw at rest, not from the jaw in the view, where the mouth may be open.
    jaw = pose.jaw + view.frontal[list(CHIN)].mean(0) - mouth.chin
    made = draw_teeth(part, opening.left, opening.top, mouth.in_light(view.skin), lens, pose.head, jaw, view.blur)
    if is_grey(view.display.encode(part)):
        made = np.repeat(made.mean(-1, keepdims=True), 3, -1)
    shown = view.display.encode(made) + make_grain(box, view.grain, view.seed)
    part += (view.display.decode(np.clip(shown, 0, 1)) - part) * weight
    return frame
