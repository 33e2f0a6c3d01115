"""Recognise the followed person among faces, by position, by size and by look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.cuts import SAME_SHOT, compare_details, extract_details
from ofx_reenact.tracking.face_look import FaceLook, describe_look, likeness

# A face with at least this likeness is the person's, wherever it is. In the same studio and light, 1 in 1,000 frames of
# other people reached it. Of the same person, all frames of the same clip did, and 9 in 10 of other recordings.
ALIKE_ANYWHERE = 0.8
# Faces that were refused are remembered as other people's. Another face is the person's only if it is more like the
# person than like those, or at least this much like the person.
_ALIKE_DESPITE_OTHERS = 0.88
# A face that overlaps with the person's last place in the same shot needs only this likeness: a hand may cover it, or
# the head may turn to a side that was not seen before.
CONTINUED = 0.6
# A look is remembered if its likeness to the remembered looks is below _NEW_BELOW; at most _MOST_LOOKS are.
_NEW_BELOW, _MOST_LOOKS = 0.9, 24
# A face continues the last one if the intersection over union of their boxes is above OVERLAP and the last one is at
# most _RECENT pictures back.
OVERLAP, _RECENT = 0.3, 12
# Among faces whose likeness differs by less than this, the nearest is chosen.
_TIE = 0.05


@dataclass(frozen=True)
class SeenFace:
    """A face in a picture: its box (left, top, right, bottom) in pixels, and its look; None without the picture."""

    box: np.ndarray
    look: FaceLook | None

    @property
    def resemblance(self) -> float:
        """Correlation with the mean face: 1 is equal, 0 not like a face, or too dark to tell."""
        return self.look.resemblance if self.look is not None and self.look.is_usable else 0.0

    @classmethod
    def of_mesh(cls, mesh: np.ndarray, image: np.ndarray | None) -> SeenFace:
        """Describe a face by its mesh (478, 3) and the (H, W, 3) uint8 RGB picture that shows it, if there is one."""
        box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)])
        return cls(box, None if image is None else describe_look(image, mesh))


def look_in_portrait(face: SeenFace | None, tracker: str) -> FaceLook:
    """Return the look of the face that a tracker found in a portrait.

    Raises:
        TrackingError: there is none, or it is too dark.
    """
    if face is None or face.look is None or not face.look.is_usable:
        raise TrackingError(
            f"--tracker {tracker} finds no face, or one that is too dark, in the frame in which the face was chosen; "
            "choose the face in another frame"
        )
    return face.look


class SamePerson:
    """Remembers the followed person's face and recognises it among others.

    It collects looks while the person is followed, so that it knows a head from the side once it has turned. Each
    decision depends on the pictures before it, so pictures must come in order.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the person, before another clip."""
        self._last: SeenFace | None = None
        self._looks: list[FaceLook] = []
        self._others: list[FaceLook] = []
        # Looks of people who were in one picture with the person, and so are certainly others.
        self._beside: list[FaceLook] = []
        self._certain = False
        self._details: np.ndarray | None = None
        self._ago = 0

    @property
    def known(self) -> bool:
        """Whether a person has been chosen since the last reset."""
        return self._last is not None or bool(self._looks)

    def know(self, looks: Sequence[FaceLook], others: Sequence[FaceLook] = ()) -> None:
        """Set the person's looks, and other people's, before the first picture."""
        self._looks, self._beside = list(looks)[:_MOST_LOOKS], list(others)[:_MOST_LOOKS]

    def begin(self, image: np.ndarray | None) -> None:
        """Begin the next picture, (H, W, 3) uint8 RGB. After a cut, position and size no longer count."""
        self._ago += 1
        if image is None:
            return
        details = extract_details(image)
        if self._details is not None and compare_details(details, self._details) < SAME_SHOT:
            self._ago = _RECENT + 1
        self._details = details

    def choose(self, faces: Sequence[SeenFace]) -> int | None:
        """Return the index of the person's face; None if no face is certainly the person's.

        Call :meth:`remember` with the chosen face. The looks of the others are remembered here. An uncertain face is
        refused: a frame without a face is filled from its neighbours, but another person's face would be used.
        """
        alike = [self._score(face) for face in faces]
        best = max((score for score in alike if score is not None), default=None)
        if best is None:
            return None
        if self._last is None:
            return alike.index(best)
        middle = self._last.box[:2] + self._last.box[2:]
        chosen = [i for i, score in enumerate(alike) if score is not None and score >= best - _TIE]
        return min(chosen, key=lambda i: float(np.linalg.norm(faces[i].box[:2] + faces[i].box[2:] - middle)))

    def remember(self, face: SeenFace) -> None:
        """Remember a face as the person's: the first one, or one that :meth:`choose` returned."""
        self._certain = False
        if face.look is not None and face.look.is_usable:
            self._certain = not self._looks or likeness(face.look, self._looks) >= ALIKE_ANYWHERE
            add_look(face.look, self._looks)
        self._last, self._ago = face, 0

    def meet(self, face: SeenFace) -> None:
        """Remember a face as another person's, if it is in one picture with the person's and does not look like it."""
        if self._last is None or self._ago or not self._certain or face.look is None or not face.look.is_usable:
            return
        apart = overlap(self._last.box, face.box) <= OVERLAP
        if apart and likeness(face.look, self._looks) < ALIKE_ANYWHERE:
            add_look(face.look, self._beside)

    def _score(self, face: SeenFace) -> float | None:
        """Return a face's likeness to the person; None if it is considered another person's."""
        continued = self._is_continued(face)
        if face.look is None or not face.look.is_usable or not self._looks:
            return 1.0 if continued else None
        score = likeness(face.look, self._looks)
        if likeness(face.look, self._beside) > score:
            return None
        if continued:
            return score if score >= CONTINUED else None
        if score >= _ALIKE_DESPITE_OTHERS or (score >= ALIKE_ANYWHERE and score >= likeness(face.look, self._others)):
            return score
        add_look(face.look, self._others)
        return None

    def _is_continued(self, face: SeenFace) -> bool:
        return self._last is not None and self._ago <= _RECENT and overlap(self._last.box, face.box) > OVERLAP


def add_look(look: FaceLook, looks: list[FaceLook]) -> None:
    """Add a look if it is new; once the list is full, it replaces the last one."""
    if likeness(look, looks) < _NEW_BELOW:
        looks[_MOST_LOOKS - 1 :] = [look]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union of two boxes (left, top, right, bottom)."""
    sides = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None)
    both = float(sides.prod())
    return both / max(float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod()) - both, 1e-9)
