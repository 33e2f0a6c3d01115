"""The target of a sequence, for the checks: headers of its plates, and digests of their pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.digest import pixels_sha256
from ofx_reenact.frames.plate import Plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.verify.frame_inspection import count_nonfinite
from ofx_reenact.verify.sidecar import SidecarFile


@dataclass(frozen=True)
class TargetPlates:
    """The plates of a target: one per frame if it moves, else one for all frames.

    Headers are kept in memory; of the pixels, only digests and counts.

    Attributes:
        sequence: the target's files.
        still: the frame that is the plate of all frames; None if the target moves.
        layer: the EXR layer that is the picture.
    """

    sequence: Sequence
    still: int | None
    layer: str = ""
    _headers: dict[int, Plate] = field(default_factory=dict, init=False, repr=False)
    _digests: dict[int, str] = field(default_factory=dict, init=False, repr=False)
    _nonfinite: dict[int, dict[str, int]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, sidecar: SidecarFile) -> TargetPlates:
        """Open the target that a sidecar names.

        Raises:
            ReenactError: the target is not known, or cannot be read.
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
            ReenactError: the plate does not exist, or cannot be read.
        """
        number = self._number(frame)
        if number not in self._headers:
            # All frames of a video share one header, and reading it decodes a frame: read it once.
            known = self._headers.values() if self.sequence.kind == "video" else ()
            same = next(iter(known), None) if number in self.sequence.frames else None
            self._headers[number] = same or self.sequence.read_header(number, self.layer)
        return self._headers[number]

    def nonfinite(self, frame: int) -> dict[str, int]:
        """Return channel → number of NaN and infinite values, for the plate's channels that a render copies.

        Raises:
            ReenactError: the plate does not exist, or cannot be read.
        """
        number = self._number(frame)
        if number not in self._nonfinite:
            extra = self.sequence.read(number, self.layer).extra
            self._nonfinite[number] = {name: count_nonfinite(pixels) for name, pixels in extra.items()}
        return self._nonfinite[number]

    def digest(self, frame: int) -> str:
        """Return a digest of all pixels of a frame's plate.

        Raises:
            ReenactError: the plate does not exist, or cannot be read.
        """
        number = self._number(frame)
        if number not in self._digests:
            plate = self.sequence.read(number, self.layer)
            planes = [*np.moveaxis(plate.rgb, -1, 0), *(() if plate.alpha is None else (plate.alpha,))]
            self._digests[number] = pixels_sha256({**plate.extra, **dict(zip(plate.channels, planes, strict=True))})
        return self._digests[number]

    def _number(self, frame: int) -> int:
        """Return the target's frame number for a frame of the result."""
        return frame if self.still is None else self.still
