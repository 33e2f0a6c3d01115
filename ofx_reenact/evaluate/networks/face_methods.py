"""The methods measured on a case of whole faces: the unchanged target, the warp, and networks as a render uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ofx_reenact.evaluate.networks.face_cases import Case
from ofx_reenact.frames.colour import Colour, FaceDisplay
from ofx_reenact.shot.add_teeth import hang_teeth
from ofx_reenact.shot.frame import Painter, carry_view
from ofx_reenact.shot.make_frame import make_frame
from ofx_reenact.shot.motion import Pose, pose_of_mesh
from ofx_reenact.shot.person import Face
from ofx_reenact.shot.view import View, display_for
from ofx_reenact.tracking.rigid import head_pose
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp.gaze import follow_gaze
from ofx_reenact.warp.match_openings import match_openings

UNCHANGED, WARP = "target shown still", "warp only"
# Added to the name of a repair network for the row in which teeth are drawn over what it painted, as in a render.
DRAWN = ", teeth drawn"
_FULL_WEIGHTS = {name: np.ones(2) for name in ("eye_right", "eye_left", "mouth")}

Painters = Mapping[str, Painter]


@dataclass(frozen=True)
class PosedCase:
    """A case's target, scene-linear, and the pose of its truth."""

    view: View
    pose: Pose


def pose_case(case: Case, colour: Colour) -> PosedCase | None:
    """Give a case's target the pose of its truth, gaze included; None if the face leaves the picture.

    Lids and lips close as in a render whose driver is the truth and whose reference frame is the target.
    """
    space = _space(colour)
    picture = colour.convert(case.target, colour.srgb(), space)
    display = display_for(picture, case.target_mesh, space, colour)
    view = View(picture, Face(case.target_mesh, (picture.shape[1], picture.shape[0]), "mesh"), display)
    head = head_pose(case.mesh)
    frontals = np.stack([view.frontal, head.invert(case.mesh)])
    rest = frontals[0, :FACE_POINTS]
    moved = match_openings(frontals[0], frontals[:, :FACE_POINTS] - rest, frontals, 0, _FULL_WEIGHTS)[1]
    mesh = case.mesh.copy()
    mesh[:FACE_POINTS] = head.apply(rest + moved)
    pose = pose_of_mesh(view, mesh, head, follow_gaze(frontals, frontals[0])[1])
    return None if carry_view(view, pose) is None else PosedCase(view, pose)


def list_rows(painters: Painters) -> list[str]:
    """Return the names of the painters' rows, in order; a repair network has a second row, with drawn teeth."""
    return [row for name, painter in painters.items() for row in ((name, name + DRAWN) if painter.carries else (name,))]


def render_methods(posed: PosedCase, painters: Painters, colour: Colour) -> dict[str, np.ndarray]:
    """Render a case by each method, the warp first: method → (H, W, 3) in [0, 1], display-encoded."""
    view, pose = posed.view, posed.pose
    made = {WARP: make_frame(view, pose)}
    for name, painter in painters.items():
        made[name] = frame = make_frame(view, pose, painter, painter.write([view]))
        if painter.carries:
            copy = replace(frame, colour=frame.colour.copy())
            made[name + DRAWN] = copy if view.mouth is None else hang_teeth(copy, view, pose, view.mouth)
    display = FaceDisplay(colour, _space(colour))
    return {name: display.encode(frame.colour) for name, frame in made.items()}


def _space(colour: Colour) -> str:
    return colour.resolve("scene_linear")
