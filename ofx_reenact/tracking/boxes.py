"""Follow one face among several, for trackers that find all faces anew in every frame."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.resources import resource
from ofx_reenact.tracking.canonical import MODEL
from ofx_reenact.tracking.chosen import LARGEST, Chosen, Portrait, nearest
from ofx_reenact.tracking.detect import FaceDetector, Region
from ofx_reenact.tracking.face_look import FaceLook
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.same_person import SamePerson, SeenFace, look_in_portrait


class Follower:
    """Picks one face among several: first the one that was chosen, then the same person in each later frame."""

    def __init__(self, face: Chosen = LARGEST, name: str = "") -> None:
        """Follow ``face``; ``name`` is the tracker's name, for messages."""
        self._chosen, self._name = face, name
        self._person = SamePerson()
        self._looks: list[list[FaceLook]] | None = None
        with zipfile.ZipFile(resource(*MODEL)) as bundle:
            self._detector = FaceDetector(bundle.read("face_detector.tflite"))

    def reset(self) -> None:
        """Forget the person."""
        self._person.reset()
        if self._looks is not None:
            self._person.know(*self._looks)

    def follow(self, image: np.ndarray, find: Callable[[np.ndarray], list[np.ndarray]]) -> np.ndarray | None:
        """Return the landmarks (68, 2) of the face to follow in an (H, W, 3) uint8 RGB picture; None if it is absent.

        All landmarks are in pixels. ``find`` is the network: it returns those of all faces in a picture. Networks often
        fail on a face that lies on its side or upside down, so the picture is turned until the face is upright.

        Raises:
            TrackingError: the network finds no face in a portrait of the person to follow.
        """
        if self._looks is None:
            self._looks = [
                [self._describe_portrait(portrait, find) for portrait in portraits]
                for portraits in (self._chosen.portraits, self._chosen.others)
            ]
            self._person.know(*self._looks)
        return self.choose(self._find_faces(image, find), image)

    def _describe_portrait(self, portrait: Portrait, find: Callable[[np.ndarray], list[np.ndarray]]) -> FaceLook:
        faces = [SeenFace.of_mesh(lift(face), portrait.image) for face in self._find_faces(portrait.image, find)]
        chosen = nearest([face.box for face in faces], portrait.place)
        return look_in_portrait(None if chosen is None else faces[chosen], self._name)

    def _find_faces(self, image: np.ndarray, find: Callable[[np.ndarray], list[np.ndarray]]) -> list[np.ndarray]:
        regions = [face.region for face in self._detector.detect(image)]
        faces = []
        for quarter in sorted({_quarter_turns(region) for region in regions} or {0}):
            turned = np.ascontiguousarray(np.rot90(image, quarter)) if quarter else image
            found = [_turn_back(face, image.shape, quarter) for face in find(turned)]
            faces += [face for face in found if _is_upright(face, regions, quarter)]
        return faces

    def choose(self, faces: list[np.ndarray], image: np.ndarray | None = None) -> np.ndarray | None:
        """Return the face to follow, or None if there are too few faces or none is that person's.

        Args:
            faces: landmarks (68, 2) of each face in pixels.
            image: the (H, W, 3) uint8 RGB picture that shows them. Without it, a face is recognised by position and
                size only, so it must overlap with the last position of the face.

        Raises:
            TrackingError: the person was chosen by a portrait. Only :meth:`follow` can use portraits.
        """
        if self._chosen.portraits and self._looks is None:
            raise TrackingError(
                f"--tracker {self._name} cannot follow a face that was chosen by a picture or in a frame; give the "
                "face's number by size"
            )
        self._person.begin(image)
        if not faces:
            return None
        seen = [SeenFace.of_mesh(lift(face), image) for face in faces]
        if self._person.known:
            chosen = self._person.choose(seen)
        else:
            order = sorted(range(len(faces)), key=lambda i: -float(np.ptp(faces[i], axis=0).prod()))
            picked = self._chosen.pick([seen[i].box for i in order])
            chosen = None if picked is None else order[picked]
        if chosen is None:
            return None
        self._person.remember(seen[chosen])
        for number, face in enumerate(seen):
            if number != chosen:
                self._person.meet(face)
        return faces[chosen]


def _quarter_turns(region: Region) -> int:
    """Return the number of anticlockwise quarter turns, 0 to 3, of the picture that make the face upright."""
    return round(region.angle / (math.pi / 2)) % 4


def _turn_back(face: np.ndarray, shape: tuple[int, ...], quarter: int) -> np.ndarray:
    """Convert landmarks (68, 2) from a turned picture to the original one, whose shape is (H, W, ...)."""
    for k in range(quarter, 0, -1):
        face = np.stack([shape[k % 2] - 1 - face[:, 1], face[:, 0]], axis=1)
    return face


def _is_upright(face: np.ndarray, regions: list[Region], quarter: int) -> bool:
    """Tell whether a face is upright after ``quarter`` turns; one that the detector missed is upright after none.

    Landmarks (68, 2) and detected regions are in pixels of the original picture.
    """
    x, y = (face.min(axis=0) + face.max(axis=0)) / 2
    own = [region for region in regions if math.hypot(region.x - x, region.y - y) < region.side / 3]
    return quarter in {_quarter_turns(region) for region in own} if own else quarter == 0
