"""The requests ``open`` and ``show``: describe a shot's frames, and show one as a small JPEG. No frame is written."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from ofx_reenact.engine.cache import JobCache, stamp
from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.single_frame import collect_notes, face_states, read_keep_mattes, render_one
from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.frames.names import files_of
from ofx_reenact.frames.picture import Picture, read_shown
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.progress import Watch
from ofx_reenact.settings import Settings
from ofx_reenact.settings.option import check_choice
from ofx_reenact.shot.frame import Frame, pixel_grid
from ofx_reenact.shot.motion import turn_confidence
from ofx_reenact.shot.mouth_painter import MouthPainter
from ofx_reenact.shot.shot import Shot, Still
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.retime import driver_positions

# What can be shown of a frame.
SHOWN = ("result", "plate", "driver", "difference", "matte", "confidence", "parts", "stmap", "shading")
SMALLEST, LARGEST = 64, 8192
_JPEG = (
    cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)  # fmt: skip
# Factor on a shown difference, so that a small one is visible; the grey that means "no change" in stmap and shading.
_GAIN, _MIDDLE = 8.0, 0.5


class ShotViewer:
    """Shows the frames of one shot, loaded through the cache.

    Raises:
        ReenactError: an input cannot be used.
        Cancelled: the watch cancelled the job.
    """

    def __init__(self, settings: Settings, watch: Watch, cache: JobCache) -> None:
        if not settings.target:
            raise SettingsError("--target is needed")
        if settings.cast:
            raise SettingsError("--cast: only one person at a time can be shown; name --target and --driver")
        self.settings, self._cache = settings, cache
        self.loader = Loader(settings, cache, watch)

    def describe(self) -> dict[str, Any]:
        """Return the shot's frames with state, confidence and parts, and the notes for the user, as JSON values."""
        loader, shot = self.loader, self.loader.shot
        performance, first = loader.performance, loader.target
        states = face_states(loader, self.settings)
        frames = sorted(shot.motion.rows)
        rate = (loader.plates.sequence.fps if loader.plates.moving else None) or performance.rate
        return {
            "frames": frames,
            "moving": loader.plates.moving,
            "size": list(first.seen_size),
            "fps": float(rate) if rate else None,
            "driver": [int(performance.frames[0]), int(performance.frames[-1])],
            "state": [states[frame].name.lower() for frame in frames],
            "confidence": [round(value, 3) for value in _confidence(shot, frames)],
            "parts": {frame: text for frame in frames if (text := shot.parts.text(frame))},
            "reference": shot.motion.reference,
            "colour": f"{first.space}; {first.reason}",
            "notes": collect_notes(loader),
        }

    def show(self, frame: int, what: str, longest: int, *, draft: bool = False) -> dict[str, Any]:
        """Return one picture of a frame as JPEG in base64, with its size, confidence, parts and timing.

        Args:
            frame: its number in the result.
            what: one of :data:`SHOWN`.
            longest: the picture's longer side has at most so many pixels.
            draft: render faster: reuse the inside of a still's mouth from the last frame that was shown without
                ``draft``, and paint through the smallest window.
        """
        check_choice("show", what, SHOWN)
        if what == "driver":
            return _encoded(self._driver(frame), longest)
        plate = self.loader.plates.picture(frame)
        if what == "plate":
            return _encoded(plate.show(self.loader.colour), longest)
        started = time.perf_counter()
        shot = self._with_mouth_inside(self.loader.shot, draft=draft)
        fitted = time.perf_counter()
        made = self._render(shot, frame, plate)
        done = time.perf_counter()
        found = _encoded(self._to_show(made, plate, what), longest)
        spent = {"fit": fitted - started, "render": done - fitted, "show": time.perf_counter() - done}
        return {
            **found,
            "confidence": round(made.pose_confidence, 4),
            "parts": shot.parts.text(frame),
            "ms": {name: round(1000 * seconds, 1) for name, seconds in spent.items()},
        }

    def _with_mouth_inside(self, shot: Shot, *, draft: bool) -> Shot:
        """Return the shot with the cached inside of the mouth for a draft; else put the shot's own into the cache."""
        settings = self.settings
        files = stamp(*files_of(settings.target))
        key = settings.target, files, settings.target_frame, settings.proxy, settings.profile
        if draft:
            painter = shot.painter
            if isinstance(painter, MouthPainter):
                # The smallest window takes a quarter of the network's time.
                painter = replace(painter, finest=1)
            return replace(shot, shared_interior=self._cache.get("inside", key, lambda: shot.inside), painter=painter)
        self._cache.put("inside", key, shot.inside)
        return shot

    def _render(self, shot: Shot, frame: int, plate: Picture) -> Frame:
        """Render a frame as a render job would."""
        loader, settings = self.loader, self.settings
        tracked = face_states(loader, settings).get(frame, State.TRACKED) is State.TRACKED
        black, unchanged = settings.missing == "black" and not tracked, read_keep_mattes(loader, settings, frame)
        return render_one(shot, frame, plate, black=black, unchanged=unchanged)

    def _to_show(self, made: Frame, plate: Picture, what: str) -> np.ndarray:
        """Return the picture of a frame: (H, W, 3) uint8, in square pixels."""
        colour, squeeze = self.loader.colour, plate.squeeze
        if what in ("result", "difference"):
            shown = squeeze.stretch_picture(colour.to_display(made.colour[..., :3], plate.space))
            if what == "result":
                return shown
            difference = np.abs(shown.astype(np.int16) - plate.show(colour).astype(np.int16)) * _GAIN
            return np.minimum(difference, 255).astype(np.uint8)
        return squeeze.stretch_picture(_levels(_layer(made, what)))

    def _driver(self, frame: int) -> np.ndarray:
        """Return the driver's picture for a frame of the result, or the nearest one that exists."""
        settings, performance = self.settings, self.loader.performance
        name = settings.driver or performance.name
        if not files_of(name):
            raise FrameError(f"{name}: the driver's pictures do not exist; name them with --driver")
        sequence = self._cache.get("footage", (name, stamp(*files_of(name))), lambda: Sequence.open(name))
        wanted = _driver_frame(frame, settings, performance, self.loader.target_performance)
        nearest = min(sequence.frames, key=lambda number: abs(number - wanted))
        space = settings.driver_colorspace or None
        return read_shown(sequence, nearest, self.loader.colour, space, settings.driver_layer)


def _driver_frame(frame: int, settings: Settings, performance: Performance, target: Performance | None) -> float:
    """Return the position in the driver, which may be between two frames, for a frame of the result."""
    if target is None:
        return frame
    positions = driver_positions(target.frames, performance.frames, settings)
    return float(positions[min(max(frame - int(target.frames[0]), 0), len(positions) - 1)])


def _confidence(shot: Shot, frames: list[int]) -> list[float]:
    """Return the confidence of each frame, 0 to 1; for a still, lower where its head has to turn."""
    confidence = [float(shot.motion.confidence[shot.motion.rows[frame]]) for frame in frames]
    if not isinstance(shot.target, Still):
        return confidence
    head, rows = shot.target.picture.head, shot.motion.rows
    turned = (turn_confidence(head, shot.motion.heads.at(rows[frame])) for frame in frames)
    return [one * other for one, other in zip(confidence, turned, strict=True)]


def _layer(made: Frame, what: str) -> np.ndarray:
    """Return a layer of a frame as a picture: (H, W, 3) in [0, 1]."""
    if what == "stmap":
        # How far each pixel was moved: red to the right, green upwards. An eighth of the longer side is 0 or 1.
        height, width = made.shape
        moved = (made.stmap - pixel_grid(height, width)) / max(width, height)
        return np.dstack([_MIDDLE + 4 * moved[..., 0], _MIDDLE - 4 * moved[..., 1], np.full((height, width), _MIDDLE)])
    layer: np.ndarray = getattr(made, what)
    return np.repeat((layer * _MIDDLE if what == "shading" else layer)[..., None], 3, axis=2)


def _levels(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _encoded(picture: np.ndarray, longest: int) -> dict[str, Any]:
    """Reduce a picture (H, W, 3) uint8 to at most ``longest`` pixels and encode it; ``size`` is its size before."""
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return {"picture": as_jpeg(picture), "size": [width, height]}


def as_jpeg(picture: np.ndarray) -> str:
    """Encode a picture (H, W, 3) uint8 as JPEG, in base64."""
    _, encoded = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), _JPEG)
    return base64.b64encode(encoded.tobytes()).decode("ascii")
