"""Make lids and lips meet: lips never cross, and an eye that is shut in the driver is shut in the target.

Adding one face's motion to another's leaves narrow eyes' lids crossed and wide eyes' ajar. What counts in an
opening is its width in relation to its own, so that is what is carried over here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER, MESH68, REGIONS, Contour
from ofx_reenact.tracking.surface import FACE_POINTS, measure_gap, spread

# Lids closer than this, in eye widths, count as shut: a tracker always leaves a gap.
SHUT = 0.05
# An eye opens this much wider than in the target at most; beyond, a warp has nothing to show.
WIDEST = 1.25
# Share of a lid's way from rest that Face Mesh sees, measured on pictures whose lids were moved by known ways.
SEEN = 0.7
# A shut upper lid covers the lower lid's wet rim, by this much of the eye's width, and lies this much before it, in
# centimetres: without, a bright line of the eye's white is left between the lids.
OVERLAP, BEFORE = 0.05, 0.15
# Lips part by what the driver's do, times this, at most.
_WIDER = 1.6
_EYES = {"eye_right": EYE_RIGHT, "eye_left": EYE_LEFT}
# Held still while the openings are corrected: everything that is not their own surroundings.
_ANCHORS = tuple(MESH68[i] for region in ("jaw", "nose", "brow_right", "brow_left") for i in REGIONS[region])
# Of the way that an iris is turned up or down by hand, the upper and the lower lid go along by these shares.
_ALONG = (0.7, 0.3)


def shut(
    target: np.ndarray, moved: np.ndarray, driver: np.ndarray, reference: int, weights: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Correct a motion so that the target's eyes and mouth open as far as the driver's, in relation.

    Returns frontal displacements (T, 468, 3) of the target's frontal mesh (478, 3), from those in ``moved``, the
    driver's frontal meshes (T, 478, 3), of which row ``reference`` means "as in the target", and each region's weight
    in each frame (T,).
    """
    result, face = moved.copy(), target[:FACE_POINTS]
    points: list[int] = list(_ANCHORS)
    values = [np.zeros((len(moved), len(_ANCHORS)))]
    for name, contour in (*_EYES.items(), ("mouth", LIPS_INNER)):
        upper, lower = (np.array(half[1:-1]) for half in contour)
        rest = face[lower, 1] - face[upper, 1]
        now = rest + moved[:, lower, 1] - moved[:, upper, 1]
        weight = weights[name].astype(driver.dtype)
        if name == "mouth":
            wanted = np.clip(now, np.minimum(rest, 0), _widest_mouth(rest, driver, reference, weight))
            up, down = (now - wanted) / 2, (wanted - now) / 2
        else:
            openness = _give_back(_openness(driver, contour, reference, weight))[:, None]
            closed = np.clip(1 - openness, 0, 1) ** 2
            width = np.linalg.norm(face[contour[0][-1], :2] - face[contour[0][0], :2])
            over = OVERLAP * width * closed * rest / max(float(rest.max()), 1e-6)
            up, down = now - rest * openness + over, np.zeros_like(now)
            result[:, upper, 2] -= BEFORE * closed
        points += [*upper, *lower, contour[0][0], contour[0][-1]]
        values += [up, down, np.zeros((len(moved), 2))]
    result[..., 1] += np.concatenate(values, axis=1) @ spread(tuple(points)).T
    return result


def shut_moving(
    own: np.ndarray, rest: np.ndarray, moved: np.ndarray, driver: np.ndarray, driver_rest: np.ndarray, *, added: bool
) -> np.ndarray:
    """Correct what is asked of a face that moves itself: eyes and mouth open as far as the driver's, in relation.

    Returns frontal displacements (T, 468, 3) from ``own``, from those in ``moved``. All meshes are frontal: the
    target's own and at rest (T, 468, 3), the driver's and his at rest (T, 478, 3). ``added``: what the driver opens is
    added to what the target opens. Where both do the same, nothing is corrected.
    """
    result = moved.copy()
    points: list[int] = list(_ANCHORS)
    values = [np.zeros((len(moved), len(_ANCHORS)))]
    for name, contour in (*_EYES.items(), ("mouth", LIPS_INNER)):
        upper, lower = (np.array(half[1:-1]) for half in contour)
        mine, calm = (mesh[:, lower, 1] - mesh[:, upper, 1] for mesh in (own, rest))
        now = mine + moved[:, lower, 1] - moved[:, upper, 1]
        if name == "mouth":
            opened = np.maximum(_gap(driver, contour) - _gap(driver_rest, contour), 0) * _width(driver, contour)
            widest = (mine if added else calm) + _WIDER * opened[:, None]
            wanted = np.clip(now, np.minimum(mine, 0), np.maximum(np.maximum(mine, widest), 0))
            up, down = (now - wanted) / 2, (wanted - now) / 2
        else:
            asked = _give_back(open_to(driver, driver_rest, contour))
            there = np.ones_like(asked) if added else _give_back(open_to(own, rest, contour))
            more = (asked - there)[:, None]
            # A shut eye is tracked as a slit; what opens it must not add the slit to the opening.
            slit = calm * (SHUT / np.maximum(_gap(rest, contour), 2 * SHUT))[:, None]
            closed = np.clip(-more, 0, 1) ** 2 * np.clip(1 - asked, 0, 1)[:, None]
            width = _width(own, contour)[:, None]
            over = OVERLAP * width * closed * calm / np.maximum(calm.max(1, keepdims=True), 1e-6)
            up, down = now - mine - (calm - slit * (more > 0)) * more + over, np.zeros_like(now)
            result[:, upper, 2] -= BEFORE * closed
        points += [*upper, *lower, contour[0][0], contour[0][-1]]
        values += [up, down, np.zeros((len(moved), 2))]
    result[..., 1] += np.concatenate(values, axis=1) @ spread(tuple(points)).T
    return result


def take_lids(gaze: np.ndarray, frontal: np.ndarray) -> np.ndarray:
    """Return how lids go along with eyes that are turned: frontal displacements (T, 468, 3).

    Of shifts of the irises (T, 2, 2), right and left eye, in widths of the eye, y down, and a frontal mesh (478, 3).
    """
    points: list[int] = list(_ANCHORS)
    values = [np.zeros((len(gaze), len(_ANCHORS)))]
    for eye, contour in enumerate(_EYES.values()):
        width = np.linalg.norm(frontal[contour[0][-1], :2] - frontal[contour[0][0], :2])
        for half, share in zip(contour, _ALONG, strict=True):
            # Corners stay, and beside them lids hardly move.
            bow = np.sin(np.linspace(0, np.pi, len(half)))[1:-1]
            points += half[1:-1]
            values.append(share * width * gaze[:, eye, 1, None] * bow)
        points += [contour[0][0], contour[0][-1]]
        values.append(np.zeros((len(gaze), 2)))
    moved = np.zeros((len(gaze), FACE_POINTS, 3))
    moved[..., 1] = np.concatenate(values, axis=1) @ spread(tuple(points)).T
    return moved


def open_to(mesh: np.ndarray, rest: np.ndarray, contour: Contour) -> np.ndarray:
    """How far an eye is open in relation to rest, (T,): 0 is shut, 1 as at rest."""
    return np.clip((_gap(mesh, contour) - SHUT) / np.maximum(_gap(rest, contour) - SHUT, SHUT), 0, WIDEST)


def _give_back(openness: np.ndarray) -> np.ndarray:
    """Return how far an eye is open in truth: 0 and 1 stay, between and beyond a tracker sees a share of the way."""
    half_shut = openness * (1 - (1 / SEEN - 1) * (1 - openness))
    return np.minimum(np.where(openness < 1, half_shut, 1 + (openness - 1) / SEEN), WIDEST)


def _openness(driver: np.ndarray, contour: Contour, reference: int, weight: np.ndarray) -> np.ndarray:
    """How far the driver's eye is open in relation to its reference, (T,): 0 is shut, 1 as in the reference."""
    gap = _gap(driver, contour) - SHUT
    ratio = gap / max(float(gap[reference]), SHUT)
    return np.clip(1 + weight * (ratio - ratio[reference]), 0, WIDEST)


def _widest_mouth(rest: np.ndarray, driver: np.ndarray, reference: int, weight: np.ndarray) -> np.ndarray:
    """Upper bound (T, n) of the gaps between the lips: the target's own and what the driver opened."""
    gap = _gap(driver, LIPS_INNER) * _width(driver, LIPS_INNER)
    return rest + (_WIDER * weight * np.maximum(gap - gap[reference], 0))[:, None]


def _gap(driver: np.ndarray, contour: Contour) -> np.ndarray:
    """Mean distance of the two halves of a contour over its width, (T,)."""
    return measure_gap(driver, contour) / _width(driver, contour)


def _width(driver: np.ndarray, contour: Contour) -> np.ndarray:
    """Distance of a contour's corners, (T,)."""
    return np.linalg.norm(driver[:, contour[0][-1], :2] - driver[:, contour[0][0], :2], axis=-1)
