"""Make a performance from all frames of a driver: track each frame, then derive the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.stages import stage
from ofx_reenact.tracking.chosen import LARGEST, Chosen
from ofx_reenact.tracking.cuts import extract_details, find_cuts
from ofx_reenact.tracking.derive import TrackedFrames, derive
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.light import measure_light, measure_skin
from ofx_reenact.tracking.performance import Performance, versions_json
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.tracking.tracker import Track, Tracker


def analyse(
    images: Iterable[tuple[int, np.ndarray | None]],
    tracker: Tracker,
    *,
    name: str,
    fps: Fraction | None,
    smoothing: float = 1.0,
    reference: int | None = None,
    chosen: Chosen = LARGEST,
    on_frame: Callable[[int, bool], None] | None = None,
) -> Performance:
    """Track a driver and make its performance.

    Args:
        images: (frame, (H, W, 3) uint8 RGB) in order; None instead of a picture where the driver lacks the frame.
        name: the driver as the user named it, for messages and the file.
        fps: frames a second; None if unknown.
        smoothing: strength of the smoothing; 0 is off, 1 the default.
        reference: number of the reference frame; None to take the calmest frame.
        chosen: the face that the tracker follows; used in messages only.
        on_frame: called after each frame with its number and whether a face was found.

    Raises:
        TrackingError: the face is in no frame, or not in the reference frame.
    """
    tracks: dict[int, Track | None] = {}
    absent: list[int] = []
    details: list[np.ndarray | None] = []
    brightness: list[tuple[float, np.ndarray]] = []
    size = (0, 0)
    tracker.reset()
    for frame, image in images:
        track = None
        if image is None:
            absent.append(frame)
        else:
            size = (image.shape[1], image.shape[0])
            with stage("track"):
                track = tracker.track(image, frame)
        brightness.append(_measure_brightness(image, track))
        details.append(None if image is None else extract_details(image))
        tracks[frame] = track
        if on_frame:
            on_frame(frame, track is not None)
    if not any(tracks.values()):
        raise TrackingError(f"{name}: {chosen.describe_absence(len(tracks))}")
    if reference is not None and tracks.get(reference) is None:
        raise TrackingError(f"{name}: frame {reference} cannot be the reference, it has no face")
    light = [light for (light, _), track in zip(brightness, tracks.values(), strict=True) if track is not None]
    performance = derive(
        TrackedFrames.of_tracks(tracks, absent, find_cuts(details), light, hand_made=tracker.hand_made),
        size=size,
        fps=f"{fps.numerator}/{fps.denominator}" if fps else "",
        name=name,
        tracker=tracker.name,
        versions=versions_json(tracker.version),
        smoothing=float(smoothing),
        reference=reference,
    )
    return replace(performance, skin=np.array([skin for _, skin in brightness]))


def _measure_brightness(image: np.ndarray | None, track: Track | None) -> tuple[float, np.ndarray]:
    """Return a face's mean luma (0 to 1) and the luma under each skin point (468,) uint8; zeros without a face."""
    if image is None or track is None:
        return 0.0, np.zeros(FACE_POINTS, np.uint8)
    mesh = lift(track.landmarks) if track.mesh is None else track.mesh
    return measure_light(image, mesh), measure_skin(image, mesh)
