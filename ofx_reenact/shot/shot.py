"""The shot: person, target, motion and painter, fitted together once. Frames depend on nothing else."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from ofx_reenact.compose.teeth import Mouth
from ofx_reenact.errors import SettingsError
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame, Painter, carry_view
from ofx_reenact.shot.inside import Inside, find_widest
from ofx_reenact.shot.make import make_frame
from ofx_reenact.shot.motion import Motion, Pose, fit_motion
from ofx_reenact.shot.person import Person
from ofx_reenact.shot.squeezed import flow_back, put_back, squeezed
from ofx_reenact.shot.taken import NO_PARTS, Parts
from ofx_reenact.shot.teeth import find_mouth
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.surface import FACE_POINTS


class Target(Protocol):
    """The picture or pictures that are animated."""

    def view(self, frame: int) -> View:
        """Return the view that a frame of the result is made of."""


@dataclass(frozen=True)
class Moving:
    """A view a frame, opened when it is needed; the few that were used last stay open.

    ``open`` returns the view of a frame; it may be called from several threads. ``kept`` is how many stay open: by
    default a frame, and the next one, to which its pixels move.
    """

    open: Callable[[int], View]
    kept: int = 2
    _views: OrderedDict[int, View] = field(default_factory=OrderedDict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def view(self, frame: int) -> View:
        """Return the view of a frame."""
        with self._lock:
            if frame not in self._views:
                # Room is made first: a view of 4K fills hundreds of MB.
                while len(self._views) >= self.kept:
                    self._views.popitem(last=False)
                self._views[frame] = self.open(frame)
            self._views.move_to_end(frame)
            return self._views[frame]


@dataclass(frozen=True)
class Still:
    """One picture, the same for every frame; ``necks`` say how far the head's motion reaches where that changes."""

    picture: View
    necks: Mapping[int, float] = field(default_factory=dict)

    @cached_property
    def _views(self) -> Moving:
        return Moving(lambda frame: replace(self.picture, neck=self.necks[frame]))

    def view(self, frame: int) -> View:
        """Return the picture's view in a frame."""
        return self._views.view(frame) if frame in self.necks else self.picture


@dataclass(frozen=True)
class Shot:
    """Everything that frames are made of.

    Attributes:
        person: who is animated.
        target: the pictures that are animated.
        motion: what the face is asked to do.
        painter: paints what the target does not show; None leaves the warp alone.
        parts: which frames mouth and eyes come from where the target's own does not show what is wanted.
        teeth: the mouth that teeth are hung in where it was painted, or what lies beside the person's own; None leaves
            it as it was painted.
        lent: the inside of the mouth of a shot that differs little, which a draft takes to save painting its own.

    Raises:
        SettingsError: there is a painter, but no dictionary of this person.
    """

    person: Person
    target: Target
    motion: Motion
    painter: Painter | None = None
    parts: Parts = NO_PARTS
    teeth: Mouth | None = None
    lent: Inside | None = None

    def __post_init__(self) -> None:
        """Check what the painter needs."""
        if self.painter is not None and not self.person.dictionary:
            raise SettingsError("to repair, a shot needs the person's dictionary")

    @classmethod
    def of_still(
        cls,
        person: Person,
        view: View,
        performance: Performance,
        settings: Settings,
        weights: LDNetWeights,
        painter: Painter | None = None,
        others: Sequence[np.ndarray] = (),
    ) -> Shot:
        """Fit a performance to a still.

        Arguments and errors are those of :func:`fit_motion` and the class; ``others`` are the meshes in the person's
        other pictures, which may show teeth.

        Raises:
            SettingsError: there is a painter, but no display for it to look through.
        """
        if painter is not None and view.display is None:
            raise SettingsError("to repair, a shot needs the target's display encoding")
        motion = fit_motion(person, view, performance, settings, weights)
        teeth = find_mouth(lambda: view, painter, person, settings, others)
        necks = {} if motion.necks is None else dict(zip(motion.rows, motion.necks.tolist(), strict=True))
        moved = {frame: neck for frame, neck in necks.items() if neck != view.neck}
        return cls(person, Still(view, moved), motion, painter, teeth=teeth)

    @cached_property
    def _painter(self) -> Painter | None:
        """What paints faces of this shot's size: the same in every frame."""
        return None if self.painter is None else self.painter.fit(float(np.median(self.motion.heads.scale)))

    @cached_property
    def inside(self) -> Inside | None:
        """The inside of a still's mouth, painted where it opens widest in the whole performance."""
        if self.lent is not None:
            return self.lent
        painter = self._painter
        if painter is None or not painter.carries or not isinstance(self.target, Still):
            return None
        view = self.target.picture
        if (frame := find_widest(self.motion, view)) is None:
            return None
        pose = self.motion.pose(frame, view)
        return Inside.of_frame(frame, make_frame(view, pose, painter, self.person.dictionary), view, pose)

    @property
    def members(self) -> tuple[str, ...]:
        """Names of those who are animated, where they are several of a cast."""
        return ()

    @property
    def rows(self) -> Mapping[int, int]:
        """The frames that can be rendered, each with its row of the motion."""
        return self.motion.rows

    def taken(self, frame: int) -> str:
        """Say which frame each part of a frame is taken from; "" if none is."""
        return self.parts.text(frame)

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
        pose = self.motion.pose(frame, view)
        # The frame that the inside is from is as it was painted.
        inside = None if self.inside is None or self.inside.number == frame else self.inside
        sources = self.parts.sources(frame)
        made = make_frame(view, pose, self._painter, self.person.dictionary, sources, inside, self.teeth)
        return put_back(made, view)

    def black(self, frame: int) -> Frame:
        """Return the frame of a driver frame without a face, where black was asked for."""
        view = self.target.view(frame)
        return Frame(np.zeros_like(view.pixels if view.file is None else view.file), 0.0, black=True)

    def flow(self, frame: int) -> np.ndarray:
        """Return how far each pixel of the head moves from a frame to the next, in a target that moves.

        The last frame goes on as it came. Returns (H, W, 2) float32 pixels of the file, y down; 0 beside the head.

        Raises:
            SettingsError: the performance has no such frame.
        """
        view, step = self.target.view(frame), 1 if frame + 1 in self.motion.rows else -1
        near = self.target.view(frame + step) if frame + step in self.motion.rows else view
        pose, other = self.motion.pose(frame, view), self.motion.pose(frame + step, near)
        width, height = view.size
        result = np.zeros((height, width, 2), np.float32)
        later = other.mesh(near) - view.mesh[:FACE_POINTS]
        found = view.carrier.sheet.flow(pose.moved * pose.gate, pose.head, later, other.head)
        if found is not None:
            result[found[0]] = found[1] * step
        return result if view.file is None else flow_back(result, view)

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
