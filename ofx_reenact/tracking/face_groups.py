"""Find the people in a sequence: group the faces of sampled frames by how they look."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from ofx_reenact.tracking.chosen import Portrait
from ofx_reenact.tracking.cuts import SAME_SHOT, compare_details, extract_details
from ofx_reenact.tracking.face_look import FaceLook, likeness
from ofx_reenact.tracking.same_person import ALIKE_ANYWHERE, CONTINUED, OVERLAP, SeenFace, add_look, overlap

# A portrait is cropped with this margin, in widths and heights of the face, so that a tracker finds the face in it.
_CROP_MARGIN = 1.0
# A person has at most this many portraits, each with a new look.
_MOST_PORTRAITS = 6
# A person in at most this many frames may be the half-hidden face of another one, and is merged at a lower likeness.
_HALF_HIDDEN = 2
# Added to the likeness of a face that overlaps with the person's face in the previous frame.
_CONTINUED_BONUS = 0.1


@dataclass
class FoundPerson:
    """One person: the faces that look alike.

    Attributes:
        boxes: the face's box (left, top, right, bottom) in pixels, by frame.
        portraits: pictures of the person, each with a new look.
        looks: the look in each portrait.
        best: number of the frame in which the face is the largest.
        shown: the portrait from that frame, to show to users.
    """

    boxes: dict[int, np.ndarray] = field(default_factory=dict)
    portraits: list[Portrait] = field(default_factory=list)
    looks: list[FaceLook] = field(default_factory=list)
    best: int = 0
    shown: Portrait | None = None

    def add(self, frame: int, face: SeenFace, image: np.ndarray) -> None:
        """Add a face of the person."""
        if self.shown is None or _height(face.box) > _height(self.boxes[self.best]):
            self.best, self.shown = frame, crop_face(image, face.box)
        self.boxes[frame] = face.box
        if face.look is None or not face.look.is_usable or len(self.looks) >= _MOST_PORTRAITS:
            return
        count = len(self.looks)
        add_look(face.look, self.looks)
        if len(self.looks) > count:
            self.portraits.append(crop_face(image, face.box))

    def merge(self, other: FoundPerson) -> None:
        """Add all faces of another, who is the same person."""
        if _height(other.boxes[other.best]) > _height(self.boxes[self.best]):
            self.best, self.shown = other.best, other.shown
        self.boxes |= other.boxes
        room = _MOST_PORTRAITS - len(self.looks)
        self.looks += other.looks[:room]
        self.portraits += other.portraits[:room]


@dataclass
class Faces:
    """The people of a sequence.

    Attributes:
        people: in order of their first frame.
        shown: the people in each frame, the largest face first.
        frames: numbers of the frames that were searched.
    """

    people: list[FoundPerson] = field(default_factory=list)
    shown: dict[int, list[FoundPerson]] = field(default_factory=dict)
    frames: list[int] = field(default_factory=list)

    def number(self, person: FoundPerson) -> int | None:
        """Return the number that selects a person in :class:`Chosen`; None if no number does."""
        most = max(map(len, self.shown.values()), default=0)
        for count in range(1, most + 1):
            first = next(found for found in self.shown.values() if len(found) >= count)
            if first[count - 1] is person:
                return count
        return None

    def beside(self, person: FoundPerson) -> list[FoundPerson]:
        """Return the people who are in a frame together with this person: they are certainly other people."""
        together = [found for found in self.shown.values() if any(one is person for one in found)]
        return [one for one in self.people if one is not person and any(one is o for f in together for o in f)]


def find_faces(
    images: Iterable[tuple[int, np.ndarray | None]], find: Callable[[np.ndarray], list[SeenFace]]
) -> Faces:
    """Group the faces in pictures by person.

    Args:
        images: (frame, (H, W, 3) uint8 RGB) in order; None instead of a picture where the frame is missing.
        find: finds all faces in a picture, the largest first.
    """
    found, last = Faces(), None
    previous = -1
    for frame, image in images:
        if image is None:
            continue
        details = extract_details(image)
        cut = last is not None and compare_details(details, last) < SAME_SHOT
        faces = find(image)
        who = _recognise(faces, found.people, None if cut else previous)
        for face, person in zip(faces, who, strict=True):
            person.add(frame, face, image)
        found.people += [person for person in who if all(person is not one for one in found.people)]
        found.shown[frame] = who
        found.frames.append(frame)
        last, previous = details, frame
    return _merge_alike(found)


def crop_face(image: np.ndarray, box: np.ndarray) -> Portrait:
    """Crop a face's box (left, top, right, bottom), with a margin, from an (H, W, 3) uint8 RGB picture."""
    margin = _CROP_MARGIN * np.tile(box[2:] - box[:2], 2) * (-1, -1, 1, 1)
    left, top, right, bottom = (box + margin).astype(int).clip(0, np.tile(image.shape[1::-1], 2)).tolist()
    x, y = (box[:2] + box[2:]) / 2 - (left, top)
    return Portrait(image[top:bottom, left:right].copy(), (float(x), float(y)))


def _recognise(faces: list[SeenFace], people: list[FoundPerson], previous: int | None) -> list[FoundPerson]:
    """Match the faces of a picture to people, the best match first, each person once; others are new people."""
    scores: list[tuple[float, int, int]] = []
    for (i, face), (j, person) in itertools.product(enumerate(faces), enumerate(people)):
        box = None if previous is None else person.boxes.get(previous)
        near = box is not None and overlap(box, face.box) > OVERLAP
        comparable = face.look is not None and face.look.is_usable and bool(person.looks)
        score = likeness(face.look, person.looks) if comparable and face.look is not None else 1.0 if near else -1.0
        if score >= (CONTINUED if near else ALIKE_ANYWHERE):
            scores.append((score + _CONTINUED_BONUS * near, i, j))
    who: dict[int, FoundPerson] = {}
    taken: set[int] = set()
    for _, i, j in sorted(scores, key=lambda one: (-one[0], one[1:])):
        if i not in who and j not in taken:
            who[i] = people[j]
            taken.add(j)
    return [who.get(i) or FoundPerson() for i in range(len(faces))]


def _merge_alike(found: Faces) -> Faces:
    """Merge people who look alike and are never in the same picture."""
    people = list(found.people)
    for one, other in itertools.combinations(found.people, 2):
        both = [any(one is p for p in people), any(other is p for p in people)]
        if not all(both) or one.boxes.keys() & other.boxes.keys():
            continue
        few = min(len(one.boxes), len(other.boxes)) <= _HALF_HIDDEN < max(len(one.boxes), len(other.boxes))
        alike = max((likeness(look, one.looks) for look in other.looks), default=-1.0)
        if alike >= (CONTINUED if few else ALIKE_ANYWHERE):
            one.merge(other)
            people = [p for p in people if p is not other]
            for who in found.shown.values():
                who[:] = [one if p is other else p for p in who]
    found.people = people
    return found


def _height(box: np.ndarray) -> float:
    return float(box[3] - box[1])
