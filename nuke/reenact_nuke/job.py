"""One render as a node asks for it: the engine's settings, the inputs and the frame range."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Tuple

from reenact_nuke import tracked_inputs
from reenact_nuke.inputs import Source
from reenact_nuke.tracked_inputs import TrackedInput


class Job(NamedTuple):
    """One render.

    Attributes:
        settings: the engine's settings by name, without those that have their default.
        target, driver: the inputs.
        mattes: the connected ones of holdout and mask, by input number.
        moves: the target is footage and its performance is changed; else it is one frame.
        first, last: the frame range, both included; the target's numbers if it moves, else the driver's.
        curves: text of the file of curves; empty if no knob is animated.
    """

    settings: Dict[str, Any]
    target: Source
    driver: Source
    mattes: Dict[int, Source]
    moves: bool
    first: int
    last: int
    curves: str = ""

    @property
    def tracked_inputs(self) -> Tuple[TrackedInput, ...]:
        """The inputs whose faces are tracked."""
        return tracked_inputs.BOTH if self.moves else (tracked_inputs.DRIVER,)

    def source_of(self, tracked: TrackedInput) -> Source:
        """Give the files of a tracked input."""
        return self.target if tracked == tracked_inputs.TARGET else self.driver
