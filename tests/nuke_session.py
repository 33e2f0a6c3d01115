"""What the tests of the Nuke node share: a session of the stand-in, nodes wired to files, an engine's Python."""

import json
import sys
from pathlib import Path

import nuke_fake

from ofx_reenact import __version__

NUKE = Path(__file__).resolve().parents[1] / "nuke"


def begin(monkeypatch, tmp_path, gui=True):
    """Start a new Nuke, as a user without preferences, with the shipped ``nuke`` folder on its path."""
    for name in [n for n in sys.modules if n == "nuke" or n.split(".")[0] == "reenact_nuke"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nuke", nuke_fake)
    monkeypatch.syspath_prepend(str(NUKE))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OFX_REENACT_LOG_DIR", str(tmp_path))
    for name in ("OCIO", "OFX_REENACT_PYTHON", "OFX_REENACT_PRESETS", "OFX_REENACT_TRACKERS"):
        monkeypatch.delenv(name, raising=False)
    return nuke_fake.reset(gui)


def python_of(path, *command, environment=None):
    """Write a program that stands for the engine's Python: it runs ``command`` with what it is given."""
    lines = ["#!/bin/sh", *(f"export {k}='{v}'" for k, v in (environment or {}).items())]
    lines.append("exec " + " ".join(f"'{word}'" for word in command) + ' "$@"')
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o755)
    return str(path)


def wired(nuke, target, driver, output, frames=(1, 1), target_frames=(1, 1)):
    """Make a node between two Reads."""
    from reenact_nuke import node

    made = node.build()
    for index, (file, span) in enumerate(((target, target_frames), (driver, frames))):
        read = nuke.nodes.Read(file=str(file), first=span[0], last=span[1])
        made.setInput(index, read)
    made["reenact_output"].setValue(str(output))
    return made


def wired_shot(nuke):
    """Make a node between the Reads of a shot that is nowhere."""
    return wired(nuke, "/shots/a/plate.exr", "/shots/a/take.%04d.exr", "/shots/a/out/face_v001.####.exr", (1001, 1024))


def scripted(monkeypatch, tmp_path, mode, version=__version__, gui=True):
    """Start a new Nuke with an engine that behaves in one way."""
    script = Path(__file__).with_name("scripted_engine.py")
    nuke = begin(monkeypatch, tmp_path, gui)
    monkeypatch.setenv("OFX_REENACT_PYTHON", python_of(tmp_path / "python", sys.executable, str(script), mode, version))
    return nuke


def working(monkeypatch, tmp_path):
    """Start a new Nuke with an engine that does every request; the code after the yield ends it."""
    yield scripted(monkeypatch, tmp_path, "fine")
    if "reenact_nuke.engine_session" in sys.modules:
        sys.modules["reenact_nuke.engine_session"].SESSION.stop()


def wired_plate(nuke, shot):
    """Make a node between the plate and the take of a folder."""
    return wired(nuke, shot / "plate.####.exr", shot / "take.####.exr", shot / "o_v001.####.exr", (1, 3), (1001, 1006))


def settle(nuke):
    """Wait, as Nuke's main thread does, until nothing is at work."""
    from reenact_nuke import engine_task

    nuke.pump(lambda: engine_task.RUNNING.current is None, 120)


def set_root(nuke, **values):
    """Set knobs of the script's root."""
    for name, value in values.items():
        nuke.root()[name].setValue(value)


def press(nuke, node, button, *answers):
    """Press a button and answer its question; returns the message that is shown."""
    nuke.SESSION.answers.extend(answers)
    assert nuke.click(node, "reenact_do_" + button)
    settle(nuke)
    return nuke.SESSION.messages.pop() if nuke.SESSION.messages else ""


def requests(do):
    """The requests of one kind that the engine got, oldest first, by the node's log."""
    from reenact_nuke import log

    lines = [line.partition("> ")[2] for line in Path(log.path()).read_text().splitlines() if "> {" in line]
    return [request for request in map(json.loads, lines) if request["do"] == do]


def analysed():
    """Name the footage of the engine's requests to track, oldest first."""
    tracked = [one["settings"] for one in requests("analyse") if one.get("fresh") is not False]
    return [Path(one["driver"]).name.split(".")[0] for one in tracked]


def plate_and_take(folder):
    """Write a plate of six frames and a take of three, of which nobody looks at the pixels."""
    for name, first, last in (("plate", 1001, 1006), ("take", 1, 3)):
        for frame in range(first, last + 1):
            (folder / f"{name}.{frame:04d}.exr").write_text(f"{name}, frame {frame}")
    return folder
