"""The node's inputs as files: a Read's own where that can be, else what Nuke renders of them."""

from __future__ import annotations

import os
from typing import Any, List, NamedTuple, Optional

import nuke
from reenact_nuke import colour, knobs, own, paths, upstream
from reenact_nuke.errors import ReenactError

TARGET, DRIVER, MATTE, PLATE, HOLDOUT, MASK = range(6)
NAMES = ("target", "driver", "matte", "plate", "holdout", "mask")
# Those whose alpha says to the engine where the target stays.
MATTES = (HOLDOUT, MASK)
_PASSED = ("Dot", "NoOp")


class Source(NamedTuple):
    """One input.

    Attributes:
        file: what the engine is given.
        first, last: its frames.
        space: its colour space by the engine's name, empty if it goes by the file.
        rendered: Nuke has to render it before ``file`` is there.
        made_of: of one that is rendered, a digest of what it is rendered from.
    """

    file: str
    first: int
    last: int
    space: str
    rendered: bool
    made_of: str = ""

    @property
    def moves(self) -> bool:
        """Whether there are several frames of it."""
        return self.last > self.first and (self.rendered or paths.is_footage(self.file))

    @property
    def files(self) -> List[str]:
        """All of its files."""
        return paths.files(self.file, self.first, self.last)

    def stamp(self) -> str:
        """What its files are on disk."""
        return own.stamp(self.files)


def read_of(node: Any) -> Optional[Any]:
    """The Read that a node stands for, through Dots and NoOps; None if its pixels or frames are anything else's.

    A Read that shifts its frames, is disabled, or differs between views is rendered as everything else is.
    """
    while node is not None and node.Class() in _PASSED:
        node = node.input(0)
    if node is None or node.Class() != "Read" or node["disable"].value():
        return None
    name = knobs.evaluated(node["file"])
    shifted = str(node["frame"].value() or "").strip() not in ("", "0") or "%v" in name.lower()
    return node if name and not shifted else None


def source(node: Any, index: int, folder: str) -> Source:
    """Describe an input.

    Args:
        node: the Reenact node.
        index: TARGET, DRIVER, HOLDOUT or MASK.
        folder: where a rendered input is kept.

    Raises:
        ReenactError: nothing is connected.
    """
    connected = node.input(index)
    if connected is None:
        raise ReenactError(f"{node.name()}: connect the {NAMES[index]} input")
    read = read_of(connected)
    if read is not None:
        first, last = int(read["first"].value()), int(read["last"].value())
        # A matte's numbers are what they are.
        space = colour.of_read(read, needed=index == TARGET) if index not in MATTES else ""
        return Source(knobs.path(read["file"]), first, last, space, False)
    span, made_of = (int(connected.firstFrame()), int(connected.lastFrame())), upstream.digest(connected)
    return Source(f"{folder}/{NAMES[index]}.####.exr", *span, colour.working_space(), True, made_of)


def render(node: Any, index: int, found: Source, first: int, last: int) -> None:
    """Write an input's frames as scene-linear EXR in the working space; only in Nuke's main thread.

    Raises:
        ReenactError: Nuke could not render it, or was stopped.
    """
    _clear(found.file)
    proxy = nuke.root()["proxy"]
    was_proxy, undo = proxy.value(), nuke.Undo()
    # Else the artist's next undo would bring the Write back.
    undo.disable()
    proxy.setValue(False)
    with node:
        made = [_matte_of(node, index)] if index in MATTES else []
        write = nuke.nodes.Write(
            file=found.file, file_type="exr", datatype="32 bit float", raw=True, channels="rgba",
            name="Reenact_input",
        )  # fmt: skip
        write.setInput(0, made[0] if made else node.node(NAMES[index]))
    try:
        # Of all views, each would write over the one before.
        nuke.execute(write, first, last, 1, [knobs.view()])
    except RuntimeError as error:
        raise ReenactError(f"The {NAMES[index]} input cannot be rendered: {error}") from error
    finally:
        for one in (write, *made):
            nuke.delete(one)
        proxy.setValue(was_proxy)
        undo.enable()


def _matte_of(node: Any, index: int) -> Any:
    """A node whose every channel is an input's alpha, so that nobody has to ask which one is meant."""
    matte = nuke.nodes.Expression(expr0="a", expr1="a", expr2="a", expr3="a", name="Reenact_" + NAMES[index])
    matte.setInput(0, node.node(NAMES[index]))
    return matte


def _clear(file: str) -> None:
    """Make the folder of a rendered input and take earlier frames out, which might be of another range."""
    folder, base = os.path.split(file)
    if not os.path.isdir(folder):
        os.makedirs(folder)
    start = base.split("#")[0]
    for name in os.listdir(folder):
        if name.startswith(start) and name.endswith(".exr"):
            os.remove(os.path.join(folder, name))
