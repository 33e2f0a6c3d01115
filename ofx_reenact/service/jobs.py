"""The jobs that an engine does for other programs: plain values in, plain values out, whatever carries them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ofx_reenact.engine.loader import Loader, keep_performance, load_performance
from ofx_reenact.engine.run import Job
from ofx_reenact.engine.warm import Warm
from ofx_reenact.errors import SettingsError
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.progress import Progress, Watch
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.curves import curves
from ofx_reenact.tracking.edit import landmarks_of, place
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.placed import by_number, check_landmarks, plain_landmarks

Values = dict[str, Any]


class Service:
    """Does one job at a time and keeps what jobs load.

    Each method is a job: it takes the request's fields and a watch, and returns what came of it.

    Raises:
        ReenactError: the request or its input cannot be used.
        Cancelled: the watch ended the job.
    """

    def __init__(self) -> None:
        self._warm = Warm()

    def analyse(self, request: Mapping[str, Any], watch: Watch) -> Values:
        """Track the driver and find the target's face, and write the files that are named for them."""
        settings, fresh = _settings(request), request.get("fresh", True)
        if not isinstance(fresh, bool):
            raise SettingsError(f"fresh {fresh!r}: give true or false")
        if not settings.performance:
            raise SettingsError("analyse writes a performance file; name it in settings.performance")
        if settings.identity and not settings.target:
            raise SettingsError("--target is needed to make an --identity")
        loader = Loader(settings, self._warm, watch, fresh=fresh)
        if settings.identity:
            watch(Progress("target", 0, 1, None, settings.target))
            _ = loader.identity
            watch(Progress("target", 1, 1, None))
        return {**_about(loader.performance), "performance": settings.performance, "identity": settings.identity}

    def render(self, request: Mapping[str, Any], watch: Watch) -> Values:
        """Render frames."""
        return dataclasses.asdict(Job(_settings(request), watch, self._warm).run())

    def preview(self, request: Mapping[str, Any], watch: Watch) -> Values:
        """Render one frame."""
        frames = _settings(request).frames
        if not frames or len(FrameRange.parse(frames)) != 1:
            raise SettingsError(f"--frames {frames}: a preview is of one frame")
        return self.render(request, watch)

    def landmarks(self, request: Mapping[str, Any], watch: Watch) -> Values:
        """Return the raw landmarks of a performance's frames."""
        performance = load_performance(_path(request, "performance"), self._warm)
        wanted = request.get("frames") or None
        if not isinstance(wanted, str | None):
            raise SettingsError(f"frames {wanted!r}: give a range as 1001-1010")
        found = landmarks_of(performance, FrameRange.parse(wanted) if wanted else None)
        return {"size": list(performance.size), "frames": plain_landmarks(found)}

    def place(self, request: Mapping[str, Any], watch: Watch) -> Values:
        """Replace landmarks by hand-placed ones and write the performance that follows from them."""
        path, output = _path(request, "performance"), _path(request, "output")
        placed = by_number(check_landmarks(request.get("frames"), "place"), "place")
        edited = place(load_performance(path, self._warm), placed)
        keep_performance(output, edited, self._warm)
        return {**_about(edited), "performance": str(output), "identity": ""}

    def curves(self, request: Mapping[str, Any], watch: Watch) -> Values:
        """Return head rotation and blendshapes over a performance's frames."""
        return curves(load_performance(_path(request, "performance"), self._warm))


def _settings(request: Mapping[str, Any]) -> Settings:
    values = request.get("settings")
    if not isinstance(values, dict):
        raise SettingsError('settings are needed, as {"target": "T.exr", …}')
    return Settings.from_dict(values)


def _path(request: Mapping[str, Any], name: str) -> Path:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{name}: a path is needed")
    return Path(value)


def _about(performance: Performance) -> Values:
    """Return what a client shows of a performance; ranges of frames as text."""
    p, tracked = performance, performance.state == State.TRACKED
    ranges = {
        "tracked": p.frames[tracked],
        "bridged": p.frames[p.state == State.BRIDGED],
        "held": p.frames[p.state == State.HELD],
        "absent": p.absent,
        "hand_made": p.frames[p.hand_made],
    }
    return {
        "first": int(p.frames[0]),
        "last": int(p.frames[-1]),
        "reference": p.reference,
        **{name: str(FrameRange.of(frames)) for name, frames in ranges.items()},
        "confidence": round(float(p.confidence[tracked].min()), 4),
        "size": list(p.size),
        "fps": p.fps,
    }
