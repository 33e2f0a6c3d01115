"""Names of files that belong to one node of one script alone, whatever was copied from what.

A node has an id, in a hidden knob. It gets another when a second node in the script has the same (it was pasted, or its
group was), and when the script was saved under another name, since the first script's node still writes the old files.
What others may be reading, such as a farm, is not written over: it gets the next number.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from typing import Any, Dict, Optional, Sequence

import nuke
from reenact_nuke import knobs, layout, paths

ID = layout.PREFIX + "id"


def identify(node: Any) -> str:
    """A node's id, a new one if its id is not its own."""
    known = _known(node)
    script = str(nuke.root().name())
    if not known.get("id") or known.get("script") != script or _is_copy(node, known["id"]):
        return renew(node)
    return str(known["id"])


def renew(node: Any) -> str:
    """Give a node a new id; returns it."""
    made = {"id": uuid.uuid4().hex[:8], "script": str(nuke.root().name())}
    undo = nuke.Undo()
    # Nothing that the artist did, so nothing that they undo.
    undo.disable()
    try:
        if node.knob(ID) is None:
            # Made by an earlier version.
            knobs.add(node, [layout.find(ID, layout.items())])
        knobs.knob(node, ID).setValue(json.dumps(made, sort_keys=True))
    finally:
        undo.enable()
    return made["id"]


def see_copied(node: Any) -> None:
    """Give a node that was just made a new id if it is the copy of another; a script that is opened keeps its ids."""
    known = _known(node)
    if known.get("id") and _is_copy(node, known["id"]):
        renew(node)


def beside(node: Any, output: str, name: str) -> str:
    """A file or folder beside an output that is this node's own.

    Raises:
        ReenactError: the output is not a sequence name.
    """
    return paths.beside(output, f"{node.name()}_{identify(node)}.{name}")


def beside_new(node: Any, output: str, name: str) -> str:
    """As :func:`beside`, of what is not there yet: ``performance.npz``, then ``performance.2.npz``."""
    stem, ending = os.path.splitext(name)
    number = 1
    while True:
        found = beside(node, output, name if number == 1 else f"{stem}.{number}{ending}")
        if not os.path.lexists(found):
            return found
        number += 1


def digest(file: str) -> str:
    """SHA-256 of a file; empty if it cannot be read."""
    found = hashlib.sha256()
    try:
        with open(file, "rb") as source:
            for block in iter(lambda: source.read(1 << 20), b""):
                found.update(block)
    except OSError:
        return ""
    return found.hexdigest()


def stamp(files: Sequence[str]) -> str:
    """What a sequence's files are on disk: a digest of their names, sizes and times; missing ones are left out."""
    found = hashlib.sha256()
    for file in files:
        try:
            about = os.stat(file)
        except OSError:
            continue
        line = f"{os.path.basename(file)} {about.st_size} {int(about.st_mtime)}\n"
        found.update(line.encode("utf-8", "replace"))
    return found.hexdigest()


def _known(node: Any) -> Dict[str, Any]:
    held: Optional[Any] = node.knob(ID)
    try:
        found = json.loads(held.value() or "{}") if held is not None else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def _is_copy(node: Any, own: str) -> bool:
    # Compared as nodes: one that is just being pasted may not have a name of its own yet.
    return any(_known(other).get("id") == own for other in knobs.nodes() if other != node)
