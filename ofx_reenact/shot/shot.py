"""The shot: person, target, motion and painter, fitted together once. Each frame depends on nothing else."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from ofx_reenact.compose.drawn_teeth import Mouth
from ofx_reenact.errors import SettingsError
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.settings import Settings
from ofx_reenact.shot.add_teeth import find_mouth
from ofx_reenact.shot.frame import Frame, Painter, carry_view
from ofx_reenact.shot.make_frame import make_frame
from ofx_reenact.shot.motion import Motion, Pose, fit_motion
from ofx_reenact.shot.mouth_interior import MouthInterior, find_widest
from ofx_reenact.shot.part_sources import NO_PART_SOURCES, PartSources
from ofx_reenact.shot.person import Person
from ofx_reenact.shot.pixel_aspect import flow_to_file, to_file_pixels, with_file_pixels
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.surface import FACE_POINTS


class Target(Protocol):
    """The picture or pictures that are animated."""

    def view(self, frame: int) -> View:
        """Return the view that a frame of the result is made from."""


@dataclass(frozen=True)
class Moving:
    """A moving target: one view for each frame, opened on demand; the last few stay in memory.

    Attributes:
        open: returns the view of a frame; called from several threads, but by one at a time.
        kept: how many views stay in memory; the default, two, is a frame and the next one, for motion vectors.
    """

    open: Callable[[int], View]
    kept: int = 2
    _views: OrderedDict[int, View] = field(default_factory=OrderedDict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def view(self, frame: int) -> View:
        """Return the view of a frame."""
        with self._lock:
            if frame not in self._views:
                # Drop old views before opening a new one: a view of a 4K frame takes hundreds of MB.
                while len(self._views) >= self.kept:
                    self._views.popitem(last=False)
                self._views[frame] = self.open(frame)
            self._views.move_to_end(frame)
            return self._views[frame]


@dataclass(frozen=True)
class Still:
    """A still target: one picture for every frame.

    Attributes:
        picture: the view of it.
        necks: by frame, how far below the chin the head's motion reaches, in face heights, where that differs from
            the picture's own.
    """

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
    """Everything that frames are made from. Immutable; frames may be rendered in any order and from any thread.

    Attributes:
        person: who is animated.
        target: the picture or pictures that are animated.
        motion: what the face does in every frame.
        painter: paints what the target does not show; None for the warp alone.
        parts: which frames mouth and eyes come from where the target's own frame does not show what is wanted.
        teeth: where teeth are drawn over a painted mouth, or only gum and tongue if the picture shows the person's own
            teeth; None draws nothing.
        shared_interior: the mouth's interior of a similar shot, so that a draft need not paint its own; None paints it.

    Raises:
        SettingsError: there is a painter, but no dictionary of this person.
    """

    person: Person
    target: Target
    motion: Motion
    painter: Painter | None = None
    parts: PartSources = NO_PART_SOURCES
    teeth: Mouth | None = None
    shared_interior: MouthInterior | None = None

    def __post_init__(self) -> None:
        """Refuse a painter without a dictionary."""
        if self.painter is not None and not self.person.dictionary:
            raise SettingsError("to paint, a shot needs the person's dictionary: make the identity again with FD-GAN")

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

        Args:
            person: who is animated.
            view: the still.
            performance: the driver's.
            settings: the job's options.
            weights: LD-Net's.
            painter: paints what the still does not show; None for the warp alone.
            others: meshes (468 or more, 2 or more) in the person's other pictures, which may show teeth.

        Raises:
            SettingsError: there is a painter, but the view has no display encoding or the person no dictionary; or
                one of :func:`fit_motion`.
            TrackingError: person and performance come from different trackers.
        """
        if painter is not None and view.display is None:
            raise SettingsError("to paint, a shot needs the target's display encoding: give the view one")
        motion = fit_motion(person, view, performance, settings, weights)
        teeth = find_mouth(lambda: view, painter, person, settings, others)
        necks = {} if motion.necks is None else dict(zip(motion.rows, motion.necks.tolist(), strict=True))
        moved = {frame: neck for frame, neck in necks.items() if neck != view.neck}
        return cls(person, Still(view, moved), motion, painter, teeth=teeth)

    @cached_property
    def _painter(self) -> Painter | None:
        """The painter for faces of this shot's median size, the same in every frame."""
        return None if self.painter is None else self.painter.fit(float(np.median(self.motion.heads.scale)))

    @cached_property
    def inside(self) -> MouthInterior | None:
        """The interior of a still's mouth, painted once in the frame where it opens widest; None if not needed."""
        if self.shared_interior is not None:
            return self.shared_interior
        painter = self._painter
        if painter is None or not painter.carries or not isinstance(self.target, Still):
            return None
        view = self.target.picture
        if (frame := find_widest(self.motion, view)) is None:
            return None
        pose = self.motion.pose(frame, view)
        return MouthInterior.of_frame(frame, make_frame(view, pose, painter, self.person.dictionary), view, pose)

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the members of a cast; empty for a shot of one person."""
        return ()

    @property
    def rows(self) -> Mapping[int, int]:
        """The frames that can be rendered, each with its row in the motion's arrays."""
        return self.motion.rows

    def describe_parts(self, frame: int) -> str:
        """Name the frame that each part comes from, as ``mouth=1012,eye_left=1003``; "" if all are the frame's own."""
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
        # The frame that the interior was taken from needs no interior: it is painted as it was then.
        inside = None if self.inside is None or self.inside.number == frame else self.inside
        sources = self.parts.sources(frame)
        made = make_frame(view, pose, self._painter, self.person.dictionary, sources, inside, self.teeth)
        return to_file_pixels(made, view)

    def black(self, frame: int) -> Frame:
        """Return a black frame: ``--missing black`` where the driver has no face."""
        view = self.target.view(frame)
        return Frame(np.zeros_like(view.pixels if view.file is None else view.file), 0.0, black=True)

    def flow(self, frame: int) -> np.ndarray:
        """Return motion vectors: how far each pixel of the head moves from a frame of a moving target to the next.

        The last frame repeats the motion from the one before it.

        Returns:
            (H, W, 2) float32, x and y in the file's pixels, y down; 0 outside the head.

        Raises:
            SettingsError: the performance has no such frame, or no other frame next to it.
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
        return result if view.file is None else flow_to_file(result, view)

    def carry(self, frame: int) -> Frame:
        """Make a frame for its maps only, without painting it; its colour must not be read.

        Raises:
            SettingsError: the performance has no such frame.
        """
        view = self.target.view(frame)
        pose = self.motion.pose(frame, view)
        carries = self.painter is None or self.painter.carries
        made = Frame(view.pixels, pose.confidence, carry_view(view, pose) if carries else None)
        return made if view.file is None else with_file_pixels(made, view.file, view.squeeze)
