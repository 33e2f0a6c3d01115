"""Face Mesh through OpenCV: 478-point mesh and 52 blendshapes, and a detector, from one vendored model file.

Facts about the networks (input ranges) are those of MediaPipe's published graphs; the code is ours and needs no
mediapipe.
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
from ofx_reenact.tracking.detect import MESH_SIZE, FaceDetector, Found, Region
from ofx_reenact.tracking.landmarks import MESH68, MESH_POINTS
from ofx_reenact.tracking.look import Look
from ofx_reenact.tracking.same_person import OVERLAP, SamePerson, Seen, look_in_portrait, overlap
from ofx_reenact.tracking.tflite import last_output_from, second_of_first
from ofx_reenact.tracking.tracker import DEFAULTS, Options, Track, Tracker

# Real faces have a presence above 0.9999 when found; a face already followed may be half hidden.
_FOUND, _PRESENCE = 0.99, 0.5
# Real faces score more in the detector, hardly any but in the dark less; the mesh network then also sees a face where
# a head has none. It is one if what is there resembles faces.
_DOUBTFUL, _RESEMBLANCE = 0.65, 0.45
# Rows of two pictures that are compared at once.
_BAND = 64
# A region taken from a box is only roughly right; the mesh found in it gives a better one.
_SETTLE = 3
# So often, in pictures, it is looked who else is there: who crosses a face is near it for longer.
_OTHERS = 8


class _Candidate(NamedTuple):
    """A face that may be the one to follow."""

    mesh: np.ndarray
    presence: float
    region: Region
    seen: Seen


class FaceMesh(Tracker):
    """Tracks one face: the mesh network alone while it holds, the detector when it does not."""

    name = "mesh"

    def __init__(self, options: Options = DEFAULTS) -> None:
        self.version = f"face_landmarker, opencv {cv2.__version__}"
        with zipfile.ZipFile(resource(*MODEL)) as bundle:
            detector, mesh = (bundle.read(f"{name}.tflite") for name in ("face_detector", "face_landmarks_detector"))
        self._detector = FaceDetector(detector)
        # The logit of a face's presence follows from the mesh: one run gives both.
        points, self._factors, self._added = second_of_first(mesh)
        self._mesh = cv2.dnn.readNetFromTFLite(np.frombuffer(last_output_from(mesh, points), np.uint8))
        self._person = SamePerson()
        self._chosen = options.face
        self._looks, self._others = (
            [self._portray(one) for one in some] for some in (self._chosen.portraits, self._chosen.others)
        )
        self.reset()

    def reset(self) -> None:
        """Forget the face that was followed."""
        self._person.reset()
        self._person.know(self._looks, self._others)
        self._until_others = 0
        self._region: Region | None = None
        self._picture: np.ndarray | None = None
        # Memory of a picture, as softened ones need again and again.
        self._soft: np.ndarray | None = None
        self._track: Track | None = None

    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find or follow the face in an (H, W, 3) uint8 RGB picture.

        A picture equal to the last one gives the last result, so that a held frame does not stir.
        """
        if self._picture is not None and _is_same(self._picture, image):
            return self._track
        if self._picture is None or self._picture.shape != image.shape:
            self._picture = np.empty_like(image)
        np.copyto(self._picture, image)
        self._person.begin(image)
        self._track = self._follow(image) or self._find(image)
        if self._track is not None:
            self._see_others(image)
        return self._track

    def faces(self, image: np.ndarray) -> list[Seen]:
        """Find all faces in an (H, W, 3) uint8 RGB picture, the largest first, whoever is followed."""
        return [face.seen for face in self._all(image)]

    def _follow(self, image: np.ndarray) -> Track | None:
        if self._region is None:
            return None
        face = self._look_at(image, self._region, _PRESENCE)
        self._region = None
        return face and self._accept([face])

    def _find(self, image: np.ndarray) -> Track | None:
        if self._person.known:
            found = (self._settle(image, face) for face in self._detector.detect(image))
            return self._accept([face for face in found if face is not None])
        by_number = self._chosen.place is None
        faces = list(itertools.islice(self._all(image), self._chosen.number if by_number else None))
        picked = self._chosen.pick([face.seen.box for face in faces])
        return None if picked is None else self._accept([faces[picked]])

    def _all(self, image: np.ndarray) -> Iterator[_Candidate]:
        """Find the faces in a picture one after the other, the largest first, each once."""
        boxes: list[np.ndarray] = []
        for found in self._detector.detect(image):
            face = self._settle(image, found)
            if face is not None and all(overlap(face.seen.box, box) <= OVERLAP for box in boxes):
                boxes.append(face.seen.box)
                yield face

    def _settle(self, image: np.ndarray, found: Found) -> _Candidate | None:
        """Find the mesh where the detector found a face; None if it is none."""
        mesh, _ = self._run_mesh(image, found.region)
        for _ in range(_SETTLE - 1):
            mesh, _ = self._run_mesh(image, Region.of_mesh(mesh))
        face = self._look_at(image, Region.of_mesh(mesh), _FOUND)
        doubtful = face is None or (found.score < _DOUBTFUL and face.seen.resemblance < _RESEMBLANCE)
        return None if doubtful else face

    def _see_others(self, image: np.ndarray) -> None:
        """Learn now and then who is beside the face that is followed, so that nobody of them is taken for it."""
        self._until_others -= 1
        if self._until_others > 0 or self._region is None:
            return
        self._until_others, own = _OTHERS, self._region
        for found in self._detector.glance(image):
            apart = math.hypot(found.region.x - own.x, found.region.y - own.y) > own.side / 4
            if apart and (face := self._settle(image, found)):
                self._person.meet(face.seen)

    def _portray(self, portrait: Portrait) -> Look:
        """Return the look of whom a portrait shows.

        Raises:
            TrackingError: it shows no face, or one in the dark.
        """
        faces = self.faces(portrait.image)
        chosen = nearest([face.box for face in faces], portrait.place)
        return look_in_portrait(None if chosen is None else faces[chosen], self.name)

    def _look_at(self, image: np.ndarray, region: Region, least: float) -> _Candidate | None:
        """Find the mesh in a region; None where the network says that there is no face, or it lies off the picture."""
        mesh, presence = self._run_mesh(image, region)
        if presence < least or not np.isfinite(mesh).all():
            return None
        found = Region.of_mesh(mesh)
        height, width = image.shape[:2]
        if not (-0.1 * width < found.x < 1.1 * width and -0.1 * height < found.y < 1.1 * height):
            return None
        return _Candidate(mesh, presence, found, Seen.of_mesh(mesh, image))

    def _accept(self, faces: list[_Candidate]) -> Track | None:
        """Follow the face of the person who was followed, or the first one where nobody was."""
        chosen = self._person.choose([face.seen for face in faces]) if self._person.known else 0
        if chosen is None or not faces:
            return None
        face = faces[chosen]
        self._region = face.region
        self._person.remember(face.seen)
        landmarks = face.mesh[list(MESH68), :2].copy()
        return Track(landmarks, face.presence, face.mesh, blendshapes_of(face.mesh[None])[0])

    def _run_mesh(self, image: np.ndarray, region: Region) -> tuple[np.ndarray, float]:
        """Find the mesh in a region: (478, 3) float64 pixels of the picture, and the face's presence."""
        to_picture = region.to_picture()
        # Where the crop is much smaller than the region, linear sampling alone would alias.
        shrink = region.side / MESH_SIZE
        source = self._soften(image, to_picture, 0.4 * shrink) if shrink > 2 else image
        size = (MESH_SIZE, MESH_SIZE)
        crop = cv2.warpAffine(source, to_picture, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        self._mesh.setInput((crop.astype(np.float32) / 255).transpose(2, 0, 1)[None])
        found = self._mesh.forward().reshape(-1).astype(np.float64)
        points, logit = found.reshape(MESH_POINTS, 3), float(self._factors @ found + self._added)
        mesh = np.empty_like(points)
        mesh[:, :2] = points[:, :2] @ to_picture[:, :2].T + to_picture[:, 2]
        mesh[:, 2] = points[:, 2] * shrink
        return mesh, 1 / (1 + math.exp(-min(max(logit, -50.0), 50.0)))

    def _soften(self, image: np.ndarray, to_picture: np.ndarray, deviation: float) -> np.ndarray:
        """Soften an (H, W, 3) uint8 picture where the mesh network's crop lies in it; elsewhere it is anything."""
        corners = np.array([[x, y, 1] for x in (0, MESH_SIZE - 1) for y in (0, MESH_SIZE - 1)]) @ to_picture.T
        reach = math.ceil(4 * deviation) + 2
        size = np.array(image.shape[1::-1])
        # A margin beside what is sampled, and one beside that which the kernel needs.
        low, high = np.floor(corners.min(axis=0)).astype(int) - 2, np.ceil(corners.max(axis=0)).astype(int) + 3
        (left, top), (right, bottom) = low.clip(0, size), high.clip(0, size)
        (wide_left, wide_top), (wide_right, wide_bottom) = (low - reach).clip(0, size), (high + reach).clip(0, size)
        if self._soft is None or self._soft.shape != image.shape:
            self._soft = np.empty_like(image)
        if left < right and top < bottom:
            soft = cv2.GaussianBlur(image[wide_top:wide_bottom, wide_left:wide_right], (0, 0), deviation)
            self._soft[top:bottom, left:right] = soft[
                top - wide_top : bottom - wide_top, left - wide_left : right - wide_left
            ]
        return self._soft


def _is_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two pictures are equal; those that differ mostly do so in their first rows."""
    bands = range(0, len(one), _BAND)
    return one.shape == other.shape and all(np.array_equal(one[y : y + _BAND], other[y : y + _BAND]) for y in bands)
