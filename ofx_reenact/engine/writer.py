"""Frames on their way to disk: named channels in the plate's windows and types, written while the next is rendered."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.compose.matte_edge import shape_matte
from ofx_reenact.engine.cast import CastShot
from ofx_reenact.engine.occlusion import Occlusions
from ofx_reenact.engine.plates import Plates
from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.write import write_frame
from ofx_reenact.layers import Moment, channels_of, formats_of
from ofx_reenact.provenance.attributes import FACE, FRAME, PARTS, PIXELS, STILL
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.shot import Shot
from ofx_reenact.stages import stage
from ofx_reenact.temporary import remove_leftovers

# Frames that may wait for the disk: enough to overlap, few enough to keep memory flat.
WRITES_AHEAD = 2
# Frames that are written at once: while one is compressed, another is turned into what is written, digested, or decoded
# again to see whether it is whole. Compressing alone takes about three fifths of the time.
_AT_ONCE = 2

Channels = dict[str, np.ndarray]
Attributes = dict[str, Any]


class FrameWriter:
    """Writes frames in threads, a few ahead, in the plate's windows, types and attributes.

    Attributes:
        written: frames that are on disk, each whole.
    """

    def __init__(
        self,
        settings: Settings,
        plates: Plates,
        shot: Shot | CastShot,
        colour: Colour,
        attributes: Mapping[str, Any],
        faces: Mapping[int, str],
        occlusions: Occlusions | None = None,
    ) -> None:
        """Prepare to write the frames of a shot.

        ``faces`` says how the driver's was found in each; ``occlusions`` makes that layer, if it is asked for.
        """
        self._occlusions = occlusions
        self._settings, self._plates, self._shot, self._faces = settings, plates, shot, faces
        self._attributes = {**attributes, **colour.tags(plates.first.space)}
        self._formats = formats_of(settings.layers, plates.first.plate, settings.depth, shot.members)
        self.written: list[int] = []
        # A render that was killed left some; this process may have written here before that.
        remove_leftovers(Path(settings.output).parent)

    def run(self, frames: Iterator[tuple[int, Frame]]) -> Generator[tuple[int, Frame, str | None], None, None]:
        """Write frames as they come; yields each with the reason if it could not be written.

        When it is closed, or ``frames`` raises, what was rendered is written first.
        """
        waiting: deque[tuple[int, Frame, Attributes, Channels, Future[None]]] = deque()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="write") as pool:
            for frame, result in frames:
                channels = self.channels(frame, result)
                attributes = self.attributes_of(frame, result)
                written = pool.submit(self.write, frame, attributes, channels)
                # What maps are made of is large, and of no more use: it does not wait for the disk.
                waiting.append((frame, result.lighten(), attributes, channels, written))
                while len(waiting) > WRITES_AHEAD:
                    yield self._finish(*waiting.popleft())
            while waiting:
                yield self._finish(*waiting.popleft())

    @stage("write")
    def write(self, frame: int, attributes: Attributes, channels: Channels) -> None:
        """Write one frame, whole or not at all."""
        write_frame(
            frame_path(self._settings.output, frame),
            self._plates.picture(frame).plate,
            channels,
            formats=self._formats,
            compression=self._settings.compression,
            attributes=attributes,
            digest=PIXELS,
        )
        self.written.append(frame)

    def attributes_of(self, frame: int, result: Frame) -> Attributes:
        """Return what a frame says of itself."""
        sure, still = float(result.sure), int(result.still)
        own = {FRAME: frame, FACE: self._faces[frame], STILL: still, "reenact:confidence": sure}
        parts = self._shot.taken(frame)
        return self._attributes | own | ({PARTS: parts} if parts else {})

    @stage("compose")
    def channels(self, frame: int, result: Frame) -> Channels:
        """Compute the channels of the layers asked for."""
        rows, shot, settings = self._shot.rows, self._shot, self._settings
        moment = Moment(
            result,
            self._plates.picture(frame).plate,
            lambda away: shot.carry(frame + away) if frame + away in rows else None,
            (lambda: shot.flow(frame)) if self._plates.moving else None,
            None if self._occlusions is None else partial(self._occlusions.estimate, frame),
            # Pixels of the plate, whatever a proxy has.
            lambda matte: shape_matte(
                matte, settings.matte_erode / settings.proxy, settings.matte_feather / settings.proxy
            ),
        )
        return channels_of(settings.layers, moment)

    def _finish(
        self, frame: int, result: Frame, attributes: Attributes, channels: Channels, written: Future[None]
    ) -> tuple[int, Frame, str | None]:
        """Wait for a frame; one that the disk did not take is written once more before it is named."""
        try:
            written.result()
        except ReenactError:
            try:
                self.write(frame, attributes, channels)
            except ReenactError as error:
                return frame, result, str(error)
        return frame, result, None


