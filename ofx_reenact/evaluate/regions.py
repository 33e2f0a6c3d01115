"""Regions of a face in which a picture is measured, from the truth's mesh."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, FACE_OVAL, LIPS_OUTER, Contour
from ofx_reenact.tracking.rigid import head_pose
from ofx_reenact.warp.openings import SHUT_EYE, lenses

MOUTH, EYES, CLOSING, FACE, WHOLE = "mouth", "eyes", "closing eyes", "face", "whole"
REGIONS = (MOUTH, EYES, CLOSING, FACE, WHOLE)
# Skin around lips and lids that is measured with them, centimetres: where an eye has shut, its lid was an eye before.
_AROUND_MOUTH, _AROUND_EYES = 0.3, 0.6
# An eye this wide open, gap over width, is a target's open eye; narrower than ``SHUT_EYE`` it is shut.
OPEN_EYE = 2 * SHUT_EYE
_EYES: dict[str, Contour] = {"eye_right": EYE_RIGHT, "eye_left": EYE_LEFT}


def regions(target_mesh: np.ndarray, mesh: np.ndarray, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Find the regions of a truth whose mesh is (478, 3) pixels, (H, W) float32 of 0 and 1 each.

    Returns ``mouth``, ``eyes``, ``face`` (its oval), ``whole``, and ``closing eyes``: those that are open in the
    target's mesh and shut in the truth, empty where there are none.
    """
    centimetre = head_pose(mesh).scale
    before, after = lenses(target_mesh), lenses(mesh)
    eyes = {name: _around([contour], mesh, size, _AROUND_EYES * centimetre) for name, contour in _EYES.items()}
    closing = [area for name, area in eyes.items() if closes(before[name].gap, after[name].gap)]
    nothing = np.zeros(size, np.float32)
    return {
        MOUTH: _around([LIPS_OUTER], mesh, size, _AROUND_MOUTH * centimetre),
        EYES: np.maximum.reduce(list(eyes.values())),
        CLOSING: np.maximum.reduce([nothing, *closing]),
        FACE: _filled(mesh[list(FACE_OVAL), :2], size),
        WHOLE: np.ones(size, np.float32),
    }


def closes(before: float, after: float) -> bool:
    """Tell from two gaps over the eye's width whether an open eye has shut."""
    return before >= OPEN_EYE and after < SHUT_EYE


def _around(contours: Sequence[Contour], mesh: np.ndarray, size: tuple[int, int], margin: float) -> np.ndarray:
    """What lies within contours and a margin of pixels around them."""
    inside = np.zeros(size, np.float32)
    for upper, lower in contours:
        inside = np.maximum(inside, _filled(mesh[[*upper, *lower[-2:0:-1]], :2], size))
    width = 2 * max(round(margin), 1) + 1
    return np.asarray(cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))))


def _filled(outline: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    inside = np.zeros(size, np.uint8)
    cv2.fillPoly(inside, [np.round(outline * 16).astype(np.int32)], 1, shift=4)
    return inside.astype(np.float32)
