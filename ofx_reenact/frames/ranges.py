"""Frame ranges: ordered sets of frame numbers, written as in Nuke, fileseq and OpenCue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ofx_reenact.errors import FrameError

# A frame number has at most nine digits, in file names and in sidecars.
NUMBER = r"-?[0-9]{1,9}"
MOST = 1_000_000
_PART = re.compile(rf"(?P<first>{NUMBER})(?:-(?P<last>{NUMBER})(?:x(?P<step>0*[1-9][0-9]{{0,8}}))?)?")


@dataclass(frozen=True)
class FrameRange:
    """Frame numbers in ascending order, each once.

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
        """Parse ``1001-1010``, ``1-20x2``, ``1,5,9-12``; spaces around commas are allowed.

        Other notations are refused: guessing wrong would render the wrong frames.

        Raises:
            FrameError: the text is none of these, runs backwards, or has more than a million frames.
        """
        numbers: set[int] = set()
        for part in text.split(","):
            found = _PART.fullmatch(part.strip())
            if found is None:
                raise FrameError(_explain_error(text, part.strip()))
            first = int(found["first"])
            last = first if found["last"] is None else int(found["last"])
            if last < first:
                raise FrameError(f"frame range '{text}': {first}-{last} ends before it begins; write {last}-{first}")
            chosen = range(first, last + 1, int(found["step"] or 1))
            if len(numbers) + len(chosen) > MOST:
                raise FrameError(f"frame range '{text}' has more than {MOST} frames; give fewer")
            numbers.update(chosen)
        return cls(tuple(sorted(numbers)))

    @classmethod
    def from_openjd(cls, text: str) -> FrameRange:
        """Parse the notation of Open Job Description, in which a step is ``1-10:3``."""
        return cls.parse(text.replace(":", "x"))

    def to_openjd(self) -> str:
        """Return the range in the notation of Open Job Description."""
        return str(self).replace("x", ":")

    def chunks(self, size: int) -> list[FrameRange]:
        """Split into chunks of ``size`` frames; the last may be shorter."""
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
        # Imported here, as parsing a range does not need it.
        from fileseq import FrameSet

        return str(FrameSet.framesToFrameRange(self.numbers))


def _explain_error(text: str, part: str) -> str:
    """Return the error for a range; a colon is a step in Open Job Description, but a stagger in fileseq."""
    if ":" in part:
        return f"frame range '{text}': write a step with x, as 1-10x3, not with a colon"
    named = f", as {part!r} is no frame or range" if part != text else ""
    return f"frame range {text!r} is not understood{named}; write 1001-1010, 1-20x2 or 1,5,9-12"
