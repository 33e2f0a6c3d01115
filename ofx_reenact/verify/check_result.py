"""The result of a check, and how frames are named in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ofx_reenact.frames.ranges import FrameRange


@dataclass(frozen=True)
class CheckResult:
    """What a check found, as lines; each line names a file or frames."""

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def make_result(problems: Iterable[str], unknown: Iterable[str] = (), *, strict: bool = False) -> CheckResult:
    """Return a result.

    Args:
        problems: what is wrong.
        unknown: what could not be compared: notes or, if ``strict``, problems.
        strict: the user's ``--strict``.
    """
    wrong, notes = tuple(problems), tuple(unknown)
    return CheckResult((*wrong, *notes)) if strict else CheckResult(wrong, notes)


def merge_frames(found: Iterable[tuple[int, str]]) -> list[str]:
    """Merge pairs (frame, text): return each text once, with all its frames, as ``frames 1-3,9: TEXT``."""
    frames: dict[str, list[int]] = defaultdict(list)
    for frame, text in found:
        frames[text].append(frame)
    return [f"{name_frames(numbers)}: {text}" for text, numbers in frames.items()]


def name_frames(frames: Iterable[int]) -> str:
    """Return ``frame 7`` or ``frames 1-3,9``."""
    chosen = FrameRange.of(frames)
    return f"frame{'s' if len(chosen) > 1 else ''} {chosen}"
