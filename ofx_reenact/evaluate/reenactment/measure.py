"""One pair measured: every method's frames looked at as the driver's are, and the metrics of what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.engine.inputs import driver_images, track_driver
from ofx_reenact.errors import ReenactError, TrackingError
from ofx_reenact.evaluate.metrics import displacement, distribution, gain, identity, motion, pixels
from ofx_reenact.evaluate.metrics.scores import Metric, Scores
from ofx_reenact.evaluate.reenactment.methods import (
    DRIVER,
    OURS,
    STILL,
    Frames,
    Rendered,
    Renderer,
    at_another_strength,
    choose_methods,
    slug,
)
from ofx_reenact.evaluate.reenactment.observe import Observed, Tools, observe, portrait_window, with_neighbours
from ofx_reenact.evaluate.reenactment.pairs import FEWEST, Pair
from ofx_reenact.evaluate.reenactment.result import PairResult
from ofx_reenact.fdgan.window import Window
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.preview import write_png
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.progress import ignore
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.rigid import euler_degrees, head_pose
from ofx_reenact.training.fdgan.score import evenly

FOUND = Metric("face found", "share", "high", "frames in which the tracker finds a face")
# What says something of the driver's own frames; the rest is so by definition, or compares two people's pixels.
_OF_DRIVER = (FOUND, identity.ISIM)
# Of pictures on contact sheets.
_HEIGHT, _QUALITY = 176, 82


@dataclass(frozen=True)
class Options:
    """What a measurement depends on beside its files.

    One frame of ``every`` so many of a driver, and ``limit`` at most, evenly chosen, are measured; 0: no limit.
    ``methods`` are those of ``OURS`` that are rendered, and ``strengths`` those of the methods that have a curve.
    ``rendered`` is a folder of a peer's frames. With ``kept`` the measured frames are kept there,
    ``PAIR/METHOD/0012.png``, for OpenFace.
    """

    every: int
    limit: int
    rendered: Path | None
    embedder: str
    extractor: str
    kept: Path | None = None
    methods: tuple[str, ...] = tuple(OURS)
    strengths: tuple[float, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A pair, and what every method is measured beside.

    Attributes:
        pair: target and driver.
        path: the driver's performance file.
        performance: what is in it.
        numbers: the driver's frames that are measured.
        wanted: those that are looked at, with neighbours and the reference.
        reference: the driver's frame that means "as in the target".
        picture: the target's, (H, W, 3) uint8.
        window: the portrait around the target's face.
        target, driver: what was seen in the target, and in the driver's measured frames.
        truth: in ``self``, the driver's frames in the target's window.
    """

    pair: Pair
    path: Path
    performance: Performance
    numbers: list[int]
    wanted: list[int]
    reference: int
    picture: np.ndarray
    window: Window
    target: Observed
    driver: Observed
    truth: Observed | None

    @cached_property
    def start(self) -> np.ndarray:
        """Rotation of the driver's head at the reference (3, 3)."""
        return head_pose(_mesh_at(self.performance, self.reference)).rotation

    @cached_property
    def uses(self) -> np.ndarray:
        """How much the driver uses each blendshape (52,), over the whole clip."""
        return gain.deviations(self.performance.blendshapes[self.performance.state == State.TRACKED])


class Measurer:
    """Measures pairs one after the other; what several share is looked at once."""

    def __init__(self, options: Options, performances: Path) -> None:
        """Load what looks; ``performances`` is the folder of tracked drivers.

        Raises:
            SettingsError: a backend that was asked for by name is not installed.
        """
        self.options, self._performances = options, performances
        self.colour = Colour()
        self.tools = Tools(FaceMesh(), identity.choose(options.embedder), distribution.choose(options.extractor))
        self._ours = choose_methods(options.methods, options.strengths)
        self._renderer = Renderer(self._ours, self.colour)
        self._rendered = Rendered(options.rendered) if options.rendered else None
        self._driver = lru_cache(maxsize=8)(self._look_at_driver)

    def measure(self, pair: Pair) -> PairResult:
        """Measure one pair.

        Raises:
            ReenactError: target or driver, or a frame to be scored, cannot be used.
        """
        scene = self._open(pair)
        found: dict[str, list[Scores]] = {}
        gains: dict[str, dict[str, np.ndarray]] = {}
        features: dict[str, np.ndarray] = {}
        pictures = {"target": _jpeg(scene.target.portrait[0])}
        for method in self._methods():
            seen = self._see(method, scene)
            made = seen.at(scene.numbers)
            scores = self._scores(seen, scene)
            if method == DRIVER:
                scores = [score for score in scores if score.metric in _OF_DRIVER]
            else:
                shapes = made.blendshapes, scene.driver.blendshapes
                arrived, gains[method] = gain.compare_blendshapes(*shapes, scene.uses)
                scores += arrived
            if method in self._ours:
                scores += self._compare_regions(method, made, scene)
            found[method], features[method] = scores, made.features
            if not at_another_strength(method):
                pictures[method] = _jpeg(made.portrait[len(scene.numbers) // 2])
        turned = scene.driver.rotation @ scene.start.T
        return PairResult(
            name=pair.name,
            target=pair.target.stem,
            driver=pair.driver.stem,
            digests={"target": sha256_of(pair.target), "driver": sha256_of(pair.driver)},
            frames=tuple(scene.numbers),
            yaw=tuple(np.round(_angles(turned)[:, 1], 3).tolist()),
            values={method: {s.metric.name: s.values for s in scores} for method, scores in found.items()},
            backends={s.metric.name: s.backend for scores in found.values() for s in scores},
            features=features,
            real=scene.target.features if scene.truth is None else scene.truth.at(scene.numbers).features,
            pictures=pictures,
            gains=gains,
            uses=gain.name_weights(scene.uses),
        )

    def _open(self, pair: Pair) -> Scene:
        """Look at what every method is measured beside."""
        path = performance_file(self._performances, pair.driver)
        performance = Performance.load(path)
        reference = self._renderer.reference(pair, path)
        numbers = chosen_frames(performance, pair, self.options)
        wanted = with_neighbours(numbers, performance.frames.tolist(), reference)
        driver = self._driver(pair.driver, tuple(numbers))
        picture = self._renderer.target(pair)
        self.tools.tracker.reset()
        track = self.tools.tracker.track(picture, 0)
        if track is None or track.mesh is None:
            raise TrackingError(f"{pair.target}: no face was found in the target as it is shown; leave it out")
        window = portrait_window(track.mesh)
        truth = None
        if pair.target_frame is not None:
            # In the target's own window, so that a head at another place counts as an error.
            truth = observe(self._clip(pair.driver, wanted), {*numbers, reference}, window, self.tools)
        target = observe([(0, picture)], {0}, window, self.tools)
        return Scene(pair, path, performance, numbers, wanted, reference, picture, window, target, driver, truth)

    def _methods(self) -> list[str]:
        return [DRIVER, STILL, *self._ours, *([self._rendered.name] if self._rendered else [])]

    def _see(self, method: str, scene: Scene) -> Observed:
        """Look at a method's frames."""
        if method == DRIVER:
            if self.options.kept is not None:
                list(self._kept(self._clip(scene.pair.driver, scene.numbers), scene, method))
            return scene.truth or scene.driver
        closely = {*scene.numbers, scene.reference}
        shown = self._kept(self._frames(method, scene, closely), scene, method)
        return observe(shown, closely, scene.window, self.tools)

    def _frames(self, method: str, scene: Scene, closely: set[int]) -> Frames:
        if method == STILL:
            return ((number, scene.picture) for number in scene.wanted)
        if method in self._ours:
            # Of a curve's points jitter says nothing, so neighbours are not rendered.
            numbers = sorted(closely) if at_another_strength(method) else scene.wanted
            return self._renderer.frames(method, scene.pair, scene.path, numbers)
        assert self._rendered is not None
        height, width = scene.picture.shape[:2]
        return self._rendered.frames(scene.pair, scene.wanted, (width, height), self.colour)

    def _kept(self, shown: Frames, scene: Scene, method: str) -> Frames:
        """Pass frames on, and keep those that are measured if they are to be kept."""
        for number, picture in shown:
            if self.options.kept is not None and number in scene.numbers:
                write_png(self.options.kept / scene.pair.name / slug(method) / f"{number:04d}.png", picture)
            yield number, picture

    def _scores(self, seen: Observed, scene: Scene) -> list[Scores]:
        """Every metric of one method that is of single frames, and of the head."""
        made, rest, acted = seen.at(scene.numbers), seen.at([scene.reference]), scene.driver
        target, truth, alike, rest_alike = scene.target, scene.truth, [], []
        if self.tools.embedder is not None:
            backend, own = self.tools.embedder.backend, target.embedding[0]
            alike = [identity.similarity(backend, made.embedding, own)]
            rest_alike = [identity.rest_error(backend, rest.embedding, own)]
        angles = [_angles(made.rotation), _angles(acted.rotation)]
        scores = [
            Scores(FOUND, motion.FACE_MESH, made.found.astype(np.float64)),
            *alike,
            motion.psim(motion.FACE_MESH, *angles),
            motion.rotation_error(motion.FACE_MESH, *angles),
            motion.change_error(made.rotation, target.rotation[0], acted.rotation, scene.start),
            *motion.blendshape_distances(made.blendshapes, acted.blendshapes),
            motion.jitter(*(motion.second_difference(x.around, x.scale) for x in (made, acted))),
            motion.scale_pumping(made.scale, acted.scale),
            pixels.sharpness_kept(made.contrast, float(target.contrast[0])),
            pixels.rest_error(rest.portrait, target.portrait[0]),
            *rest_alike,
        ]
        if truth is not None:
            scores += pixels.against_truth(made.portrait, truth.at(scene.numbers).portrait)
        return scores

    def _compare_regions(self, method: str, made: Observed, scene: Scene) -> list[Scores]:
        """Compare landmarks that were asked for with the driver's, and rendered ones with these."""
        performance, numbers = scene.performance, scene.numbers
        driver = displacement.of_frontal(performance.frontal)[np.searchsorted(performance.frames, numbers)]
        asked = displacement.of_frontal(self._renderer.asked(method, scene.pair, scene.path, numbers))
        return displacement.compare_regions(driver, asked, displacement.track_displacements(made.mesh))

    def _look_at_driver(self, driver: Path, numbers: tuple[int, ...]) -> Observed:
        """Look at a driver's own frames, in a portrait around its face at rest."""
        performance = Performance.load(performance_file(self._performances, driver))
        window = portrait_window(_mesh_at(performance, performance.reference))
        wanted = with_neighbours(numbers, performance.frames.tolist(), numbers[0])
        return observe(self._clip(driver, wanted), numbers, window, self.tools)

    def _clip(self, driver: Path, wanted: list[int]) -> Frames:
        for number, image in driver_images(Sequence.open(driver), FrameRange.of(wanted), Settings(), self.colour):
            if image is not None:
                yield number, image


def performance_file(folder: Path, driver: Path) -> Path:
    """Where a driver's performance is kept: by name and content, so that another clip of the name is tracked anew."""
    return folder / f"{driver.stem}-{sha256_of(driver)[:12]}.npz"


def track(driver: Path, folder: Path, colour: Colour) -> Performance:
    """Track a driver once, and check that it is a performance.

    Raises:
        ReenactError: it cannot be read, shows no face, or has too few frames.
    """
    path = performance_file(folder, driver)
    sequence = Sequence.open(driver)
    if len(sequence.frames) < FEWEST:
        raise ReenactError(
            f"{driver}: {len(sequence.frames)} frame{'s' * (len(sequence.frames) > 1)}; a driver needs {FEWEST} or more"
        )
    if path.exists():
        return Performance.load(path)
    performance = track_driver(Settings(driver=str(driver)), sequence, colour, ignore)
    performance.save(path)
    return performance


def chosen_frames(performance: Performance, pair: Pair, options: Options) -> list[int]:
    """Choose the frames of a pair that are measured: those with a face, without the target's own.

    Raises:
        ReenactError: there are none, or the target's frame has no face.
    """
    tracked = performance.frames[performance.state == State.TRACKED].tolist()
    if pair.target_frame is not None and pair.target_frame not in tracked:
        raise ReenactError(f"{pair.driver}: no face in frame {pair.target_frame}; choose another with --target-frame")
    numbers = evenly([number for number in tracked if number != pair.target_frame][:: options.every], options.limit)
    if not numbers:
        raise ReenactError(f"{pair.driver}: no frame to measure")
    return numbers


def _mesh_at(performance: Performance, frame: int) -> np.ndarray:
    """Return the mesh as found in a frame (478, 3), pixels."""
    return np.asarray(performance.raw_mesh[np.searchsorted(performance.frames, frame)], np.float64)


def _angles(rotation: np.ndarray) -> np.ndarray:
    """Euler angles (N, 3) of rotations (N, 3, 3) that may be NaN."""
    angles = np.full((len(rotation), 3), np.nan)
    known = np.isfinite(rotation).all((1, 2))
    if known.any():
        angles[known] = euler_degrees(rotation[known])
    return angles


def _jpeg(portrait: np.ndarray) -> bytes:
    small = cv2.resize(portrait, (_HEIGHT, _HEIGHT), interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(encoded)
