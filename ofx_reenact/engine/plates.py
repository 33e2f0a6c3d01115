"""The target's pictures: one for all frames, or one for each. They are read when needed; the last few are kept."""

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

# Pictures that are kept: the one being rendered, the next one, which is read meanwhile, and those being written.
_KEPT = 5


class Plates:
    """The pictures of a target by frame; a still has the same one in all frames. ``--proxy`` reduces their resolution.

    Attributes:
        sequence: the files.
        moving: whether each frame has a picture of its own.
        frame: the frame number of a still, or the first one of a moving target.
    """

    def __init__(self, settings: Settings, colour: Colour) -> None:
        """Open the target's files.

        Raises:
            FrameError: there are none, or not the frame that ``--target-frame`` names.
        """
        self._settings, self._colour = settings, colour
        self.sequence = Sequence.open(settings.target)
        self.moving = settings.target_frame is None and len(self.sequence.frames) > 1
        self.frame = self.sequence.frames.first if settings.target_frame is None else settings.target_frame
        self._pictures: OrderedDict[int, Picture] = OrderedDict()
        self._kept, self._lock = _KEPT, threading.Lock()
        self._replaced: dict[int, Picture] = {}

    def separate_reader(self) -> Plates:
        """Return a second reader of the same files, which keeps one picture and has its own video decoder.

        For reading frames in another order than they are rendered, without evicting the pictures kept here.
        """
        other = copy.copy(self)
        if self.sequence.kind == "video":
            other.sequence = Sequence.open(self._settings.target)
        other._pictures, other._kept, other._lock = OrderedDict(), 1, threading.Lock()
        return other

    def with_picture(self, frame: int, picture: Picture) -> Plates:
        """Return the same pictures, with one frame's replaced by ``picture``, which is at the proxy's resolution."""
        other = copy.copy(self)
        other._replaced = {frame: picture}
        return other

    @cached_property
    def first(self) -> Picture:
        """The still or first picture, at full resolution.

        Raises:
            FrameError: it cannot be read.
        """
        return self._read(self.frame)

    @cached_property
    def proxy(self) -> Proxy:
        """The proxy that these pictures are reduced to.

        Raises:
            FrameError: the first picture cannot be read.
        """
        return Proxy.of(self.first.plate, self._settings.proxy)

    @cached_property
    def _first_at_proxy(self) -> Picture:
        """The still or first picture, at the proxy's resolution."""
        return self.proxy.picture(self.first)

    @property
    def frames(self) -> FrameRange:
        """The frames that have a picture of their own."""
        return self.sequence.frames if self.moving else FrameRange((self.frame,))

    def picture(self, frame: int) -> Picture:
        """Return the picture of a frame at the proxy's resolution; may be called from several threads.

        Raises:
            FrameError: it cannot be read, or its windows, channels, pixel aspect or colour space differ from the
                first picture's.
        """
        if frame in self._replaced:
            return self._replaced[frame]
        if not self.moving or frame == self.frame:
            return self._first_at_proxy
        with self._lock:
            if frame not in self._pictures:
                # Evict before reading: a 4K picture takes 100 MB.
                while len(self._pictures) >= self._kept:
                    self._pictures.popitem(last=False)
                self._pictures[frame] = self.proxy.picture(self._checked(self._read(frame)))
            self._pictures.move_to_end(frame)
            return self._pictures[frame]

    def full_picture(self, frame: int) -> Picture:
        """Return the picture of a frame at full resolution; with a proxy it is not kept in memory.

        Raises:
            FrameError: as of :meth:`picture`.
        """
        if self._settings.proxy == 1:
            return self.picture(frame)
        if not self.moving or frame == self.frame:
            return self.first
        with self._lock:
            return self._checked(self._read(frame))

    def check(self, frames: Iterable[int]) -> None:
        """Check the headers of a moving target's frames, so that a wrong one is found before any frame is rendered.

        Raises:
            FrameError: a frame does not exist, cannot be read, or has another format than the first.
        """
        # A video whose size changes was refused when it was opened.
        if self.moving and self.sequence.kind != "video":
            for frame in frames:
                self._compare(self.sequence.read_header(frame, self._settings.layer), frame)

    @stage("plate")
    def _read(self, frame: int) -> Picture:
        settings = self._settings
        return read_picture(
            settings.target, self._colour, frame, settings.colorspace or None, settings.layer, sequence=self.sequence
        )

    def _checked(self, picture: Picture) -> Picture:
        """Return a picture; raise if its format or colour space differs from the first one's."""
        self._compare(picture.plate, picture.frame, picture.space)
        return picture

    def _compare(self, plate: Plate, frame: int, space: str | None = None) -> None:
        """Raise if a frame's format differs from the first picture's, or its colour space, if given."""
        first, where = self.first, f"{plate.path}: frame {frame}"
        for what, here, there in (
            ("is", plate.display_window, first.plate.display_window),
            ("has a data window of", plate.data_window, first.plate.data_window),
        ):
            if here != there:
                raise FrameError(
                    f"{where} {what} {_describe(here)}, frame {first.frame} {_describe(there)}"
                    "; bring all frames of the target to one format"
                )
        if Squeeze.of_plate(plate) != first.squeeze:
            raise FrameError(
                f"{where} has another pixel aspect than frame {first.frame}"
                "; bring all frames of the target to one format"
            )
        if space not in (None, first.space):
            raise FrameError(
                f"{where} is in {space}, frame {first.frame} in {first.space}; name one with --colorspace"
            )
        if plate.channels != first.plate.channels:
            raise FrameError(
                f"{where} has channels {', '.join(plate.channels)}, frame {first.frame} "
                f"{', '.join(first.plate.channels)}; write the same channels into all frames of the target"
            )


def _describe(window: object) -> str:
    x, y, width, height = (getattr(window, name) for name in ("x", "y", "width", "height"))
    return f"{width}×{height}" + (f" at ({x}, {y})" if x or y else "")
