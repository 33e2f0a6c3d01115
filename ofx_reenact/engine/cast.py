"""A cast: several people of one plate in one job. Each member is loaded separately; all are rendered into one frame."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ofx_reenact import provenance
from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.check_paths import list_outputs, list_paths
from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.plan import DriverStates
from ofx_reenact.engine.plates import Plates
from ofx_reenact.errors import TrackingError
from ofx_reenact.frames.overwrite import refuse_over_inputs
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.progress import Observer, Progress
from ofx_reenact.settings import Settings, names_of_paths, paths_in
from ofx_reenact.settings.cast import Role, member_options, read_roles
from ofx_reenact.shot.cast_frame import CastMember, combine_members, find_face, lay, layer_weights
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.shot import Shot
from ofx_reenact.tracking.landmarks import FACE_OVAL
from ofx_reenact.tracking.performance import State
from ofx_reenact.tracking.trackers import terms_of

# Two members are the same person if their faces are less than this many face widths apart.
_SAME_PLACE = 0.5


@dataclass(frozen=True)
class Member:
    """One person of a job: options, loader and consent. A job without a cast has one member without a name."""

    role: Role
    loader: Loader
    consent: provenance.Consent | None

    @property
    def name(self) -> str:
        """The member's name; empty without a cast."""
        return self.role.name

    @cached_property
    def driver_states(self) -> DriverStates:
        """How the driver's face was found in each frame of the result."""
        return DriverStates.of(self.role.settings, self.loader.performance, self.loader.target_performance)

    @property
    def paths(self) -> dict[str, str]:
        """This person's input and analysis files, without the target, by option; several of one option are numbered."""
        found: dict[str, str] = {}
        for option in names_of_paths("read", "read_or_written"):
            value = getattr(self.role.settings, option)
            if option == "target" or (self.name and option not in member_options()):
                continue
            numbered = {f"{option}_{number}": path for number, path in enumerate(value, start=1)}
            single = {option: "".join(paths_in({option: value}, "read", "read_or_written"))}
            found |= numbered if isinstance(value, tuple) else single
        return {f"{self.name}.{option}" if self.name else option: path for option, path in found.items()}

    def warnings(self, frames: FrameRange) -> list[str]:
        """Return the notes on this person for the user; in a cast also the frames without a face."""
        notes = [*self.loader.identity.notes, *self.loader.notes]
        if beyond := [frame for frame in frames if frame in self.driver_states.extended_to(frames).beyond]:
            notes.append(f"the driver does not reach frames {FrameRange.of(beyond)}; --missing decides what they show")
        if self.name:
            driver = self.driver_states
            known = [frame for frame in frames if frame in driver.states and frame not in driver.beyond]
            lost = [frame for frame in known if driver.states[frame] is not State.TRACKED]
            plain = [frame for frame in frames if frame in driver.plain]
            notes += [f"the driver shows no face in frames {FrameRange.of(lost)}"] if lost else []
            notes += [f"the target shows no face of {self.name} in frames {FrameRange.of(plain)}"] if plain else []
        notes += self.consent.warnings if self.consent else ()
        terms = terms_of(self.loader.performance.tracker)
        return [self.role.label(note) for note in (*notes, *((terms,) if terms else ()))]


def open_members(settings: Settings, observe: Observer, cache: JobCache, *, fresh: bool = False) -> tuple[Member, ...]:
    """Return the members of a job, with nothing loaded yet; without a cast one member that has no name.

    Raises:
        SettingsError: the cast file cannot be used, or a file of one member would replace a file of another.
        ReenactError: a consent file cannot be used.
    """
    roles = read_roles(settings)
    if settings.cast:
        _check_paths(settings, roles)
    return tuple(
        Member(
            role,
            Loader(role.settings, cache, _prefix_messages(observe, role.name), fresh=fresh),
            provenance.read_consent(Path(role.settings.consent)) if role.settings.consent else None,
        )
        for role in roles
    )


def consent_id(members: Sequence[Member]) -> str:
    """Return the release IDs of all members' consents, each once, as text; ``none`` for a member without consent."""
    releases = (member.consent.release if member.consent else provenance.NO_CONSENT for member in members)
    return ", ".join(dict.fromkeys(releases))


def describe_members(members: Sequence[Member]) -> dict[str, dict[str, object]]:
    """Return the sidecar's entry of each member, by name."""
    return {
        member.name: {
            "reference": member.loader.shot.motion.reference,
            "tracker": member.loader.performance.tracker,
            "consent": member.consent.release if member.consent else provenance.NO_CONSENT,
        }
        for member in members
    }


def _check_paths(settings: Settings, roles: Sequence[Role]) -> None:
    """Raise if an analysis file of one member would replace a file that another member reads or writes."""
    outputs, inputs = list(list_outputs(settings)), list(list_paths(settings, "read", "weights"))
    for role in roles:
        mine = dict(list_paths(role.settings, "read_or_written"))
        if any(mine.get("--performance") == path for _, path in outputs):
            # Members with the same driver share its performance file.
            mine.pop("--performance")
        outputs += [(role.label(option), path) for option, path in mine.items()]
        inputs += [(role.label(option), path) for option, path in list_paths(role.settings, "read")]
    refuse_over_inputs(outputs, inputs)


def _prefix_messages(observe: Observer, name: str) -> Observer:
    """Return an observer that puts a member's name before each step's message."""
    if not name:
        return observe

    def prefixed(step: Progress) -> None:
        observe(replace(step, message=f"{name}: {step.message}" if step.message else name))

    return prefixed


@dataclass(frozen=True)
class CastShot:
    """The shots of a cast, rendered into one frame; later members cover earlier ones."""

    shots: Mapping[str, Shot]
    plates: Plates

    @classmethod
    def of(cls, members: Sequence[Member], plates: Plates) -> CastShot:
        """Load the shots of all members.

        Raises:
            TrackingError: two members are the same person.
            ReenactError: a shot cannot be loaded.
        """
        _refuse_same(members)
        return cls({member.name: member.loader.shot for member in members}, plates)

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the members."""
        return tuple(self.shots)

    @property
    def rows(self) -> Mapping[int, int]:
        """The index of each frame that can be rendered, by its number."""
        frames = sorted({frame for shot in self.shots.values() for frame in shot.rows})
        return {frame: row for row, frame in enumerate(frames)}

    def describe_parts(self, frame: int) -> str:
        """Return which frame each part of a frame is taken from, as text: ``anna.mouth=1012``."""
        parts = {name: shot.describe_parts(_nearest_frame(shot, frame)) for name, shot in self.shots.items()}
        return ",".join(f"{name}.{part}" for name, text in parts.items() if text for part in text.split(","))

    def render(self, frame: int) -> Frame:
        """Render all members in a frame; its pixels depend only on the shots and the frame's number."""
        return self._render_together(frame, lambda shot, number: shot.render(number))

    def black(self, frame: int) -> Frame:
        """Return the black frame of ``--missing black``, for a frame in which a driver has no face."""
        return self._render_together(frame, lambda shot, number: shot.black(number))

    def carry(self, frame: int) -> Frame:
        """Make a frame's maps without painting it; its colour must not be used."""
        return self._render_together(frame, lambda shot, number: shot.carry(number))

    def flow(self, frame: int) -> np.ndarray:
        """Return how far each pixel of the heads moves to the next frame, in a moving target: (H, W, 2) pixels."""
        members = [CastMember(shot.carry(frame), _face(shot, frame)) for shot in self.shots.values()]
        flows = [shot.flow(frame) for shot in self.shots.values()]
        return lay(flows, np.zeros_like(flows[0]), layer_weights(members))

    def _render_together(self, frame: int, make: Callable[[Shot, int], Frame]) -> Frame:
        numbers = {name: _nearest_frame(shot, frame) for name, shot in self.shots.items()}
        made = {
            name: CastMember(make(shot, numbers[name]), _face(shot, numbers[name]))
            for name, shot in self.shots.items()
        }
        return combine_members(made, self.plates.picture(frame).pixels)


def _face(shot: Shot, frame: int) -> np.ndarray:
    """Return the mask of the face in a frame of a shot, (H, W) in [0, 1], in the file's pixels."""
    view = shot.target.view(frame)
    oval = view.squeeze.to_file(shot.pose(frame).mesh(view)[list(FACE_OVAL), :2])
    return find_face(oval, (view.pixels if view.file is None else view.file).shape[:2])


def _nearest_frame(shot: Shot, frame: int) -> int:
    """Return the shot's frame nearest to a number: before and after its driver, the first or last frame is held."""
    return min(max(frame, min(shot.rows)), max(shot.rows))


def _refuse_same(members: Sequence[Member]) -> None:
    """Raise if two members are the same person: their faces are in the same place.

    Raises:
        TrackingError: naming both.
    """
    for one, other in itertools.combinations(members, 2):
        mine, theirs = _ovals(one), _ovals(other)
        both = sorted(mine.keys() & theirs.keys())
        if not both:
            continue
        ovals, other_ovals = (np.stack([faces[frame] for frame in both]) for faces in (mine, theirs))
        width = np.maximum(np.ptp(ovals[..., 0], axis=1), 1)
        away = np.linalg.norm(ovals.mean(1) - other_ovals.mean(1), axis=-1) / width
        if np.median(away) < _SAME_PLACE:
            raise TrackingError(
                f"{one.role.settings.target}: {one.name} and {other.name} are the same face; "
                "give each a target_face of its own"
            )


def _ovals(member: Member) -> dict[int, np.ndarray]:
    """Return the outline of a member's face, (36, 2) pixels, by frame with a confident track; a still is frame 0."""
    own = member.loader.target_performance
    if own is None:
        return {0: member.loader.identity.face.mesh[list(FACE_OVAL), :2]}
    mesh = own.mesh[:, list(FACE_OVAL), :2]
    return {int(frame): mesh[row] for row, frame in enumerate(own.frames) if own.confident[row]}
