"""Whether a face is that of the person who was followed so far: by where it is, by its size and by its look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.cuts import SAME_SHOT, compare_details, extract_details
from ofx_reenact.tracking.look import Look, likeness, look_of

# A face like this is the person's wherever it is. Of other people's faces, in the same studio and light, 1 frame in
# 1,000 is as alike; of the same person's in another part of a clip none was less alike, in other recordings 1 in 10.
ALIKE_ANYWHERE = 0.8
# A face that was taken for another's is known from then on. To be the person's it has to be more like the person than
# like those others, or as alike as this.
_SURELY = 0.88
# In a running shot, where and as large as it was just seen, a face may look as little alike as this: a hand lies over
# it, or the head turns to a side that was not seen so far.
CONTINUED = 0.6
# Looks that are new to this degree are remembered, as many as this.
_NEW, _MOST = 0.9, 24
# A face overlaps with where it was seen last by this much, at most so many pictures ago.
OVERLAP, _AGO = 0.3, 12
# Among faces that are alike to within this, the nearest is taken.
_TIE = 0.05


@dataclass(frozen=True)
class Seen:
    """A face in a picture: its box (left, top, right, bottom) in pixels, and its look; None where it cannot be seen."""

    box: np.ndarray
    look: Look | None

    @property
    def resemblance(self) -> float:
        """How much it looks as faces do: 1 is the mean face, 0 nothing like one."""
        return self.look.resemblance if self.look is not None and self.look.tells else 0.0

    @classmethod
    def of_mesh(cls, mesh: np.ndarray, image: np.ndarray | None) -> Seen:
        """Describe a face by its mesh (478, 3), in the (H, W, 3) uint8 RGB picture that shows it if there is one."""
        box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
        return cls(box, None if image is None else look_of(image, mesh))


def look_in_portrait(face: Seen | None, tracker: str) -> Look:
    """Return the look of the face that a tracker found in a portrait.

    Raises:
        TrackingError: it found none, or one in the dark.
    """
    if face is None or face.look is None or not face.look.tells:
        raise TrackingError(
            f"--tracker {tracker} sees no face, or one in the dark, in the frame that shows whom to follow; choose the "
            "face in another frame"
        )
    return face.look


class SamePerson:
    """Remembers the person who is followed, and recognises the face among others.

    Looks are gathered while the person is followed, so that a head which has been seen from the side is known from
    there. What is decided of a picture follows from those before it, in order.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the person: another clip begins."""
        self._last: Seen | None = None
        self._looks: list[Look] = []
        self._others: list[Look] = []
        # Of people who were in one picture with the person: these are surely others.
        self._beside: list[Look] = []
        self._sure = False
        self._details: np.ndarray | None = None
        self._ago = 0

    @property
    def known(self) -> bool:
        """Whether it is settled since the last reset who is followed."""
        return self._last is not None or bool(self._looks)

    def know(self, looks: Sequence[Look], others: Sequence[Look] = ()) -> None:
        """Take looks for the person's and for other people's, before the first picture."""
        self._looks, self._beside = list(looks)[:_MOST], list(others)[:_MOST]

    def begin(self, image: np.ndarray | None) -> None:
        """Take the next picture, (H, W, 3) uint8 RGB: a cut to it ends what place and size say."""
        self._ago += 1
        if image is None:
            return
        details = extract_details(image)
        if self._details is not None and compare_details(details, self._details) < SAME_SHOT:
            self._ago = _AGO + 1
        self._details = details

    def choose(self, faces: Sequence[Seen]) -> int | None:
        """Return which of the faces is the person's, None if none; who is somebody else is remembered, the choice not.

        An unsure face is nobody's: a frame without a face is bridged, one with another's would be believed.
        """
        alike = [self._alike(face) for face in faces]
        best = max((score for score in alike if score is not None), default=None)
        if best is None:
            return None
        if self._last is None:
            return alike.index(best)
        middle = self._last.box[:2] + self._last.box[2:]
        chosen = [i for i, score in enumerate(alike) if score is not None and score >= best - _TIE]
        return min(chosen, key=lambda i: float(np.linalg.norm(faces[i].box[:2] + faces[i].box[2:] - middle)))

    def remember(self, face: Seen) -> None:
        """Take a face for the person's: the first one, or one that was chosen."""
        self._sure = False
        if face.look is not None and face.look.tells:
            self._sure = not self._looks or likeness(face.look, self._looks) >= ALIKE_ANYWHERE
            add_look(face.look, self._looks)
        self._last, self._ago = face, 0

    def meet(self, face: Seen) -> None:
        """Take a face for somebody else's, if it is in one picture with the person's own and does not look like it."""
        if self._last is None or self._ago or not self._sure or face.look is None or not face.look.tells:
            return
        apart = overlap(self._last.box, face.box) <= OVERLAP
        if apart and likeness(face.look, self._looks) < ALIKE_ANYWHERE:
            add_look(face.look, self._beside)

    def _alike(self, face: Seen) -> float | None:
        """Return how much a face is like the person's, None if it is taken for another's."""
        continued = self._is_continued(face)
        if face.look is None or not face.look.tells or not self._looks:
            return 1.0 if continued else None
        score = likeness(face.look, self._looks)
        if likeness(face.look, self._beside) > score:
            return None
        if continued:
            return score if score >= CONTINUED else None
        if score >= _SURELY or (score >= ALIKE_ANYWHERE and score >= likeness(face.look, self._others)):
            return score
        add_look(face.look, self._others)
        return None

    def _is_continued(self, face: Seen) -> bool:
        return self._last is not None and self._ago <= _AGO and overlap(self._last.box, face.box) > OVERLAP


def add_look(look: Look, looks: list[Look]) -> None:
    """Add a look that is new; once there are many, it takes the place of the last one."""
    if likeness(look, looks) < _NEW:
        looks[_MOST - 1 :] = [look]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    sides = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None)
    both = float(sides.prod())
    return both / max(float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod()) - both, 1e-9)
