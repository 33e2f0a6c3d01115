"""Regions of a face in which a picture is measured, drawn from the truth's mesh."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, FACE_OVAL, LIPS_OUTER, Contour
from ofx_reenact.tracking.rigid import head_pose
from ofx_reenact.warp.openings import SHUT_EYE, lenses

MOUTH, EYES, CLOSING, FACE, WHOLE = "mouth", "eyes", "closing eyes", "face", "whole"
REGIONS = (MOUTH, EYES, CLOSING, FACE, WHOLE)
# Skin around lips and lids that is measured with them, centimetres; over a shut eye the lid is part of the region.
_AROUND_MOUTH, _AROUND_EYES = 0.3, 0.6
# An eye is open if its gap over its width is at least this, and shut if it is below ``SHUT_EYE``.
OPEN_EYE = 2 * SHUT_EYE
_EYES: dict[str, Contour] = {"eye_right": EYE_RIGHT, "eye_left": EYE_LEFT}


def draw_regions(target_mesh: np.ndarray, mesh: np.ndarray, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Draw the regions of a truth with this mesh (478, 3), pixels, of a picture of ``size`` (height, width).

    Returns masks (H, W) float32 of 0 and 1: ``mouth``, ``eyes``, ``face`` (its oval), ``whole``, and ``closing eyes``,
    the eyes that are open in the target's mesh and shut in the truth, which may be empty.
    """
    centimetre = head_pose(mesh).scale
    before, after = lenses(target_mesh), lenses(mesh)
    eyes = {name: _fill_around([contour], mesh, size, _AROUND_EYES * centimetre) for name, contour in _EYES.items()}
    closing = [area for name, area in eyes.items() if closes(before[name].gap, after[name].gap)]
    return {
        MOUTH: _fill_around([LIPS_OUTER], mesh, size, _AROUND_MOUTH * centimetre),
        EYES: np.maximum.reduce(list(eyes.values())),
        CLOSING: np.maximum.reduce([np.zeros(size, np.float32), *closing]),
        FACE: _fill(mesh[list(FACE_OVAL), :2], size),
        WHOLE: np.ones(size, np.float32),
    }


def closes(before: float, after: float) -> bool:
    """Return whether an eye that was open is shut, given both its gaps over the eye's width."""
    return before >= OPEN_EYE and after < SHUT_EYE


def _fill_around(contours: Sequence[Contour], mesh: np.ndarray, size: tuple[int, int], margin: float) -> np.ndarray:
    """Fill contours and a margin of pixels around them."""
    inside = np.zeros(size, np.float32)
    for upper, lower in contours:
        inside = np.maximum(inside, _fill(mesh[[*upper, *lower[-2:0:-1]], :2], size))
    width = 2 * max(round(margin), 1) + 1
    return np.asarray(cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))))


def _fill(outline: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    inside = np.zeros(size, np.uint8)
    cv2.fillPoly(inside, [np.round(outline * 16).astype(np.int32)], 1, shift=4)
    return inside.astype(np.float32)
