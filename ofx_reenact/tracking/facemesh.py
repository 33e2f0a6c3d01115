"""Track with MediaPipe's Face Mesh in OpenCV: a mesh of 478 points and 52 blendshapes, from one vendored model file.

The networks' input ranges are those of MediaPipe's published graphs; the code is ours and does not need mediapipe.
"""

from __future__ import annotations

import itertools
import math
import zipfile
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from ofx_reenact.resources import resource
from ofx_reenact.tracking.blendshapes import blendshapes_of
from ofx_reenact.tracking.canonical import MODEL
from ofx_reenact.tracking.chosen import Portrait, nearest
from ofx_reenact.tracking.detect import MESH_SIZE, Detection, FaceDetector, Region
from ofx_reenact.tracking.face_look import FaceLook
from ofx_reenact.tracking.landmarks import MESH68, MESH_POINTS
from ofx_reenact.tracking.same_person import OVERLAP, SamePerson, SeenFace, look_in_portrait, overlap
from ofx_reenact.tracking.tflite import second_output_weights, with_last_output
from ofx_reenact.tracking.tracker import DEFAULTS, Options, Track, Tracker

# Presence is the network's probability, 0 to 1, that its crop shows a face. These are the lowest values accepted for a
# new face and for a followed one, which may be half hidden. A real face that is found has more than 0.9999.
_NEW_FACE, _FOLLOWED_FACE = 0.99, 0.5
# The detector gives faces a score above _DOUBTFUL, except in the dark. At lower scores, the mesh network also finds
# faces on heads that show none, so the picture's correlation with the mean face must be at least _RESEMBLANCE.
_DOUBTFUL, _RESEMBLANCE = 0.65, 0.45
# Rows of two pictures that are compared at a time.
_BAND = 64
# Runs of the mesh network that refine the region of a new face: a detected box is rough, each run gives a better one.
_RUNS = 3
# Search for other people's faces once in this many pictures: somebody who passes the face stays near it for longer.
_OTHERS_EVERY = 8


class _Candidate(NamedTuple):
    """A face that may be the one to follow."""

    mesh: np.ndarray
    presence: float
    region: Region
    seen: SeenFace


class FaceMesh(Tracker):
    """Tracks one face: with the mesh network alone while it finds the face, else with the detector first."""

    name = "mesh"

    def __init__(self, options: Options = DEFAULTS) -> None:
        self.version = f"face_landmarker, opencv {cv2.__version__}"
        with zipfile.ZipFile(resource(*MODEL)) as bundle:
            detector, mesh = (bundle.read(f"{name}.tflite") for name in ("face_detector", "face_landmarks_detector"))
        self._detector = FaceDetector(detector)
        # The logit of a face's presence is a linear function of the mesh, so one output is enough.
        points, self._presence_weights, self._presence_bias = second_output_weights(mesh)
        self._mesh = cv2.dnn.readNetFromTFLite(np.frombuffer(with_last_output(mesh, points), np.uint8))
        self._person = SamePerson()
        self._chosen = options.face
        self._looks, self._others = (
            [self._describe_portrait(one) for one in some] for some in (self._chosen.portraits, self._chosen.others)
        )
        self.reset()

    def reset(self) -> None:
        """Forget the face that was followed."""
        self._person.reset()
        self._person.know(self._looks, self._others)
        self._until_others = 0
        self._region: Region | None = None
        self._picture: np.ndarray | None = None
        # A buffer for blurred pictures, allocated once.
        self._blurred: np.ndarray | None = None
        self._track: Track | None = None

    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find or follow the face in an (H, W, 3) uint8 RGB picture.

        A picture equal to the last one gives the same result, so that the face does not move in a held frame.
        """
        if self._picture is not None and _is_equal(self._picture, image):
            return self._track
        if self._picture is None or self._picture.shape != image.shape:
            self._picture = np.empty_like(image)
        np.copyto(self._picture, image)
        self._person.begin(image)
        self._track = self._follow(image) or self._find(image)
        if self._track is not None:
            self._learn_others(image)
        return self._track

    def faces(self, image: np.ndarray) -> list[SeenFace]:
        """Find all faces in an (H, W, 3) uint8 RGB picture, the largest first, independent of who is followed."""
        return [face.seen for face in self._find_all(image)]

    def _follow(self, image: np.ndarray) -> Track | None:
        if self._region is None:
            return None
        face = self._examine(image, self._region, _FOLLOWED_FACE)
        self._region = None
        return face and self._accept([face])

    def _find(self, image: np.ndarray) -> Track | None:
        if self._person.known:
            found = (self._refine(image, face) for face in self._detector.detect(image))
            return self._accept([face for face in found if face is not None])
        by_number = self._chosen.place is None
        faces = list(itertools.islice(self._find_all(image), self._chosen.number if by_number else None))
        picked = self._chosen.pick([face.seen.box for face in faces])
        return None if picked is None else self._accept([faces[picked]])

    def _find_all(self, image: np.ndarray) -> Iterator[_Candidate]:
        """Yield the faces in a picture, the largest first, each once."""
        boxes: list[np.ndarray] = []
        for found in self._detector.detect(image):
            face = self._refine(image, found)
            if face is not None and all(overlap(face.seen.box, box) <= OVERLAP for box in boxes):
                boxes.append(face.seen.box)
                yield face

    def _refine(self, image: np.ndarray, found: Detection) -> _Candidate | None:
        """Fit the mesh to a detected face; None if it turns out not to be a face."""
        mesh, _ = self._run_mesh(image, found.region)
        for _ in range(_RUNS - 1):
            mesh, _ = self._run_mesh(image, Region.of_mesh(mesh))
        face = self._examine(image, Region.of_mesh(mesh), _NEW_FACE)
        doubtful = face is None or (found.score < _DOUBTFUL and face.seen.resemblance < _RESEMBLANCE)
        return None if doubtful else face

    def _learn_others(self, image: np.ndarray) -> None:
        """Learn other people's faces now and then, so that none of them is mistaken for the followed one."""
        self._until_others -= 1
        if self._until_others > 0 or self._region is None:
            return
        self._until_others, own = _OTHERS_EVERY, self._region
        for found in self._detector.detect_upright(image):
            apart = math.hypot(found.region.x - own.x, found.region.y - own.y) > own.side / 4
            if apart and (face := self._refine(image, found)):
                self._person.meet(face.seen)

    def _describe_portrait(self, portrait: Portrait) -> FaceLook:
        """Return the look of the person in a portrait.

        Raises:
            TrackingError: it shows no face, or one that is too dark.
        """
        faces = self.faces(portrait.image)
        chosen = nearest([face.box for face in faces], portrait.place)
        return look_in_portrait(None if chosen is None else faces[chosen], self.name)

    def _examine(self, image: np.ndarray, region: Region, least: float) -> _Candidate | None:
        """Find the mesh in a region; None if its presence is below ``least`` or it lies outside the picture."""
        mesh, presence = self._run_mesh(image, region)
        if presence < least or not np.isfinite(mesh).all():
            return None
        found = Region.of_mesh(mesh)
        height, width = image.shape[:2]
        if not (-0.1 * width < found.x < 1.1 * width and -0.1 * height < found.y < 1.1 * height):
            return None
        return _Candidate(mesh, presence, found, SeenFace.of_mesh(mesh, image))

    def _accept(self, faces: list[_Candidate]) -> Track | None:
        """Follow, among these faces, the person who was followed so far; the first face if nobody was."""
        chosen = self._person.choose([face.seen for face in faces]) if self._person.known else 0
        if chosen is None or not faces:
            return None
        face = faces[chosen]
        self._region = face.region
        self._person.remember(face.seen)
        landmarks = face.mesh[list(MESH68), :2].copy()
        return Track(landmarks, face.presence, face.mesh, blendshapes_of(face.mesh[None])[0])

    def _run_mesh(self, image: np.ndarray, region: Region) -> tuple[np.ndarray, float]:
        """Return the mesh in a region, (478, 3) float64 in pixels of the picture, and the face's presence, 0 to 1."""
        to_picture = region.to_picture()
        # If the crop is much smaller than the region, linear sampling alone would alias.
        shrink = region.side / MESH_SIZE
        source = self._blur(image, to_picture, 0.4 * shrink) if shrink > 2 else image
        size = (MESH_SIZE, MESH_SIZE)
        crop = cv2.warpAffine(source, to_picture, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        self._mesh.setInput((crop.astype(np.float32) / 255).transpose(2, 0, 1)[None])
        found = self._mesh.forward().reshape(-1).astype(np.float64)
        points, logit = found.reshape(MESH_POINTS, 3), float(self._presence_weights @ found + self._presence_bias)
        mesh = np.empty_like(points)
        mesh[:, :2] = points[:, :2] @ to_picture[:, :2].T + to_picture[:, 2]
        mesh[:, 2] = points[:, 2] * shrink
        return mesh, 1 / (1 + math.exp(-min(max(logit, -50.0), 50.0)))

    def _blur(self, image: np.ndarray, to_picture: np.ndarray, deviation: float) -> np.ndarray:
        """Blur an (H, W, 3) uint8 picture inside the mesh network's crop; pixels elsewhere are undefined."""
        corners = np.array([[x, y, 1] for x in (0, MESH_SIZE - 1) for y in (0, MESH_SIZE - 1)]) @ to_picture.T
        reach = math.ceil(4 * deviation) + 2
        size = np.array(image.shape[1::-1])
        # The sampled rectangle with a margin of 2 pixels, and the wider one that the kernel reads.
        low, high = np.floor(corners.min(axis=0)).astype(int) - 2, np.ceil(corners.max(axis=0)).astype(int) + 3
        (left, top), (right, bottom) = low.clip(0, size), high.clip(0, size)
        (wide_left, wide_top), (wide_right, wide_bottom) = (low - reach).clip(0, size), (high + reach).clip(0, size)
        if self._blurred is None or self._blurred.shape != image.shape:
            self._blurred = np.empty_like(image)
        if left < right and top < bottom:
            blurred = cv2.GaussianBlur(image[wide_top:wide_bottom, wide_left:wide_right], (0, 0), deviation)
            self._blurred[top:bottom, left:right] = blurred[
                top - wide_top : bottom - wide_top, left - wide_left : right - wide_left
            ]
        return self._blurred


def _is_equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two pictures are equal; in bands, since most that differ do so in their first rows."""
    bands = range(0, len(one), _BAND)
    return one.shape == other.shape and all(np.array_equal(one[y : y + _BAND], other[y : y + _BAND]) for y in bands)
