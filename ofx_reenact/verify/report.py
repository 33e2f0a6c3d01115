"""The report of all checks of a sequence, for programs and for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.progress import Observer, ignore
from ofx_reenact.verify.check_result import CheckResult
from ofx_reenact.verify.checked_sequence import CheckedSequence, inspect_sequence
from ofx_reenact.verify.checks import CHECKS, Check

SCHEMA = "ofx-reenact/verify/1"


@dataclass(frozen=True)
class Report:
    """The result of every check.

    Attributes:
        output: ``O.####.exr``.
        frames: the frames that should exist.
        whole: how many of them decode whole.
        answers: name of the check → its result.
    """

    output: str
    frames: FrameRange
    whole: int
    answers: Mapping[str, CheckResult]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return all(answer.good for answer in self.answers.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready values."""
        checks = {
            name: {"good": answer.good, "problems": list(answer.problems), "notes": list(answer.notes)}
            for name, answer in self.answers.items()
        }
        about = {"schema": SCHEMA, "output": self.output, "frames": str(self.frames), "whole": self.whole}
        return {**about, "good": self.good, "checks": checks}


def lines_of(report: Mapping[str, Any]) -> list[str]:
    """Return lines for people from a report as :meth:`Report.as_dict` returns it."""
    lines = [f"{report['output']}: {report['whole']} of the frames {report['frames']} decode whole"]
    for name, answer in report["checks"].items():
        lines.append(f"  {name:10} {'good' if answer['good'] else 'NOT GOOD'}")
        lines += [f"    {problem}" for problem in answer["problems"]]
        lines += [f"    note: {note}" for note in answer["notes"]]
    return lines


def report_on(sequence: CheckedSequence, checks: Mapping[str, Check]) -> Report:
    """Run checks on a sequence."""
    answers = {name: check(sequence) for name, check in checks.items()}
    return Report(sequence.output, sequence.frames, len(sequence.whole), answers)


def verify(
    output: str,
    *,
    frames: str = "",
    performance: str = "",
    target_performance: str = "",
    strict: bool = False,
    observe: Observer = ignore,
) -> Report:
    """Check a rendered sequence. The arguments are those of :func:`inspect_sequence`.

    Raises:
        ReenactError: there are no frames, or an argument is wrong.
    """
    sequence = inspect_sequence(
        output,
        frames=frames,
        performance=performance,
        target_performance=target_performance,
        strict=strict,
        observe=observe,
    )
    return report_on(sequence, CHECKS)
