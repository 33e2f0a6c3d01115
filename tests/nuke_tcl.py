"""Tcl and expressions of the stand-in for Nuke: the few that file names and the node's own knobs are made with."""

import os
import re
import sys
from pathlib import PurePosixPath

from nuke_knobs import SESSION

_FILE = {
    "dirname": lambda path: str(PurePosixPath(path).parent), "tail": lambda path: PurePosixPath(path).name,
    "rootname": lambda path: str(PurePosixPath(path).with_suffix("")),
}  # fmt: skip


def tcl(node, text):
    """ref: Converting Expressions, and saved scripts: commands in brackets, the innermost first."""
    while match := re.search(r"\[([^\[\]]*)\]", text):
        command, _, rest = match.group(1).partition(" ")
        rest = rest.strip().removeprefix("{").removesuffix("}")
        if command == "python":
            found = str(eval(rest, {"nuke": sys.modules["nuke"]}))
        elif command == "value":
            found = SESSION.script if rest == "root.name" else str(node[rest].value())
        elif command == "getenv":
            found = os.environ.get(rest, "")
        elif command == "file":
            way, _, path = rest.partition(" ")
            found = _FILE[way](path)
        else:
            raise RuntimeError(f"invalid command name '{command}'")
        text = text[: match.start()] + found + text[match.end() :]
    return text


def expression(node, text):
    """The node's two expressions; ref: Converting Expressions: Tcl stands in brackets; ``parent`` by use."""
    group = node._parent
    if match := re.fullmatch(r"!\[exists parent\.input(\d+)\]", text):
        return float(group.input(int(match.group(1))) is None)
    knob = group[text.removeprefix("parent.")]
    return float(knob.getValue())


SESSION.expression, SESSION.tcl = expression, tcl
