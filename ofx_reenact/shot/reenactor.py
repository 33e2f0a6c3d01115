"""The reenactor: a target set once, a performance set once, frames rendered one by one in any order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from ofx_reenact.compose.carry import Carried, Carrier
from ofx_reenact.compose.grain import measure_grain
from ofx_reenact.compose.repair import Display
from ofx_reenact.errors import SettingsError, TrackingError
from ofx_reenact.fdgan.window import Window
from ofx_reenact.ldnet.retarget import transfer
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.settings import Settings
from ofx_reenact.shot.identity import Identity
from ofx_reenact.shot.painter import Painter, Seen, see
from ofx_reenact.shot.portrait import PortraitPainter
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp import densify
from ofx_reenact.warp.shut import shut

# Motion below STILL pixels is a tracker's noise and moves nothing; from MOVING on it counts in full.
STILL, MOVING = 0.25, 0.75
# Change of head rotation, in degrees, up to which a warp holds, and from which nothing of it can be trusted.
TURN_SURE, TURN_LOST = 20.0, 50.0
# Mesh points that say how far the jaw dropped.
CHIN = MESH68[7:10]


@dataclass(frozen=True)
class Frame:
    """One rendered frame.

    Attributes:
        colour: (H, W, C) float32, R, G, B and alpha if the target has one.
        stmap: (H, W, 2) float32 positions in the target, pixels.
        matte: (H, W) float32; 1 where the picture moves with the head, 0 where it is the plate, untouched.
        confidence: (H, W) float32 in [0, 1].
        sure: the frame's own confidence in [0, 1]: the tracker's, less what the head's turn costs.
    """

    colour: np.ndarray
    stmap: np.ndarray
    matte: np.ndarray
    confidence: np.ndarray
    sure: float


@dataclass(frozen=True)
class _Target:
    identity: Identity
    carrier: Carrier
    display: Display | None
    grain: float


@dataclass(frozen=True)
class _Motion:
    rows: Mapping[int, int]
    expression: np.ndarray
    heads: densify.Heads
    gaze: np.ndarray
    confidence: np.ndarray
    reference: int


@dataclass(frozen=True)
class _Pose:
    """The face in one frame: where the head is, its points' motion in pixels, and how much of that counts."""

    row: int
    head: Similarity
    moved: np.ndarray
    gate: float
    sure: float


class Reenactor:
    """Renders a target following a performance.

    Call :meth:`set_target` once, :meth:`set_performance` once, then :meth:`render` for any frame, in any
    order. A frame's pixels depend on nothing but these three.
    """

    def __init__(self, *, weights: LDNetWeights, painter: Painter | PortraitPainter | None = None) -> None:
        """Prepare.

        Args:
            weights: LD-Net's.
            painter: paints what the target does not show, or (profile ``paper``) whole portraits in place of the
                warp; None leaves the warp as it is.
        """
        self._weights, self._painter = weights, painter
        self._target: _Target | None = None
        self._motion: _Motion | None = None

    def set_target(
        self, picture: np.ndarray, identity: Identity, *, neck: float = 0.35, display: Display | None = None
    ) -> None:
        """Set the picture to animate; forgets the performance, which was fitted to the last target.

        Args:
            picture: (H, W, 3 or 4) float32, finite, scene-linear, alpha associated.
            identity: the face in it.
            neck: how far below the chin the head's motion reaches, in face heights.
            display: how the painter is to see it.

        Raises:
            SettingsError: there is a painter, but no display or no dictionary of this target.
        """
        if self._painter is not None and (display is None or not identity.dictionary):
            raise SettingsError("to repair, the reenactor needs the target's display encoding and its dictionary")
        carrier = Carrier(picture, identity.mesh, identity.frontal, identity.head, neck, identity.headroom)
        noise = measure_grain(display.encode(face_of(picture, identity.mesh))) if display is not None else 0.0
        self._target = _Target(identity, carrier, display, noise)
        self._motion = None

    def set_performance(self, performance: Performance, settings: Settings) -> int:
        """Fit a performance to the target: LD-Net for all its frames in one batch.

        Returns:
            The driver's reference frame that was used.

        Raises:
            SettingsError: the reference is not a frame of the performance, or no target was set.
            TrackingError: target and performance come from different trackers.
        """
        if self._target is None:
            raise SettingsError("set the target before the performance")
        identity = self._target.identity
        if performance.tracker != identity.tracker:
            raise TrackingError(
                f"the driver was tracked by '{performance.tracker}', the target by '{identity.tracker}'; their "
                "landmarks mean different points, so track both with one --tracker"
            )
        rows = {int(frame): row for row, frame in enumerate(performance.frames)}
        reference = settings.reference
        if reference is None:
            reference = performance.choose_reference(identity.head.rotation)
        if reference not in rows:
            raise SettingsError(f"--reference {reference}: the performance has frames {min(rows)}-{max(rows)}")
        base = rows[reference]
        driver, start = performance.frontal[:, list(MESH68), :2], None if settings.motion == "absolute" else base
        if settings.retarget == "copy":
            moved = driver - (identity.landmarks if start is None else driver[start])
        else:
            moved = transfer(self._weights, identity.code, identity.landmarks, driver, start)
        driven = densify.Heads(performance.rotation, performance.scale, performance.translation)
        heads = densify.head_poses(
            identity.head, driven, base, settings.motion, settings.weight_pose, settings.weight_position
        )
        sheet = self._target.carrier.sheet
        weights = region_weights(settings)
        expression = densify.expression(performance.frontal, base, moved, densify.spread_weights(weights))
        self._motion = _Motion(
            rows,
            shut(identity.frontal, expression, performance.frontal, base, weights),
            densify.kept_cut(heads, sheet.cut, densify.CUT_SINKS * sheet.face_height),
            densify.gaze(performance.frontal, base) * [[[settings.weight_eye_right], [settings.weight_eye_left]]],
            performance.confidence,
            reference,
        )
        return reference

    def render(self, frame: int) -> Frame:
        """Render one frame of the performance.

        Raises:
            SettingsError: target or performance were not set, or the performance has no such frame.
        """
        target, pose = self._target, self._pose(frame)
        assert target is not None
        if isinstance(self._painter, PortraitPainter):
            return self._portrait(target.identity.mesh[:FACE_POINTS] + pose.moved, pose.sure)
        carried = self._carry(pose)
        if carried is None:
            return self._untouched(pose.sure)
        result = self._frame(carried, pose.sure)
        self._repair(result, carried, pose.head, target.identity.mesh[:FACE_POINTS] + pose.moved * pose.gate)
        return result

    def see(self, frame: int) -> Seen:
        """See the mouth in one frame of the performance as FD-GAN does, before it paints.

        Raises:
            SettingsError: as :meth:`render`, or the target has no display encoding.
        """
        target, pose = self._target, self._pose(frame)
        assert target is not None
        if target.display is None:
            raise SettingsError("to see a frame as FD-GAN does, set the target with its display encoding")
        identity, carried = target.identity, self._carry(pose)
        colour = target.carrier.picture if carried is None else self._frame(carried, pose.sure).colour
        mesh = identity.mesh[:FACE_POINTS] + pose.moved * pose.gate
        return see(self.window(frame), target.display, colour, carried, mesh)

    def window(self, frame: int) -> Window:
        """Where the mouth's window lies in one frame of the performance.

        Raises:
            SettingsError: as :meth:`render`.
        """
        head = self._pose(frame).head
        assert self._target is not None
        return Window.of_mouth(self._target.identity.frontal, head)

    def _pose(self, frame: int) -> _Pose:
        """Move the target's face as the performance does in a frame."""
        target, motion = self._target, self._motion
        if target is None or motion is None:
            raise SettingsError("set the target and the performance before rendering")
        if frame not in motion.rows:
            raise SettingsError(f"frame {frame}: the performance has frames {min(motion.rows)}-{max(motion.rows)}")
        row = motion.rows[frame]
        head = motion.heads.at(row)
        sure = float(motion.confidence[row]) * turn_confidence(target.identity.head, head)
        frontal = target.identity.frontal[:FACE_POINTS]
        moved = head.apply(frontal + motion.expression[row]) - target.identity.head.apply(frontal)
        gate = _smooth((np.linalg.norm(moved[:, :2], axis=1).max() - STILL) / (MOVING - STILL))
        return _Pose(row, head, moved, gate, sure)

    def _carry(self, pose: _Pose) -> Carried | None:
        """Carry the target's pixels; None when nothing moves or everything has moved out of the picture."""
        target, motion = self._target, self._motion
        assert target is not None and motion is not None
        if pose.gate == 0:
            return None
        jaw = motion.expression[pose.row, list(CHIN)].mean(0)
        gaze = motion.gaze[pose.row] * pose.gate
        return target.carrier.carry(pose.moved * pose.gate, pose.head, gaze, jaw, pose.gate)

    def _portrait(self, mesh: np.ndarray, sure: float) -> Frame:
        """Draw FD-GAN's whole portrait and paste it back, as the paper does."""
        target = self._target
        assert target is not None and target.display is not None and isinstance(self._painter, PortraitPainter)
        identity, frame = target.identity, self._untouched(sure)
        matte = self._painter.cover(
            identity.dictionary, target.display, frame.colour, identity.frontal, identity.head, mesh
        )
        return replace(frame, matte=matte, confidence=1 - matte * (1 - np.float32(sure)))

    def _repair(self, frame: Frame, carried: Carried, head: Similarity, mesh: np.ndarray) -> None:
        """Paint what the target does not show, in place."""
        target = self._target
        assert target is not None
        if not isinstance(self._painter, Painter) or target.display is None:
            return
        identity = target.identity
        self._painter.repair(
            identity.dictionary, target.display, frame.colour, carried, identity.frontal, head, mesh, target.grain
        )

    def _untouched(self, sure: float) -> Frame:
        assert self._target is not None
        picture = self._target.carrier.picture
        height, width = picture.shape[:2]
        y, x = np.mgrid[:height, :width].astype(np.float32)
        one = np.ones((height, width), np.float32)
        return Frame(picture.copy(), np.stack([x, y], -1), np.zeros_like(one), one, sure)

    def _frame(self, carried: Carried, sure: float) -> Frame:
        stmap, composed = carried.stmap, carried.composed
        frame = self._untouched(sure)
        window = composed.slices
        frame.colour[window] = composed.colour
        height, width = frame.matte.shape
        # Beyond the picture its edge was sampled; another reader of the map may take black.
        frame.stmap[window] = np.clip(frame.stmap[window] + composed.offset, 0, [width - 1, height - 1])
        frame.matte[window] = stmap.reach
        # A length that is stretched or squeezed four times over carries nothing that can be trusted.
        kept = 1 - np.abs(np.log2(np.clip(stmap.stretch, 0.25, 4))) / 2
        frame.confidence[window] = 1 - stmap.reach * (1 - sure * kept * (1 - composed.invented))
        return frame


def face_of(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Cut the box of the face's mesh (478, 3) out of its picture, (h, w, 3)."""
    low = np.maximum(np.floor(mesh[:FACE_POINTS, :2].min(0)).astype(int), 0)
    high = np.ceil(mesh[:FACE_POINTS, :2].max(0)).astype(int) + 1
    return picture[low[1] : high[1], low[0] : high[0], :3]


def region_weights(settings: Settings) -> dict[str, float]:
    """Return the weight of each region of the 68 landmarks; the nose goes with the mouth."""
    names = ("jaw", "mouth", "eye_right", "eye_left", "brow_right", "brow_left")
    weights = {name: getattr(settings, f"weight_{name}") for name in names}
    return weights | {"nose": settings.weight_mouth}


def turn_confidence(target: Similarity, head: Similarity) -> float:
    """How far a warp can be trusted after a change of head rotation: 1 up to 20°, 0 from 50° on."""
    turn = np.degrees(Rotation.from_matrix(head.rotation @ target.rotation.T).magnitude())
    return float(np.clip((TURN_LOST - turn) / (TURN_LOST - TURN_SURE), 0, 1))


def _smooth(x: float) -> float:
    x = float(np.clip(x, 0, 1))
    return x * x * (3 - 2 * x)
