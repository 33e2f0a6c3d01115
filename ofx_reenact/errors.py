"""The errors a user can cause. Each message names the file, the frame where there is one, and what to do."""

from __future__ import annotations


class ReenactError(Exception):
    """Base of every error that is the input's fault, not the program's; the command line prints it plainly."""


class FrameError(ReenactError):
    """A picture, sequence, range or colour space cannot be used."""


class TrackingError(ReenactError):
    """A face, tracker or performance file cannot be used."""


class WeightsError(ReenactError):
    """A weights or identity file cannot be used."""


class SettingsError(ReenactError):
    """An option has a value that cannot be used."""


class OutputError(ReenactError):
    """A result cannot be written."""


class EngineLost(ReenactError):
    """An engine ended in the middle of a job; what it wrote is whole, and the job may be done again."""
