"""Read the inputs of a job: the target's picture, performance files, and the driver's pictures; track the driver."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ofx_reenact.device import choose_device
from ofx_reenact.engine.cache import JobCache, stamp
from ofx_reenact.engine.choose_face import choose_face
from ofx_reenact.engine.input_digests import Digest, performance_made_of
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.picture import Picture, read_picture, read_shown
from ofx_reenact.frames.plate import Plate
from ofx_reenact.frames.preview import write_png
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.progress import Observer, Progress
from ofx_reenact.settings import Settings
from ofx_reenact.threads import cores
from ofx_reenact.tracking.analyse import analyse
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.overlay import draw_overlay
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.trackers import make_tracker

# Frames that are read at the same time: with four, reading is about as fast as tracking.
_AHEAD = 4


def read_target(settings: Settings, colour: Colour) -> Picture:
    """Read the target's picture; errors are those of :func:`~ofx_reenact.frames.picture.read_picture`."""
    return read_picture(settings.target, colour, settings.target_frame, settings.colorspace or None, settings.layer)


def track_driver(
    settings: Settings,
    driver: Sequence,
    colour: Colour,
    observe: Observer,
    digest: Digest = sha256_of,
    note: Callable[[str], None] = lambda text: None,
) -> Performance:
    """Track a whole driver sequence; frames are read ahead of the tracker in threads.

    Args:
        settings: tracker, face, landmarks, smoothing, colour space and device; ``reference`` is stored in the result.
        driver: the sequence to track.
        colour: the colour config.
        observe: called after each frame; if it raises, the reading threads end first.
        digest: returns the SHA-256 of files.
        note: called with each note for the user on how the driver is read.

    Raises:
        TrackingError, FrameError: the driver cannot be read or shows no face.
    """
    device = choose_device(settings.device)
    first = driver.read_header(driver.frames.first, settings.driver_layer)
    aspect = Squeeze.of_plate(first).aspect
    frames = FrameRange.parse(f"{driver.frames.first}-{driver.frames.last}")
    done = 0
    for text in dict.fromkeys((*driver.notes, *first.notes, *_colour_notes(first, settings, colour))):
        observe(Progress("driver", 0, len(frames), None, text))
        note(text)
    # Computed before a frame is read: if the files change during tracking, their digest later differs from this one.
    made_of = performance_made_of(replace(settings, driver=driver.name), digest).text
    chosen = choose_face(
        settings, driver, first, colour, lambda some: driver_images(driver, some, settings, colour), note
    )
    tracker = make_tracker(
        settings.tracker, face=chosen, landmarks=settings.landmarks, device=device, aspect=aspect
    )

    def on_frame(frame: int, found: bool) -> None:
        nonlocal done
        done += 1
        observe(Progress("driver", done, len(frames), frame, "" if found else "no face"))

    with contextlib.closing(images_ahead(driver, frames, settings, colour)) as images:
        performance = analyse(
            images,
            tracker,
            name=driver.name,
            fps=driver.fps,
            smoothing=settings.smoothing,
            reference=settings.reference,
            chosen=chosen,
            on_frame=on_frame,
        )
    return replace(performance, made_of=made_of, aspect=aspect)


def _colour_notes(plate: Plate, settings: Settings, colour: Colour) -> list[str]:
    """Return a note if a driver's colour tags could not be used."""
    space, reason = colour.choose(plate, settings.driver_colorspace or None)
    # Only a reason with a semicolon tells of a tag that could not be used.
    return [f"{plate.path}: taken to be {space} ({reason})"] if ";" in reason else []


def draw_overlays(driver: Sequence, performance: Performance, settings: Settings, colour: Colour, pattern: str) -> None:
    """Write the driver's frames as PNG with the tracked mesh, landmarks and state drawn in.

    ``pattern`` is ``NAME.####.png``; it gets the driver's frame numbers.

    Raises:
        SettingsError: the pattern has no padding or is not PNG.
        OutputError: a picture cannot be written.
    """
    mesh = performance.mesh
    for row, (frame, image) in enumerate(driver_images(driver, FrameRange.of(performance.frames), settings, colour)):
        if image is not None:
            text = f"{frame}  {State(int(performance.state[row])).name.lower()}  {performance.confidence[row]:.2f}"
            landmarks = mesh[row, list(MESH68), :2]
            write_png(frame_path(pattern, frame, ".png"), draw_overlay(image, landmarks, mesh[row], text))


def driver_images(
    driver: Sequence, frames: FrameRange, settings: Settings, colour: Colour
) -> Iterator[tuple[int, np.ndarray | None]]:
    """Yield (frame, picture (H, W, 3) uint8 for trackers); None for the picture of a frame that does not exist."""
    for frame, read in _readers(driver, frames, settings, colour):
        yield frame, read()


def images_ahead(
    driver: Sequence, frames: FrameRange, settings: Settings, colour: Colour
) -> Generator[tuple[int, np.ndarray | None], None, None]:
    """Yield the same as :func:`driver_images`, reading the next frames in threads."""
    # A video is decoded in order, so threads would not help.
    count = 1 if driver.kind == "video" else min(cores(), _AHEAD)
    waiting: deque[tuple[int, Future[np.ndarray | None]]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="read") as pool:
        try:
            for frame, read in _readers(driver, frames, settings, colour):
                waiting.append((frame, pool.submit(read)))
                if len(waiting) > count:
                    first, image = waiting.popleft()
                    yield first, image.result()
            while waiting:
                first, image = waiting.popleft()
                yield first, image.result()
        finally:
            for _, image in waiting:
                image.cancel()


def _readers(
    driver: Sequence, frames: FrameRange, settings: Settings, colour: Colour
) -> Iterator[tuple[int, Callable[[], np.ndarray | None]]]:
    """Yield (frame, function that reads it)."""
    present, space = set(driver.frames), settings.driver_colorspace or None

    def read(frame: int) -> np.ndarray | None:
        return read_shown(driver, frame, colour, space, settings.driver_layer) if frame in present else None

    for frame in frames:
        yield frame, partial(read, frame)


def load_performance(path: Path, cache: JobCache) -> Performance:
    """Read a performance file, or take it from the cache if the file has not changed.

    Raises:
        TrackingError: the file does not exist or cannot be used.
    """
    return cache.get("performance", stamp(path), lambda: Performance.load(path))


def save_performance(path: Path, performance: Performance, cache: JobCache) -> None:
    """Write a performance file and put the performance into the cache.

    Raises:
        OutputError: the file cannot be written.
    """
    performance.save(path)
    cache.put("performance", stamp(path), performance)
