"""Sample a performance at any positions, to play it faster, slower or shifted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from ofx_reenact.errors import SettingsError
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance, State

# A position that is nearer to a frame than this, in frames, is at that frame: sums of fractions have rounding errors.
_WHOLE = 1e-6


@dataclass(frozen=True)
class RetimedPerformance:
    """A performance at N positions.

    Attributes:
        position: (N,) float64, the positions as frame numbers of the performance.
        inside: (N,) bool, the position lies between the first and the last frame.
        frontal: (N, 478, 3) float64 canonical units.
        row: (N,) int64, row of the frame at the position or before it; between two shots, of the nearer frame.
        rotation, scale, translation: (N, 3, 3), (N,), (N, 3) float64, canonical units to pixels.
        confidence: (N,) float32, between two frames the lower one.
        state: (N,) uint8, between two frames the larger :class:`State`; HELD where not inside.
    """

    position: np.ndarray
    inside: np.ndarray
    frontal: np.ndarray
    row: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    translation: np.ndarray
    confidence: np.ndarray
    state: np.ndarray


def driver_positions(plate: ArrayLike, driver: ArrayLike, settings: Settings) -> np.ndarray:
    """Return the driver's position, as a frame number, for each frame of a target that moves: (T,) float64.

    Args:
        plate: (T,) numbers of the target's frames, beginning with its first.
        driver: numbers of the driver's frames; only the first and the last are used.
        settings: ``driver_start`` and ``driver_speed``.

    Raises:
        SettingsError: all positions lie before the driver's first or after its last frame.
    """
    frames, driven = np.asarray(plate), np.asarray(driver)
    first, last = int(driven[0]), int(driven[-1])
    start = first if settings.driver_start is None else settings.driver_start
    positions: np.ndarray = start + (frames - frames[0]) * settings.driver_speed
    # A target with handles may begin before its driver.
    if positions[-1] < first or start > last:
        raise SettingsError(f"--driver-start {start}: no frame of the target meets one of the driver's {first}-{last}")
    return positions


def retime(performance: Performance, positions: np.ndarray) -> RetimedPerformance:
    """Interpolate a performance at positions (N,), frame numbers that need not be whole.

    At a frame the values are the performance's, bit for bit. Between two frames the shape and the translation are
    interpolated linearly, the scale geometrically, and the rotation spherically. Between two shots the nearer frame is
    used, beyond the ends the first or the last one.
    """
    p = performance
    wanted = np.asarray(positions, np.float64)
    count, at = len(p.frames), wanted - float(p.frames[0])
    at = np.where(np.abs(at - np.rint(at)) <= _WHOLE, np.rint(at), at)
    inside = (at >= 0) & (at <= count - 1)
    at = np.clip(at, 0, count - 1)
    one = np.floor(at).astype(np.int64)
    other = np.minimum(one + 1, count - 1)
    fraction = at - one
    across = p.cut[other] & (other > one)
    one = np.where(across & (fraction >= 0.5), other, one)
    between = (fraction > 0) & ~across
    other, fraction = np.where(between, other, one), np.where(between, fraction, 0.0)
    return RetimedPerformance(
        position=wanted,
        inside=inside,
        frontal=_mix(p.frontal.astype(np.float64), one, other, fraction),
        row=one,
        rotation=_turn(p.rotation, one, other, fraction),
        scale=np.where(between, np.exp(_mix(np.log(p.scale), one, other, fraction)), p.scale[one]),
        translation=_mix(p.translation, one, other, fraction),
        confidence=np.minimum(p.confidence[one], p.confidence[other]),
        state=np.where(inside, np.maximum(p.state[one], p.state[other]), State.HELD).astype(np.uint8),
    )


def _mix(values: np.ndarray, one: np.ndarray, other: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Interpolate between rows of values (T, ...) linearly; a fraction of 0 gives the first row bit for bit."""
    first, fraction = values[one], fraction.reshape(-1, *[1] * (values.ndim - 1))
    mixed: np.ndarray = np.where(fraction > 0, first + fraction * (values[other] - first), first)
    return mixed


def _turn(rotations: np.ndarray, one: np.ndarray, other: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Interpolate between rotations (T, 3, 3) spherically; a fraction of 0 gives the first row bit for bit."""
    turned, between = rotations[one], fraction > 0
    if between.any():
        first, second = (Rotation.from_matrix(rotations[rows[between]]) for rows in (one, other))
        way = (first.inv() * second).as_rotvec()
        turned[between] = (first * Rotation.from_rotvec(way * fraction[between, None])).as_matrix()
    return turned
