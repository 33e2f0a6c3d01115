"""Errors that a user can cause, and exit codes. A message names the file, the frame if there is one, and what to do."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """How a command ended: its exit code, and the code of an engine's error event.

    ``FAILED``: the input cannot be used, or what was checked is not good. ``SOME_FAILED``: the other frames are
    written. ``DEFECT``: of the program. ``LOST``: an engine ended in the middle; the same may be tried again.
    """

    DONE = 0
    FAILED = 1
    USAGE = 2
    SOME_FAILED = 3
    DEFECT = 70
    LOST = 75
    INTERRUPTED = 130


class ReenactError(Exception):
    """Base of every error that is the input's fault, not the program's; the command line prints it plainly."""

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
    """An engine ended in the middle of a job; what it wrote is whole, and the job may be done again."""

    exit = Exit.LOST
