"""What is measured on a case of whole faces: the target shown still, the warp, and networks as a render uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ofx_reenact.compose.carry import Carried, Carrier
from ofx_reenact.compose.grain import measure_grain
from ofx_reenact.engine.inputs import display_for
from ofx_reenact.evaluate.cases import Case
from ofx_reenact.fdgan.window import Reference
from ofx_reenact.frames.colour import Colour, Display
from ofx_reenact.shot.painter import Painter
from ofx_reenact.shot.portrait import PortraitPainter
from ofx_reenact.shot.reenactor import face_of
from ofx_reenact.tracking.rigid import Similarity, head_pose
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.training.fdgan.data.pairs import NECK, carry, picture_of
from ofx_reenact.warp import densify
from ofx_reenact.warp.shut import shut

STILL, WARP = "target shown still", "warp only"
_ALL = {"eye_right": 1.0, "eye_left": 1.0, "mouth": 1.0}

Painters = Mapping[str, Painter | PortraitPainter]


@dataclass(frozen=True)
class Followed:
    """A case whose target has been carried to its truth, in light, as a render does it.

    Attributes:
        case: the case.
        carrier: the target with a sheet over its face, scene-linear.
        carried: the target in motion.
        head: pose of the moved head.
        mesh: the face in motion (468, 3), pixels.
    """

    case: Case
    carrier: Carrier
    carried: Carried
    head: Similarity
    mesh: np.ndarray


def follow(case: Case, colour: Colour) -> Followed | None:
    """Carry a case's target to its truth's mesh and gaze; None where the face leaves the picture.

    Lids and lips meet as in a render whose driver is the truth and whose reference frame is the target.
    """
    start, head = head_pose(case.target_mesh), head_pose(case.mesh)
    frontals = np.stack([start.invert(case.target_mesh), head.invert(case.mesh)])
    rest = frontals[0, :FACE_POINTS]
    moved = shut(frontals[0], frontals[:, :FACE_POINTS] - rest, frontals, 0, _ALL)[1]
    mesh = case.mesh.copy()
    mesh[:FACE_POINTS] = head.apply(rest + moved)
    picture = colour.convert(case.target, colour.srgb(), _space(colour))
    carrier = Carrier(picture, case.target_mesh, frontals[0], start, NECK)
    carried = carry(carrier, mesh, head, densify.gaze(frontals, 0)[1])
    return None if carried is None else Followed(case, carrier, carried, head, mesh[:FACE_POINTS])


def pictures(followed: Followed, painters: Painters, colour: Colour) -> dict[str, np.ndarray]:
    """What each method makes of a case: method, the warp alone first → (H, W, 3) in [0, 1], display-encoded."""
    display = display_for(followed.carrier.picture, followed.case.target_mesh, _space(colour), colour)
    made = {WARP: picture_of(followed.carrier.picture, followed.carried)}
    for name, painter in painters.items():
        made[name] = _painted(followed, painter, display)
    shown = Display(colour, _space(colour))
    return {name: shown.encode(picture) for name, picture in made.items()}


def _painted(followed: Followed, painter: Painter | PortraitPainter, display: Display) -> np.ndarray:
    carrier = followed.carrier
    reference = Reference(display.encode(carrier.picture), carrier.mesh, carrier.frontal, carrier.head)
    dictionary = painter.write([reference])
    if isinstance(painter, PortraitPainter):
        portrait = carrier.picture.copy()
        painter.cover(dictionary, display, portrait, carrier.frontal, carrier.head, followed.mesh)
        return portrait
    repaired = picture_of(carrier.picture, followed.carried)
    grain = measure_grain(display.encode(face_of(carrier.picture, carrier.mesh)))
    painter.repair(
        dictionary, display, repaired, followed.carried, carrier.frontal, followed.head, followed.mesh, grain
    )
    return repaired


def _space(colour: Colour) -> str:
    return colour.resolve("scene_linear")
