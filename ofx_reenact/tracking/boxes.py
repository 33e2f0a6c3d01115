"""Which of several faces is followed, for trackers that look for all faces in every frame."""

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
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.look import Look
from ofx_reenact.tracking.same_person import SamePerson, Seen, look_in_portrait


class Follower:
    """Chooses one face of several: the one that is meant at first, then that of the same person."""

    def __init__(self, face: Chosen = LARGEST, name: str = "") -> None:
        """Prepare to follow a face; ``name`` is the tracker's, for messages."""
        self._chosen, self._name = face, name
        self._person = SamePerson()
        self._looks: list[list[Look]] | None = None
        with zipfile.ZipFile(resource(*MODEL)) as bundle:
            self._detector = FaceDetector(bundle.read("face_detector.tflite"))

    def reset(self) -> None:
        """Forget the person."""
        self._person.reset()
        if self._looks is not None:
            self._person.know(*self._looks)

    def follow(self, image: np.ndarray, find: Callable[[np.ndarray], list[np.ndarray]]) -> np.ndarray | None:
        """Let a network find the faces of an (H, W, 3) uint8 RGB picture and return the one to follow.

        ``find`` returns all faces of a picture, (68, 2) pixels each. A face that lies on its side or upside down, where
        such networks go wrong, is shown to it upright.

        Raises:
            TrackingError: the network finds no face in a portrait of whom to follow.
        """
        if self._looks is None:
            self._looks = [
                [self._portray(one, find) for one in some] for some in (self._chosen.portraits, self._chosen.others)
            ]
            self._person.know(*self._looks)
        return self.choose(self._find(image, find), image)

    def _portray(self, portrait: Portrait, find: Callable[[np.ndarray], list[np.ndarray]]) -> Look:
        faces = [Seen.of_mesh(lift(face), portrait.image) for face in self._find(portrait.image, find)]
        chosen = nearest([face.box for face in faces], portrait.place)
        return look_in_portrait(None if chosen is None else faces[chosen], self._name)

    def _find(self, image: np.ndarray, find: Callable[[np.ndarray], list[np.ndarray]]) -> list[np.ndarray]:
        regions = [face.region for face in self._detector.detect(image)]
        faces = []
        for quarter in sorted({_quarter(region) for region in regions} or {0}):
            turned = np.ascontiguousarray(np.rot90(image, quarter)) if quarter else image
            found = [_turn_back(face, image.shape, quarter) for face in find(turned)]
            faces += [face for face in found if _stands(face, regions, quarter)]
        return faces

    def choose(self, faces: list[np.ndarray], image: np.ndarray | None = None) -> np.ndarray | None:
        """Return one of the faces, (68, 2) pixels each, or None if there are too few or none is that person's.

        ``image`` is the (H, W, 3) uint8 RGB picture that they were found in. Without it only place and size tell who a
        face is: one that is not where the last one was is nobody's.

        Raises:
            TrackingError: the person was chosen in a portrait, and none was shown to a network by :meth:`follow`.
        """
        if self._chosen.portraits and self._looks is None:
            raise TrackingError(
                f"--tracker {self._name} cannot follow a face that was chosen by a picture or in a frame; give the "
                "face's number by size"
            )
        self._person.begin(image)
        if not faces:
            return None
        seen = [Seen.of_mesh(lift(face), image) for face in faces]
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


def _quarter(region: Region) -> int:
    """Return by how many right angles, against the clock, a picture is turned for the face to be upright: 0 to 3."""
    return round(region.angle / (math.pi / 2)) % 4


def _turn_back(face: np.ndarray, shape: tuple[int, ...], quarter: int) -> np.ndarray:
    """Take landmarks (68, 2) of a turned picture to the one of this shape that it was turned from."""
    for k in range(quarter, 0, -1):
        face = np.stack([shape[k % 2] - 1 - face[:, 1], face[:, 0]], axis=1)
    return face


def _stands(face: np.ndarray, regions: list[Region], quarter: int) -> bool:
    """Whether a face that was found in a turned picture stands upright there; one that was not detected, only unturned.

    Regions are those of the unturned picture, as are the landmarks (68, 2).
    """
    x, y = (face.min(axis=0) + face.max(axis=0)) / 2
    own = [region for region in regions if math.hypot(region.x - x, region.y - y) < region.side / 3]
    return quarter in {_quarter(region) for region in own} if own else quarter == 0
