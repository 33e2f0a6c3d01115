"""What a check answers with, and how it names frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ofx_reenact.frames.ranges import FrameRange


@dataclass(frozen=True)
class Answer:
    """What a check found: lines that each name file or frames."""

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def answered(problems: Iterable[str], untold: Iterable[str] = (), *, strict: bool = False) -> Answer:
    """Answer with what is wrong, and what could not be told: a problem too when ``strict``."""
    wrong, rest = tuple(problems), tuple(untold)
    return Answer((*wrong, *rest)) if strict else Answer(wrong, rest)


def by_frames(found: Iterable[tuple[int, str]]) -> list[str]:
    """Say each thing once, with all frames it is true of."""
    frames: dict[str, list[int]] = defaultdict(list)
    for frame, text in found:
        frames[text].append(frame)
    return [f"{naming(numbers)}: {text}" for text, numbers in frames.items()]


def naming(frames: Iterable[int]) -> str:
    """Name frames: ``frame 7`` or ``frames 1-3,9``."""
    chosen = FrameRange.of(frames)
    return f"frame{'s' if len(chosen) > 1 else ''} {chosen}"
