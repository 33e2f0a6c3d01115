"""The shot: person, target, motion and painter, fitted together once. Frames depend on nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ofx_reenact.errors import SettingsError
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame, Painter, carry_view, make_frame
from ofx_reenact.shot.motion import Motion, Pose, fit_motion
from ofx_reenact.shot.person import Person
from ofx_reenact.shot.squeezed import put_back, squeezed
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.performance import Performance


class Target(Protocol):
    """The picture or pictures that are animated."""

    def view(self, frame: int) -> View:
        """Return the view that a frame of the result is made of."""


@dataclass(frozen=True)
class Still:
    """One picture, the same for every frame."""

    picture: View

    def view(self, frame: int) -> View:
        """Return the picture's view."""
        return self.picture


@dataclass(frozen=True)
class Shot:
    """Everything that frames are made of.

    Attributes:
        person: who is animated.
        target: the pictures that are animated.
        motion: what the face is asked to do.
        painter: paints what the target does not show; None leaves the warp alone.

    Raises:
        SettingsError: there is a painter, but no dictionary of this person, or no display for it to look through.
    """

    person: Person
    target: Target
    motion: Motion
    painter: Painter | None = None

    def __post_init__(self) -> None:
        """Check what the painter needs."""
        view = self.target.view(next(iter(self.motion.rows)))
        if self.painter is not None and (view.display is None or not self.person.dictionary):
            raise SettingsError("to repair, a shot needs the target's display encoding and the person's dictionary")

    @classmethod
    def of_still(
        cls,
        person: Person,
        view: View,
        performance: Performance,
        settings: Settings,
        weights: LDNetWeights,
        painter: Painter | None = None,
    ) -> Shot:
        """Fit a performance to a still; the arguments and errors are those of :func:`fit_motion` and the class."""
        return cls(person, Still(view), fit_motion(person, view, performance, settings, weights), painter)

    def pose(self, frame: int) -> Pose:
        """Return the pose of the face in a frame.

        Raises:
            SettingsError: the performance has no such frame.
        """
        return self.motion.pose(frame, self.target.view(frame))

    def render(self, frame: int) -> Frame:
        """Render a frame; its pixels depend on nothing but the shot and the frame's number.

        Raises:
            SettingsError: the performance has no such frame.
        """
        view = self.target.view(frame)
        made = make_frame(view, self.motion.pose(frame, view), self.painter, self.person.dictionary)
        return put_back(made, view)

    def black(self, frame: int) -> Frame:
        """Return the frame of a driver frame without a face, where black was asked for."""
        view = self.target.view(frame)
        return Frame(np.zeros_like(view.pixels if view.file is None else view.file), 0.0, black=True)

    def carry(self, frame: int) -> Frame:
        """Make a frame's maps without painting it; of its colour nothing is to be read.

        Raises:
            SettingsError: the performance has no such frame.
        """
        view = self.target.view(frame)
        pose = self.motion.pose(frame, view)
        carries = self.painter is None or self.painter.carries
        made = Frame(view.pixels, pose.sure, carry_view(view, pose) if carries else None)
        return made if view.file is None else squeezed(made, view.file, view.squeeze)
