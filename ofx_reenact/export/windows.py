"""Write the mouth window of each frame, FD-GAN's input, as an EXR sequence, to run FD-GAN in another program."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ofx_reenact import provenance
from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.check_paths import check_paths
from ofx_reenact.engine.render_job import Job, LoadedJob
from ofx_reenact.export.network import INPUTS, draw_lines
from ofx_reenact.export.nuke_script import put_back_script, write_text
from ofx_reenact.fdgan.window import MOUTH_SIZE, Window
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.plate import Plate, write_rate
from ofx_reenact.frames.plate import Window as Box
from ofx_reenact.frames.write import write_frame
from ofx_reenact.progress import Observer, Progress, Watch, ignore
from ofx_reenact.settings import Settings
from ofx_reenact.shot.make_frame import make_frame
from ofx_reenact.shot.mouth_painter import RepairInput, compute_repair_input
from ofx_reenact.shot.shot import Shot
from ofx_reenact.shot.view import display_for
from ofx_reenact.tracking.performance import State


@dataclass(frozen=True)
class WindowsReport:
    """What was written.

    Attributes:
        output: the windows' pattern.
        written, skipped: frames written now, and frames that existed already.
        held, bridged: written frames in which the driver's face is held from another frame, or interpolated.
        warnings: notes for the user.
        script: the Nuke script that reads the windows and puts them back.
        seconds: how long it took.
    """

    output: str
    written: tuple[int, ...]
    skipped: tuple[int, ...]
    held: tuple[int, ...]
    bridged: tuple[int, ...]
    warnings: tuple[str, ...]
    script: Path
    seconds: float


def write_windows(settings: Settings, observe: Observer = ignore) -> WindowsReport:
    """Write FD-GAN's input for each frame of a render, and the Nuke script beside it.

    Of the output options only ``output``, ``frames`` and ``existing`` have an effect.

    Raises:
        ReenactError: an input cannot be used, or a frame cannot be written.
    """
    started = time.monotonic()
    script = provenance.beside(settings.output, ".nk")
    check_paths(settings, ("the script,", script))
    job = Job(settings, Watch(observe), JobCache())
    opened = job.open()
    shot, target = job.loader.shot, opened.target
    view = shot.target.view(opened.plan.frames.first)
    display = display_for(view.pixels, view.mesh, target.space, job.colour)
    common = provenance.frame_attributes(
        weights_sha256=job.weights.sha256,
        fdgan_sha256=job.fdgan.sha256 if job.fdgan else provenance.NO_FDGAN,
        target=Path(settings.target).name,
        driver=Path(opened.performance.name).name,
        consent=None,
        made_of=opened.made_of.digest,
    ) | {"oiio:ColorSpace": job.colour.srgb(), "reenact:exposure": float(display.exposure)}
    blank = _blank(opened.performance.rate)
    for done, frame in enumerate(opened.plan.todo, start=1):
        seen = see_frame(shot, frame)
        place = {
            "reenact:window": tuple(map(float, _file_matrix(seen.window, opened).ravel())),
            "reenact:corners": tuple(map(float, corners(seen.window, opened.target.plate).ravel())),
            "reenact:missing": float(seen.missing),
        }
        channels = dict(zip(INPUTS, np.moveaxis(channels_of(seen), -1, 0), strict=True))
        write_frame(
            frame_path(settings.output, frame), blank, channels, formats=dict.fromkeys(INPUTS, "float"),
            attributes=common | place,
        )  # fmt: skip
        observe(Progress("render", done, len(opened.plan.todo), frame))
    # For all frames of the shot, not just those written now, so that all chunks of a job write the same script.
    pins = {f: corners(window_of(shot, f), opened.target.plate) for f in opened.plan.states}
    write_text(script, put_back_script(Path(settings.output).absolute(), MOUTH_SIZE, pins))
    written = tuple(opened.plan.todo)
    held, bridged = (
        tuple(f for f in written if opened.plan.states[f] is state) for state in (State.HELD, State.BRIDGED)
    )
    return WindowsReport(
        settings.output, written, tuple(opened.plan.skipped), held, bridged, job.warnings(opened), script,
        round(time.monotonic() - started, 2),
    )  # fmt: skip


def see_frame(shot: Shot, frame: int) -> RepairInput:
    """Return FD-GAN's input for a frame of a shot: window, picture, landmarks and maps.

    Raises:
        SettingsError: the performance has no such frame, or the target has no display encoding.
    """
    view, pose = shot.target.view(frame), shot.pose(frame)
    return compute_repair_input(Window.of_mouth(view.frontal, pose.head), make_frame(view, pose), view, pose)


def window_of(shot: Shot, frame: int) -> Window:
    """Return the mouth's window in a frame of a shot.

    Raises:
        SettingsError: the performance has no such frame.
    """
    return Window.of_mouth(shot.target.view(frame).frontal, shot.pose(frame).head)


def channels_of(seen: RepairInput) -> np.ndarray:
    """Return the exported network's input channels, (h, w, 11) float32 in the order of :data:`INPUTS`."""
    height, width = seen.picture.shape[:2]
    return np.dstack([seen.picture, draw_lines(seen.landmarks, height, width), seen.maps]).astype(np.float32)


def corners(window: Window, plate: Plate) -> np.ndarray:
    """Return the corners (4, 2) of a window in the plate, for Nuke's CornerPin2D.

    Convention: pixels of the plate, y up, (0, 0) is the lower left *corner* of its display window. Order: lower left,
    lower right, upper right, upper left.
    """
    width, height = window.size
    edges = np.array([[0, height], [width, height], [width, 0], [0, 0]]) - 0.5
    inside = Squeeze.of_plate(plate).to_file(edges @ window.matrix[:, :2].T + window.matrix[:, 2])
    data, display = plate.data_window, plate.display_window
    left, top = data.x - display.x + 0.5, data.y - display.y + 0.5
    return np.stack([inside[:, 0] + left, display.height - (inside[:, 1] + top)], -1)


def _file_matrix(window: Window, opened: LoadedJob) -> np.ndarray:
    """Return the window's matrix (2, 3) in pixels of the plate's file: y down, (0, 0) the centre of the first pixel."""
    data, squeeze = opened.target.plate.data_window, opened.target.squeeze
    matrix = window.matrix / np.array([[squeeze.x], [squeeze.y]])
    matrix[:, 2] = squeeze.to_file(window.matrix[:, 2])
    return matrix + np.array([[0, 0, data.x], [0, 0, data.y]])


def _blank(rate: Any) -> Plate:
    """Return a plate of the window's size, as the header for writing."""
    spec = oiio.ImageSpec(*MOUTH_SIZE, len(INPUTS), oiio.FLOAT)
    if rate is not None:
        write_rate(spec, rate)
    box = Box(0, 0, *MOUTH_SIZE)
    return Plate(Path(), np.zeros((0, 0, 3), np.float32), None, {}, box, box, rate, "float", None, spec, ())
