"""Measure one pair: drive the plate by every method and track each result as plate and driver were tracked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ofx_reenact.engine.loader import Loader
from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.metrics import lips_and_lids
from ofx_reenact.evaluate.metrics.gain import gain_and_correlation
from ofx_reenact.evaluate.metrics.identity import AUTO, choose_embedder
from ofx_reenact.evaluate.metrics.motion import FACE_MESH
from ofx_reenact.evaluate.pairs.choose_pairs import FEWEST, TargetDriverPair
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.pairs.portrait import encode_portraits, portrait_window
from ofx_reenact.evaluate.pairs.track_clips import performance_file, read_clip
from ofx_reenact.evaluate.plates.compared_methods import DRIVER, PLATE, RENDERED_METHODS, SELF, PairLoader
from ofx_reenact.evaluate.plates.promised_ranges import (
    ASKED,
    CONFIDENCE,
    EXACT,
    FACE,
    IDENTITY,
    JITTER,
    LOWEST,
    OUTSIDE,
    PARTS,
    STRAYS,
    correlation_of,
    slope_asked,
    slope_of,
)
from ofx_reenact.evaluate.plates.render_and_track import EmbeddingTracker, TrackedResult, render_and_track
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.colour import Colour
from ofx_reenact.tracking.performance import Performance, State

# Backends of numbers that no network makes.
SHOT, PIXELS = "the shot", "pixels"
# JPEG quality of pictures on contact sheets.
_QUALITY = 85

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Options:
    """What a measurement depends on, apart from its files.

    Attributes:
        limit: largest number of consecutive frames; 0: all.
        methods: the ``RENDERED_METHODS`` to render.
        embedder: name of the network for identity, or ``auto``.
    """

    limit: int
    methods: tuple[str, ...] = tuple(RENDERED_METHODS)
    embedder: str = AUTO


@dataclass(frozen=True)
class Clips:
    """The performances of a plate and a driver, and the rows that are measured; row N of both belong together."""

    plate: Performance
    driver: Performance
    rows: slice

    @property
    def frames(self) -> list[int]:
        """Numbers of the plate's frames that are measured."""
        return list(self.plate.frames[self.rows].tolist())

    @property
    def known(self) -> np.ndarray:
        """Frames in which both faces were found, (N,) bool."""
        return np.asarray((self.plate.state[self.rows] == State.TRACKED) & (self.driver.state[self.rows] == 0))


class PlateMeasurer:
    """Measures pairs of a plate and a driver one after the other; what pairs share is loaded and embedded once."""

    def __init__(self, options: Options, performances: Path) -> None:
        """Load the networks; ``performances`` is the folder of tracked clips.

        Raises:
            SettingsError: a backend that was named is not installed.
        """
        self.options, self._performances = options, performances
        self._tracker = EmbeddingTracker(choose_embedder(options.embedder))
        self._loader, self._colour = PairLoader(), Colour()
        self._embed_plate_once = lru_cache(maxsize=4)(self._embed_plate)

    def measure(self, pair: TargetDriverPair) -> PairResult:
        """Measure a pair; if the plate is driven by itself, measure whether it stays unchanged.

        Raises:
            ReenactError: plate or driver cannot be used.
        """
        clips = self._load_clips(pair)
        if pair.target == pair.driver:
            values: dict[str, Values] = {SELF: self._measure_self(pair, clips)}
            pictures: dict[str, bytes] = {}
        else:
            values, pictures = self._measure_pair(pair, clips)
        backends = dict.fromkeys((name for row in values.values() for name in row), FACE_MESH)
        backends |= {quantity.name: SHOT for quantity in (PARTS, CONFIDENCE, ASKED)}
        backends |= {quantity.name: PIXELS for quantity in (OUTSIDE, STRAYS, EXACT)}
        if self._tracker.embedder is not None:
            backends |= {quantity.name: self._tracker.embedder.backend for quantity in (IDENTITY, LOWEST)}
        return PairResult(
            name=pair.name,
            target=pair.target.stem,
            driver=pair.driver.stem,
            digests={"target": sha256_of(pair.target), "driver": sha256_of(pair.driver)},
            frames=tuple(clips.frames),
            yaw=(),
            values=values,
            backends={name: made for name, made in backends.items() if any(name in row for row in values.values())},
            features={},
            real=np.zeros((0, 0), np.float32),
            pictures=pictures,
        )

    def _load_clips(self, pair: TargetDriverPair) -> Clips:
        plate, driver = (Performance.load(self._performance_file(clip)) for clip in (pair.target, pair.driver))
        return Clips(plate, driver, middle_rows(len(plate.frames), len(driver.frames), self.options.limit))

    def _performance_file(self, clip: Path) -> Path:
        return performance_file(self._performances, clip)

    def _measure_self(self, pair: TargetDriverPair, clips: Clips) -> Values:
        performance = self._performance_file(pair.target)
        loader = self._loader.load(SELF, pair, performance, performance)
        result = render_and_track(loader, clips.frames, None, lambda frame, picture: None)
        return {ASKED.name: np.array(result.asked), EXACT.name: np.array(result.exact, float)} | _pixel_values(result)

    def _measure_pair(self, pair: TargetDriverPair, clips: Clips) -> tuple[dict[str, Values], dict[str, bytes]]:
        driver = lips_and_lids.measure_curves(clips.driver.frontal[clips.rows])
        plate = lips_and_lids.measure_curves(clips.plate.frontal[clips.rows])
        values: dict[str, Values] = {PLATE: plate, DRIVER: driver}
        chosen = choose_shown_rows(driver, clips.known)
        portraits = {
            PLATE: self._portraits(pair.target, clips.plate, [clips.rows.start + row for row in chosen]),
            DRIVER: self._portraits(pair.driver, clips.driver, [clips.rows.start + row for row in chosen]),
        }
        embeddings = self._embed_plate_once(pair.target, clips.rows.start, clips.rows.stop)
        for method in self.options.methods:
            files = self._performance_file(pair.target), self._performance_file(pair.driver)
            loader = self._loader.load(method, pair, *files)
            values[method], portraits[method] = self._measure_method(loader, clips, driver, embeddings, chosen)
        return values, {name: encode_portraits(row, _QUALITY) for name, row in portraits.items()}

    def _measure_method(
        self, loader: Loader, clips: Clips, driver: Values, plate_faces: Mapping[int, np.ndarray], chosen: list[int]
    ) -> tuple[Values, list[np.ndarray]]:
        """Measure one method; return its values, and portraits of the rows ``chosen``."""
        frames, first = clips.frames, clips.rows.start
        portraits: dict[int, np.ndarray] = {}

        def keep_portrait(frame: int, picture: np.ndarray) -> None:
            row = frames.index(frame)
            if row in chosen:
                portraits[row] = _portrait(picture, clips.plate.raw_mesh[first + row])

        result = render_and_track(loader, frames, self._tracker, keep_portrait)
        assert result.performance is not None
        found = result.performance.state == State.TRACKED
        known = clips.known & found
        made = lips_and_lids.measure_curves(result.performance.frontal)
        asked = lips_and_lids.measure_curves(np.stack(result.meshes))
        values: Values = {**made, FACE.name: found.astype(np.float64), **_pixel_values(result)}
        for curve, numbers in made.items():
            values |= compare_curve(curve, numbers, asked[curve], driver[curve], known)
        jitters = [
            lips_and_lids.lip_jitter(lips_and_lids.frontal_unsmoothed(mesh), known)
            for mesh in (result.performance.raw_mesh, *(x.raw_mesh[clips.rows] for x in (clips.plate, clips.driver)))
        ]
        values[JITTER.name] = np.array([lips_and_lids.jitter_ratio(*jitters)])
        if self._tracker.embedder is not None:
            similarity = [
                float(result.embeddings[frame] @ plate_faces[frame])
                if frame in result.embeddings and frame in plate_faces
                else np.nan
                for frame in frames
            ]
            values |= {IDENTITY.name: np.array(similarity), LOWEST.name: np.array(similarity)}
        values |= {PARTS.name: np.array(result.parts, float), CONFIDENCE.name: np.array(result.confidence)}
        return values, [portraits[row] for row in chosen]

    def _embed_plate(self, clip: Path, start: int, stop: int) -> dict[int, np.ndarray]:
        """Embed the plate's faces in rows of its performance, by their tracked meshes: frame → (E,)."""
        embedder, performance = self._tracker.embedder, Performance.load(self._performance_file(clip))
        if embedder is None:
            return {}
        rows = [row for row in range(start, stop) if performance.state[row] == State.TRACKED]
        pictures = self._pictures(clip, performance, rows)
        return {
            int(performance.frames[row]): embedder.embed(
                picture.astype(np.float32) / 255, performance.raw_mesh[row].astype(np.float64)
            )
            for row, picture in zip(rows, pictures, strict=True)
        }

    def _portraits(self, clip: Path, performance: Performance, rows: list[int]) -> list[np.ndarray]:
        ordered = sorted(set(rows))
        pictures = dict(zip(ordered, self._pictures(clip, performance, ordered), strict=True))
        return [_portrait(pictures[row], performance.raw_mesh[row]) for row in rows]

    def _pictures(self, clip: Path, performance: Performance, rows: Sequence[int]) -> Iterator[np.ndarray]:
        return (image for _, image in read_clip(clip, performance.frames[list(rows)].tolist(), self._colour))


def middle_rows(plate: int, driver: int, limit: int) -> slice:
    """Return the middle rows, at most ``limit``, of those that a plate and a driver of so many frames both have.

    Raises:
        ReenactError: there are too few of them.
    """
    count = min(plate, driver)
    length = min(limit, count) if limit else count
    if length < FEWEST:
        raise ReenactError(f"{length} frames; {FEWEST} or more are needed to measure motion")
    start = (count - length) // 2
    return slice(start, start + length)


def choose_shown_rows(driver: Mapping[str, np.ndarray], known: np.ndarray) -> list[int]:
    """Choose three rows to show: lips most open, lids most shut, and lips most shut, among frames with both faces."""

    def choose_row(values: np.ndarray, choose: Callable[[np.ndarray], np.intp]) -> int:
        return int(choose(np.where(known, values, np.nan))) if known.any() else 0

    lids = driver[lips_and_lids.RIGHT_LIDS] + driver[lips_and_lids.LEFT_LIDS]
    lips = driver[lips_and_lids.OPENING]
    return [choose_row(lips, np.nanargmax), choose_row(lids, np.nanargmin), choose_row(lips, np.nanargmin)]


def compare_curve(
    curve: str, made: np.ndarray, asked: np.ndarray, driver: np.ndarray, known: np.ndarray
) -> Values:
    """Compare a curve (N,) of the result, and the one that the shot asks for, with the driver's, in the known frames.

    Lids are compared only if the driver blinks; otherwise all values are NaN.
    """
    driver = np.where(known, driver, np.nan)
    slope, correlation = gain_and_correlation(made, driver, lips_and_lids.FEWEST)
    found = (correlation, slope, gain_and_correlation(asked, driver, lips_and_lids.FEWEST)[0])
    if curve in lips_and_lids.LIDS and not lips_and_lids.has_blink(driver):
        found = (np.array(np.nan),) * 3
    names = (correlation_of(curve).name, slope_of(curve).name, slope_asked(curve).name)
    return {name: value[None] for name, value in zip(names, found, strict=True)}


def _pixel_values(result: TrackedResult) -> Values:
    return {OUTSIDE.name: np.array(result.outside), STRAYS.name: np.array(result.strays, float)}


def _portrait(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Cut the portrait of a face out of a picture (H, W, 3) uint8."""
    portrait = portrait_window(mesh.astype(np.float64)).look(picture.astype(np.float32))
    return np.round(np.clip(portrait, 0, 255)).astype(np.uint8)
