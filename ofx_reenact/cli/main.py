"""Entry point of ``ofx-reenact``. A command's module is imported only when the command is run."""

from __future__ import annotations

import os
import signal
import sys

from ofx_reenact.cli import streams


def main() -> None:
    """Run a command; every error ends here, as one line and an exit code."""
    _take_signals()
    # Waiting threads of torch would otherwise spin on cores that writers and other processes need.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    output, arguments = streams.make_tolerant(), sys.argv[1:]
    sys.exit(streams.finish(output, arguments, run(arguments)))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code, an :class:`~ofx_reenact.errors.Exit`."""
    if arguments[:2] == ["engine", "run"]:
        from ofx_reenact.cli import chunk
        from ofx_reenact.cli.failures import end

        if (values := chunk.read(arguments[2:])) is not None:
            try:
                return chunk.run(**values)
            except (KeyboardInterrupt, Exception) as error:
                return end(error, values["progress"])
    from ofx_reenact.cli import commands

    return commands.run(arguments)


def _take_signals() -> None:
    """Handle signals that ask a process to end like Ctrl-C; those that the parent process ignored stay ignored.

    SIGTERM comes from queues, SIGHUP from a terminal that is closed, SIGBREAK from consoles and queues on Windows.
    """
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
