"""Entry point of ``ofx-reenact``. Each command is loaded when it is run, with no more than it needs."""

from __future__ import annotations

import os
import signal
import sys

from ofx_reenact.cli import streams


def main() -> None:
    """Run a command; every error ends here, in one line and an exit code, whatever becomes of what is printed."""
    _take_signals()
    # Threads of torch that wait would keep cores busy that writers, and other processes of a farm, have work for.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    output, arguments = streams.hold(), sys.argv[1:]
    sys.exit(streams.settle(output, arguments, run(arguments)))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code, an :class:`~ofx_reenact.errors.Exit`."""
    if arguments[:2] == ["engine", "run"]:
        from ofx_reenact.cli import chunk
        from ofx_reenact.cli.ends import end

        if (plain := chunk.read(arguments[2:])) is not None:
            try:
                return chunk.run(**plain)
            except (KeyboardInterrupt, Exception) as error:
                return end(error, plain["progress"])
    from ofx_reenact.cli import commands

    return commands.run(arguments)


def _take_signals() -> None:
    """Let what ends a process from outside interrupt it as Ctrl-C does, unless whoever started it wants it ignored.

    SIGTERM comes from queues, SIGHUP from a terminal that is closed, SIGBREAK from consoles and queues on Windows.
    """
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
