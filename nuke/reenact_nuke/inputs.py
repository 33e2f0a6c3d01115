"""The node's inputs as files: a Read's own files where possible, else frames that Nuke renders."""

from __future__ import annotations

import os
from typing import Any, List, NamedTuple, Optional

import nuke
from reenact_nuke import colour, knobs, node_files, paths, upstream_nodes
from reenact_nuke.errors import ReenactError

TARGET, DRIVER, MATTE, PLATE, HOLDOUT, MASK = range(6)
NAMES = ("target", "driver", "matte", "plate", "holdout", "mask")
# Inputs whose alpha tells the engine where the target is left unchanged.
MATTES = (HOLDOUT, MASK)
# Nodes that change neither pixels nor frames.
_PASSED_THROUGH = ("Dot", "NoOp")


class Source(NamedTuple):
    """The files of one input.

    Attributes:
        file: name for the engine, of a sequence, video or picture.
        first, last: its frames, both included.
        space: its colour space by the engine's name; empty to let the engine take the file's.
        rendered: Nuke renders these files; they may not exist yet.
        upstream_digest: digest of the nodes that it is rendered from; empty for a Read.
    """

    file: str
    first: int
    last: int
    space: str
    rendered: bool
    upstream_digest: str = ""

    @property
    def moves(self) -> bool:
        """Whether it has several frames."""
        return self.last > self.first and (self.rendered or paths.is_footage(self.file))

    @property
    def files(self) -> List[str]:
        """Names of all its files."""
        return paths.files(self.file, self.first, self.last)

    def stat_digest(self) -> str:
        """Compute a digest of names, sizes and times of its files."""
        return node_files.stat_digest(self.files)


def find_read(node: Any) -> Optional[Any]:
    """Find the Read whose files are exactly a node's picture, through Dots and NoOps; None if Nuke has to render.

    Nuke also renders a Read that is disabled, shifts its frames, or differs between views.
    """
    while node is not None and node.Class() in _PASSED_THROUGH:
        node = node.input(0)
    if node is None or node.Class() != "Read" or node["disable"].value():
        return None
    name = knobs.evaluate(node["file"])
    is_shifted = str(node["frame"].value() or "").strip() not in ("", "0") or "%v" in name.lower()
    return node if name and not is_shifted else None


def describe_input(node: Any, index: int, folder: str) -> Source:
    """Find the files of an input, or name those that Nuke will render.

    Args:
        node: the Reenact node.
        index: TARGET, DRIVER, HOLDOUT or MASK.
        folder: for the frames of an input that Nuke renders.

    Raises:
        ReenactError: nothing is connected.
    """
    connected = node.input(index)
    if connected is None:
        raise ReenactError(f"{node.name()}: connect the {NAMES[index]} input")
    read = find_read(connected)
    if read is not None:
        first, last = int(read["first"].value()), int(read["last"].value())
        # A matte has no colour space.
        space = colour.space_of_read(read, needed=index == TARGET) if index not in MATTES else ""
        return Source(knobs.path(read["file"]), first, last, space, False)
    span = int(connected.firstFrame()), int(connected.lastFrame())
    digest = upstream_nodes.digest_upstream(connected)
    return Source(f"{folder}/{NAMES[index]}.####.exr", *span, colour.working_space(), True, digest)


def render_input(node: Any, index: int, source: Source, first: int, last: int) -> None:
    """Have Nuke render an input as 32-bit EXR in the script's working space; only in Nuke's main thread.

    Args:
        node: the Reenact node.
        index: TARGET, DRIVER, HOLDOUT or MASK.
        source: the files to write.
        first, last: the frames, both included.

    Raises:
        ReenactError: Nuke could not render it, or was stopped.
    """
    _clear_folder(source.file)
    proxy = nuke.root()["proxy"]
    was_proxy, undo = proxy.value(), nuke.Undo()
    # Otherwise the artist's next undo would bring the Write back.
    undo.disable()
    proxy.setValue(False)
    with node:
        made = [_make_matte(node, index)] if index in MATTES else []
        write = nuke.nodes.Write(
            file=source.file, file_type="exr", datatype="32 bit float", raw=True, channels="rgba",
            name="Reenact_input",
        )  # fmt: skip
        write.setInput(0, made[0] if made else node.node(NAMES[index]))
    try:
        # One view: several would overwrite each other's files.
        nuke.execute(write, first, last, 1, [knobs.view()])
    except RuntimeError as error:
        raise ReenactError(f"Nuke could not render the {NAMES[index]} input: {error}") from error
    finally:
        for one in (write, *made):
            nuke.delete(one)
        proxy.setValue(was_proxy)
        undo.enable()


def _make_matte(node: Any, index: int) -> Any:
    """Make a node with an input's alpha in every channel, so that it does not matter which one is read."""
    matte = nuke.nodes.Expression(expr0="a", expr1="a", expr2="a", expr3="a", name="Reenact_" + NAMES[index])
    matte.setInput(0, node.node(NAMES[index]))
    return matte


def _clear_folder(file: str) -> None:
    """Make the folder of a rendered input, and remove earlier frames, which may be of another range."""
    folder, base = os.path.split(file)
    if not os.path.isdir(folder):
        os.makedirs(folder)
    start = base.split("#")[0]
    for name in os.listdir(folder):
        if name.startswith(start) and name.endswith(".exr"):
            os.remove(os.path.join(folder, name))
