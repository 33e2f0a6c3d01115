"""Who is in a sequence: the faces of sampled frames, brought together by their looks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from ofx_reenact.tracking.chosen import Portrait
from ofx_reenact.tracking.cuts import ALIKE, compare_details, details_of
from ofx_reenact.tracking.look import Look, likeness
from ofx_reenact.tracking.same_person import ALIKE_ANYWHERE, CONTINUED, OVERLAP, Seen, add_look, overlap

# A portrait shows so much around a face, in its own widths and heights: enough to find it in.
_MARGIN = 1.0
# As many portraits are kept of a person, of the most different looks.
_PORTRAITS = 6
# Who is seen in so few frames is somebody's half-hidden face if it looks enough like theirs.
_FEW = 2
# What a face that is where a person just was gains over one that is elsewhere.
_NEAR = 0.1


@dataclass
class Somebody:
    """One person, as far as looks tell.

    Attributes:
        boxes: (left, top, right, bottom) in pixels of the pictures, by frame.
        portraits: pictures of the person.
        looks: in these portraits.
        best: the frame in which the face is the largest.
        shown: the portrait of that frame.
    """

    boxes: dict[int, np.ndarray] = field(default_factory=dict)
    portraits: list[Portrait] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    best: int = 0
    shown: Portrait | None = None

    def add(self, frame: int, face: Seen, image: np.ndarray) -> None:
        """Take a face for the person's."""
        if self.shown is None or _height(face.box) > _height(self.boxes[self.best]):
            self.best, self.shown = frame, portray(image, face.box)
        self.boxes[frame] = face.box
        if face.look is None or not face.look.tells or len(self.looks) >= _PORTRAITS:
            return
        count = len(self.looks)
        add_look(face.look, self.looks)
        if len(self.looks) > count:
            self.portraits.append(portray(image, face.box))

    def take(self, other: Somebody) -> None:
        """Be the same person as another."""
        if _height(other.boxes[other.best]) > _height(self.boxes[self.best]):
            self.best, self.shown = other.best, other.shown
        self.boxes |= other.boxes
        room = _PORTRAITS - len(self.looks)
        self.looks += other.looks[:room]
        self.portraits += other.portraits[:room]


@dataclass
class Faces:
    """The people of a sequence.

    Attributes:
        people: in the order in which they were met.
        shown: which of them are in each frame, the largest first.
        frames: that were looked at.
    """

    people: list[Somebody] = field(default_factory=list)
    shown: dict[int, list[Somebody]] = field(default_factory=dict)
    frames: list[int] = field(default_factory=list)

    def number(self, person: Somebody) -> int | None:
        """Return the number by size that means a person: of the first frame that shows so many; None if none does."""
        most = max(map(len, self.shown.values()), default=0)
        for count in range(1, most + 1):
            first = next(found for found in self.shown.values() if len(found) >= count)
            if first[count - 1] is person:
                return count
        return None

    def beside(self, person: Somebody) -> list[Somebody]:
        """Return who is with a person in one frame at least: these are surely others."""
        together = [found for found in self.shown.values() if any(one is person for one in found)]
        return [one for one in self.people if one is not person and any(one is o for f in together for o in f)]


def find_faces(
    images: Iterable[tuple[int, np.ndarray | None]], find: Callable[[np.ndarray], list[Seen]]
) -> Faces:
    """Bring the faces of pictures together by who they are.

    Args:
        images: (frame, (H, W, 3) uint8 RGB) in order, None where there is no such frame.
        find: finds all faces in a picture, the largest first.
    """
    found, last = Faces(), None
    previous = -1
    for frame, image in images:
        if image is None:
            continue
        details = details_of(image)
        cut = last is not None and compare_details(details, last) < ALIKE
        faces = find(image)
        who = _recognise(faces, found.people, None if cut else previous)
        for face, person in zip(faces, who, strict=True):
            person.add(frame, face, image)
        found.people += [person for person in who if all(person is not one for one in found.people)]
        found.shown[frame] = who
        found.frames.append(frame)
        last, previous = details, frame
    return _merged(found)


def portray(image: np.ndarray, box: np.ndarray) -> Portrait:
    """Cut the portrait of a face (left, top, right, bottom) out of an (H, W, 3) uint8 RGB picture."""
    margin = _MARGIN * np.tile(box[2:] - box[:2], 2) * (-1, -1, 1, 1)
    left, top, right, bottom = (box + margin).astype(int).clip(0, np.tile(image.shape[1::-1], 2)).tolist()
    x, y = (box[:2] + box[2:]) / 2 - (left, top)
    return Portrait(image[top:bottom, left:right].copy(), (float(x), float(y)))


def _recognise(faces: list[Seen], people: list[Somebody], previous: int | None) -> list[Somebody]:
    """Return whose the faces of a picture are: each person's once, the surest first; who is nobody's is new."""
    scores: list[tuple[float, int, int]] = []
    for (i, face), (j, person) in itertools.product(enumerate(faces), enumerate(people)):
        box = None if previous is None else person.boxes.get(previous)
        near = box is not None and overlap(box, face.box) > OVERLAP
        tells = face.look is not None and face.look.tells and bool(person.looks)
        score = likeness(face.look, person.looks) if tells and face.look is not None else 1.0 if near else -1.0
        if score >= (CONTINUED if near else ALIKE_ANYWHERE):
            scores.append((score + _NEAR * near, i, j))
    who: dict[int, Somebody] = {}
    taken: set[int] = set()
    for _, i, j in sorted(scores, key=lambda one: (-one[0], one[1:])):
        if i not in who and j not in taken:
            who[i] = people[j]
            taken.add(j)
    return [who.get(i) or Somebody() for i in range(len(faces))]


def _merged(found: Faces) -> Faces:
    """Bring those together who are never in one picture and look alike after all."""
    people = list(found.people)
    for one, other in itertools.combinations(found.people, 2):
        both = [any(one is p for p in people), any(other is p for p in people)]
        if not all(both) or one.boxes.keys() & other.boxes.keys():
            continue
        few = min(len(one.boxes), len(other.boxes)) <= _FEW < max(len(one.boxes), len(other.boxes))
        alike = max((likeness(look, one.looks) for look in other.looks), default=-1.0)
        if alike >= (CONTINUED if few else ALIKE_ANYWHERE):
            one.take(other)
            people = [p for p in people if p is not other]
            for who in found.shown.values():
                who[:] = [one if p is other else p for p in who]
    found.people = people
    return found


def _height(box: np.ndarray) -> float:
    return float(box[3] - box[1])
