"""Measure one pair: observe the driver's frames and every method's frames in the same way, and score them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from ofx_reenact.errors import ReenactError, TrackingError
from ofx_reenact.evaluate.metrics import gain, identity, landmark_gain, motion, pixels
from ofx_reenact.evaluate.metrics.distribution import choose_extractor
from ofx_reenact.evaluate.metrics.identity import choose_embedder
from ofx_reenact.evaluate.metrics.scores import Metric, Scores
from ofx_reenact.evaluate.pairs.choose_pairs import TargetDriverPair
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.pairs.portrait import encode_portraits, portrait_window
from ofx_reenact.evaluate.pairs.track_clips import performance_file, read_clip
from ofx_reenact.evaluate.stills.compared_methods import (
    DRIVER,
    RENDERED_METHODS,
    UNCHANGED,
    ExternalFrames,
    Frames,
    Renderer,
    choose_methods,
    has_other_strength,
    slug,
)
from ofx_reenact.evaluate.stills.observe_frames import Observed, Tools, add_neighbours, observe
from ofx_reenact.fdgan.window import Window
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.preview import write_png
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.rigid import euler_degrees, head_pose
from ofx_reenact.training.fdgan.score import evenly

FOUND = Metric("face found", "fraction", "high", "frames in which the tracker finds a face")
# The metrics computed for the driver's own frames. All others would compare these frames with themselves, or compare
# the pixels of two different people.
_OF_DRIVER = (FOUND, identity.ISIM)
# JPEG quality of pictures on contact sheets.
_QUALITY = 82


@dataclass(frozen=True)
class Options:
    """What a measurement depends on, apart from its files.

    Attributes:
        every: step from one measured frame of a driver to the next.
        limit: largest number of frames of a driver, evenly chosen; 0: no limit.
        rendered: folder of another program's frames.
        embedder: name of the network for ISIM, or ``auto``.
        extractor: name of the network for FID and KID, or ``auto``.
        kept: folder to keep the measured frames in, ``PAIR/METHOD/0012.png``, for OpenFace.
        methods: the ``RENDERED_METHODS`` to render.
        strengths: strengths at which LD-Net and copied landmarks are also rendered.
    """

    every: int
    limit: int
    rendered: Path | None
    embedder: str
    extractor: str
    kept: Path | None = None
    methods: tuple[str, ...] = tuple(RENDERED_METHODS)
    strengths: tuple[float, ...] = ()


@dataclass(frozen=True)
class Scene:
    """What all methods of a pair share.

    Attributes:
        pair: target and driver.
        path: the driver's performance file.
        performance: the driver's performance.
        measured_frames: numbers of the driver's frames that are measured.
        rendered_frames: those, their neighbours for jitter, and the reference frame.
        reference: the driver's reference frame.
        picture: the target's picture, (H, W, 3) uint8.
        window: the portrait around the target's face.
        target: observation of the target.
        driver: observation of the driver's measured frames.
        truth: in the protocol ``self``, the driver's frames observed in the target's window; else None.
    """

    pair: TargetDriverPair
    path: Path
    performance: Performance
    measured_frames: list[int]
    rendered_frames: list[int]
    reference: int
    picture: np.ndarray
    window: Window
    target: Observed
    driver: Observed
    truth: Observed | None

    @cached_property
    def reference_rotation(self) -> np.ndarray:
        """The rotation (3, 3) of the driver's head in the reference frame."""
        return head_pose(_mesh_at(self.performance, self.reference)).rotation

    @cached_property
    def uses(self) -> np.ndarray:
        """The standard deviation (52,) over the whole clip of each blendshape that the driver uses."""
        return gain.used_deviations(self.performance.blendshapes[self.performance.state == State.TRACKED])


class StillMeasurer:
    """Measures pairs of a still and a driver one after the other; what pairs share is loaded and observed once."""

    def __init__(self, options: Options, performances: Path) -> None:
        """Load the networks; ``performances`` is the folder of tracked drivers.

        Raises:
            SettingsError: a backend that was named is not installed.
        """
        self.options, self._performances = options, performances
        self.colour = Colour()
        self.tools = Tools(FaceMesh(), choose_embedder(options.embedder), choose_extractor(options.extractor))
        self._rendered_methods = choose_methods(options.methods, options.strengths)
        self._renderer = Renderer(self._rendered_methods, self.colour)
        self._external = ExternalFrames(options.rendered) if options.rendered else None
        self._observe_driver_once = lru_cache(maxsize=8)(self._observe_driver)

    def measure(self, pair: TargetDriverPair) -> PairResult:
        """Measure one pair.

        Raises:
            ReenactError: target or driver, or a frame to be scored, cannot be used.
        """
        scene = self._open_scene(pair)
        scores_of: dict[str, list[Scores]] = {}
        gains: dict[str, dict[str, np.ndarray]] = {}
        features: dict[str, np.ndarray] = {}
        pictures = {"target": encode_portraits([scene.target.portrait[0]], _QUALITY)}
        for method in self._methods():
            observed = self._observe_method(method, scene)
            made = observed.select(scene.measured_frames)
            scores = self._score(observed, scene)
            if method == DRIVER:
                scores = [score for score in scores if score.metric in _OF_DRIVER]
            else:
                blendshapes = made.blendshapes, scene.driver.blendshapes
                of_groups, gains[method] = gain.compare_blendshapes(*blendshapes, scene.uses)
                scores += of_groups
            if method in self._rendered_methods:
                scores += self._compare_regions(method, made, scene)
            scores_of[method], features[method] = scores, made.features
            if not has_other_strength(method):
                pictures[method] = encode_portraits([made.portrait[len(scene.measured_frames) // 2]], _QUALITY)
        rotation = scene.driver.rotation @ scene.reference_rotation.T
        return PairResult(
            name=pair.name,
            target=pair.target.stem,
            driver=pair.driver.stem,
            digests={"target": sha256_of(pair.target), "driver": sha256_of(pair.driver)},
            frames=tuple(scene.measured_frames),
            yaw=tuple(np.round(_angles(rotation)[:, 1], 3).tolist()),
            values={method: {s.metric.name: s.values for s in scores} for method, scores in scores_of.items()},
            backends={s.metric.name: s.backend for scores in scores_of.values() for s in scores},
            features=features,
            real=scene.target.features if scene.truth is None else scene.truth.select(scene.measured_frames).features,
            pictures=pictures,
            gains=gains,
            uses=gain.weights_by_name(scene.uses),
        )

    def _open_scene(self, pair: TargetDriverPair) -> Scene:
        """Observe target, driver and truth."""
        path = performance_file(self._performances, pair.driver)
        performance = Performance.load(path)
        reference = self._renderer.reference(pair, path)
        numbers = choose_frames(performance, pair, self.options)
        wanted = add_neighbours(numbers, performance.frames.tolist(), reference)
        driver = self._observe_driver_once(pair.driver, tuple(numbers))
        picture = self._renderer.target_picture(pair)
        self.tools.tracker.reset()
        track = self.tools.tracker.track(picture, 0)
        if track is None or track.mesh is None:
            raise TrackingError(f"{pair.target}: no face was found in the target; leave it out")
        window = portrait_window(track.mesh)
        truth = None
        if pair.target_frame is not None:
            # Through the target's window, so that a head at another place counts as an error.
            truth = observe(self._read_clip(pair.driver, wanted), {*numbers, reference}, window, self.tools)
        target = observe([(0, picture)], {0}, window, self.tools)
        return Scene(pair, path, performance, numbers, wanted, reference, picture, window, target, driver, truth)

    def _methods(self) -> list[str]:
        return [DRIVER, UNCHANGED, *self._rendered_methods, *([self._external.name] if self._external else [])]

    def _observe_method(self, method: str, scene: Scene) -> Observed:
        if method == DRIVER:
            if self.options.kept is not None:
                list(self._keep(self._read_clip(scene.pair.driver, scene.measured_frames), scene, method))
            return scene.truth or scene.driver
        measured = {*scene.measured_frames, scene.reference}
        pictures = self._keep(self._frames(method, scene, measured), scene, method)
        return observe(pictures, measured, scene.window, self.tools)

    def _frames(self, method: str, scene: Scene, measured: set[int]) -> Frames:
        if method == UNCHANGED:
            return ((number, scene.picture) for number in scene.rendered_frames)
        if method in self._rendered_methods:
            # At other strengths jitter is not measured, so neighbours are not rendered.
            numbers = sorted(measured) if has_other_strength(method) else scene.rendered_frames
            return self._renderer.frames(method, scene.pair, scene.path, numbers)
        assert self._external is not None
        height, width = scene.picture.shape[:2]
        return self._external.frames(scene.pair, scene.rendered_frames, (width, height), self.colour)

    def _keep(self, pictures: Frames, scene: Scene, method: str) -> Frames:
        """Yield the frames unchanged, and write the measured ones into the folder ``kept`` if there is one."""
        for number, picture in pictures:
            if self.options.kept is not None and number in scene.measured_frames:
                write_png(self.options.kept / scene.pair.name / slug(method) / f"{number:04d}.png", picture)
            yield number, picture

    def _score(self, observed: Observed, scene: Scene) -> list[Scores]:
        """Score one method: all metrics except gains and correlations."""
        made, rest, driver = observed.select(scene.measured_frames), observed.select([scene.reference]), scene.driver
        target, truth, similarity, zero_motion = scene.target, scene.truth, [], []
        if self.tools.embedder is not None:
            backend = self.tools.embedder.backend
            similarity = [identity.similarity(backend, made.embedding, target.embedding[0])]
            zero_motion = [identity.zero_motion_error(backend, rest.embedding, target.embedding[0])]
        angles = [_angles(made.rotation), _angles(driver.rotation)]
        scores = [
            Scores(FOUND, motion.FACE_MESH, made.found.astype(np.float64)),
            *similarity,
            motion.psim(motion.FACE_MESH, *angles),
            motion.rotation_error(motion.FACE_MESH, *angles),
            motion.change_error(made.rotation, target.rotation[0], driver.rotation, scene.reference_rotation),
            *motion.blendshape_distances(made.blendshapes, driver.blendshapes),
            motion.jitter(*(motion.second_difference(x.around, x.scale) for x in (made, driver))),
            motion.scale_pumping(made.scale, driver.scale),
            pixels.sharpness_kept(made.contrast, float(target.contrast[0])),
            pixels.zero_motion_error(rest.portrait, target.portrait[0]),
            *zero_motion,
        ]
        if truth is not None:
            scores += pixels.score_against_truth(made.portrait, truth.select(scene.measured_frames).portrait)
        return scores

    def _compare_regions(self, method: str, made: Observed, scene: Scene) -> list[Scores]:
        """Compare the requested landmarks with the driver's, and the rendered landmarks with the requested ones."""
        performance, numbers = scene.performance, scene.measured_frames
        rows = np.searchsorted(performance.frames, numbers)
        driver = landmark_gain.landmarks_of_frontal(performance.frontal)[rows]
        requested = self._renderer.requested_mesh(method, scene.pair, scene.path, numbers)
        asked = landmark_gain.landmarks_of_frontal(requested)
        return landmark_gain.compare_regions(driver, asked, landmark_gain.landmarks_of_tracks(made.mesh))

    def _observe_driver(self, driver: Path, numbers: tuple[int, ...]) -> Observed:
        """Observe a driver's own frames through a portrait around its face in the reference frame."""
        performance = Performance.load(performance_file(self._performances, driver))
        window = portrait_window(_mesh_at(performance, performance.reference))
        wanted = add_neighbours(numbers, performance.frames.tolist(), numbers[0])
        return observe(self._read_clip(driver, wanted), numbers, window, self.tools)

    def _read_clip(self, driver: Path, wanted: list[int]) -> Frames:
        return read_clip(driver, wanted, self.colour)


def choose_frames(performance: Performance, pair: TargetDriverPair, options: Options) -> list[int]:
    """Choose the frames of a pair to measure: those with a face, without the target's own frame.

    Raises:
        ReenactError: there are none, or the target's frame has no face.
    """
    tracked = performance.frames[performance.state == State.TRACKED].tolist()
    if pair.target_frame is not None and pair.target_frame not in tracked:
        raise ReenactError(f"{pair.driver}: no face in frame {pair.target_frame}; choose another with --target-frame")
    numbers = evenly([number for number in tracked if number != pair.target_frame][:: options.every], options.limit)
    if not numbers:
        raise ReenactError(f"{pair.driver}: no frame with a face to measure; leave this clip out")
    return numbers


def _mesh_at(performance: Performance, frame: int) -> np.ndarray:
    """Return the tracked mesh (478, 3), pixels, of a frame."""
    return np.asarray(performance.raw_mesh[np.searchsorted(performance.frames, frame)], np.float64)


def _angles(rotation: np.ndarray) -> np.ndarray:
    """Return the Euler angles (N, 3), degrees, of rotations (N, 3, 3), which may be NaN."""
    angles = np.full((len(rotation), 3), np.nan)
    known = np.isfinite(rotation).all((1, 2))
    if known.any():
        angles[known] = euler_degrees(rotation[known])
    return angles
