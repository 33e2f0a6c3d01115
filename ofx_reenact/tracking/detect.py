"""Detect faces in a picture, whichever way up they are, with BlazeFace in OpenCV.

The network's input range and anchors are those of MediaPipe's published graphs; the code is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT

MESH_SIZE = 256
_SIZE = 128
_FACE_SCORE = 0.5
# In a face that is upside down, the network finds a face with eyes where the mouth is. Such a detection hardly ever
# scores _UPRIGHT_SCORE, and the same face scores higher in the picture turned upright (by 0.2 in half of the portraits
# that were tried). A detection in a turned picture replaces another only if its score is higher by _GAIN.
_UPRIGHT_SCORE, _GAIN = 0.9, 0.05
# Detections with a larger intersection over union are of the same face.
_OVERLAP = 0.3
# The detector misses a face smaller than about a twelfth of its picture. If it finds none, it runs again on tiles
# that overlap by half, with these fractions of the picture's shorter side as their side, one after the other.
_TILES = (0.5, 0.25)


@dataclass(frozen=True)
class Region:
    """A square in the picture, turned with its face: centre and side in pixels, clockwise angle in radians."""

    x: float
    y: float
    side: float
    angle: float

    def to_picture(self) -> np.ndarray:
        """Return the affine map (2, 3) from the mesh network's 256² crop to the picture."""
        k = self.side / MESH_SIZE
        cos, sin, half = math.cos(self.angle) * k, math.sin(self.angle) * k, (MESH_SIZE - 1) / 2
        return np.array([[cos, -sin, self.x - (cos - sin) * half], [sin, cos, self.y - (sin + cos) * half]], np.float64)

    @classmethod
    def of_mesh(cls, mesh: np.ndarray) -> Region:
        """Return the region around a mesh (N, 2 or more), 1.5 times its size, with the eyes level."""
        eyes = mesh[EYE_LEFT[0][-1], :2] - mesh[EYE_RIGHT[0][0], :2]
        angle = math.atan2(eyes[1], eyes[0])
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        level = mesh[:, :2] @ turn
        low, high = level.min(0), level.max(0)
        x, y = turn @ ((low + high) / 2)
        return cls(float(x), float(y), 1.5 * float((high - low).max()), angle)


class Detection(NamedTuple):
    """A detected face and the network's confidence in it, 0 to 1."""

    score: float
    region: Region


class FaceDetector:
    """Finds all faces of a picture."""

    def __init__(self, model: bytes) -> None:
        self._network = cv2.dnn.readNetFromTFLite(np.frombuffer(model, np.uint8))
        self._anchors = _anchors()

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Find all faces in an (H, W, 3) uint8 RGB picture, largest first; small ones only if no large one is found."""
        faces = self._detect_in_tiles(image, [(0, 0, *image.shape[1::-1])], turned=True)
        for fraction in _TILES:
            side = int(min(image.shape[:2]) * fraction)
            if faces or side < _SIZE // 2:
                break
            height, width = image.shape[:2]
            tops, lefts = _tile_starts(height, side), _tile_starts(width, side)
            tiles = [(left, top, side, side) for top in tops for left in lefts]
            faces = self._detect_in_tiles(image, tiles, turned=False)
        return sorted(faces, key=lambda face: -face.region.side)

    def detect_upright(self, image: np.ndarray) -> list[Detection]:
        """Find the upright large faces in an (H, W, 3) uint8 RGB picture, in one run of the network."""
        return _suppress(self._detect_turned(image, [(0, 0, *image.shape[1::-1])], 0))

    def _detect_in_tiles(
        self, image: np.ndarray, tiles: list[tuple[int, int, int, int]], *, turned: bool
    ) -> list[Detection]:
        """Find faces in tiles (left, top, width, height).

        The tiles are searched in all four orientations if a face scores less than upright faces do, and with ``turned``
        also if no face is found.
        """
        upright = _suppress(self._detect_turned(image, tiles, 0))
        if all(face.score >= _UPRIGHT_SCORE for face in upright) if upright else not turned:
            return upright
        others = _suppress([face for quarter in (1, 2, 3) for face in self._detect_turned(image, tiles, quarter)])
        return _prefer_upright(upright, others)

    def _detect_turned(
        self, image: np.ndarray, tiles: list[tuple[int, int, int, int]], quarter: int
    ) -> list[Detection]:
        """Find faces in tiles, each turned anticlockwise by quarters; regions are in pixels of the unturned picture."""
        found = []
        for left, top, width, height in tiles:
            tile = image[top : top + height, left : left + width]
            for face in self._detect_once(np.ascontiguousarray(np.rot90(tile, quarter)) if quarter else tile):
                region = face.region
                for k in range(quarter, 0, -1):
                    region = _turn_back(region, (width, height)[(k - 1) % 2])
                found.append(Detection(face.score, replace(region, x=region.x + left, y=region.y + top)))
        return found

    def _detect_once(self, image: np.ndarray) -> list[Detection]:
        """Run the network on one picture, letterboxed to 128²."""
        height, width = image.shape[:2]
        scale = _SIZE / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        pad_x, pad_y = (_SIZE - size[0]) // 2, (_SIZE - size[1]) // 2
        boxed = np.zeros((_SIZE, _SIZE, 3), np.float32)
        boxed[pad_y : pad_y + size[1], pad_x : pad_x + size[0]] = small
        self._network.setInput((boxed / 127.5 - 1).transpose(2, 0, 1)[None])
        boxes = self._network.forward("regressors").reshape(-1, 8, 2) / _SIZE
        logits = self._network.forward("classificators").reshape(-1)
        scores = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
        found = []
        for index in np.nonzero(scores >= _FACE_SCORE)[0]:
            points = boxes[index] + self._anchors[index]
            offset, extent = np.array([pad_x, pad_y]), float(boxes[index, 1].max()) * _SIZE / scale
            centre, right_eye, left_eye = ((points[k] * _SIZE - offset) / scale - 0.5 for k in (0, 2, 3))
            angle = math.atan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0])
            region = Region(float(centre[0]), float(centre[1]), 1.5 * extent, angle)
            found.append(Detection(float(scores[index]), region))
        return found


def _anchors() -> np.ndarray:
    """Return the centres (896, 2) of the detector's anchors, 0 to 1: stride 8 with two a cell, stride 16 with six."""
    anchors = []
    for stride, count in ((8, 2), (16, 6)):
        cells = (np.arange(_SIZE // stride) + 0.5) * stride / _SIZE
        y, x = np.meshgrid(cells, cells, indexing="ij")
        anchors.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), count, axis=0))
    return np.concatenate(anchors)


def _tile_starts(length: int, side: int) -> list[int]:
    """Return the start of each tile of this side; they cover the length, and each overlaps the next by half or more."""
    count = max(1, math.ceil((length - side) / (side / 2)) + 1)
    return sorted({round(i * (length - side) / max(count - 1, 1)) for i in range(count)})


def _suppress(found: list[Detection]) -> list[Detection]:
    """Merge overlapping detections: weighted non-maximum suppression, averaging by score."""
    rest, kept = sorted(found, key=lambda face: -face.score), []
    while rest:
        best = rest[0].region
        same = [face for face in rest if _overlap(best, face.region) > _OVERLAP]
        rest = [face for face in rest if _overlap(best, face.region) <= _OVERLAP]
        weights = np.array([face.score for face in same])
        values = np.array([(face.region.x, face.region.y, face.region.side) for face in same])
        x, y, side = weights @ values / weights.sum()
        kept.append(Detection(float(weights.max()), Region(float(x), float(y), float(side), best.angle)))
    return kept


def _prefer_upright(upright: list[Detection], turned: list[Detection]) -> list[Detection]:
    """Keep the upright detection of each face, unless the one in a turned picture scores higher by ``_GAIN``."""
    kept = [
        face
        for face in upright
        if all(_overlap(face.region, other.region) <= _OVERLAP or other.score < face.score + _GAIN for other in turned)
    ]
    added = [face for face in turned if all(_overlap(face.region, other.region) <= _OVERLAP for other in kept)]
    return kept + added


def _turn_back(region: Region, width: int) -> Region:
    """Convert a region from a picture turned anticlockwise by 90° to the original one, which has this width."""
    return Region(width - 1 - region.y, region.x, region.side, region.angle + math.pi / 2)


def _overlap(a: Region, b: Region) -> float:
    """Return the intersection over union of two regions, ignoring their angles."""
    across = [
        max(0.0, min(p + a.side / 2, q + b.side / 2) - max(p - a.side / 2, q - b.side / 2))
        for p, q in ((a.x, b.x), (a.y, b.y))
    ]
    both = across[0] * across[1]
    return both / max(a.side**2 + b.side**2 - both, 1e-9)
