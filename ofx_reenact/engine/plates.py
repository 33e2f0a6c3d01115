"""The target's pictures: one, or one a frame, read when they are needed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import Picture, read_picture
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings

# Pictures that are kept: the one that is rendered, the next one, which is read meanwhile, and those being written.
_KEPT = 5


class Plates:
    """A target's pictures by frame; those of a still are all the same one.

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
        self._lock = threading.Lock()

    @cached_property
    def first(self) -> Picture:
        """The still, or the first picture.

        Raises:
            FrameError: it cannot be read.
        """
        return self._read(self.frame)

    @property
    def frames(self) -> FrameRange:
        """The frames that have a picture of their own."""
        return self.sequence.frames if self.moving else FrameRange((self.frame,))

    def picture(self, frame: int) -> Picture:
        """Return the picture of a frame; may be called from several threads.

        Raises:
            FrameError: it cannot be read, or is of another size or colour space than the first.
        """
        if not self.moving or frame == self.frame:
            return self.first
        with self._lock:
            if frame not in self._pictures:
                # Room is made first: a picture of 4K fills 100 MB.
                while len(self._pictures) >= _KEPT:
                    self._pictures.popitem(last=False)
                self._pictures[frame] = self._alike(self._read(frame))
            self._pictures.move_to_end(frame)
            return self._pictures[frame]

    def _read(self, frame: int) -> Picture:
        settings = self._settings
        return read_picture(
            settings.target, self._colour, frame, settings.colorspace or None, settings.layer, sequence=self.sequence
        )

    def _alike(self, picture: Picture) -> Picture:
        """Refuse a picture that is not one of the first's sequence."""
        first = self.first
        for what, here, there in (
            ("is", picture.plate.display_window, first.plate.display_window),
            ("has a data window of", picture.plate.data_window, first.plate.data_window),
        ):
            if here != there:
                raise FrameError(
                    f"{picture.plate.path}: frame {picture.frame} {what} {_said(here)}, frame {first.frame} "
                    f"{_said(there)}; bring all frames of the target to one format"
                )
        if picture.squeeze != first.squeeze:
            raise FrameError(f"{picture.plate.path}: frame {picture.frame} has another pixel aspect than {first.frame}")
        if picture.space != first.space:
            raise FrameError(
                f"{picture.plate.path}: frame {picture.frame} is in {picture.space}, frame {first.frame} in "
                f"{first.space}; name one with --colorspace"
            )
        if picture.plate.channels != first.plate.channels:
            raise FrameError(
                f"{picture.plate.path}: frame {picture.frame} has channels {', '.join(picture.plate.channels)}, frame "
                f"{first.frame} {', '.join(first.plate.channels)}"
            )
        return picture


def _said(window: object) -> str:
    x, y, width, height = (getattr(window, name) for name in ("x", "y", "width", "height"))
    return f"{width}×{height}" + (f" at ({x}, {y})" if x or y else "")
