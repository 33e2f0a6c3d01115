"""Frames on their way to disk: named channels in the plate's windows and types, written while the next is rendered."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.engine.channels import formats_of
from ofx_reenact.engine.inputs import TargetPicture
from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.sequence import frame_path
from ofx_reenact.frames.write import write_frame
from ofx_reenact.settings import Settings
from ofx_reenact.shot.reenactor import Frame
from ofx_reenact.warp.stmap import to_nuke

# Frames that may wait for the disk: enough to overlap, few enough to keep memory flat.
WRITES_AHEAD = 2


class FrameWriter:
    """Writes frames in a thread, a few ahead, in the plate's windows, types and attributes.

    Attributes:
        written: frames that are on disk, each whole.
    """

    def __init__(
        self, settings: Settings, target: TargetPicture, colour: Colour, attributes: Mapping[str, Any]
    ) -> None:
        self._settings, self._target = settings, target
        self._attributes = {**attributes, "oiio:ColorSpace": target.space}
        if chromaticities := colour.chromaticities(target.space):
            self._attributes["chromaticities"] = chromaticities
        self._formats = formats_of(settings, target.plate)
        self.written: list[int] = []

    def run(self, frames: Iterator[tuple[int, Frame]]) -> Generator[tuple[int, Frame, str | None], None, None]:
        """Write frames as they come; yields each with the reason if it could not be written.

        When it is closed, or ``frames`` raises, what was rendered is written first.
        """
        waiting: deque[tuple[int, Frame, Future[None]]] = deque()
        with ThreadPoolExecutor(1, thread_name_prefix="write") as pool:
            for frame, result in frames:
                waiting.append((frame, result, pool.submit(self.write, frame, result)))
                while len(waiting) > WRITES_AHEAD:
                    yield self._finish(*waiting.popleft())
            while waiting:
                yield self._finish(*waiting.popleft())

    def write(self, frame: int, result: Frame) -> None:
        """Write one frame, whole or not at all."""
        write_frame(
            frame_path(self._settings.output, frame),
            self._target.plate,
            self.channels(result),
            formats=self._formats,
            compression=self._settings.compression,
            attributes={**self._attributes, "reenact:confidence": float(result.sure)},
        )
        self.written.append(frame)

    def channels(self, result: Frame) -> dict[str, np.ndarray]:
        """Name the channels of the layers asked for."""
        layers, plate = self._settings.layers, self._target.plate
        channels: dict[str, np.ndarray] = {}
        if "rgba" in layers:
            channels |= {name: result.colour[..., i] for i, name in enumerate("RGBA"[: result.colour.shape[2]])}
        if "stmap" in layers:
            display, data = plate.display_window, plate.data_window
            channels["stmap.u"], channels["stmap.v"] = to_nuke(
                result.stmap[..., 0] + data.x, result.stmap[..., 1] + data.y,
                display.width, display.height, display.x, display.y,
            )  # fmt: skip
        return channels | {layer: getattr(result, layer) for layer in ("matte", "confidence") if layer in layers}

    def _finish(self, frame: int, result: Frame, written: Future[None]) -> tuple[int, Frame, str | None]:
        """Wait for a frame; one that the disk did not take is written once more before it is named."""
        try:
            written.result()
        except ReenactError:
            try:
                self.write(frame, result)
            except ReenactError as error:
                return frame, result, str(error)
        return frame, result, None


def confidence_of(path: Path) -> float | None:
    """Return how sure a frame that was written before is; None if it does not say."""
    source = oiio.ImageInput.open(str(path))
    if source is None:
        return None
    sure = source.spec().getattribute("reenact:confidence")
    source.close()
    return round(float(sure), 4) if isinstance(sure, float) else None
