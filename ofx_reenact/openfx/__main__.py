"""``python -m ofx_reenact.openfx``: make what the repository keeps of the plug-in."""

from __future__ import annotations

import sys

from ofx_reenact.files import written_whole
from ofx_reenact.openfx.header import header
from ofx_reenact.resources import openfx_folder


def main(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    if arguments == ["parameters"]:
        with written_whole(openfx_folder() / "parameters.h") as partial:
            partial.write_text(header(), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
