"""The target of a sequence as the checks need it: what each frame's plate says of itself, pixels where they matter."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.digest import pixels_sha256
from ofx_reenact.frames.plate import Plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.verify.look import odd_values
from ofx_reenact.verify.sidecar import Beside


@dataclass(frozen=True)
class Plates:
    """The plates of a target: one a frame if it moves, else the same for every frame.

    Headers are kept, however many there are; of pixels, no more than a digest or a count.

    Attributes:
        sequence: the target's files.
        still: the frame that is the plate of all; None if the target moves.
        layer: which of an EXR's is the picture.
    """

    sequence: Sequence
    still: int | None
    layer: str = ""
    _headers: dict[int, Plate] = field(default_factory=dict, init=False, repr=False)
    _digests: dict[int, str] = field(default_factory=dict, init=False, repr=False)
    _odd: dict[int, dict[str, int]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, sidecar: Beside) -> Plates:
        """Open the target that a sidecar names.

        Raises:
            ReenactError: it is not known, not reachable, or cannot be read.
        """
        settings = sidecar.settings
        if settings is None:
            raise ReenactError("the target is not known without the sidecar's settings")
        name = sidecar.name_of(settings.target)
        if not name:
            raise ReenactError(f"{settings.target}: the target is not reachable from here")
        sequence = Sequence.open(name)
        still = sequence.frames.first if settings.target_frame is None else settings.target_frame
        return cls(sequence, None if sidecar.moving else still, settings.layer)

    @property
    def moving(self) -> bool:
        """Whether each frame has a plate of its own."""
        return self.still is None

    def header(self, frame: int) -> Plate:
        """Return the plate of a frame, without its pixels.

        Raises:
            ReenactError: it is not there, or cannot be read.
        """
        number = self._number(frame)
        if number not in self._headers:
            # All frames of a video say alike; each would be decoded to hear it.
            there = self._headers.values() if self.sequence.kind == "video" else ()
            is_there = number in self.sequence.frames
            alike = next(iter(there), None) if is_there else None
            self._headers[number] = alike or self.sequence.read_header(number, self.layer)
        return self._headers[number]

    def odd(self, frame: int) -> dict[str, int]:
        """Count the NaN and infinite values of a frame's plate, by channel that is kept as it is.

        Raises:
            ReenactError: it is not there, or cannot be read.
        """
        number = self._number(frame)
        if number not in self._odd:
            extra = self.sequence.read(number, self.layer).extra
            self._odd[number] = {name: odd_values(pixels) for name, pixels in extra.items()}
        return self._odd[number]

    def digest(self, frame: int) -> str:
        """Return a digest of all pixels of a frame's plate.

        Raises:
            ReenactError: it is not there, or cannot be read.
        """
        number = self._number(frame)
        if number not in self._digests:
            plate = self.sequence.read(number, self.layer)
            planes = [*np.moveaxis(plate.rgb, -1, 0), *(() if plate.alpha is None else (plate.alpha,))]
            self._digests[number] = pixels_sha256({**plate.extra, **dict(zip(plate.channels, planes, strict=True))})
        return self._digests[number]

    def _number(self, frame: int) -> int:
        """Return the number that a frame's plate has in its own files."""
        return frame if self.still is None else self.still
