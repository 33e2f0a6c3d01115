"""Several people of one plate in one job: each is loaded by itself, and all are rendered into one frame."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ofx_reenact import provenance
from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.paths import named, outputs_of
from ofx_reenact.engine.plan import Seen
from ofx_reenact.engine.plates import Plates
from ofx_reenact.engine.warm import Warm
from ofx_reenact.errors import TrackingError
from ofx_reenact.frames.overwrite import refuse_over_inputs
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.progress import Observer, Progress
from ofx_reenact.settings import Settings, names_of_paths, paths_in
from ofx_reenact.settings.cast import Role, member_options, read_roles
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.shot import Shot
from ofx_reenact.shot.together import Part, find_face, lay, put_together, shares_of
from ofx_reenact.tracking.landmarks import FACE_OVAL
from ofx_reenact.tracking.performance import State
from ofx_reenact.tracking.trackers import terms_of

# Two members whose faces lie nearer than this, in widths of the face, are one person.
_SAME = 0.5


@dataclass(frozen=True)
class Member:
    """One person of a job, with all that is read for them."""

    role: Role
    loader: Loader
    consent: provenance.Consent | None

    @property
    def name(self) -> str:
        """Of the member; empty in a render without a cast."""
        return self.role.name

    @cached_property
    def seen(self) -> Seen:
        """How the driver was found in each frame."""
        return Seen.of(self.role.settings, self.loader.performance, self.loader.plate)

    @property
    def paths(self) -> dict[str, str]:
        """The files that this person's options name, by option; of several in one, each."""
        found: dict[str, str] = {}
        for option in names_of_paths("read", "kept"):
            value = getattr(self.role.settings, option)
            if option == "target" or (self.name and option not in member_options()):
                continue
            several = {f"{option}_{number}": path for number, path in enumerate(value, start=1)}
            alone = {option: "".join(paths_in({option: value}, "read", "kept"))}
            found |= several if isinstance(value, tuple) else alone
        return {f"{self.name}.{what}" if self.name else what: path for what, path in found.items()}

    def warnings(self, frames: FrameRange) -> list[str]:
        """Say what the user should know of this person; in a cast, also in which frames one has no face."""
        notes = [*self.loader.identity.notes, *self.loader.notes]
        if beyond := [frame for frame in frames if frame in self.seen.over(frames).beyond]:
            notes.append(f"the driver does not reach frames {FrameRange.of(beyond)}; they are done as --missing says")
        if self.name:
            states = self.seen.states
            lost = [f for f in frames if f in states and states[f] is not State.TRACKED and f not in self.seen.beyond]
            plain = [frame for frame in frames if frame in self.seen.plain]
            notes += [f"the driver shows no face in frames {FrameRange.of(lost)}"] if lost else []
            notes += [f"the target shows no face of {self.name} in frames {FrameRange.of(plain)}"] if plain else []
        notes += self.consent.warnings if self.consent else ()
        terms = terms_of(self.loader.performance.tracker)
        return [self.role.said(note) for note in (*notes, *((terms,) if terms else ()))]


def open_members(settings: Settings, observe: Observer, warm: Warm, *, fresh: bool = False) -> tuple[Member, ...]:
    """Return who is animated, nothing of them loaded yet: one without a name where there is no cast.

    Raises:
        SettingsError: the cast file cannot be used, or files of its members would replace one another.
        ReenactError: a consent file cannot be used.
    """
    roles = read_roles(settings)
    if settings.cast:
        _check_paths(settings, roles)
    return tuple(
        Member(
            role,
            Loader(role.settings, warm, _telling(observe, role.name), fresh=fresh),
            provenance.read_consent(Path(role.settings.consent)) if role.settings.consent else None,
        )
        for role in roles
    )


def consent_id(members: Sequence[Member]) -> str:
    """Return the releases of all members, each once; ``none`` of one that has none."""
    releases = (member.consent.release if member.consent else provenance.NO_CONSENT for member in members)
    return ", ".join(dict.fromkeys(releases))


def described(members: Sequence[Member]) -> dict[str, dict[str, object]]:
    """Return what of each member differs from the others', by name, for the sidecar."""
    return {
        member.name: {
            "reference": member.loader.shot.motion.reference,
            "tracker": member.loader.performance.tracker,
            "consent": member.consent.release if member.consent else provenance.NO_CONSENT,
        }
        for member in members
    }


def _check_paths(settings: Settings, roles: Sequence[Role]) -> None:
    """Refuse members whose kept files would replace what another reads or keeps."""
    outputs, inputs = list(outputs_of(settings)), list(named(settings, "read", "weights"))
    for role in roles:
        mine = dict(named(role.settings, "kept"))
        if any(mine.get("--performance") == path for _, path in outputs):
            # Members with one driver share what was tracked of it.
            mine.pop("--performance")
        outputs += [(role.said(option), path) for option, path in mine.items()]
        inputs += [(role.said(option), path) for option, path in named(role.settings, "read")]
    refuse_over_inputs(outputs, inputs)


def _telling(observe: Observer, name: str) -> Observer:
    """Return an observer that is told of whom each step is."""
    if not name:
        return observe

    def told(step: Progress) -> None:
        observe(replace(step, message=f"{name}: {step.message}" if step.message else name))

    return told


@dataclass(frozen=True)
class CastShot:
    """The shots of a cast, which are rendered into one frame: the first member undermost."""

    shots: Mapping[str, Shot]
    plates: Plates

    @classmethod
    def of(cls, members: Sequence[Member], plates: Plates) -> CastShot:
        """Fit all performances to the plate.

        Raises:
            TrackingError: two members are one person.
            ReenactError: one of them cannot be fitted.
        """
        _refuse_same(members)
        return cls({member.name: member.loader.shot for member in members}, plates)

    @property
    def members(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.shots)

    @property
    def rows(self) -> Mapping[int, int]:
        """The frames that can be rendered, each with its number among them."""
        frames = sorted({frame for shot in self.shots.values() for frame in shot.rows})
        return {frame: number for number, frame in enumerate(frames)}

    def taken(self, frame: int) -> str:
        """Say which frame each part of a frame is taken from, as ``anna.mouth=1012``."""
        said = {name: shot.taken(_near(shot, frame)) for name, shot in self.shots.items()}
        return ",".join(f"{name}.{part}" for name, text in said.items() if text for part in text.split(","))

    def render(self, frame: int) -> Frame:
        """Render a frame of all; its pixels depend on nothing but the shots and the frame's number."""
        return self._together(frame, lambda shot, near: shot.render(near))

    def black(self, frame: int) -> Frame:
        """Return the frame where one driver has no face and black was asked for."""
        return self._together(frame, lambda shot, near: shot.black(near))

    def carry(self, frame: int) -> Frame:
        """Make a frame's maps without painting it; of its colour nothing is to be read."""
        return self._together(frame, lambda shot, near: shot.carry(near))

    def flow(self, frame: int) -> np.ndarray:
        """Return how far each pixel of the heads moves to the next frame, in a target that moves: (H, W, 2) pixels."""
        parts = [Part(shot.carry(frame), _face(shot, frame)) for shot in self.shots.values()]
        flows = [shot.flow(frame) for shot in self.shots.values()]
        return lay(flows, np.zeros_like(flows[0]), shares_of(parts))

    def _together(self, frame: int, make: Callable[[Shot, int], Frame]) -> Frame:
        near = {name: _near(shot, frame) for name, shot in self.shots.items()}
        made = {name: Part(make(shot, near[name]), _face(shot, near[name])) for name, shot in self.shots.items()}
        return put_together(made, self.plates.picture(frame).pixels)


def _face(shot: Shot, frame: int) -> np.ndarray:
    """Return where the face is in a frame of a shot, (H, W) in [0, 1], in the file's pixels."""
    view = shot.target.view(frame)
    oval = view.squeeze.to_file(shot.pose(frame).mesh(view)[list(FACE_OVAL), :2])
    return find_face(oval, (view.pixels if view.file is None else view.file).shape[:2])


def _near(shot: Shot, frame: int) -> int:
    """Return the frame of a shot that is nearest: a driver that ends before others holds its last."""
    return min(max(frame, min(shot.rows)), max(shot.rows))


def _refuse_same(members: Sequence[Member]) -> None:
    """Refuse two members that are one person: their faces lie in one place.

    Raises:
        TrackingError: naming both.
    """
    for one, other in itertools.combinations(members, 2):
        mine, theirs = _ovals(one), _ovals(other)
        both = sorted(mine.keys() & theirs.keys())
        if not both:
            continue
        here, there = (np.stack([faces[frame] for frame in both]) for faces in (mine, theirs))
        width = np.maximum(np.ptp(here[..., 0], axis=1), 1)
        away = np.linalg.norm(here.mean(1) - there.mean(1), axis=-1) / width
        if np.median(away) < _SAME:
            raise TrackingError(
                f"{one.role.settings.target}: {one.name} and {other.name} are the same face; "
                "give each a target_face of its own"
            )


def _ovals(member: Member) -> dict[int, np.ndarray]:
    """Return where a member's face surely lies in the target, by frame: (36, 2) pixels; 0 for the frame of a still."""
    own = member.loader.plate
    if own is None:
        return {0: member.loader.identity.face.mesh[list(FACE_OVAL), :2]}
    mesh = own.mesh[:, list(FACE_OVAL), :2]
    return {int(frame): mesh[row] for row, frame in enumerate(own.frames) if own.sure[row]}
