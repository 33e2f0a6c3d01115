"""Run one task for another process: reads the arguments of :func:`call` as JSON on stdin, prints its result as JSON."""

from __future__ import annotations

import contextlib
import json
import sys

from ofx_reenact.errors import Exit, ReenactError
from ofx_reenact.launch import leave_working_directory


def main() -> int:
    """Run the task; return the exit code."""
    leave_working_directory()
    from ofx_reenact.publish.tasks import call

    with contextlib.redirect_stdout(sys.stderr):
        try:
            answer = {"result": call(**json.load(sys.stdin))}
        except ReenactError as error:
            answer = {"error": str(error)}
    print(json.dumps(answer))
    return Exit.FAILED if "error" in answer else Exit.DONE


if __name__ == "__main__":
    sys.exit(main())
