"""The part sources of a shot: which frame or picture mouth and eyes come from, and the views that show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ofx_reenact.shot.choose_part_frames import Choice
from ofx_reenact.shot.lay_parts import Sources
from ofx_reenact.shot.view import View


@dataclass(frozen=True)
class PartSources:
    """The frame or picture that each part of each frame is taken from.

    Attributes:
        rows: frame → row of the choice.
        choice: the choice over the whole sequence; None if every part is the frame's own.
        names: the candidates' names: a frame's number, or a picture's name.
        open: returns the view of a candidate, by its index.
    """

    rows: Mapping[int, int] = field(default_factory=dict)
    choice: Choice | None = None
    names: tuple[str, ...] = ()
    open: Callable[[int], View] | None = None

    def sources(self, frame: int) -> Sources:
        """Return the views that a frame's parts are taken from, with their weights; empty if all are its own."""
        if self.choice is None or self.open is None or frame not in self.rows:
            return {}
        return {
            part: tuple((self.open(candidate), weight) for candidate, weight in taken)
            for part, taken in self.choice.weights(self.rows[frame]).items()
            if taken
        }

    def text(self, frame: int) -> str:
        """Name the frame that each part comes from, as ``mouth=1012,eye_left=1003``; "" if all are the frame's own."""
        if self.choice is None or frame not in self.rows:
            return ""
        weights = self.choice.weights(self.rows[frame])
        return ",".join(f"{part}={self.names[candidate]}" for part, taken in weights.items() for candidate, _ in taken)


NO_PART_SOURCES = PartSources()
