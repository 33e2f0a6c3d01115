"""The target's pictures: one, or one a frame, read when they are needed."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Iterable
from functools import cached_property

from ofx_reenact.engine.proxy import Proxy
from ofx_reenact.errors import FrameError
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import Picture, read_picture
from ofx_reenact.frames.plate import Plate
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from ofx_reenact.stages import stage

# Pictures that are kept: the one that is rendered, the next one, which is read meanwhile, and those being written.
_KEPT = 5


class Plates:
    """A target's pictures by frame; those of a still are all the same one. A proxy's are reduced once they are read.

    Attributes:
        sequence: the files.
        moving: whether each frame has a picture of its own.
        frame: the frame of a still, or the first.
    """

    def __init__(self, settings: Settings, colour: Colour) -> None:
        """Open the target's files.

        Raises:
            FrameError: there are none, or not the frame that is asked for.
        """
        self._settings, self._colour = settings, colour
        self.sequence = Sequence.open(settings.target)
        self.moving = settings.target_frame is None and len(self.sequence.frames) > 1
        self.frame = self.sequence.frames.first if settings.target_frame is None else settings.target_frame
        self._pictures: OrderedDict[int, Picture] = OrderedDict()
        self._kept, self._lock = _KEPT, threading.Lock()
        self._lent: dict[int, Picture] = {}

    def apart(self) -> Plates:
        """Return the same pictures, read and kept apart from these, one at a time.

        Who reads frames in another order does not turn these out, and has a video decoder of its own.
        """
        other = copy.copy(self)
        if self.sequence.kind == "video":
            other.sequence = Sequence.open(self._settings.target)
        other._pictures, other._kept, other._lock = OrderedDict(), 1, threading.Lock()
        return other

    def holding(self, frame: int, picture: Picture) -> Plates:
        """Return the same pictures, with another one in a frame: as it is rendered, whatever the file has there."""
        other = copy.copy(self)
        other._lent = {frame: picture}
        return other

    @cached_property
    def first(self) -> Picture:
        """The still, or the first picture, at its whole resolution.

        Raises:
            FrameError: it cannot be read.
        """
        return self._read(self.frame)

    @cached_property
    def proxy(self) -> Proxy:
        """How the pictures that are rendered lie in those that were read.

        Raises:
            FrameError: the first cannot be read.
        """
        return Proxy.of(self.first.plate, self._settings.proxy)

    @cached_property
    def _first(self) -> Picture:
        """The still, or the first picture, as it is rendered."""
        return self.proxy.picture(self.first)

    @property
    def frames(self) -> FrameRange:
        """The frames that have a picture of their own."""
        return self.sequence.frames if self.moving else FrameRange((self.frame,))

    def picture(self, frame: int) -> Picture:
        """Return the picture of a frame as it is rendered; may be called from several threads.

        Raises:
            FrameError: it cannot be read, or is of another size or colour space than the first.
        """
        if frame in self._lent:
            return self._lent[frame]
        if not self.moving or frame == self.frame:
            return self._first
        with self._lock:
            if frame not in self._pictures:
                # Room is made first: a picture of 4K fills 100 MB.
                while len(self._pictures) >= self._kept:
                    self._pictures.popitem(last=False)
                self._pictures[frame] = self.proxy.picture(self._alike(self._read(frame)))
            self._pictures.move_to_end(frame)
            return self._pictures[frame]

    def whole(self, frame: int) -> Picture:
        """Return the picture of a frame at its whole resolution, as faces are found in it; a proxy's is not kept.

        Raises:
            FrameError: as of :meth:`picture`.
        """
        if self._settings.proxy == 1:
            return self.picture(frame)
        if not self.moving or frame == self.frame:
            return self.first
        with self._lock:
            return self._alike(self._read(frame))

    def check(self, frames: Iterable[int]) -> None:
        """Look at the headers of frames of a target that moves, so that a wrong one is found before any is rendered.

        Raises:
            FrameError: one is not there, cannot be read, or is of another format than the first.
        """
        # A video in which the size changes was refused when it was opened.
        if self.moving and self.sequence.kind != "video":
            for frame in frames:
                self._compare(self.sequence.read_header(frame, self._settings.layer), frame)

    @stage("plate")
    def _read(self, frame: int) -> Picture:
        settings = self._settings
        return read_picture(
            settings.target, self._colour, frame, settings.colorspace or None, settings.layer, sequence=self.sequence
        )

    def _alike(self, picture: Picture) -> Picture:
        """Refuse a picture that is not one of the first's sequence."""
        self._compare(picture.plate, picture.frame, picture.space)
        return picture

    def _compare(self, plate: Plate, frame: int, space: str | None = None) -> None:
        """Refuse a frame that is not of the first's format, or not in its colour space if that is given."""
        first, where = self.first, f"{plate.path}: frame {frame}"
        for what, here, there in (
            ("is", plate.display_window, first.plate.display_window),
            ("has a data window of", plate.data_window, first.plate.data_window),
        ):
            if here != there:
                raise FrameError(
                    f"{where} {what} {_said(here)}, frame {first.frame} {_said(there)}"
                    "; bring all frames of the target to one format"
                )
        if Squeeze.of_plate(plate) != first.squeeze:
            raise FrameError(f"{where} has another pixel aspect than {first.frame}")
        if space not in (None, first.space):
            raise FrameError(
                f"{where} is in {space}, frame {first.frame} in {first.space}; name one with --colorspace"
            )
        if plate.channels != first.plate.channels:
            raise FrameError(
                f"{where} has channels {', '.join(plate.channels)}, frame {first.frame} "
                f"{', '.join(first.plate.channels)}"
            )


def _said(window: object) -> str:
    x, y, width, height = (getattr(window, name) for name in ("x", "y", "width", "height"))
    return f"{width}×{height}" + (f" at ({x}, {y})" if x or y else "")
