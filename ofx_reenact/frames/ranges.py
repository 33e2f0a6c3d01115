"""Frame ranges: an ordered set of frame numbers, written as Nuke, fileseq and OpenCue write it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fileseq import FrameSet
from fileseq.exceptions import ParseException

from ofx_reenact.errors import FrameError


@dataclass(frozen=True)
class FrameRange:
    """Frame numbers, ascending, each once.

    >>> str(FrameRange.parse("1-9x2,20"))
    '1-9x2,20'
    >>> [str(chunk) for chunk in FrameRange.parse("1-5").chunks(2)]
    ['1-2', '3-4', '5']
    """

    numbers: tuple[int, ...]

    @classmethod
    def of(cls, numbers: Iterable[int]) -> FrameRange:
        """Build from any numbers."""
        return cls(tuple(sorted({int(n) for n in numbers})))

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Read ``1001-1010``, ``1-20x2``, ``1,5,9-12``.

        Raises:
            FrameError: it is none of these. A colon is refused: Open Job Description means a step by it,
                fileseq a stagger that comes back to every frame.
        """
        if ":" in text:
            raise FrameError(f"frame range '{text}': write a step with x, as 1-10x3, not with a colon")
        try:
            numbers = list(FrameSet(text.strip()))
        except (ParseException, ValueError) as error:
            raise FrameError(f"frame range '{text}' is not understood; write 1001-1010, 1-20x2 or 1,5,9") from error
        if not numbers:
            raise FrameError(f"frame range '{text}' has no frames")
        return cls.of(numbers)

    @classmethod
    def from_openjd(cls, text: str) -> FrameRange:
        """Read Open Job Description's form, where a step is ``1-10:3``."""
        return cls.parse(text.replace(":", "x"))

    def to_openjd(self) -> str:
        """Write Open Job Description's form."""
        return str(self).replace("x", ":")

    def chunks(self, size: int) -> list[FrameRange]:
        """Cut into pieces of ``size`` frames; the last may be shorter."""
        if size < 1:
            raise FrameError(f"a chunk of {size} frames is not possible; give 1 or more")
        return [FrameRange(self.numbers[i : i + size]) for i in range(0, len(self.numbers), size)]

    @property
    def first(self) -> int:
        """Lowest frame."""
        return self.numbers[0]

    @property
    def last(self) -> int:
        """Highest frame."""
        return self.numbers[-1]

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __contains__(self, frame: object) -> bool:
        return frame in self.numbers

    def __sub__(self, other: Iterable[int]) -> FrameRange:
        return FrameRange.of(set(self.numbers) - set(other))

    def __and__(self, other: Iterable[int]) -> FrameRange:
        return FrameRange.of(set(self.numbers) & set(other))

    def __str__(self) -> str:
        return FrameSet.framesToFrameRange(self.numbers) if self.numbers else ""
