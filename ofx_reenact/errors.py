"""Errors that a user can cause, and exit codes. Messages name the file, the frame if there is one, and what to do."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """Exit code of a command, and code of an engine's error event.

    ``FAILED``: the input cannot be used, or a check found a fault. ``SOME_FAILED``: some frames failed, the others are
    written. ``DEFECT``: a defect of the program. ``LOST``: an engine ended during a job; run the job again.
    """

    DONE = 0
    FAILED = 1
    USAGE = 2
    SOME_FAILED = 3
    DEFECT = 70
    LOST = 75
    INTERRUPTED = 130


class ReenactError(Exception):
    """Base of all errors that the input causes, not a defect; the command line prints only their message."""

    exit: ClassVar[Exit] = Exit.FAILED


class FrameError(ReenactError):
    """A picture, sequence, range or colour space cannot be used."""


class TrackingError(ReenactError):
    """A face, tracker or performance file cannot be used."""


class WeightsError(ReenactError):
    """A weights or identity file cannot be used."""


class SettingsError(ReenactError):
    """An option has a value that cannot be used."""

    exit = Exit.USAGE


class OutputError(ReenactError):
    """A result cannot be written."""


class EngineLost(ReenactError):
    """An engine ended during a job; the files that it wrote are whole, and the job can be run again."""

    exit = Exit.LOST
