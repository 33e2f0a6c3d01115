"""Errors of the node. Each message is one line for the artist and tells what to do."""

from __future__ import annotations

from typing import Sequence


class ReenactError(RuntimeError):
    """The node, its inputs or the engine cannot do this; the message is for the artist.

    In a terminal it is raised, so that a script of ``nuke -t`` fails.
    """


class EngineError(ReenactError):
    """The engine cannot be started, died, or does not answer; the next click starts a new one."""


class Cancelled(Exception):
    """The artist cancelled.

    Attributes:
        written: numbers of the frames that are complete.
    """

    def __init__(self, written: Sequence[int] = ()) -> None:
        super().__init__("cancelled")
        self.written = tuple(written)
