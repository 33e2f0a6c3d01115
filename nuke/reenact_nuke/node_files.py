"""Files that belong to one node of one script: their names, and digests of files.

A node has an id in a hidden knob, which is part of these names. The node gets a new id if another node of the script
has the same one (it was pasted, or its group was), and if the script was saved under another name, since the node of
the first script still writes the old files. Files that others may be reading, such as a farm, are not overwritten: the
next file gets the next number.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from typing import Any, Dict, Optional, Sequence

import nuke
from reenact_nuke import knobs, layout, make_knobs, paths

ID = layout.PREFIX + "id"


def get_id(node: Any) -> str:
    """Give a node's id; a new one if it has none, or one that is not its own."""
    known = _read(node)
    script = str(nuke.root().name())
    if not known.get("id") or known.get("script") != script or _another_has(node, known["id"]):
        return renew_id(node)
    return str(known["id"])


def renew_id(node: Any) -> str:
    """Give a node a new id and return it."""
    made = {"id": uuid.uuid4().hex[:8], "script": str(nuke.root().name())}
    undo = nuke.Undo()
    # The artist did not do this, and must not undo it.
    undo.disable()
    try:
        if node.knob(ID) is None:
            # Made by an earlier version.
            make_knobs.add(node, [layout.find(ID, layout.items())])
        knobs.knob(node, ID).setValue(json.dumps(made, sort_keys=True))
    finally:
        undo.enable()
    return made["id"]


def renew_id_of_copy(node: Any) -> None:
    """Give a node that was just created a new id if it is a copy; nodes of a script that is opened keep their ids."""
    known = _read(node)
    if known.get("id") and _another_has(node, known["id"]):
        renew_id(node)


def path_beside(node: Any, output: str, name: str) -> str:
    """Name a file or folder of this node beside an output.

    Raises:
        ReenactError: the output is not a sequence name.
    """
    return paths.path_beside(output, f"{node.name()}_{get_id(node)}.{name}")


def new_path(node: Any, output: str, name: str) -> str:
    """As :func:`path_beside`, but of a file that does not exist: ``performance.npz``, then ``performance.2.npz``."""
    stem, ending = os.path.splitext(name)
    number = 1
    while True:
        found = path_beside(node, output, name if number == 1 else f"{stem}.{number}{ending}")
        if not os.path.lexists(found):
            return found
        number += 1


def file_digest(file: str) -> str:
    """Compute the SHA-256 of a file's content; empty if it cannot be read."""
    found = hashlib.sha256()
    try:
        with open(file, "rb") as source:
            for block in iter(lambda: source.read(1 << 20), b""):
                found.update(block)
    except OSError:
        return ""
    return found.hexdigest()


def stat_digest(files: Sequence[str]) -> str:
    """Compute a digest of the names, sizes and modification times of files; missing files are left out."""
    found = hashlib.sha256()
    for file in files:
        try:
            about = os.stat(file)
        except OSError:
            continue
        line = f"{os.path.basename(file)} {about.st_size} {int(about.st_mtime)}\n"
        found.update(line.encode("utf-8", "replace"))
    return found.hexdigest()


def _read(node: Any) -> Dict[str, Any]:
    knob: Optional[Any] = node.knob(ID)
    try:
        found = json.loads(knob.value() or "{}") if knob is not None else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def _another_has(node: Any, node_id: str) -> bool:
    # Nodes are compared, not names: a node that is just being pasted may have no name of its own yet.
    return any(_read(other).get("id") == node_id for other in knobs.reenact_nodes() if other != node)
