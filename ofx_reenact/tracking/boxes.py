"""Which of several faces is followed, for trackers that look for all faces in every frame."""

from __future__ import annotations

import numpy as np

from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.same_person import SamePerson, Seen


class Follower:
    """Chooses one face of several: the N-th by size at first, then that of the same person."""

    def __init__(self, face: int) -> None:
        self._face = face
        self._person = SamePerson()

    def reset(self) -> None:
        """Forget the person."""
        self._person.reset()

    def choose(self, faces: list[np.ndarray], image: np.ndarray | None = None) -> np.ndarray | None:
        """Return one of the faces, (68, 2) pixels each, or None if there are too few or none is that person's.

        ``image`` is the (H, W, 3) uint8 RGB picture that they were found in. Without it only place and size tell who a
        face is: one that is not where the last one was is nobody's.
        """
        self._person.begin(image)
        if not faces:
            return None
        seen = [Seen.of_mesh(lift(face), image) for face in faces]
        if self._person.known:
            chosen = self._person.choose(seen)
        elif len(faces) >= self._face:
            chosen = sorted(range(len(faces)), key=lambda i: -float(np.ptp(faces[i], axis=0).prod()))[self._face - 1]
        else:
            chosen = None
        if chosen is None:
            return None
        self._person.remember(seen[chosen])
        return faces[chosen]
