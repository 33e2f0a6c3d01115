"""What a driver asks of a face that performs already: every frame has a performance of its own, which gives way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.ramps import smooth_step
from ofx_reenact.settings import Settings
from ofx_reenact.shot.choice import PARTS, Choice
from ofx_reenact.shot.curves import Animated, animate
from ofx_reenact.shot.gaze import directed
from ofx_reenact.shot.hidden import find_hidden
from ofx_reenact.shot.motion import Motion, check_trackers, gaze_of, gaze_weights, move_landmarks, region_weights
from ofx_reenact.shot.person import Face, Person
from ofx_reenact.stages import stage
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, REGIONS
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.rest import Rest
from ofx_reenact.tracking.retime import Acted, driver_positions, retime
from ofx_reenact.tracking.rigid import Similarity, euler_degrees
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp import densify
from ofx_reenact.warp.emphasis import emphasise
from ofx_reenact.warp.gaze import follow_gaze
from ofx_reenact.warp.shut import open_to, shut_moving, take_lids

# A head turned aside by so many degrees still performs; from the second on, it is left as it is.
_TURNED, _AWAY = 50.0, 70.0
# Frames over which what is asked fades to nothing before the face is lost.
_FADE = 6
# An eye that is open by this fraction of what it is at rest shows all of itself.
_SEEN = 0.35
# Confidence of the tracker under which a face counts as lost.
_LOST = 0.5
# What is left as it is where something lies before a part.
_COVERED = {
    "mouth": ("mouth", "jaw", "nose"), "eye_right": ("eye_right", "brow_right"), "eye_left": ("eye_left", "brow_left"),
}  # fmt: skip
# Landmarks that no expression moves: the ends of the jaw line, the bridge of the nose. What a tracker finds there is
# noise, and the plate's own is right.
_RIGID = (0, 1, 15, 16, 27, 28, 29)


@stage("warp: densify")
def ask(
    person: Person, own: Performance, rest: Rest, driver: Performance, driver_rest: Rest, settings: Settings,
    weights: LDNetWeights,
) -> Motion:  # fmt: skip
    """Fit a driver to a person who moves: what changes in each frame of the plate.

    ``replace`` asks for ``w · (rest + D − own)``, ``add`` for ``w · D``: D is the driver's displacement from his own
    rest, made this person's by LD-Net, w the weight of each region. A driver who is the target asks for nothing.

    Args:
        person: who is animated.
        own: the performance of the plate, T frames.
        rest: of the person in it.
        driver: the driver's performance.
        driver_rest: of the driver.
        settings: time, motion, retargeting, weights of regions, curves.
        weights: LD-Net's.

    Raises:
        TrackingError: plate and driver come from different trackers.
        SettingsError: all of them lie before the driver begins or after it ends, or the file of curves is none.
    """
    check_trackers(driver, person.tracker)
    acted = retime(driver, driver_positions(own.frames, driver.frames, settings))
    at_ease = driver_rest.frontal[acted.row]
    animated = animate(settings, own.frames.tolist())
    regions, added = region_weights(animated), settings.perform == "add"
    mine, calm = own.frontal[:, :FACE_POINTS].astype(np.float64), rest.frontal[:, :FACE_POINTS]
    landmarks = move_landmarks(person, acted.frontal, at_ease, driver_rest.face, settings, weights)
    moved = _give_way(person, mine, calm, densify.expression(acted.frontal, at_ease, landmarks), settings)
    moved = shut_moving(mine, calm, moved, acted.frontal, at_ease, added=added)
    share = strength(own)
    before = {part: _hidden(own, part, share) for part in PARTS}
    shown = share[:, None] * densify.spread_over(regions, _RIGID)
    for part, hidden in before.items():
        shown = shown * (1 - hidden[:, None] * _field(_COVERED[part]))
    own_gaze = follow_gaze(own.frontal.astype(np.float64), rest.frontal)
    gaze = gaze_of(acted.frontal, at_ease, animated)
    gaze = gaze if added or settings.gaze != "follow" else gaze - own_gaze
    eyes = np.stack([share * (1 - before[eye]) for eye in PARTS[1:]], 1)[..., None]
    at_rest, first = int(driver_rest.frames[0]), int(own.frames[0])
    driver_head = Face.of_performance(driver, at_rest - int(driver.frames[0])).head
    heads = _turned(densify.Heads(own.rotation, own.scale, own.translation), acted, driver_head, animated, share)
    look = directed(animated, heads.rotation, own.rotation[int(rest.frames[0]) - first], own_gaze, eyes)
    expression = moved * shown[..., None]
    return Motion(
        {int(frame): row for row, frame in enumerate(own.frames)},
        expression if look is None else expression + take_lids(look, person.rest),
        heads,
        gaze * gaze_weights(regions) * eyes,
        # Where nothing is asked, the frame is the plate, and as sure.
        1 - share * (1 - acted.confidence * own.confidence),
        at_rest,
        local=True,
        look=look,
        own=mine,
        shading=animated.of("shading"),
        proxy=settings.proxy,
    )


def _give_way(
    person: Person, mine: np.ndarray, calm: np.ndarray, moved: np.ndarray, settings: Settings
) -> np.ndarray:
    """Return what a face has to move by (T, 468, 3) to do what a driver does, whatever it does itself.

    All are frontal: its own meshes and those at rest, and the driver's displacements as this person would do them.
    """
    if settings.perform != "add":
        moved = calm + moved - mine
    return emphasise(moved, person.rest, moving=True) if settings.retarget == "ldnet" else moved


def keep_shut(motion: Motion, own: Performance, rest: Rest, choice: Choice | None) -> Motion:
    """Leave eyes shut where the plate's are and no other frame shows them open: no warp knows what is behind lids."""
    mine, calm = own.frontal[:, :FACE_POINTS].astype(np.float64), rest.frontal[:, :FACE_POINTS]
    expression = motion.expression
    for part, contour in (("eye_right", EYE_RIGHT), ("eye_left", EYE_LEFT)):
        shown = smooth_step(open_to(mine, calm, contour) / _SEEN)
        if choice is not None:
            shown = np.maximum(shown, choice.taken(part))
        opens = open_to(mine + expression, calm, contour) > open_to(mine, calm, contour)
        expression = expression * (1 - np.where(opens, 1 - shown, 0)[:, None] * _field((part,)))[..., None]
    return replace(motion, expression=expression)


def strength(own: Performance) -> np.ndarray:
    """Return how much of what is asked a plate's frames take, (T,) in [0, 1].

    Nothing where the face was not found or is turned away; it fades before and after.
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


def _hidden(own: Performance, part: str, share: np.ndarray) -> np.ndarray:
    """Say how far something lies before a part of each of the plate's frames, (T,): there it stays as it is.

    It comes and goes over a few frames.
    """
    hidden = find_hidden(own.skin, part, share > 0)
    return gaussian_filter1d(maximum_filter1d(hidden, _FADE + 1), _FADE / 4)


def _field(regions: Sequence[str]) -> np.ndarray:
    """Return how far each point of the mesh belongs to regions of the landmarks, (468,) in [0, 1]."""
    return 1 - densify.spread_weights({name: float(name not in regions) for name in REGIONS})


def _turned(
    own: densify.Heads, driver: Acted, rest: Similarity, animated: Animated, share: np.ndarray
) -> densify.Heads:
    """Return the heads' poses: the plate's own, with the driver's turn added if that is asked for."""
    settings = animated.settings
    if settings.head != "driver" or settings.motion == "locked" or settings.regions != "all":
        return own
    driven = densify.Heads(driver.rotation, driver.scale, driver.translation)
    weight, position = animated.of("weight_pose"), animated.of("weight_position")
    return densify.turn_heads(own, driven, rest, weight * share, position * share)
