"""Which of several faces is followed, for trackers that look for all faces in every frame."""

from __future__ import annotations

import numpy as np


class Follower:
    """Chooses one face of several: the N-th by size at first, then the one nearest to the last."""

    def __init__(self, face: int) -> None:
        self._face = face
        self._last: np.ndarray | None = None

    def reset(self) -> None:
        """Forget the last face."""
        self._last = None

    def choose(self, faces: list[np.ndarray]) -> np.ndarray | None:
        """Return one of the faces, (68, 2) pixels each, or None if there are too few."""
        centres = [face.mean(axis=0) for face in faces]
        if self._last is not None and faces:
            chosen = int(np.argmin([np.linalg.norm(centre - self._last) for centre in centres]))
        elif len(faces) >= self._face:
            by_size = sorted(range(len(faces)), key=lambda i: -float(np.ptp(faces[i], axis=0).prod()))
            chosen = by_size[self._face - 1]
        else:
            return None
        self._last = centres[chosen]
        return faces[chosen]
