"""Load everything that a job needs before it renders, from the cache where nothing has changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ofx_reenact.device import choose_device
from ofx_reenact.engine.cache import JobCache, colour_key, stamp
from ofx_reenact.engine.check_paths import check_paths
from ofx_reenact.engine.input_digests import identity_made_of, parts_made_of, performance_made_of
from ofx_reenact.engine.inputs import track_driver
from ofx_reenact.engine.make_identity import (
    check_identity,
    make_identity,
    make_moving_identity,
    make_painter,
    target_as_driver,
    view_of,
    view_opener,
)
from ofx_reenact.engine.parts_of_job import OPEN_VIEWS, choose_or_read_parts
from ofx_reenact.engine.plates import Plates
from ofx_reenact.errors import FrameError, SettingsError, TrackingError
from ofx_reenact.fdgan.weights import (
    PortraitWeights,
    RepairWeights,
    load_portrait,
    load_repair,
    shipped_portrait,
    shipped_repair,
)
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.names import files_of
from ofx_reenact.frames.picture import Picture
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.ldnet.weights import LDNetWeights, load_ldnet, shipped_ldnet
from ofx_reenact.progress import Observer, Progress, ignore
from ofx_reenact.provenance.analysis_files import check_made_from
from ofx_reenact.settings import Settings, names_affecting, names_of_paths, paths_in
from ofx_reenact.settings.option import Affects
from ofx_reenact.shot.add_teeth import find_mouth
from ofx_reenact.shot.curves import animate
from ofx_reenact.shot.fit_moving_target import fit_moving_motion, keep_eyes_shut
from ofx_reenact.shot.frame import Painter
from ofx_reenact.shot.identity import Identity, holds_training
from ofx_reenact.shot.identity_check import check_taught
from ofx_reenact.shot.motion import Motion
from ofx_reenact.shot.part_sources import PartSources
from ofx_reenact.shot.shot import Moving, Shot
from ofx_reenact.tracking.edit import place
from ofx_reenact.tracking.landmark_file import by_number, read_landmarks
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.rest import Rest, find_rest


class _Savable(Protocol):
    """A value that can be saved to a file of its own."""

    def save(self, path: Path) -> None: ...


T = TypeVar("T")
K = TypeVar("K", bound=_Savable)


class Loader:
    """Loads everything that one person's render needs, each thing when it is first used.

    Values come from the cache if their key is unchanged. A key holds what the value is made from: files by their
    stamp, settings by their value, other loaded things by their key. ``fresh`` makes performances, identity and
    parts again although their files exist; a trained identity stays. Use it from one thread.

    Raises:
        SettingsError: an output would replace an input, or the curves file cannot be used.
    """

    def __init__(self, settings: Settings, cache: JobCache, observe: Observer, *, fresh: bool = False) -> None:
        if settings.cast:
            raise SettingsError("--cast works only with render, analyse and farm jobs; name --target and --driver here")
        check_paths(settings)
        # Read now, so that a bad curves file is an error before the driver is tracked.
        animate(settings, ())
        self._settings, self._cache, self._observe, self._fresh = settings, cache, observe, fresh
        self.device = choose_device(settings.device)
        # Notes for the user on performance and parts; complete once these are loaded.
        self.notes: list[str] = []

    @cached_property
    def colour(self) -> Colour:
        """The OpenColorIO config."""
        return self._cache.get("colour", self._colour_key, Colour)

    @cached_property
    def weights(self) -> LDNetWeights:
        """LD-Net's weights."""
        path = self._settings.weights or None
        return self._cache.get("weights", self._weights_key, lambda: load_ldnet(path, self.device))

    @cached_property
    def fdgan(self) -> RepairWeights | PortraitWeights | None:
        """The weights of FD-GAN's network for the profile; None for profile ``warp`` with ``--repair off``."""
        settings, path = self._settings, self._settings.fdgan_weights or None
        if settings.profile == "portrait":
            return self._cache.get("fdgan", self._fdgan_key, lambda: load_portrait(path, self.device))
        if settings.repair == "on":
            return self._cache.get("fdgan", self._fdgan_key, lambda: load_repair(path, self.device))
        return None

    @cached_property
    def plates(self) -> Plates:
        """The target's pictures."""
        key = (self._target_key, self._settings.proxy)
        return self._cache.get("target", key, lambda: Plates(self._settings, self.colour))

    @property
    def target(self) -> Picture:
        """The target's picture at full resolution; the first one of a moving target."""
        return self.plates.first

    @property
    def identity(self) -> Identity:
        """The identity: read from its file if that exists, else made from the target and written to the file.

        Raises:
            TrackingError: the file was made from another target.
        """
        return self._identity[1]

    @property
    def performance(self) -> Performance:
        """The driver's performance: read from its file if that exists, else tracked and written to the file.

        The whole driver is tracked, whichever frames are rendered: smoothing, gaps and the reference frame depend on
        all of it. So a frame is the same in every chunk.

        Raises:
            TrackingError: the file was made from another driver.
        """
        return self._performance[1]

    @property
    def target_performance(self) -> Performance | None:
        """The performance of a moving target, read or tracked as the driver's is; None for a still.

        Raises:
            TrackingError: the file was made from another target, or no face was found in the target.
        """
        return self._target_performance[1] if self.plates.moving else None

    @cached_property
    def shot(self) -> Shot:
        """The shot: target, motion, parts and painter, ready to render any frame."""
        return self._cache.get("shot", self._shot_key, self._fit_moving if self.plates.moving else self._fit_still)

    def host_shot(self, sha256: str, make: Callable[[], Shot]) -> Shot:
        """Return the shot of a still with a host's picture, from the cache by the digest of its pixels, or made now."""
        return self._cache.get("host_shot", (self._shot_key, sha256), make)

    def _fit_still(self) -> Shot:
        settings, identity, plates = self._settings, self.identity, self.plates
        face, picture = plates.proxy.face(identity.face), plates.picture(plates.frame)
        view = self._cache.get(
            "view",
            (self._identity[0], settings.neck, settings.proxy),
            lambda: view_of(face, picture, self.colour, settings.neck, device=self.device),
        )
        shot = Shot.of_still(
            identity.person, view, self.performance, settings, self.weights, self._painter, identity.other_meshes
        )
        return replace(shot, parts=self._choose_parts(shot.motion, None))

    def _fit_moving(self) -> Shot:
        settings, driver = self._settings, self.performance
        own = self.plates.proxy.performance(self._target_performance[1])
        rest, driver_rest = self._rest, find_rest(driver, settings.reference)
        motion = fit_moving_motion(self.identity.person, own, rest, driver, driver_rest, settings, self.weights)
        views = Moving(view_opener(self.plates, own, settings, self.colour))
        # Candidates are read in another order than frames are rendered, so they have a reader of their own.
        candidate_view = view_opener(self.plates.separate_reader(), own, settings, self.colour)
        parts = self._choose_parts(motion, Moving(candidate_view, OPEN_VIEWS))
        motion = keep_eyes_shut(motion, own, rest, parts.choice)
        others = [*own.frontal[own.confident], *self.identity.other_meshes]
        person, painter = self.identity.person, self._painter
        teeth = find_mouth(lambda: candidate_view(int(rest.frames[0])), painter, person, settings, others)
        return Shot(person, views, motion, painter, parts, teeth)

    @property
    def _painter(self) -> Painter | None:
        """The painter with the person's trained adapters, if there are any; None if :attr:`fdgan` is None."""
        if self.fdgan is None:
            return None
        settings, person = self._settings, self.identity.person
        check_taught(settings.identity or settings.target, person.dictionary, person.adapters, self.fdgan)
        return make_painter(self.fdgan, self.device, person)

    def _choose_parts(self, motion: Motion, views: Moving | None) -> PartSources:
        made_of = parts_made_of(self._settings, self.performance, self.sha256)
        own = self._target_performance[1] if views is not None else None
        parts, note = choose_or_read_parts(
            self._settings, motion, self.identity, own, views, self.colour, made_of, fresh=self._fresh
        )
        if note:
            self.notes.append(note)
        return parts

    def sha256(self, *paths: Path) -> str:
        """Return the SHA-256 of files; unchanged files are not read again."""
        return self._cache.get("digest", stamp(*paths), lambda: sha256_of(*paths))

    @cached_property
    def _identity(self) -> tuple[Hashable, Identity]:
        settings, size = self._settings, self.target.seen_size
        sha256 = self.fdgan.sha256 if self.fdgan else ""
        moving = self._target_performance[0] if self.plates.moving else None
        made_of = (self._target_key, self._weights_key, self._fdgan_key, moving)
        key, identity = self._read_or_make(
            "identity",
            settings.identity,
            self._fresh and not holds_training(Path(settings.identity)),
            (*made_of, self._key_of("person")),
            self._make_identity,
            lambda path: ((*made_of, stamp(path)), lambda: Identity.load(path, self.weights, size, sha256)),
        )
        if settings.identity:
            expected = identity_made_of(settings, self.plates if self.plates.moving else self.target, self.sha256)
            identity = check_identity(Path(settings.identity), identity, expected)
        return key, identity

    def _make_identity(self) -> Identity:
        settings, weights = self._settings, self.weights
        if not self.plates.moving:
            return make_identity(settings, self.target, self.colour, weights, self.fdgan, self.sha256)
        own = self._target_performance[1]
        return make_moving_identity(
            settings, self.plates, own, self._rest, self.colour, weights, self.fdgan, self.sha256
        )  # fmt: skip

    @cached_property
    def _rest(self) -> Rest:
        """The rest face of the person in a moving target."""
        return find_rest(self._target_performance[1], self._settings.target_reference)

    @cached_property
    def _performance(self) -> tuple[Hashable, Performance]:
        return self._read_or_track(self._settings, "performance", lambda: self._track(self._settings, self._observe))

    @cached_property
    def _target_performance(self) -> tuple[Hashable, Performance]:
        """The performance of a moving target, with its key."""
        plates, settings = self.plates, target_as_driver(self._settings)
        if holes := plates.sequence.missing:
            raise FrameError(f"{settings.driver}: frames {holes} are missing; add them, or name one by --target-frame")

        def observe(step: Progress) -> None:
            self._observe(replace(step, stage="target"))

        def track() -> Performance:
            plates.check(plates.frames)
            own = self._track(settings, observe)
            if not settings.landmarks or settings.tracker == "file":
                return own
            return place(own, by_number(read_landmarks(Path(settings.landmarks)), settings.landmarks))

        key, own = self._read_or_track(settings, "target_performance", track)
        found, frames = FrameRange.of(own.frames), plates.frames
        if found != frames or own.size != plates.first.seen_size:
            (width, height), size = own.size, plates.first.seen_size
            raise TrackingError(
                f"{settings.performance}: this performance has frames {found} of {width}×{height}, the target {frames} "
                f"of {size[0]}×{size[1]}; name another --target-performance, or delete the file to have it made again"
            )
        return key, own

    def _read_or_track(
        self, settings: Settings, kind: str, track: Callable[[], Performance]
    ) -> tuple[Hashable, Performance]:
        """Return the performance of these settings and its key; ``kind`` is the option that names its file."""
        key, performance = self._read_or_make(
            "performance",
            settings.performance,
            self._fresh,
            (self._key_of("track", settings=settings), self._colour_key),
            track,
            lambda path: (stamp(path), lambda: Performance.load(path)),
        )
        if settings.performance:
            expected = performance_made_of(settings, self.sha256)
            path = Path(settings.performance)
            if note := check_made_from(path, kind, performance.made_of, performance.name, expected):
                self.notes.append(note)
        return key, performance

    def _track(self, settings: Settings, observe: Observer) -> Performance:
        if not settings.driver:
            raise SettingsError("--driver is needed, or a --performance that was tracked before")
        # ``--reference`` belongs to one render; only the command ``track`` writes it into the file, for all renders.
        job = replace(settings, reference=None)
        driver = Sequence.open(settings.driver)
        return track_driver(job, driver, self.colour, observe, self.sha256, self.notes.append)

    def _read_or_make(
        self,
        kind: str,
        named: str,
        fresh: bool,
        key: Hashable,
        make: Callable[[], K],
        of_file: Callable[[Path], tuple[Hashable, Callable[[], K]]],
    ) -> tuple[Hashable, K]:
        """Return a value that may have a file, and its key: read from the file, or made and written to it.

        Args:
            kind: the cache's name for such values (:data:`~ofx_reenact.engine.cache.KEPT`).
            named: the path that the option gives; "" for none.
            fresh: make the value again although its file exists.
            key, make: the key of a value that is made now, and the function that makes it.
            of_file: returns, for the file's path, the key of the value in it and a function that reads it.
        """
        path = Path(named)
        if named and path.exists() and not fresh:
            key, load = of_file(path)
            return key, self._cache.get(kind, key, load)
        if fresh:
            self._cache.put(kind, key, make())
        made = self._cache.get(kind, key, make)
        if named:
            made.save(path)
            # The next job looks for the file's key, and need not read what was just written.
            key, _ = of_file(path)
            self._cache.put(kind, key, made)
        return key, made

    def _values_of(self, *affects: Affects, settings: Settings | None = None) -> dict[str, Any]:
        """Return the options of these ``affects``, and the device; not analysis files, which have keys of their own."""
        names = [name for name in names_affecting(*affects) if name not in names_of_paths("read_or_written")]
        return {name: getattr(settings or self._settings, name) for name in names} | {"device": self.device}

    def _key_of(self, *affects: Affects, settings: Settings | None = None) -> Hashable:
        """Return the key of the options of these ``affects``: their values, and the stamps of their files."""
        values = self._values_of(*affects, settings=settings)
        files = (file for path in paths_in(values, "read") for file in files_of(path))
        return tuple(values.items()), stamp(*files)

    @cached_property
    def _shot_key(self) -> Hashable:
        keys = (self._identity[0], self._performance[0], self._target_performance[0] if self.plates.moving else None)
        named = stamp(self._settings.parts_file), stamp(self._settings.curves)
        return (*keys, named, self._settings.proxy, tuple(self._values_of("track", "person", "pixels").items()))

    @cached_property
    def _colour_key(self) -> Hashable:
        return colour_key()

    @cached_property
    def _weights_key(self) -> Hashable:
        return self.device, stamp(self._settings.weights or shipped_ldnet())

    @cached_property
    def _fdgan_key(self) -> Hashable:
        settings = self._settings
        shipped = shipped_portrait if settings.profile == "portrait" else shipped_repair
        return settings.profile, settings.repair, self.device, stamp(settings.fdgan_weights or shipped())

    @cached_property
    def _target_key(self) -> Hashable:
        settings = self._settings
        chosen = (settings.target, settings.target_frame, settings.colorspace, settings.layer)
        return chosen, stamp(*files_of(settings.target)), self._colour_key


def open_shot(settings: Settings, observe: Observer = ignore) -> Shot:
    """Load target and driver as a shot, whose frames can be rendered in any order.

    Args:
        settings: ``target`` is needed, and ``driver`` or ``performance``; ``output`` is not.
        observe: called after each step.

    Raises:
        ReenactError: an input cannot be used.
    """
    return Loader(settings, JobCache(), observe).shot


def track_performance(settings: Settings, observe: Observer = ignore) -> Performance:
    """Track a driver, or read the performance file that the settings name.

    Args:
        settings: ``driver``, and how it is tracked; the file ``performance`` is read if it exists, else written.
        observe: called after each frame.

    Raises:
        ReenactError: the driver cannot be used.
    """
    return Loader(settings, JobCache(), observe).performance
