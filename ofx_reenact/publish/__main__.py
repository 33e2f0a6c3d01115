"""One task for another process: a JSON object of :func:`call`'s arguments on stdin, its result on stdout."""

from __future__ import annotations

import contextlib
import json
import sys

from ofx_reenact.errors import Exit, ReenactError
from ofx_reenact.launch import leave_working_directory


def main() -> int:
    """Do the task; returns the exit code."""
    leave_working_directory()
    from ofx_reenact.publish.tasks import call

    with contextlib.redirect_stdout(sys.stderr):
        try:
            said = {"result": call(**json.load(sys.stdin))}
        except ReenactError as error:
            said = {"error": str(error)}
    print(json.dumps(said))
    return Exit.FAILED if "error" in said else Exit.DONE


if __name__ == "__main__":
    sys.exit(main())
