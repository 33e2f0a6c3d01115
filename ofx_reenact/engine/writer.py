"""Write frames as EXR, in the plate's windows and channel types, in threads while the next frame is rendered."""

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
from ofx_reenact.layers import FrameContext, channels_of, formats_of
from ofx_reenact.provenance.attributes import FACE, FRAME, PARTS, PIXELS, STILL
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.shot import Shot
from ofx_reenact.stages import stage
from ofx_reenact.temporary import remove_leftovers

# Frames that may wait to be written: enough for writing to overlap with rendering, few enough to limit memory.
WRITES_AHEAD = 2
# Writer threads: while one compresses a frame, the other converts or digests another, or reads it back to check it.
# Compression takes about three fifths of the time.
_THREADS = 2

Channels = dict[str, np.ndarray]
Attributes = dict[str, Any]


class FrameWriter:
    """Writes frames in threads, with the plate's windows, channel types and attributes.

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
        """Prepare to write the frames of a shot, and remove temporary files that a killed render left in the folder.

        ``faces`` is how the driver's face was found, by frame; ``occlusions`` makes the layer ``occlusion``, if any.
        """
        self._occlusions = occlusions
        self._settings, self._plates, self._shot, self._faces = settings, plates, shot, faces
        self._attributes = {**attributes, **colour.tags(plates.first.space)}
        self._formats = formats_of(settings.layers, plates.first.plate, settings.depth, shot.members)
        self.written: list[int] = []
        # Done for each job: another render into the folder may have been killed since the last one.
        remove_leftovers(Path(settings.output).parent)

    def run(self, frames: Iterator[tuple[int, Frame]]) -> Generator[tuple[int, Frame, str | None], None, None]:
        """Write frames as they come; yield (number, frame, reason): why it could not be written, None if it was.

        If this generator is closed or ``frames`` raises, the frames that were rendered are written first.
        """
        waiting: deque[tuple[int, Frame, Attributes, Channels, Future[None]]] = deque()
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="write") as pool:
            for frame, result in frames:
                channels = self.channels(frame, result)
                attributes = self.attributes_of(frame, result)
                written = pool.submit(self.write, frame, attributes, channels)
                # Free what the layers were computed from: it is large and no longer needed.
                waiting.append((frame, result.drop_maps(), attributes, channels, written))
                while len(waiting) > WRITES_AHEAD:
                    yield self._finish(*waiting.popleft())
            while waiting:
                yield self._finish(*waiting.popleft())

    @stage("write")
    def write(self, frame: int, attributes: Attributes, channels: Channels) -> None:
        """Write one frame, whole or not at all. Runs in a writer thread."""
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
        """Return the EXR attributes of a frame."""
        confidence, unchanged = float(result.pose_confidence), int(result.unchanged)
        values = {FRAME: frame, FACE: self._faces[frame], STILL: unchanged, "reenact:confidence": confidence}
        parts = self._shot.describe_parts(frame)
        return self._attributes | values | ({PARTS: parts} if parts else {})

    @stage("compose")
    def channels(self, frame: int, result: Frame) -> Channels:
        """Compute the channels of the layers in ``--layers``."""
        rows, shot, settings = self._shot.rows, self._shot, self._settings
        context = FrameContext(
            result,
            self._plates.picture(frame).plate,
            lambda n: shot.carry(frame + n) if frame + n in rows else None,
            (lambda: shot.flow(frame)) if self._plates.moving else None,
            None if self._occlusions is None else partial(self._occlusions.estimate, frame),
            # The options are in pixels of the plate, not of the proxy.
            lambda matte: shape_matte(
                matte, settings.matte_erode / settings.proxy, settings.matte_feather / settings.proxy
            ),
        )
        return channels_of(settings.layers, context)

    def _finish(
        self, frame: int, result: Frame, attributes: Attributes, channels: Channels, written: Future[None]
    ) -> tuple[int, Frame, str | None]:
        """Wait until a frame is written; after an error try once more, then return the reason."""
        try:
            written.result()
        except ReenactError:
            try:
                self.write(frame, attributes, channels)
            except ReenactError as error:
                return frame, result, str(error)
        return frame, result, None


