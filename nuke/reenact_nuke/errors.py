"""What can go wrong, each in one line that says what to do."""

from __future__ import annotations

from typing import Sequence


class ReenactError(RuntimeError):
    """The node, its inputs or the engine cannot do what was asked; the message is for the artist.

    In a terminal it is raised as it is, which ends a script of ``nuke -t`` with a failure.
    """


class EngineError(ReenactError):
    """The engine is not there, died, or does not answer; the next click starts a new one."""


class Cancelled(Exception):
    """The artist cancelled.

    Attributes:
        written: frames that are whole.
    """

    def __init__(self, written: Sequence[int] = ()) -> None:
        super().__init__("cancelled")
        self.written = tuple(written)
