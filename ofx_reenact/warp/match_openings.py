"""Correct how far eyes and mouth open: lips never cross, and an eye that is shut in the driver is shut in the target.

If one face's displacements were added to another face, narrow eyes' lids would cross and wide eyes would stay ajar. So
an eye's openness relative to its own at rest is transferred instead.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER, MESH68, REGIONS, Contour
from ofx_reenact.tracking.surface import FACE_POINTS, measure_gap, spread

# Gap between the lids, in eye widths, up to which an eye counts as shut: a tracker always leaves one.
SHUT = 0.05
# Largest openness relative to the target: beyond it, a warp has nothing to show.
WIDEST = 1.25
# Fraction of a lid's travel from rest that Face Mesh finds, measured on pictures whose lids were moved by known
# distances.
SEEN = 0.7
# A shut upper lid overlaps the lower one by this, in eye widths, and lies this far in front of it, in canonical units.
# Otherwise a bright line of the eye's white would remain between the lids.
OVERLAP, IN_FRONT = 0.05, 0.15
# How much further the lips may open from rest than the driver's, as a factor.
_WIDER = 1.6
_EYES = {"eye_right": EYE_RIGHT, "eye_left": EYE_LEFT}
# Points that must not move when the openings are corrected: those that are not around an opening.
_ANCHORS = tuple(MESH68[i] for region in ("jaw", "nose", "brow_right", "brow_left") for i in REGIONS[region])
# Fractions of an iris's vertical shift by which the upper and the lower lid move too, where an option sets the gaze.
_LIDS_FOLLOW = (0.7, 0.3)


def match_openings(
    target: np.ndarray, moved: np.ndarray, driver: np.ndarray, reference: int, weights: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Correct a still's motion so that its eyes and mouth open as far as the driver's, relative to rest.

    Args:
        target: the target's frontal mesh (478, 3).
        moved: frontal displacements (T, 468, 3) from it.
        driver: the driver's frontal meshes (T, 478, 3).
        reference: row of the driver that corresponds to the target.
        weights: weight of each region in each frame (T,).

    Returns:
        The corrected displacements (T, 468, 3).
    """
    result, face = moved.copy(), target[:FACE_POINTS]
    points: list[int] = list(_ANCHORS)
    values = [np.zeros((len(moved), len(_ANCHORS)))]
    for name, contour in (*_EYES.items(), ("mouth", LIPS_INNER)):
        upper, lower = (np.array(half[1:-1]) for half in contour)
        rest = face[lower, 1] - face[upper, 1]
        new_gap = rest + moved[:, lower, 1] - moved[:, upper, 1]
        weight = weights[name].astype(driver.dtype)
        if name == "mouth":
            wanted = np.clip(new_gap, np.minimum(rest, 0), _widest_mouth(rest, driver, reference, weight))
            upper_shift, lower_shift = (new_gap - wanted) / 2, (wanted - new_gap) / 2
        else:
            openness = _correct_openness(_reference_openness(driver, contour, reference, weight))[:, None]
            closed = np.clip(1 - openness, 0, 1) ** 2
            width = np.linalg.norm(face[contour[0][-1], :2] - face[contour[0][0], :2])
            over = OVERLAP * width * closed * rest / max(float(rest.max()), 1e-6)
            upper_shift, lower_shift = new_gap - rest * openness + over, np.zeros_like(new_gap)
            result[:, upper, 2] -= IN_FRONT * closed
        points += [*upper, *lower, contour[0][0], contour[0][-1]]
        values += [upper_shift, lower_shift, np.zeros((len(moved), 2))]
    result[..., 1] += np.concatenate(values, axis=1) @ spread(tuple(points)).T
    return result


def match_moving_openings(
    own: np.ndarray, rest: np.ndarray, moved: np.ndarray, driver: np.ndarray, driver_rest: np.ndarray, *, added: bool
) -> np.ndarray:
    """Correct the motion of a target that moves so that eyes and mouth open as far as the driver's, relative to rest.

    Where both do the same, nothing is corrected.

    Args:
        own: the target's frontal meshes (T, 468, 3).
        rest: the target's frontal meshes at rest (T, 468, 3).
        moved: frontal displacements (T, 468, 3) from ``own``.
        driver: the driver's frontal meshes (T, 478, 3).
        driver_rest: the driver's frontal meshes at rest (T, 478, 3).
        added: whether the driver's motion is added to the target's, instead of replacing it.

    Returns:
        The corrected displacements (T, 468, 3).
    """
    result = moved.copy()
    points: list[int] = list(_ANCHORS)
    values = [np.zeros((len(moved), len(_ANCHORS)))]
    for name, contour in (*_EYES.items(), ("mouth", LIPS_INNER)):
        upper, lower = (np.array(half[1:-1]) for half in contour)
        own_gap, rest_gap = (mesh[:, lower, 1] - mesh[:, upper, 1] for mesh in (own, rest))
        new_gap = own_gap + moved[:, lower, 1] - moved[:, upper, 1]
        if name == "mouth":
            opened = np.maximum(_relative_gap(driver, contour) - _relative_gap(driver_rest, contour), 0)
            opened = opened * _width(driver, contour)
            widest = (own_gap if added else rest_gap) + _WIDER * opened[:, None]
            wanted = np.clip(new_gap, np.minimum(own_gap, 0), np.maximum(np.maximum(own_gap, widest), 0))
            upper_shift, lower_shift = (new_gap - wanted) / 2, (wanted - new_gap) / 2
        else:
            driven = _correct_openness(measure_openness(driver, driver_rest, contour))
            current = np.ones_like(driven) if added else _correct_openness(measure_openness(own, rest, contour))
            more = (driven - current)[:, None]
            # A shut eye is tracked as a slit, which must not be added to the gap when the eye is opened.
            slit = rest_gap * (SHUT / np.maximum(_relative_gap(rest, contour), 2 * SHUT))[:, None]
            closed = np.clip(-more, 0, 1) ** 2 * np.clip(1 - driven, 0, 1)[:, None]
            width = _width(own, contour)[:, None]
            over = OVERLAP * width * closed * rest_gap / np.maximum(rest_gap.max(1, keepdims=True), 1e-6)
            upper_shift = new_gap - own_gap - (rest_gap - slit * (more > 0)) * more + over
            lower_shift = np.zeros_like(new_gap)
            result[:, upper, 2] -= IN_FRONT * closed
        points += [*upper, *lower, contour[0][0], contour[0][-1]]
        values += [upper_shift, lower_shift, np.zeros((len(moved), 2))]
    result[..., 1] += np.concatenate(values, axis=1) @ spread(tuple(points)).T
    return result


def move_lids_with_gaze(gaze: np.ndarray, frontal: np.ndarray) -> np.ndarray:
    """Return the lids' frontal displacements (T, 468, 3) that go with a gaze.

    Args:
        gaze: shifts of the irises (T, 2, 2), right and left eye, in eye widths, y down.
        frontal: a frontal mesh (478, 3).
    """
    points: list[int] = list(_ANCHORS)
    values = [np.zeros((len(gaze), len(_ANCHORS)))]
    for eye, contour in enumerate(_EYES.values()):
        width = np.linalg.norm(frontal[contour[0][-1], :2] - frontal[contour[0][0], :2])
        for half, fraction in zip(contour, _LIDS_FOLLOW, strict=True):
            # The corners do not move, and beside them the lids hardly do.
            bow = np.sin(np.linspace(0, np.pi, len(half)))[1:-1]
            points += half[1:-1]
            values.append(fraction * width * gaze[:, eye, 1, None] * bow)
        points += [contour[0][0], contour[0][-1]]
        values.append(np.zeros((len(gaze), 2)))
    moved = np.zeros((len(gaze), FACE_POINTS, 3))
    moved[..., 1] = np.concatenate(values, axis=1) @ spread(tuple(points)).T
    return moved


def measure_openness(mesh: np.ndarray, rest: np.ndarray, contour: Contour) -> np.ndarray:
    """Return an eye's openness relative to rest, (T,): 0 is shut, 1 as at rest."""
    at_rest = np.maximum(_relative_gap(rest, contour) - SHUT, SHUT)
    return np.clip((_relative_gap(mesh, contour) - SHUT) / at_rest, 0, WIDEST)


def _correct_openness(openness: np.ndarray) -> np.ndarray:
    """Correct tracked openness for the fraction of the lid's travel that a tracker finds; 0 and 1 are unchanged."""
    half_shut = openness * (1 - (1 / SEEN - 1) * (1 - openness))
    return np.minimum(np.where(openness < 1, half_shut, 1 + (openness - 1) / SEEN), WIDEST)


def _reference_openness(driver: np.ndarray, contour: Contour, reference: int, weight: np.ndarray) -> np.ndarray:
    """Return the openness of the driver's eye relative to its reference, (T,): 0 is shut, 1 as in the reference."""
    gap = _relative_gap(driver, contour) - SHUT
    ratio = gap / max(float(gap[reference]), SHUT)
    return np.clip(1 + weight * (ratio - ratio[reference]), 0, WIDEST)


def _widest_mouth(rest: np.ndarray, driver: np.ndarray, reference: int, weight: np.ndarray) -> np.ndarray:
    """Return the largest gaps (T, n) between the lips: the target's own plus what the driver opens."""
    gap = _relative_gap(driver, LIPS_INNER) * _width(driver, LIPS_INNER)
    return rest + (_WIDER * weight * np.maximum(gap - gap[reference], 0))[:, None]


def _relative_gap(driver: np.ndarray, contour: Contour) -> np.ndarray:
    """Return the mean distance of the two halves of a contour divided by its width, (T,)."""
    return measure_gap(driver, contour) / _width(driver, contour)


def _width(driver: np.ndarray, contour: Contour) -> np.ndarray:
    """Return the distance of a contour's corners, (T,)."""
    return np.linalg.norm(driver[:, contour[0][-1], :2] - driver[:, contour[0][0], :2], axis=-1)
