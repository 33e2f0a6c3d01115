"""From a whole driver to a performance: track frame by frame, then derive the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.stages import stage
from ofx_reenact.tracking.derive import Found, derive
from ofx_reenact.tracking.performance import Performance, versions_json
from ofx_reenact.tracking.tracker import Track, Tracker


def analyse(
    images: Iterable[tuple[int, np.ndarray | None]],
    tracker: Tracker,
    *,
    name: str,
    fps: Fraction | None,
    smoothing: float = 1.0,
    reference: int | None = None,
    on_frame: Callable[[int, bool], None] | None = None,
) -> Performance:
    """Track a driver and make its performance.

    Args:
        images: (frame, (H, W, 3) uint8 RGB) in order, None where the driver has no such frame.
        tracker: what finds the face.
        name: the driver as the user named it, for messages and the file.
        fps: its rate, if known.
        smoothing: strength; 0 is off, 1 the default.
        reference: the frame at rest, if a person chose one.
        on_frame: called after each frame with whether it has a face.

    Raises:
        TrackingError: no frame has a face, or the chosen reference is not one with a face.
    """
    frames: list[int] = []
    tracks: list[Track | None] = []
    absent: list[int] = []
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
        frames.append(frame)
        tracks.append(track)
        if on_frame:
            on_frame(frame, track is not None)
    seen = {frame for frame, track in zip(frames, tracks, strict=True) if track is not None}
    if not seen:
        raise TrackingError(f"{name}: no face was found in any of {len(frames)} frames")
    if reference is not None and reference not in seen:
        raise TrackingError(f"{name}: frame {reference} cannot be the reference, it has no face")
    return derive(
        Found.of_tracks(frames, absent, tracks, hand_made=tracker.hand_made),
        size=size,
        fps=f"{fps.numerator}/{fps.denominator}" if fps else "",
        name=name,
        tracker=tracker.name,
        versions=versions_json(tracker.version),
        smoothing=float(smoothing),
        reference=reference,
    )
