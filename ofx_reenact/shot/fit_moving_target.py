"""Fit a driver to a moving target: the plate's own performance is replaced by the driver's, or the two are added.

Conventions: *frontal* meshes have the head's pose taken out and are in canonical units, y down. T is the number of the
plate's frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.ramps import smooth_step
from ofx_reenact.settings import Settings
from ofx_reenact.shot.artist_gaze import direct_gaze
from ofx_reenact.shot.choose_part_frames import PARTS, Choice
from ofx_reenact.shot.curves import Animated, animate
from ofx_reenact.shot.motion import Motion, check_trackers, gaze_of, gaze_weights, move_landmarks, region_weights
from ofx_reenact.shot.part_occlusion import estimate_part_occlusion
from ofx_reenact.shot.person import Face, Person
from ofx_reenact.stages import stage
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, REGIONS
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.rest import Rest
from ofx_reenact.tracking.retime import RetimedPerformance, driver_positions, retime
from ofx_reenact.tracking.rigid import Similarity, euler_degrees
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp import densify
from ofx_reenact.warp.emphasis import emphasise
from ofx_reenact.warp.gaze import follow_gaze
from ofx_reenact.warp.match_openings import match_moving_openings, measure_openness, move_lids_with_gaze

# Turn of the head (yaw or pitch, degrees) up to which the motion has full weight, and from which it has none.
_TURNED, _AWAY = 50.0, 70.0
# Number of frames over which the motion fades out before a frame without a face, and in after it.
_FADE = 6
# Smallest opening of an eye, as a fraction of that at rest, that shows enough of it for a warp to open it freely.
_OPEN = 0.35
# Tracker confidence below which the face counts as lost.
_LOST = 0.5
# By part, the regions of the landmarks that stay unchanged where something covers it.
_COVERED = {
    "mouth": ("mouth", "jaw", "nose"), "eye_right": ("eye_right", "brow_right"), "eye_left": ("eye_left", "brow_left"),
}  # fmt: skip
# Landmarks that no expression moves: the ends of the jaw line, the bridge of the nose. Any motion tracked there is
# noise, so the plate's own position is kept.
_RIGID = (0, 1, 15, 16, 27, 28, 29)


@stage("warp: densify")
def fit_moving_motion(
    person: Person, own: Performance, rest: Rest, driver: Performance, driver_rest: Rest, settings: Settings,
    weights: LDNetWeights,
) -> Motion:  # fmt: skip
    """Fit a driver to a moving target.

    Each frame's face is displaced by ``w · (rest + D − own)`` for ``--perform replace``, by ``w · D`` for ``add``: *D*
    is the driver's displacement from rest, retargeted by LD-Net, *w* the weight of each region. With the plate's own
    performance as the driver, ``replace`` displaces by exactly 0.

    Args:
        person: who is animated.
        own, rest: the plate's performance, T frames, and the person's face at rest in it.
        driver, driver_rest: the driver's performance, and the driver's face at rest.
        settings: the driver's timing, motion, retargeting, weights of regions, curves.
        weights: LD-Net's.

    Raises:
        TrackingError: plate and driver come from different trackers.
        SettingsError: no frame of the plate has a frame of the driver, or the curves file is invalid.
    """
    check_trackers(driver, person.tracker)
    retimed = retime(driver, driver_positions(own.frames, driver.frames, settings))
    frame_rest = driver_rest.frontal[retimed.row]
    animated = animate(settings, own.frames.tolist())
    regions, added = region_weights(animated), settings.perform == "add"
    own_mesh, rest_mesh = own.frontal[:, :FACE_POINTS].astype(np.float64), rest.frontal[:, :FACE_POINTS]
    landmarks = move_landmarks(person, retimed.frontal, frame_rest, driver_rest.face, settings, weights)
    moved = densify.transfer_expression(retimed.frontal, frame_rest, landmarks)
    moved = _displacement(person, own_mesh, rest_mesh, moved, settings)
    moved = match_moving_openings(own_mesh, rest_mesh, moved, retimed.frontal, frame_rest, added=added)
    weight = visibility_weight(own)
    covered = {part: _cover_fraction(own, part, weight) for part in PARTS}
    point_weights = weight[:, None] * densify.spread_frame_weights(regions, _RIGID)
    for part, fraction in covered.items():
        point_weights = point_weights * (1 - fraction[:, None] * _point_weights(_COVERED[part]))
    own_gaze = follow_gaze(own.frontal.astype(np.float64), rest.frontal)
    gaze = gaze_of(retimed.frontal, frame_rest, animated)
    gaze = gaze if added or settings.gaze != "follow" else gaze - own_gaze
    eyes = np.stack([weight * (1 - covered[eye]) for eye in PARTS[1:]], 1)[..., None]
    at_rest, first = int(driver_rest.frames[0]), int(own.frames[0])
    driver_head = Face.of_performance(driver, at_rest - int(driver.frames[0])).head
    own_heads = densify.Heads(own.rotation, own.scale, own.translation)
    heads = _place_heads(own_heads, retimed, driver_head, animated, weight)
    artist_gaze = direct_gaze(animated, heads.rotation, own.rotation[int(rest.frames[0]) - first], own_gaze, eyes)
    expression = moved * point_weights[..., None]
    return Motion(
        {int(frame): row for row, frame in enumerate(own.frames)},
        expression if artist_gaze is None else expression + move_lids_with_gaze(artist_gaze, person.rest),
        heads,
        gaze * gaze_weights(regions) * eyes,
        # At weight 0 the frame is the unchanged plate, whose confidence is 1.
        1 - weight * (1 - retimed.confidence * own.confidence),
        at_rest,
        local=True,
        artist_gaze=artist_gaze,
        own=own_mesh,
        shading=animated.of("shading"),
        proxy=settings.proxy,
    )


def _displacement(
    person: Person, own_mesh: np.ndarray, rest_mesh: np.ndarray, moved: np.ndarray, settings: Settings
) -> np.ndarray:
    """Return the displacement of the plate's face from its own mesh at weight 1, (T, 468, 3), frontal.

    Args:
        person: who is animated.
        own_mesh: (T, 468, 3) the plate's own frontal meshes.
        rest_mesh: the same person's at rest.
        moved: (T, 468, 3) the driver's displacement from rest, retargeted to this person.
        settings: perform, retargeting.
    """
    if settings.perform != "add":
        moved = rest_mesh + moved - own_mesh
    return emphasise(moved, person.rest, moving=True) if settings.retarget == "ldnet" else moved


def keep_eyes_shut(motion: Motion, own: Performance, rest: Rest, choice: Choice | None) -> Motion:
    """Keep eyes shut where the plate's are shut and no other frame shows them open: a warp cannot open a shut eye."""
    own_mesh, rest_mesh = own.frontal[:, :FACE_POINTS].astype(np.float64), rest.frontal[:, :FACE_POINTS]
    expression = motion.expression
    for part, contour in (("eye_right", EYE_RIGHT), ("eye_left", EYE_LEFT)):
        visible = smooth_step(measure_openness(own_mesh, rest_mesh, contour) / _OPEN)
        if choice is not None:
            visible = np.maximum(visible, choice.total_weight(part))
        before = measure_openness(own_mesh, rest_mesh, contour)
        opens = measure_openness(own_mesh + expression, rest_mesh, contour) > before
        expression = expression * (1 - np.where(opens, 1 - visible, 0)[:, None] * _point_weights((part,)))[..., None]
    return replace(motion, expression=expression)


def visibility_weight(own: Performance) -> np.ndarray:
    """Return the weight of the motion in each of a plate's frames, (T,) in [0, 1].

    It is 0 where the face was not found, fades over the frames before and after, and falls to 0 as the head turns away.
    """
    pitch, yaw, _ = np.abs(euler_degrees(own.rotation)).T
    facing = 1 - smooth_step((np.maximum(pitch, yaw) - _TURNED) / (_AWAY - _TURNED))
    lost = np.nonzero((own.state != State.TRACKED) | (own.confidence < _LOST))[0]
    if not len(lost):
        return facing
    rows = np.arange(len(own.frames))
    after = np.searchsorted(lost, rows)
    near = np.minimum(
        np.abs(lost[np.clip(after, 0, len(lost) - 1)] - rows), np.abs(lost[np.clip(after - 1, 0, len(lost) - 1)] - rows)
    )
    return np.minimum(facing, smooth_step(near / (_FADE + 1)))


def _cover_fraction(own: Performance, part: str, weight: np.ndarray) -> np.ndarray:
    """Return how far something covers a part in each of the plate's frames, (T,) in [0, 1], faded over a few frames."""
    hidden = estimate_part_occlusion(own.skin, part, weight > 0)
    return gaussian_filter1d(maximum_filter1d(hidden, _FADE + 1), _FADE / 4)


def _point_weights(regions: Sequence[str]) -> np.ndarray:
    """Return how far each point of the mesh belongs to some regions of the landmarks, (468,) in [0, 1]."""
    return 1 - densify.spread_region_weights({name: float(name not in regions) for name in REGIONS})


def _place_heads(
    own: densify.Heads, driver: RetimedPerformance, rest: Similarity, animated: Animated, visible: np.ndarray
) -> densify.Heads:
    """Return the heads' poses: the plate's own, with the driver's turn from ``rest`` added for ``--head driver``."""
    settings = animated.settings
    if settings.head != "driver" or settings.motion == "locked" or settings.regions != "all":
        return own
    driven = densify.Heads(driver.rotation, driver.scale, driver.translation)
    weight, position = animated.of("weight_pose"), animated.of("weight_position")
    return densify.turn_heads(own, driven, rest, weight * visible, position * visible)
