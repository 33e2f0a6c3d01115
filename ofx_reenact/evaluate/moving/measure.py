"""One pair measured: the plate driven in every way, each result tracked as plate and driver were."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.engine.inputs import driver_images
from ofx_reenact.engine.loader import Loader
from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.metrics import following, identity
from ofx_reenact.evaluate.metrics.gain import follow
from ofx_reenact.evaluate.metrics.motion import FACE_MESH
from ofx_reenact.evaluate.moving.look import Looked, Watcher, look
from ofx_reenact.evaluate.moving.methods import DRIVER, OURS, PLATE, SELF, Opener
from ofx_reenact.evaluate.moving.quantities import (
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
from ofx_reenact.evaluate.reenactment.measure import performance_file
from ofx_reenact.evaluate.reenactment.observe import portrait_window
from ofx_reenact.evaluate.reenactment.pairs import FEWEST, Pair
from ofx_reenact.evaluate.reenactment.result import PairResult
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence as Clip
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance, State

SHOT, PIXELS = "the shot", "pixels"
# Side of a picture on contact sheets.
_SIDE, _QUALITY = 176, 85

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Options:
    """What a measurement depends on beside its files: frames in a row at most (0: all), and ways to drive."""

    limit: int
    methods: tuple[str, ...] = tuple(OURS)
    embedder: str = identity.AUTO


@dataclass(frozen=True)
class Clips:
    """Plate and driver of a pair, tracked, and their rows that are measured: frame for frame from both first ones."""

    plate: Performance
    driver: Performance
    rows: slice

    @property
    def frames(self) -> list[int]:
        """The plate's frames that are measured."""
        return list(self.plate.frames[self.rows].tolist())

    @property
    def known(self) -> np.ndarray:
        """(N,) bool, frames in which both faces were found."""
        return np.asarray((self.plate.state[self.rows] == State.TRACKED) & (self.driver.state[self.rows] == 0))


class Measurer:
    """Measures pairs one after the other; what several share is looked at once."""

    def __init__(self, options: Options, performances: Path) -> None:
        """Load what looks; ``performances`` is the folder of tracked clips.

        Raises:
            SettingsError: a backend that was asked for by name is not installed.
        """
        self.options, self._performances = options, performances
        self._watcher = Watcher(identity.choose(options.embedder))
        self._opener, self._colour = Opener(), Colour()
        self._embed = lru_cache(maxsize=4)(self._embed_plate)

    def measure(self, pair: Pair) -> PairResult:
        """Measure a pair; of a plate that drives itself, whether it stays what it is.

        Raises:
            ReenactError: plate or driver cannot be used.
        """
        clips = self._clips(pair)
        if pair.target == pair.driver:
            values: dict[str, Values] = {SELF: self._measure_self(pair, clips)}
            pictures: dict[str, bytes] = {}
        else:
            values, pictures = self._measure_pair(pair, clips)
        backends = dict.fromkeys((name for row in values.values() for name in row), FACE_MESH)
        backends |= {quantity.name: SHOT for quantity in (PARTS, CONFIDENCE, ASKED)}
        backends |= {quantity.name: PIXELS for quantity in (OUTSIDE, STRAYS, EXACT)}
        if self._watcher.embedder is not None:
            backends |= {quantity.name: self._watcher.embedder.backend for quantity in (IDENTITY, LOWEST)}
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

    def _clips(self, pair: Pair) -> Clips:
        plate, driver = (Performance.load(self._file(clip)) for clip in (pair.target, pair.driver))
        return Clips(plate, driver, run_of(len(plate.frames), len(driver.frames), self.options.limit))

    def _file(self, clip: Path) -> Path:
        return performance_file(self._performances, clip)

    def _measure_self(self, pair: Pair, clips: Clips) -> Values:
        performance = self._file(pair.target)
        loader = self._opener.open(SELF, pair, performance, performance)
        seen = look(loader, clips.frames, None, lambda frame, picture: None)
        return {ASKED.name: np.array(seen.asked), EXACT.name: np.array(seen.exact, float)} | _pixels(seen)

    def _measure_pair(self, pair: Pair, clips: Clips) -> tuple[dict[str, Values], dict[str, bytes]]:
        driver = following.curves(clips.driver.frontal[clips.rows])
        plate = following.curves(clips.plate.frontal[clips.rows])
        values: dict[str, Values] = {PLATE: plate, DRIVER: driver}
        chosen = moments(driver, clips.known)
        shown = {
            PLATE: self._sheet(pair.target, clips.plate, [clips.rows.start + row for row in chosen]),
            DRIVER: self._sheet(pair.driver, clips.driver, [clips.rows.start + row for row in chosen]),
        }
        embeddings = self._embed(pair.target, clips.rows.start, clips.rows.stop)
        for method in self.options.methods:
            loader = self._opener.open(method, pair, self._file(pair.target), self._file(pair.driver))
            values[method], shown[method] = self._drive(loader, clips, driver, embeddings, chosen)
        return values, {name: _jpeg(portraits) for name, portraits in shown.items()}

    def _drive(
        self, loader: Loader, clips: Clips, driver: Values, plate_faces: Mapping[int, np.ndarray], chosen: list[int]
    ) -> tuple[Values, list[np.ndarray]]:
        """Measure one way to drive a plate; ``chosen`` are rows to be shown."""
        frames, first = clips.frames, clips.rows.start
        portraits: dict[int, np.ndarray] = {}

        def keep(frame: int, picture: np.ndarray) -> None:
            row = frames.index(frame)
            if row in chosen:
                portraits[row] = _portrait(picture, clips.plate.raw_mesh[first + row])

        seen = look(loader, frames, self._watcher, keep)
        assert seen.performance is not None
        found = seen.performance.state == State.TRACKED
        known = clips.known & found
        made, asked = following.curves(seen.performance.frontal), following.curves(np.stack(seen.meshes))
        values: Values = {**made, FACE.name: found.astype(np.float64), **_pixels(seen)}
        for curve, numbers in made.items():
            values |= follow_curve(curve, numbers, asked[curve], driver[curve], known)
        bends = [
            following.lip_jitter(following.unsmoothed(mesh), known)
            for mesh in (seen.performance.raw_mesh, *(x.raw_mesh[clips.rows] for x in (clips.plate, clips.driver)))
        ]
        values[JITTER.name] = np.array([following.jitter_ratio(*bends)])
        if self._watcher.embedder is not None:
            alike = [
                float(seen.embeddings[frame] @ plate_faces[frame])
                if frame in seen.embeddings and frame in plate_faces
                else np.nan
                for frame in frames
            ]
            values |= {IDENTITY.name: np.array(alike), LOWEST.name: np.array(alike)}
        values |= {PARTS.name: np.array(seen.parts, float), CONFIDENCE.name: np.array(seen.sure)}
        return values, [portraits[row] for row in chosen]

    def _embed_plate(self, clip: Path, start: int, stop: int) -> dict[int, np.ndarray]:
        """Embed a plate's faces in rows of its performance, each by its mesh as found: frame → (E,)."""
        embedder, performance = self._watcher.embedder, Performance.load(self._file(clip))
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

    def _sheet(self, clip: Path, performance: Performance, rows: list[int]) -> list[np.ndarray]:
        ordered = sorted(set(rows))
        pictures = dict(zip(ordered, self._pictures(clip, performance, ordered), strict=True))
        return [_portrait(pictures[row], performance.raw_mesh[row]) for row in rows]

    def _pictures(self, clip: Path, performance: Performance, rows: Sequence[int]) -> Iterator[np.ndarray]:
        numbers = FrameRange.of(performance.frames[list(rows)].tolist())
        images = driver_images(Clip.open(clip), numbers, Settings(), self._colour)
        return (image for _, image in images if image is not None)


def run_of(plate: int, driver: int, limit: int) -> slice:
    """Choose the rows of two clips of so many frames that are measured: a run from the middle of what both have.

    Raises:
        ReenactError: there are too few for anything to move in.
    """
    count = min(plate, driver)
    length = min(limit, count) if limit else count
    if length < FEWEST:
        raise ReenactError(f"{length} frames; {FEWEST} or more are needed for anything to move in")
    start = (count - length) // 2
    return slice(start, start + length)


def moments(driver: Mapping[str, np.ndarray], known: np.ndarray) -> list[int]:
    """Choose three rows to be shown: lips widest open, lids most shut, lips most shut after those were open."""

    def place(values: np.ndarray, choose: Callable[[np.ndarray], np.intp]) -> int:
        return int(choose(np.where(known, values, np.nan))) if known.any() else 0

    lids = driver[following.RIGHT_LIDS] + driver[following.LEFT_LIDS]
    lips = driver[following.OPENING]
    return [place(lips, np.nanargmax), place(lids, np.nanargmin), place(lips, np.nanargmin)]


def follow_curve(
    curve: str, made: np.ndarray, asked: np.ndarray, driver: np.ndarray, known: np.ndarray
) -> Values:
    """Compare a curve (N,) as it was made, and as it was asked for, with the driver's, in the frames that are known.

    Lids are compared only where the driver blinks; else NaN.
    """
    driver = np.where(known, driver, np.nan)
    slope, correlation = follow(made, driver, following.FEWEST)
    found = (correlation, slope, follow(asked, driver, following.FEWEST)[0])
    if curve in following.LIDS and not following.blinks(driver):
        found = (np.array(np.nan),) * 3
    names = (correlation_of(curve).name, slope_of(curve).name, slope_asked(curve).name)
    return {name: value[None] for name, value in zip(names, found, strict=True)}


def _pixels(seen: Looked) -> Values:
    return {OUTSIDE.name: np.array(seen.outside), STRAYS.name: np.array(seen.strays, float)}


def _portrait(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """See a face in a picture (H, W, 3) uint8 through the window around its mesh."""
    seen = portrait_window(mesh.astype(np.float64)).look(picture.astype(np.float32))
    return np.round(np.clip(seen, 0, 255)).astype(np.uint8)


def _jpeg(portraits: Sequence[np.ndarray]) -> bytes:
    """Stack portraits on one another."""
    small = np.vstack([cv2.resize(x, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for x in portraits])
    _, encoded = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(encoded)
