"""Fit a performance to a person in a still, and give the pose of the face in each frame.

Conventions: *frontal* meshes have the head's pose taken out and are in canonical units (about centimetres), y down.
T is the number of frames. The driver performs, the person is animated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ofx_reenact.errors import SettingsError, TrackingError
from ofx_reenact.ldnet.retarget import identity_code, remove_expression, transfer_calibrated, transfer_uncalibrated
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.ramps import smooth_step
from ofx_reenact.settings import Settings
from ofx_reenact.shot.artist_gaze import direct_gaze
from ofx_reenact.shot.curves import Animated, animate
from ofx_reenact.shot.person import Person
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage
from ofx_reenact.tracking.landmarks import CHIN, MESH68
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.rest import measure_mouth_activity
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp import densify
from ofx_reenact.warp.emphasis import emphasise
from ofx_reenact.warp.gaze import follow_gaze
from ofx_reenact.warp.match_openings import match_openings, move_lids_with_gaze

# Pixels of motion: up to the first it counts as the tracker's noise and is left out, from the second it is kept whole.
NOISE, CERTAIN_MOTION = 0.25, 0.75
# Change of the head's rotation, degrees, up to which a warp is fully trusted, and from which it is not trusted at all.
TURN_TRUSTED, TURN_LOST = 20.0, 50.0
# Standard deviation, frames, of the Gaussian that smooths the meshes for shading: tracker noise too small to be seen
# in the warp still makes light flicker.
SHADING_SMOOTHING = 1.5
# Regions of the 68 landmarks that have a weight, and those that --regions selects ("all" selects every one).
_REGIONS = ("jaw", "mouth", "eye_right", "eye_left", "brow_right", "brow_left")
_PERFORMING = {"dialogue": ("jaw", "mouth"), "eyes": ("eye_right", "eye_left")}
# Activity of a mouth at rest: up to the first it is calm, from the second on it plainly smiles or shouts.
_CALM, _ACTIVE = 0.2, 0.5
_LANDMARKS = list(MESH68)
# The irises stay where they are between the corners of the eyes.
NO_GAZE = np.zeros((2, 2))


@dataclass(frozen=True)
class Pose:
    """The face in one frame.

    Attributes:
        head: pose of the head, canonical units → pixels.
        moved: (468, 3) displacement of the mesh's points from those of the view, pixels, before ``gate``.
        gaze: (2, 2) shift of the irises, right and left eye, in widths of the eye; not to be multiplied by ``gate``.
        jaw: (3,) displacement of the chin, frontal, canonical units.
        gate: weight of the motion, 0 to 1; 0 where it is no more than the tracker's noise.
        confidence: 0 to 1, the tracker's, reduced by how far the head has turned from the view.
        light_meshes: smoothed frontal meshes (468, 3) before and after the expression, for shading; None takes the
            view's own mesh and ``moved``.
        shading: weight of the change of light on the skin, 0 for none, 1 as fitted.
    """

    head: Similarity
    moved: np.ndarray
    gaze: np.ndarray
    jaw: np.ndarray
    gate: float = 1.0
    confidence: float = 1.0
    light_meshes: tuple[np.ndarray, np.ndarray] | None = None
    shading: float = Settings.shading

    def mesh(self, view: View) -> np.ndarray:
        """Return the mesh of a view's face in this pose (468, 3), pixels."""
        return view.mesh[:FACE_POINTS] + self.moved * self.gate


@dataclass(frozen=True)
class Motion:
    """What the face does in every frame of a shot.

    Attributes:
        rows: frame → row of the arrays.
        expression: (T, 468, 3) displacement of the frontal mesh from that of the frame's view, canonical units.
        heads: the head's poses in the target's picture.
        gaze: (T, 2, 2) shift of the irises, as in :class:`Pose`, but without ``gate`` and ``artist_gaze``.
        confidence: (T,) in [0, 1], of the tracking; 1 where a moving target is left unchanged.
        reference: the driver's frame that means "as in the target".
        local: whether each point of the face has its own gate; else all have the gate of the point that moves most.
        artist_gaze: (T, 2, 2) shift of the irises that the options of the gaze add; None without.
        own: (T, 468, 3) frontal meshes of a moving target; None for a still.
        shading: (T,) weight of the change of light on the skin; None for the default.
        necks: (T,) how far below a still's chin the head's motion reaches, in face heights; None takes the view's.
        proxy: pixels of the plate per pixel of the view, so that the same points move in a proxy as in the plate.
    """

    rows: Mapping[int, int]
    expression: np.ndarray
    heads: densify.Heads
    gaze: np.ndarray
    confidence: np.ndarray
    reference: int
    local: bool = False
    artist_gaze: np.ndarray | None = None
    own: np.ndarray | None = None
    shading: np.ndarray | None = None
    necks: np.ndarray | None = None
    proxy: int = 1

    def pose(self, frame: int, view: View) -> Pose:
        """Return the pose of a view's face in a frame.

        Raises:
            SettingsError: the performance has no such frame.
        """
        if frame not in self.rows:
            raise SettingsError(f"frame {frame}: the performance has frames {min(self.rows)}-{max(self.rows)}")
        row = self.rows[frame]
        head, frontal = self.heads.at(row), view.frontal[:FACE_POINTS]
        moved = head.apply(frontal + self.expression[row]) - view.head.apply(frontal)
        gates = smooth_step((np.linalg.norm(moved[:, :2], axis=1) * self.proxy - NOISE) / (CERTAIN_MOTION - NOISE))
        gate = float(gates.max())
        if self.local:
            # A part of the face without motion stays the plate, bit for bit, while another part moves.
            moved, gate = moved * gates[:, None], float(gate > 0)
        return Pose(
            head,
            moved,
            self.gaze[row] * gate if self.artist_gaze is None else self.gaze[row] * gate + self.artist_gaze[row],
            self.expression[row, list(CHIN)].mean(0),
            gate,
            float(self.confidence[row]) * turn_confidence(view.head, head),
            self._light_meshes(row, frontal),
            Settings.shading if self.shading is None else float(self.shading[row]),
        )

    def _light_meshes(self, row: int, frontal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return frontal meshes (468, 3) before and after the expression, smoothed over neighbouring frames."""
        reach = round(3 * SHADING_SMOOTHING)
        near = slice(max(row - reach, 0), row + reach + 1)
        weights = np.exp(-(((np.arange(len(self.expression))[near] - row) / SHADING_SMOOTHING) ** 2) / 2)
        weights /= weights.sum()
        own = frontal if self.own is None else np.tensordot(weights, self.own[near], 1)
        return own, own + np.tensordot(weights, self.expression[near], 1)


def pose_of_mesh(
    view: View, mesh: np.ndarray, head: Similarity, gaze: np.ndarray = NO_GAZE, shading: float = Settings.shading
) -> Pose:
    """Return the pose that moves a view's face to another mesh of the same person.

    Args:
        view: the picture to warp.
        mesh: (468 or more, 3) where its face goes, pixels.
        head: pose of the head in that mesh.
        gaze: (2, 2) shift of the irises, in widths of the eye.
        shading: weight of the change of light on the skin.
    """
    jaw = (head.invert(mesh[list(CHIN)]) - view.frontal[list(CHIN)]).mean(0)
    return Pose(head, mesh[:FACE_POINTS] - view.mesh[:FACE_POINTS], gaze, jaw, shading=shading)


def fit_motion(
    person: Person, view: View, performance: Performance, settings: Settings, weights: LDNetWeights
) -> Motion:
    """Fit a performance to a person in a still. LD-Net takes all frames in one batch.

    Args:
        person: who is animated.
        view: the still.
        performance: the driver's, T frames.
        settings: motion, retargeting, reference, weights of regions, curves.
        weights: LD-Net's.

    Raises:
        SettingsError: the reference is not a frame of the performance, or the curves file is invalid.
        TrackingError: person and performance come from different trackers.
    """
    check_trackers(performance, person.tracker)
    rows = {int(frame): row for row, frame in enumerate(performance.frames)}
    reference = settings.reference
    if reference is None:
        reference = performance.choose_reference(view.head.rotation)
    if reference not in rows:
        raise SettingsError(f"--reference {reference}: the performance has frames {min(rows)}-{max(rows)}")
    base = rows[reference]
    rest = performance.frontal[base]
    moved = move_landmarks(person, performance.frontal, rest[None], rest, settings, weights)
    animated = animate(settings, rows)
    with stage("warp: densify"):
        regions = region_weights(animated)
        expression = densify.transfer_expression(performance.frontal, rest, moved)
        if settings.retarget == "ldnet":
            expression = emphasise(expression, view.frontal, moving=False)
        expression = expression * densify.spread_frame_weights(regions)[..., None]
        expression = match_openings(person.rest, expression, performance.frontal, base, regions)
        heads = place_heads(view, performance, base, animated)
        artist_gaze = direct_gaze(animated, heads.rotation, view.head.rotation)
        return Motion(
            rows,
            expression if artist_gaze is None else expression + move_lids_with_gaze(artist_gaze, view.frontal),
            heads,
            gaze_of(performance.frontal, rest, animated) * gaze_weights(regions),
            performance.confidence,
            reference,
            artist_gaze=artist_gaze,
            shading=animated.of("shading"),
            necks=animated.of("neck"),
            proxy=settings.proxy,
        )


def check_trackers(driver: Performance, target: str) -> None:
    """Refuse a driver that was tracked by another tracker than the target.

    Raises:
        TrackingError: their landmarks mean different points.
    """
    if driver.tracker != target:
        raise TrackingError(
            f"the driver was tracked by '{driver.tracker}', the target by '{target}'; their landmarks mean different "
            "points, so track both with one --tracker"
        )


def move_landmarks(
    person: Person, driver: np.ndarray, frame_rest: np.ndarray, rest: np.ndarray, settings: Settings,
    weights: LDNetWeights,
) -> np.ndarray:  # fmt: skip
    """Compute the displacement of the person's 68 landmarks from rest, (T, 68, 2), frontal, canonical units.

    Args:
        person: who is animated.
        driver: (T, 478, 3) the driver's frontal meshes.
        frame_rest: (T, 478, 3) the driver's frontal mesh at rest for each frame, as rest may differ after a cut; or
            (1, 478, 3) one for all frames.
        rest: (478, 3) the driver's frontal mesh at rest over the whole performance.
        settings: motion, retargeting, rest.
        weights: LD-Net's.
    """
    performed, at_rest = driver[:, _LANDMARKS, :2], frame_rest[:, _LANDMARKS, :2]
    absolute = settings.motion == "absolute"
    if settings.retarget == "copy":
        return performed - (person.landmarks if absolute else at_rest)
    if settings.retarget == "uncalibrated":
        return transfer_uncalibrated(weights, person.code, person.landmarks, performed, None if absolute else at_rest)
    code = identity_code(weights, rest[_LANDMARKS, :2])
    moved = transfer_calibrated(weights, person.code, person.landmarks, code, performed, at_rest)
    # A face at rest may already smile: the driver's smile is added to the motion, the target's is taken out.
    for face, identity, sign in ((rest, code, 1), (person.rest, person.code, -1)):
        weight = 1.0 if absolute else 0.0 if settings.rest == "frame" else _rest_weight(measure_mouth_activity(face))
        if weight:
            own = face[_LANDMARKS, :2]
            moved = moved + sign * weight * (own - remove_expression(weights, identity, own))
    return moved


def _rest_weight(activity: float) -> float:
    """Return what fraction of a mouth's expression at rest counts as performed, 0 (calm) to 1 (plainly smiling)."""
    return float(smooth_step(np.float64((activity - _CALM) / (_ACTIVE - _CALM))))


def place_heads(view: View, performance: Performance, base: int, animated: Animated) -> densify.Heads:
    """Compute the poses of the view's head over a performance; ``base`` is the row of the reference frame."""
    settings = animated.settings
    driven = densify.Heads(performance.rotation, performance.scale, performance.translation)
    motion = "locked" if settings.head == "plate" or settings.regions != "all" else settings.motion
    weight, position = animated.of("weight_pose"), animated.of("weight_position")
    heads = densify.head_poses(view.head, driven, base, motion, weight, position)
    sheet = view.carrier.sheet
    return densify.limit_sinking(heads, sheet.cut, densify.CUT_SINKS * sheet.face_height)


def region_weights(animated: Animated) -> dict[str, np.ndarray]:
    """Return the weight (T,) of each region of the 68 landmarks, multiplied by ``--strength``.

    It is 0 for regions that ``--regions`` leaves out. The nose has the mouth's weight.
    """
    performing, whole = _PERFORMING.get(animated.settings.regions, _REGIONS), animated.of("strength")
    weights = {name: whole * animated.of(f"weight_{name}") * (name in performing) for name in _REGIONS}
    return weights | {"nose": weights["mouth"]}


def gaze_of(driver: np.ndarray, rest: np.ndarray, animated: Animated) -> np.ndarray:
    """Return the driver's gaze, (T, 2, 2) in widths of the eye; zeros unless ``--gaze follow``.

    Args:
        driver: (T, 478, 3) the driver's frontal meshes.
        rest: (478, 3) at rest, or one for each frame.
        animated: the options.
    """
    if animated.settings.gaze == "follow":
        return follow_gaze(driver.astype(np.float64), rest)
    return np.zeros((len(driver), 2, 2))


def gaze_weights(regions: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the weight of each iris's shift in each frame, (T, 2, 1)."""
    return np.stack([regions["eye_right"], regions["eye_left"]], 1)[..., None]


def turn_confidence(target: Similarity, head: Similarity) -> float:
    """Return how far a warp can be trusted after the head has turned: 1 up to 20°, 0 from 50° on."""
    turn = np.degrees(Rotation.from_matrix(head.rotation @ target.rotation.T).magnitude())
    return float(np.clip((TURN_LOST - turn) / (TURN_LOST - TURN_TRUSTED), 0, 1))
