"""The jobs that an engine does for other programs: the fields of a request in, the fields of its last event out.

This module does not know how requests arrive. Nothing slow is imported before :func:`load_engine` or the first job.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ofx_reenact.engine.cache import JobCache
from ofx_reenact.errors import SettingsError
from ofx_reenact.progress import Watch
from ofx_reenact.settings import Settings

if TYPE_CHECKING:
    from ofx_reenact.service.browser_pages import BrowserPages
    from ofx_reenact.service.request_curves import RequestCurves
    from ofx_reenact.tracking.performance import Performance

# The largest frame number that a file's name can have.
_LARGEST = 999_999_999

Request = Mapping[str, Any]
Values = dict[str, Any]


class Service:
    """Does jobs, one at a time and in one thread, and caches what they load.

    Each public method except :meth:`client_left` is a job: it takes the request's fields and a watch, and returns the
    fields of the event ``done``: JSON values, paths and collections.

    Raises:
        ReenactError: the request or one of its inputs cannot be used.
        Cancelled: the watch cancelled the job.
    """

    def __init__(self) -> None:
        self._cache = JobCache()
        self._shared_memory: set[str] = set()

    def client_left(self) -> None:
        """Remove shared memory that the client has left behind, for example because it was killed."""
        if self._shared_memory:
            from ofx_reenact.service.shared_memory import remove_left_behind

            remove_left_behind(self._shared_memory)
            self._shared_memory.clear()

    def analyse(self, request: Request, watch: Watch) -> Values:
        """Track the driver, find the target's face, and write the analysis files that the settings name."""
        from ofx_reenact.engine.analyse import analyse_inputs

        settings, fresh = _settings(request), request.get("fresh", True)
        if not isinstance(fresh, bool):
            raise SettingsError(f"fresh {fresh!r}: give true or false")
        return analyse_inputs(settings, watch, self._cache, fresh=fresh)

    def render(self, request: Request, watch: Watch) -> Values:
        """Render frames."""
        from ofx_reenact.engine.render_job import Job

        return dataclasses.asdict(Job(_settings(request), watch, self._cache).run())

    def preview(self, request: Request, watch: Watch) -> Values:
        """Render one frame."""
        from ofx_reenact.frames.ranges import FrameRange

        frames = _settings(request).frames
        if not frames or len(FrameRange.parse(frames)) != 1:
            raise SettingsError(f"--frames {frames}: a preview has one frame; name one")
        return self.render(request, watch)

    def open(self, request: Request, watch: Watch) -> Values:
        """Load a shot and describe its frames; writes only analysis files (performance, identity, parts)."""
        from ofx_reenact.service.show_frame import ShotViewer

        return ShotViewer(_settings(request), watch, self._cache).describe()

    def show(self, request: Request, watch: Watch) -> Values:
        """Return a picture of one frame as JPEG; writes nothing."""
        from ofx_reenact.service.show_frame import LARGEST, SHOWN, SMALLEST, ShotViewer

        frame, longest = _whole(request, "frame"), _whole(request, "longest")
        if not SMALLEST <= longest <= LARGEST:
            raise SettingsError(f"longest {longest}: give pixels, {SMALLEST} to {LARGEST}")
        what = _text(request, "what", f"one of {', '.join(SHOWN)}")
        draft = request.get("draft", False)
        if not isinstance(draft, bool):
            raise SettingsError(f"draft {draft!r}: give true or false")
        return ShotViewer(_settings(request), watch, self._cache).show(frame, what, longest, draft=draft)

    def frame(self, request: Request, watch: Watch) -> Values:
        """Render one frame of a host; its pixels come and go through shared memory."""
        from ofx_reenact.service.host_frame import render_frame
        from ofx_reenact.service.shared_pixels import SharedPixels

        settings, frame = _settings(request), _whole(request, "frame")
        pixels = SharedPixels.of(request.get("pixels"), result=True)
        self._shared_memory.add(pixels.mapping)
        if request.get("curves", {}) != {}:
            settings = self._curves.apply(settings, request["curves"])
        space = _text(request, "space", "a colour space's name; empty for that of the target's file")
        return render_frame(settings, frame, pixels, space, watch, self._cache)

    def store(self, request: Request, watch: Watch) -> Values:
        """Write one frame of a host's clip, whose pixels come through shared memory."""
        from ofx_reenact.engine.cache import colour_key
        from ofx_reenact.frames.colour import Colour
        from ofx_reenact.service.shared_pixels import SharedPixels
        from ofx_reenact.service.store_frame import read_aspect, read_rate, store_frame

        pixels = SharedPixels.of(request.get("pixels"), result=False)
        self._shared_memory.add(pixels.mapping)
        colour = self._cache.get("colour", colour_key(), Colour)
        space = _text(request, "space", "a colour space's name; empty for none")
        written = store_frame(
            str(_path(request, "file")), _whole(request, "frame"), pixels, colour, space,
            read_aspect(request.get("aspect")), read_rate(request.get("fps")),
        )  # fmt: skip
        return {"file": str(written)}

    def page(self, request: Request, watch: Watch) -> Values:
        """Start a browser page that shows the target and driver of the settings; return its address."""
        browser = request.get("browser", True)
        if not isinstance(browser, bool):
            raise SettingsError(f"browser {browser!r}: give true or false")
        return {"address": self._pages.open(_settings(request), watch, browser=browser)}

    def landmarks(self, request: Request, watch: Watch) -> Values:
        """Return the landmarks of a performance's frames as they were found or placed."""
        from ofx_reenact.frames.ranges import FrameRange
        from ofx_reenact.tracking.edit import landmarks_of
        from ofx_reenact.tracking.landmark_file import plain_landmarks

        performance = self._performance(request)
        frames = _text(request, "frames", "a range as 1001-1010")
        found = landmarks_of(performance, FrameRange.parse(frames) if frames else None)
        return {"size": list(performance.file_size), "frames": plain_landmarks(found)}

    def place(self, request: Request, watch: Watch) -> Values:
        """Replace landmarks by hand-placed ones and write the performance that is derived from them."""
        from ofx_reenact.engine.analyse import describe_performance
        from ofx_reenact.engine.inputs import save_performance
        from ofx_reenact.tracking.edit import place
        from ofx_reenact.tracking.landmark_file import by_number, check_landmarks

        performance, output = self._performance(request), _path(request, "output")
        edited = place(performance, by_number(check_landmarks(request.get("frames"), "place"), "place"))
        save_performance(output, edited, self._cache)
        return {**describe_performance(edited), "performance": str(output), "identity": ""}

    def curves(self, request: Request, watch: Watch) -> Values:
        """Return the curves of head rotation and blendshapes over a performance's frames."""
        from ofx_reenact.tracking.curves import curves

        return curves(self._performance(request))

    def faces(self, request: Request, watch: Watch) -> Values:
        """List the people in the driver, or in the target if no driver is named."""
        from ofx_reenact.engine.list_faces import list_faces
        from ofx_reenact.engine.make_identity import target_as_driver
        from ofx_reenact.frames.colour import Colour

        settings = _settings(request)
        if not (settings.driver or settings.target):
            raise SettingsError("name --driver or --target: the footage whose faces are listed")
        found = list_faces(settings if settings.driver else target_as_driver(settings), Colour(), watch)
        if not request.get("thumbnails"):
            return found.values
        from ofx_reenact.service.show_frame import as_jpeg

        return {**found.values, "thumbnails": [as_jpeg(one) for one in found.thumbnails]}

    def job(self, request: Request, watch: Watch) -> Values:
        """Write a farm's job file; return its content, its chunks and the command that renders it."""
        from ofx_reenact.engine.check_paths import check_paths
        from ofx_reenact.farm.farm_job import FarmJob

        file = _path(request, "file")
        job = FarmJob.of(_settings(request), name=_text(request, "name", "the job's, as text"))
        check_paths(job.settings, ("the job's file", file))
        job.save(file)
        command = ["-m", "ofx_reenact", "job", "task", str(file), "render"]
        return {**job.as_dict(), "chunks": [str(chunk) for chunk in job.chunks], "file": str(file), "command": command}

    @cached_property
    def _pages(self) -> BrowserPages:
        from ofx_reenact.service.browser_pages import BrowserPages

        return BrowserPages()

    @cached_property
    def _curves(self) -> RequestCurves:
        from ofx_reenact.service.request_curves import RequestCurves

        return RequestCurves()

    def _performance(self, request: Request) -> Performance:
        from ofx_reenact.engine.inputs import load_performance

        return load_performance(_path(request, "performance"), self._cache)


# The jobs, by the value of a request's field ``do``.
JOBS: dict[str, Callable[[Service, Request, Watch], Values]] = {
    "analyse": Service.analyse, "render": Service.render, "preview": Service.preview, "open": Service.open,
    "show": Service.show, "landmarks": Service.landmarks, "place": Service.place, "curves": Service.curves,
    "faces": Service.faces, "job": Service.job, "frame": Service.frame,
    "store": Service.store, "page": Service.page,
}  # fmt: skip


def load_engine() -> None:
    """Import everything slow now, so that the first job need not."""
    importlib.import_module("ofx_reenact.engine.render_job")


def _settings(request: Request) -> Settings:
    values = request.get("settings")
    if not isinstance(values, dict):
        raise SettingsError('settings are needed, as {"target": "T.exr", …}')
    return Settings.from_dict(values)


def _path(request: Request, name: str) -> Path:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{name}: a path is needed")
    return Path(value)


def _text(request: Request, name: str, expected: str) -> str:
    value = request.get(name) or ""
    if not isinstance(value, str):
        raise SettingsError(f"{name} {value!r}: give {expected}")
    return value


def _whole(request: Request, name: str) -> int:
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST:
        raise SettingsError(f"{name} {str(value)[:40]!r}: give a whole number of nine digits at most")
    return value
