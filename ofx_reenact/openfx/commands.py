"""The commands of ``python -m ofx_reenact.openfx``, for developers of the plug-in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ofx_reenact.errors import Exit, ReenactError
from ofx_reenact.files import write_whole
from ofx_reenact.openfx.build import build, find_platforms
from ofx_reenact.openfx.header import header
from ofx_reenact.resources import openfx_folder


def main(arguments: list[str]) -> int:
    """Run the command line ``arguments``; return the exit code, an :class:`~ofx_reenact.errors.Exit`."""
    parser = argparse.ArgumentParser("python -m ofx_reenact.openfx", description="Make the OpenFX plug-in.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("parameters", help="generate openfx/parameters.h from the settings")
    building = commands.add_parser("build", help="build the plug-in")
    building.add_argument("--output", type=Path, metavar="DIR", help="folder of the bundle; default: the repository")
    building.add_argument("--compiler", choices=("cc", "zig"), default="zig", help="zig is the package ziglang")
    building.add_argument("--platform", default="all", metavar="all|this|NAME,NAME", help="platforms to build for")
    chosen = parser.parse_args(arguments)
    try:
        sources = openfx_folder()
        if chosen.command == "parameters":
            with write_whole(sources / "parameters.h") as partial:
                partial.write_text(header(), encoding="utf-8", newline="\n")
            made: tuple[Path, ...] = (sources / "parameters.h",)
        else:
            made = build(sources, chosen.output or sources, find_platforms(chosen.platform), chosen.compiler)
    except ReenactError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit
    for path in made:
        print(path)
    return Exit.DONE
