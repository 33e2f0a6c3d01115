"""Frame ranges: an ordered set of frame numbers, written as Nuke, fileseq and OpenCue write it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ofx_reenact.errors import FrameError

# A frame number has nine digits at most, in names as in sidecars.
NUMBER = r"-?[0-9]{1,9}"
MOST = 1_000_000
_PART = re.compile(rf"(?P<first>{NUMBER})(?:-(?P<last>{NUMBER})(?:x(?P<step>0*[1-9][0-9]{{0,8}}))?)?")


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
        """Read ``1001-1010``, ``1-20x2``, ``1,5,9-12``; spaces may be around the commas.

        Whatever else looks like a range is refused rather than taken for something: it would render the wrong frames.

        Raises:
            FrameError: it is none of these, runs backwards, or is of more than a million frames.
        """
        numbers: set[int] = set()
        for part in text.split(","):
            found = _PART.fullmatch(part.strip())
            if found is None:
                raise FrameError(_refuse(text, part.strip()))
            first = int(found["first"])
            last = first if found["last"] is None else int(found["last"])
            if last < first:
                raise FrameError(f"frame range '{text}': {first}-{last} ends before it begins; write {last}-{first}")
            chosen = range(first, last + 1, int(found["step"] or 1))
            if len(numbers) + len(chosen) > MOST:
                raise FrameError(f"frame range '{text}' is of more than {MOST} frames; give fewer")
            numbers.update(chosen)
        return cls(tuple(sorted(numbers)))

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
        if not self.numbers:
            return ""
        # Loaded here, for who only reads a range is not to wait for it.
        from fileseq import FrameSet

        return str(FrameSet.framesToFrameRange(self.numbers))


def _refuse(text: str, part: str) -> str:
    """Say why a range is not understood; a colon means a step to Open Job Description, a stagger to fileseq."""
    if ":" in part:
        return f"frame range '{text}': write a step with x, as 1-10x3, not with a colon"
    named = f", for {part!r} is no frame or range" if part != text else ""
    return f"frame range {text!r} is not understood{named}; write 1001-1010, 1-20x2 or 1,5,9-12"
