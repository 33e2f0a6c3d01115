"""A stand-in for Nuke's ``nuke`` module that behaves: knobs, nodes, groups, callbacks, two threads, a terminal.

What each part does is taken from Foundry's public pages; they are named where it is. "pdg" is the Python Developer's
Guide (learn.foundry.com/nuke/developers/.../pythondevguide), "pyref" the older Python Reference, "ref" the Reference
Guide, "ndk" the NDK's examples. What no page documents is marked. ``reset`` starts a new session.
"""

import json
import queue
import sys
import threading
import time
from pathlib import Path

import nuke_pixels
import nuke_tcl  # noqa: F401
from nuke_knobs import *  # noqa: F403
from nuke_knobs import NODE_KNOBS, SESSION, File_Knob, Knob, edit, make_knob

NUKE_VERSION_STRING, EXE_PATH = "16.0v1", "/usr/local/Nuke16.0v1/Nuke16.0"
STARTLINE, INVISIBLE = 1 << 12, 1 << 10
GUI = True
BOTH = ("name", "label", "icon", "knobChanged", "onCreate")

_COLOURS = ["default (linear)", "linear", "sRGB", "rec709", "Cineon"]
_OCIO_COLOURS = [
    "default (scene_linear)",
    "scene_linear",
    "ACES/ACEScg",
    "Utility/Linear Rec.709 (sRGB)",
    "sRGB - Texture",
]


class Node:
    """pyref: nuke.Node. Inputs by number, knobs by name; one that was deleted refuses (in practice, on no page)."""

    def __init__(self, kind, parent):
        self._kind, self._parent, self._inputs, self._gone = kind, parent, {}, False
        self._knobs, self._user = {}, []
        for name, about in {
            "name": ("String_Knob", ""), "label": ("String_Knob", ""), "icon": ("String_Knob", ""),
            "tile_color": ("Int_Knob", 0), "disable": ("Boolean_Knob", False), "xpos": ("Int_Knob", 0),
            "ypos": ("Int_Knob", 0), "selected": ("Boolean_Knob", False), "knobChanged": ("String_Knob", ""),
            "onCreate": ("String_Knob", ""),
            **NODE_KNOBS.get(kind, {}),
        }.items():  # fmt: skip
            knob = make_knob(about[0], name, name, *about[2:])
            knob._value = about[1]
            self._attach(knob)
        if kind == "Read":
            self._knobs["colorspace"].setValues(_OCIO_COLOURS if _ocio() else _COLOURS)

    def _attach(self, knob):
        knob._node = self
        self._knobs[knob.name()] = knob

    def _check(self):
        if self._gone:
            raise ValueError("A PythonObject is not attached to a node")

    def Class(self):
        self._check()
        return self._kind

    def name(self):
        self._check()
        return self._knobs["name"]._value

    def fullName(self):
        above = self._parent.fullName() if self._parent and self._parent._kind != "Root" else ""
        return f"{above}.{self.name()}" if above else self.name()

    def setName(self, name, uncollide=True):
        edit()
        taken = {n.name() for n in self._parent._nodes if n is not self}
        base, number = name.rstrip("0123456789") or name, 1
        while uncollide and name in taken:
            name, number = f"{base}{number}", number + 1
        self._knobs["name"]._value = name

    def knob(self, name):
        self._check()
        return self._knobs.get(name)

    def __getitem__(self, name):
        self._check()
        if name not in self._knobs:
            # pyref: nuke.Node, x[y]; the error is a NameError in practice.
            raise NameError(f"knob {name} does not exist")
        return self._knobs[name]

    def knobs(self):
        return dict(self._knobs)

    def addKnob(self, knob):
        """pdg: Getting Started, "Adding Controls to Nodes"."""
        edit()
        self._attach(knob)
        self._user.append(knob.name())

    def removeKnob(self, knob):
        edit()
        self._user.remove(knob.name())
        del self._knobs[knob.name()]

    def setInput(self, index, node):
        edit()
        self._check()
        self._inputs[index] = node
        # pdg: nuke.addKnobChanged: "called with dummy knobs ... when the inputs change"; its name by use.
        self._changed(Knob("inputChange"))
        return True

    def input(self, index):
        self._check()
        found = self._inputs.get(index)
        return found if found is None or not found._gone else None

    def inputs(self):
        """pyref: nuke.Node, inputs: "the maximum number of inputs" that are connected."""
        return max(self._inputs, default=-1) + 1

    def firstFrame(self):
        return self._range(0)

    def lastFrame(self):
        return self._range(1)

    def _range(self, end):
        if self._kind == "Read":
            return self[("first", "last")[end]].value()
        above = self.input(0)
        return above._range(end) if above else root()[("first_frame", "last_frame")[end]].value()

    def xpos(self):
        return self["xpos"].value()

    def ypos(self):
        return self["ypos"].value()

    def setXYpos(self, x, y):
        self["xpos"].setValue(x)
        self["ypos"].setValue(y)

    def setSelected(self, on):
        self["selected"].setValue(on)

    def showControlPanel(self):
        """pdg: nuke.addKnobChanged: "called with dummy knobs when the control panel is opened"; its name by use."""
        _needs_gui("showControlPanel")
        self._changed(Knob("showPanel"))

    def _changed(self, knob):
        """pdg: Callbacks, knobChanged; nuke.addKnobChanged of 17.1: called for changes by programs too."""
        text = self._knobs["knobChanged"]._value
        if text and knob.name() not in BOTH:
            SESSION.this.append((self, knob))
            try:
                exec(text, {"nuke": sys.modules["nuke"]})
            finally:
                SESSION.this.pop()


class Group(Node):
    """pyref: nuke.Group. ``with`` makes what follows happen inside; Inputs in order of their number."""

    def __init__(self, kind, parent):
        self._nodes = []
        super().__init__(kind, parent)

    def __enter__(self):
        SESSION.context.append(self)
        return self

    def __exit__(self, *error):
        SESSION.context.pop()

    def node(self, name):
        return next((n for n in self._nodes if n.name() == name), None)

    def nodes(self):
        return list(self._nodes)

    def output(self):
        return next((n for n in self._nodes if n._kind == "Output"), None)

    def name(self):
        return super().name() if self._kind != "Root" else SESSION.script


class _Nodes:
    """pdg: Getting Started, "Creating a Node for Scripting": knobs and inputs by keyword."""

    def __getattr__(self, kind):
        def make(inputs=(), name="", **values):
            edit("create " + kind)
            parent = SESSION.context[-1]
            node = (Group if kind in ("Group", "Precomp") else Node)(kind, parent)
            if kind == "Input":
                node["number"].setValue(sum(n._kind == "Input" for n in parent._nodes))
            parent._nodes.append(node)
            node.setName(name or kind + "1")
            for knob, value in values.items():
                node[knob].setValue(value)
            for index, source in enumerate(inputs):
                node.setInput(index, source)
            return node

        return make


nodes = _Nodes()


class ProgressTask:
    """pdg: nuke.ProgressTask. ``SESSION.cancel_after`` presses its button after so many steps."""

    def __init__(self, name):
        _needs_gui("ProgressTask")
        self.name, self.progress, self.messages = name, [], []
        SESSION.tasks.append(self)

    def setProgress(self, done):
        assert isinstance(done, int)
        self.progress.append(done)

    def setMessage(self, text):
        self.messages.append(text)

    def isCancelled(self):
        return SESSION.cancel_after is not None and len(self.progress) >= SESSION.cancel_after


class Layer:
    """pdg: nuke.Layer, "a layer with a name and optional list of channel names"."""

    def __init__(self, name, channels=()):
        SESSION.layers[name] = list(channels)


class _Menu:
    """pdg: Customizing the UI; commands by their path."""

    def __init__(self, name):
        self.name = name

    def addCommand(self, path, command, **options):
        SESSION.commands[f"{self.name}/{path}"] = command


def reset(gui=True):
    """Start a new session, with a window or in a terminal."""
    module = sys.modules[__name__]
    module.GUI = gui
    SESSION.begin(gui)
    SESSION.root = Group("Root", None)
    SESSION.context[:] = [SESSION.root]
    return module


def root():
    return SESSION.root


def thisNode():
    return SESSION.this[-1][0]


def thisKnob():
    return SESSION.this[-1][1]


def toNode(name):
    found = SESSION.context[-1]
    for part in name.split("."):
        found = found.node(part) if found else None
    return found


def allNodes(filter=None, group=None, recurseGroups=False):
    """pdg: nuke.allNodes: of a class, in a group, by default the current one; groups inside only with recurseGroups."""
    found = []
    for node in (group or SESSION.context[-1])._nodes:
        found += [node] if filter in (None, node._kind) else []
        found += allNodes(filter, node, True) if recurseGroups and isinstance(node, Group) else []
    return found


def views():
    """pdg: nuke.views: "all the globally existing views"."""
    return list(SESSION.views)


def addFilenameFilter(call, args=(), kwargs=None, nodeClass="*"):
    """pdg: Callbacks, filenameFilter: "called in backwards order", "None is the same as ... unchanged"."""
    SESSION.filters.insert(0, call)


def filenameFilter(filename):
    """Nuke's callbacks.py: what runs the filters before a name goes to the operating system."""
    for call in SESSION.filters:
        filename = call(filename) or filename
    return filename


def selectedNodes(kind=None):
    return [n for n in reversed(allNodes(kind)) if n["selected"].value()]


def delete(node):
    edit("delete " + node.name())
    node._parent._nodes.remove(node)
    node._gone = True


def frame(number=None):
    if number is not None:
        SESSION.frame = number
    return SESSION.frame


def menu(name):
    _needs_gui("menu")
    return _Menu(name)


def message(text):
    _needs_gui("message")
    SESSION.messages.append(text)


def ask(text):
    _needs_gui("ask")
    SESSION.messages.append(text)
    return SESSION.answers.pop(0)


def getInput(text, default=""):
    _needs_gui("getInput")
    return SESSION.answers.pop(0)


def getFilename(text, pattern=None):
    _needs_gui("getFilename")
    return SESSION.answers.pop(0)


def tprint(*values):
    print(*values, flush=True)


def _needs_gui(what):
    """pdg: Start-up Scripts: what makes elements of the window "may lead to errors" without one; here always."""
    if not GUI:
        SESSION.ui_calls.append(what)
        raise RuntimeError(f"{what} in a terminal")
    if what != "ProgressTask" and threading.current_thread() is not SESSION.main:
        raise RuntimeError(f"{what} outside the main thread")


def executeInMainThread(call, args=(), kwargs=None):
    """pdg: Threading, "and return immediately"; "do not run [it] from within the main thread or NUKE will hang"."""
    if threading.current_thread() is SESSION.main:
        raise RuntimeError("Nuke would hang: executeInMainThread from the main thread")
    SESSION.queue.put((call, args if isinstance(args, tuple) else (args,), kwargs or {}))


def pump(until, seconds=600.0):
    """Be Nuke's main thread: do what was handed to it until a condition holds."""
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            raise TimeoutError("Nuke's main thread waited in vain")
        try:
            call, args, kwargs = SESSION.queue.get(timeout=0.02)
        except queue.Empty:
            continue
        call(*args, **kwargs)


def execute(node, start, end, incr=1, views=None, continueOnError=False):
    """pdg: nuke.render (its page gives nuke.execute): a Write over frames; trouble is a RuntimeError.

    "views: Optional list of views. Default is None, meaning all views."
    """
    edit()
    for number in range(int(start), int(end) + 1, incr):
        for view in SESSION.views if views is None else views:
            SESSION.executed.append((node.name(), number, view))
            nuke_pixels.write(node, number, view)


def click(node, knob):
    """Press a button as an artist does; pyref: nuke.PyScript_Knob executes its command with thisNode() set."""
    button = node[knob]
    if not button.enabled():
        return False
    SESSION.this.append((node, button))
    try:
        exec(button.command(), {"nuke": sys.modules["nuke"]})
    finally:
        SESSION.this.pop()
    return True


def scriptSaveAs(path):
    """Write what a script holds: nodes, inputs, knobs with their flags, the knobs that a user added, layers."""
    SESSION.script = str(path)
    content = {"layers": SESSION.layers, "root": _saved(SESSION.root)}
    Path(path).write_text(json.dumps(content), encoding="utf-8")


def scriptOpen(path):
    """Make a script's nodes; no Python runs but the knobs' callbacks."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    SESSION.root, SESSION.script = Group("Root", None), str(path)
    SESSION.context[:] = [SESSION.root]
    SESSION.layers.update(content["layers"])
    _restore(SESSION.root, content["root"])


def nodeCopy(path):
    """pdg: nuke.nodeCopy: the selected nodes of the current group, as they are in a script."""
    chosen = [n for n in SESSION.context[-1]._nodes if n["selected"].value()]
    Path(path).write_text(json.dumps([_saved(n) for n in chosen]), encoding="utf-8")


def nodePaste(path):
    """pdg: nuke.nodePaste, into the current group, without inputs; returns the last of the new nodes."""
    made = None
    for one in json.loads(Path(path).read_text(encoding="utf-8")):
        parent = SESSION.context[-1]
        made = (Group if "nodes" in one else Node)(one["kind"], parent)
        parent._nodes.append(made)
        _restore(made, one)
        made.setName(one["knobs"]["name"]["value"])
    return made


def _created(node):
    """pdg: Callbacks, onCreate: "when loading a script, pasting a node, ... or undoing a delete"."""
    text = node._knobs["onCreate"]._value
    if text:
        SESSION.this.append((node, None))
        try:
            exec(text, {"nuke": sys.modules["nuke"]})
        finally:
            SESSION.this.pop()


def _saved(node):
    """One node; pyref: nuke.Enumeration_Knob, words "are written to the saved scripts"."""
    inner = {"nodes": [_saved(n) for n in node._nodes]} if isinstance(node, Group) else {}
    beside = node._parent._nodes if node._parent else []
    return {
        "kind": node._kind,
        "knobs": {name: knob.state() for name, knob in node._knobs.items()},
        "user": node._user,
        **inner,
        "inputs": {i: beside.index(n) for i, n in node._inputs.items() if n is not None and n in beside},
    }


def _restore(node, saved):
    for name, state in saved["knobs"].items():
        if name not in node._knobs:
            node._attach(make_knob(state["kind"], name, state["label"]))
        node._knobs[name].restore(state)
    node._user = saved["user"]
    for one in saved.get("nodes", ()):
        child = (Group if "nodes" in one else Node)(one["kind"], node)
        node._nodes.append(child)
        _restore(child, one)
    for child, one in zip(getattr(node, "_nodes", []), saved.get("nodes", ()), strict=True):
        child._inputs = {int(i): node._nodes[at] for i, at in one["inputs"].items()}
    if node._parent is not None:
        _created(node)


def _ocio():
    return SESSION.root is not None and SESSION.root["colorManagement"].value() == "OCIO"


__all__ = ["File_Knob", "Knob"]
