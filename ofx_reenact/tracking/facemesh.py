"""Face Mesh through OpenCV: detector, 478-point mesh and 52 blendshapes from one vendored model file.

Facts about the three networks (input ranges, anchors, which points the blendshapes take) are those of
MediaPipe's published graphs; the code is ours and needs no mediapipe.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass

import cv2
import numpy as np

from ofx_reenact.resources import resource
from ofx_reenact.tracking.canonical import MODEL
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, MESH68, MESH_POINTS
from ofx_reenact.tracking.tflite import last_output_from
from ofx_reenact.tracking.tracker import DEFAULTS, Options, Track, Tracker

BLENDSHAPES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip

# The mesh points that the blendshape network takes, in its order.
_BLENDSHAPE_POINTS = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249,
    251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314,
    317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382,
    384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473,
    474, 475, 476, 477,
)  # fmt: skip

_DETECTOR_SIZE, _MESH_SIZE = 128, 256
# Real faces score above 0.9999 when found; a face already followed may be half hidden.
_FACE_SCORE, _FOUND, _PRESENCE = 0.5, 0.99, 0.5
# Which of the mesh network's outputs is the logit of a face's presence.
_PRESENCE_OUTPUT = 1
_OVERLAP = 0.3
# A face smaller than about a twelfth of what the detector sees escapes it: look again in tiles this share of
# the shorter side, half overlapping.
_TILES = (0.5, 0.25)
# A region taken from a box is only roughly right; the mesh found in it gives a better one.
_SETTLE = 3


@dataclass(frozen=True)
class Region:
    """A square of the picture, turned so that the face in it is upright: centre, side in pixels, angle in radians."""

    x: float
    y: float
    side: float
    angle: float

    def to_picture(self) -> np.ndarray:
        """Affine (2, 3) from the mesh network's 256² crop to the picture."""
        k = self.side / _MESH_SIZE
        cos, sin, half = math.cos(self.angle) * k, math.sin(self.angle) * k, (_MESH_SIZE - 1) / 2
        return np.array([[cos, -sin, self.x - (cos - sin) * half], [sin, cos, self.y - (sin + cos) * half]], np.float64)

    @classmethod
    def of_mesh(cls, mesh: np.ndarray) -> Region:
        """The region around a mesh, 1.5 times its size, eyes level."""
        eyes = mesh[EYE_LEFT[0][-1], :2] - mesh[EYE_RIGHT[0][0], :2]
        angle = math.atan2(eyes[1], eyes[0])
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        level = mesh[:, :2] @ turn
        low, high = level.min(0), level.max(0)
        x, y = turn @ ((low + high) / 2)
        return cls(float(x), float(y), 1.5 * float((high - low).max()), angle)


class FaceMesh(Tracker):
    """Tracks one face: the mesh network alone while it holds, the detector when it does not."""

    name = "mesh"

    def __init__(self, options: Options = DEFAULTS) -> None:
        self.version = f"face_landmarker, opencv {cv2.__version__}"
        self._face = options.face
        with zipfile.ZipFile(resource(*MODEL)) as bundle:
            detector, mesh, shapes = (
                bundle.read(f"{name}.tflite")
                for name in ("face_detector", "face_landmarks_detector", "face_blendshapes")
            )
        self._detector, self._mesh, self._shapes = (
            cv2.dnn.readNetFromTFLite(np.frombuffer(model, np.uint8))
            for model in (detector, last_output_from(mesh, _PRESENCE_OUTPUT), shapes)
        )
        self._anchors = _anchors()
        self.reset()

    def reset(self) -> None:
        """Forget the face that was followed."""
        self._region: Region | None = None
        self._last_seen: Region | None = None
        self._picture: np.ndarray | None = None
        self._track: Track | None = None

    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find or follow the face in an (H, W, 3) uint8 RGB picture.

        A picture equal to the last one gives the last result, so that a held frame does not stir.
        """
        if self._picture is not None and np.array_equal(self._picture, image):
            return self._track
        self._picture = image.copy()
        self._track = self._follow(image) or self._find(image)
        return self._track

    def _follow(self, image: np.ndarray) -> Track | None:
        if self._region is None:
            return None
        mesh, presence = self._run_mesh(image, self._region)
        return self._accept(image, mesh, presence)

    def _find(self, image: np.ndarray) -> Track | None:
        faces = self.detect(image)
        if (last := self._last_seen) is not None:
            faces = sorted(faces, key=lambda face: math.hypot(face.x - last.x, face.y - last.y))[:1]
        else:
            faces = faces[self._face - 1 :]
        for region in faces:
            mesh, presence = self._run_mesh(image, region)
            for _ in range(_SETTLE):
                mesh, presence = self._run_mesh(image, Region.of_mesh(mesh))
            if track := self._accept(image, mesh, presence):
                return track
        return None

    def _accept(self, image: np.ndarray, mesh: np.ndarray, presence: float) -> Track | None:
        least = _FOUND if self._region is None else _PRESENCE
        self._region = None
        if presence < least or not np.isfinite(mesh).all():
            return None
        region = Region.of_mesh(mesh)
        height, width = image.shape[:2]
        if not (-0.1 * width < region.x < 1.1 * width and -0.1 * height < region.y < 1.1 * height):
            return None
        self._region = self._last_seen = region
        landmarks = mesh[list(MESH68), :2].copy()
        return Track(landmarks, presence, mesh, self._run_shapes(mesh))

    def detect(self, image: np.ndarray) -> list[Region]:
        """Find all faces, the largest first; small ones only where there is no large one."""
        height, width = image.shape[:2]
        found = self._run_detector(image, 0, 0)
        for share in _TILES:
            if found:
                break
            side = int(min(height, width) * share)
            if side < _DETECTOR_SIZE // 2:
                break
            for top in _steps(height, side):
                for left in _steps(width, side):
                    found += self._run_detector(image[top : top + side, left : left + side], left, top)
        faces = _suppress(found)
        return sorted((region for _, region in faces), key=lambda region: -region.side)

    def _run_detector(self, image: np.ndarray, left: int, top: int) -> list[tuple[float, Region]]:
        """Detect in one tile, letterboxed to 128²; returns scores and regions in the whole picture's pixels."""
        height, width = image.shape[:2]
        scale = _DETECTOR_SIZE / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        pad_x, pad_y = (_DETECTOR_SIZE - size[0]) // 2, (_DETECTOR_SIZE - size[1]) // 2
        boxed = np.zeros((_DETECTOR_SIZE, _DETECTOR_SIZE, 3), np.float32)
        boxed[pad_y : pad_y + size[1], pad_x : pad_x + size[0]] = small
        self._detector.setInput((boxed / 127.5 - 1).transpose(2, 0, 1)[None])
        boxes = self._detector.forward("regressors").reshape(-1, 8, 2) / _DETECTOR_SIZE
        logits = self._detector.forward("classificators").reshape(-1)
        scores = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
        found = []
        for index in np.nonzero(scores >= _FACE_SCORE)[0]:
            points = boxes[index] + self._anchors[index]
            offset, extent = np.array([pad_x, pad_y]), float(boxes[index, 1].max()) * _DETECTOR_SIZE / scale
            centre, right_eye, left_eye = ((points[k] * _DETECTOR_SIZE - offset) / scale - 0.5 for k in (0, 2, 3))
            angle = math.atan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0])
            region = Region(float(centre[0]) + left, float(centre[1]) + top, 1.5 * extent, angle)
            found.append((float(scores[index]), region))
        return found

    def _run_mesh(self, image: np.ndarray, region: Region) -> tuple[np.ndarray, float]:
        """Find the mesh in a region: (478, 3) float64 pixels of the picture, and the face's presence."""
        to_picture = region.to_picture()
        # Where the crop is much smaller than the region, linear sampling alone would alias.
        shrink = region.side / _MESH_SIZE
        source = cv2.GaussianBlur(image, (0, 0), 0.4 * shrink) if shrink > 2 else image
        size = (_MESH_SIZE, _MESH_SIZE)
        crop = cv2.warpAffine(source, to_picture, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        self._mesh.setInput((crop.astype(np.float32) / 255).transpose(2, 0, 1)[None])
        points = self._mesh.forward("Identity").reshape(MESH_POINTS, 3).astype(np.float64)
        logit = float(self._mesh.forward("Identity_2").reshape(-1)[0])
        mesh = np.empty_like(points)
        mesh[:, :2] = points[:, :2] @ to_picture[:, :2].T + to_picture[:, 2]
        mesh[:, 2] = points[:, 2] * shrink
        return mesh, 1 / (1 + math.exp(-min(max(logit, -50.0), 50.0)))

    def _run_shapes(self, mesh: np.ndarray) -> np.ndarray:
        """Blendshape weights (52,) float32 of a mesh."""
        points = mesh[list(_BLENDSHAPE_POINTS), :2].astype(np.float32)
        self._shapes.setInput(points[None])
        return np.clip(self._shapes.forward().reshape(-1), 0, 1).astype(np.float32)


def _anchors() -> np.ndarray:
    """Centres (896, 2) of the detector's anchors: stride 8 with two a cell, stride 16 with six."""
    anchors = []
    for stride, count in ((8, 2), (16, 6)):
        cells = (np.arange(_DETECTOR_SIZE // stride) + 0.5) * stride / _DETECTOR_SIZE
        y, x = np.meshgrid(cells, cells, indexing="ij")
        anchors.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), count, axis=0))
    return np.concatenate(anchors)


def _steps(length: int, side: int) -> list[int]:
    """Starts of tiles that cover a length, half overlapping."""
    count = max(1, math.ceil((length - side) / (side / 2)) + 1)
    return sorted({round(i * (length - side) / max(count - 1, 1)) for i in range(count)})


def _suppress(found: list[tuple[float, Region]]) -> list[tuple[float, Region]]:
    """Weighted non-maximum suppression: overlapping finds are averaged by their scores."""
    rest, kept = sorted(found, key=lambda item: -item[0]), []
    while rest:
        best = rest[0][1]
        same = [item for item in rest if _overlap(best, item[1]) > _OVERLAP]
        rest = [item for item in rest if _overlap(best, item[1]) <= _OVERLAP]
        weights = np.array([score for score, _ in same])
        values = np.array([(r.x, r.y, r.side) for _, r in same])
        x, y, side = weights @ values / weights.sum()
        kept.append((float(weights.max()), Region(float(x), float(y), float(side), best.angle)))
    return kept


def _overlap(a: Region, b: Region) -> float:
    """Intersection over union of two regions, their angles left aside."""
    across = [
        max(0.0, min(p + a.side / 2, q + b.side / 2) - max(p - a.side / 2, q - b.side / 2))
        for p, q in ((a.x, b.x), (a.y, b.y))
    ]
    both = across[0] * across[1]
    return both / max(a.side**2 + b.side**2 - both, 1e-9)
