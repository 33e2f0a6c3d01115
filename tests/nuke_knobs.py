"""The knobs of the stand-in for Nuke, and its session. pyref: the page of each knob's class."""

import queue
import re
import threading

# Knobs that node classes bring: name → kind, value[, choices]; as ref's page of each node, or saved scripts, name them.
NODE_KNOBS = {
    "Read": {
        "file": ("File_Knob", ""), "first": ("Int_Knob", 1), "last": ("Int_Knob", 1), "origfirst": ("Int_Knob", 1),
        "origlast": ("Int_Knob", 1),
        "frame_mode": ("Enumeration_Knob", "expression", ["expression", "start at", "offset"]),
        "frame": ("String_Knob", ""), "colorspace": ("Enumeration_Knob", "", []), "raw": ("Boolean_Knob", False),
        "on_error": ("Enumeration_Knob", "error", ["error", "black", "checkerboard", "nearest frame"]),
        "reload": ("PyScript_Knob", ""),
    },
    "Write": {
        "file": ("File_Knob", ""), "file_type": ("String_Knob", ""), "datatype": ("String_Knob", "16 bit half"),
        "raw": ("Boolean_Knob", False), "channels": ("String_Knob", "rgb"),
    },
    "Constant": {"color": ("Array_Knob", [0.0, 0.0, 0.0, 0.0]), "size": ("Array_Knob", [64, 48])},
    "Keymix": {"channels": ("String_Knob", "all"), "invertMask": ("Boolean_Knob", False)},
    "STMap": {"uv": ("String_Knob", "none")},
    "Expression": {f"expr{i}": ("String_Knob", "") for i in range(4)},
    "FrameHold": {"first_frame": ("Int_Knob", 0), "increment": ("Int_Knob", 0)},
    "Switch": {"which": ("Double_Knob", 0)},
    "Input": {"number": ("Int_Knob", 0)},
    "Tracker4": {"tracks": ("Table_Knob", "")},
    "Root": {
        "first_frame": ("Int_Knob", 1), "last_frame": ("Int_Knob", 100), "proxy": ("Boolean_Knob", False),
        "project_directory": ("File_Knob", ""), "colorManagement": ("Enumeration_Knob", "Nuke", ["Nuke", "OCIO"]),
        "OCIO_config": ("String_Knob", "nuke-default"), "customOCIOConfigPath": ("File_Knob", ""),
        "OCIOConfigPath": ("String_Knob", ""), "workingSpaceLUT": ("String_Knob", ""),
    },
}  # fmt: skip


class Session:
    """What one run of Nuke knows."""

    root = None
    expression = None
    tcl = None

    def begin(self, gui):
        self.gui, self.main, self.queue = gui, threading.current_thread(), queue.Queue()
        self.context, self.this, self.frame, self.script = [], [], 1, ""
        self.messages, self.answers, self.tasks, self.ui_calls = [], [], [], []
        self.layers, self.commands, self.cancel_after, self.root = {}, {}, None, None
        self.views, self.filters, self.executed = ["main"], [], []
        self.undo, self.undo_off = [], 0


SESSION = Session()


def edit(what=""):
    """pdg: Threading: from another thread the script is reached through executeInMainThread only."""
    if threading.current_thread() is not SESSION.main:
        raise RuntimeError("the script was edited outside the main thread")
    if what and not SESSION.undo_off:
        SESSION.undo.append(what)


class Undo:
    """pdg: nuke.Undo: disable, "prevent recording undos until matching enable()"."""

    def disable(self):
        SESSION.undo_off += 1

    def enable(self):
        SESSION.undo_off -= 1


class Knob:
    """pyref: nuke.Knob."""

    def __init__(self, name, label=""):
        self._name, self._label, self._tooltip, self._node = name, label, "", None
        self._value, self._enabled, self._flags, self._expression = "", True, set(), ""

    def Class(self):
        return type(self).__name__

    def name(self):
        return self._name

    def label(self):
        return self._label

    def node(self):
        return self._node

    def tooltip(self):
        return self._tooltip

    def setTooltip(self, text):
        self._tooltip = text

    def setFlag(self, flag):
        self._flags.add(flag)

    def clearFlag(self, flag):
        self._flags.discard(flag)

    def getFlag(self, flag):
        return flag in self._flags

    def enabled(self):
        return self._enabled

    def setEnabled(self, on):
        edit()
        if self._node is not None:
            self._node._check()
        self._enabled = on

    def setValue(self, value):
        edit()
        if self._node is not None:
            self._node._check()
        self._value = self._take(value)
        if self._node is not None:
            self._node._changed(self)
        return True

    def _take(self, value):
        return value

    def value(self):
        return self._value

    def getValue(self):
        return self.value()

    def setExpression(self, text):
        edit()
        self._expression = text

    def toScript(self):
        """pyref: nuke.Knob: "return the knob's value as it would be saved in a script"."""
        return self._expression or str(self._value)

    def state(self):
        return {
            "kind": self.Class(), "label": self._label, "value": self._value, "enabled": self._enabled,
            "flags": sorted(self._flags), "tooltip": self._tooltip, "expression": self._expression,
            **{n: getattr(self, n) for n in ("_choices", "_command", "_range", "_keys") if hasattr(self, n)},
        }  # fmt: skip

    def restore(self, state):
        self._value, self._enabled, self._flags = state["value"], state["enabled"], set(state["flags"])
        self._tooltip, self._expression = state["tooltip"], state["expression"]
        for name in ("_choices", "_command", "_range"):
            if name in state:
                setattr(self, name, state[name])
        if "_keys" in state:
            self._keys = {float(time): value for time, value in state["_keys"].items()}


class Tab_Knob(Knob):
    pass


class Text_Knob(Knob):
    def __init__(self, name, label="", value=""):
        super().__init__(name, label)
        self._value = value


class String_Knob(Knob):
    def _take(self, value):
        if not isinstance(value, str):
            raise TypeError(f"{self._name}: a string is wanted, not {value!r}")
        return value


class File_Knob(String_Knob):
    """pyref: nuke.File_Knob: the string "will be normalized to technical notation if sequence (%4d)"."""

    def value(self):
        return re.sub(r"#+", lambda m: f"%0{len(m.group())}d", self._value)

    def fromUserText(self, text):
        """pyref: nuke.File_Knob: "parses frame range off the end and opens file to get set the format"."""
        name, first, last = re.fullmatch(r"(.*) (-?\d+)-(-?\d+)", text).groups()
        self.setValue(name)
        for knob, value in (("first", first), ("last", last), ("origfirst", first), ("origlast", last)):
            self._node[knob].setValue(value)

    def getEvaluatedValue(self, oc=None):
        """By use: as ``value()``, with what stands in brackets evaluated as Tcl; pyref: nuke.EvalString_Knob."""
        return SESSION.tcl(self._node, self.value())


class Script_Knob(String_Knob):
    def __init__(self, name, label="", command=""):
        super().__init__(name, label)
        self._command = command

    def command(self):
        return self._command

    def execute(self):
        edit()


class PyScript_Knob(Script_Knob):
    pass


CONSTANT, LINEAR, SMOOTH = 1, 2, 3


class AnimationKey:
    """pyref: nuke.AnimationKey."""

    def __init__(self, x, y):
        self.x, self.y = x, y


class AnimationCurve:
    """pyref: nuke.AnimationCurve."""

    def __init__(self, knob):
        self._knob = knob

    def addKey(self, keys):
        edit()
        self._knob._keys.update({float(key.x): float(key.y) for key in keys})

    def keys(self):
        return [AnimationKey(x, y) for x, y in sorted(self._knob._keys.items())]

    def changeInterpolation(self, keys, kind):
        edit()
        self._knob._held |= {float(key.x) for key in keys if kind == CONSTANT}


class Array_Knob(Knob):
    """pyref: nuke.Array_Knob: numbers, a curve, an expression that wins over both."""

    def __init__(self, name, label=""):
        super().__init__(name, label)
        self._value, self._range, self._keys, self._held = 0.0, [0, 1], {}, set()

    def setRange(self, low, high):
        self._range = [low, high]

    def value(self):
        if self._expression:
            return SESSION.expression(self._node, self._expression)
        return self.getValueAt(SESSION.frame) if self._keys else self._value

    def getValueAt(self, time):
        if self._expression:
            return SESSION.expression(self._node, self._expression)
        times = sorted(self._keys)
        after = next((t for t in times if t >= time), times[-1])
        before = next((t for t in reversed(times) if t <= time), times[0])
        share = (time - before) / (after - before) if after > before and before not in self._held else 0
        return self._keys[before] * (1 - share) + self._keys[after] * share

    def setAnimated(self, index=0):
        edit()

    def clearAnimated(self, index=0):
        edit()
        self._keys, self._held = {}, set()

    def isAnimated(self, index=0):
        return bool(self._keys)

    def hasExpression(self, index=0):
        return bool(self._expression)

    def animation(self, index):
        return AnimationCurve(self)


class Double_Knob(Array_Knob):
    def _take(self, value):
        return float(value)


class Int_Knob(Array_Knob):
    def _take(self, value):
        return int(value)

    def value(self):
        return int(super().value())


class Boolean_Knob(Array_Knob):
    def _take(self, value):
        return bool(value)

    def value(self):
        return bool(super().value())


class Enumeration_Knob(Array_Knob):
    """pyref: nuke.Enumeration_Knob: value() is the word, getValue() (of Array_Knob) its number."""

    def __init__(self, name, label="", choices=()):
        super().__init__(name, label)
        self._choices = list(choices)
        self._value = self._choices[0] if self._choices else ""

    def _take(self, value):
        value = self._choices[int(value)] if isinstance(value, int | float) else value
        if value not in self._choices:
            raise TypeError(f"{self._name}: {value!r} is none of {self._choices}")
        return value

    def value(self):
        return self._value

    def getValue(self):
        return float(self._choices.index(self._value))

    def values(self):
        return list(self._choices)

    def setValues(self, choices):
        self._choices = list(choices)
        self._value = self._choices[0] if self._choices else ""


class Table_Knob(Knob):
    """The tracks of a Tracker4: no page describes it; as saved scripts have it, one number for each row and column."""

    def fromScript(self, text):
        edit()
        self._value = text

    def toScript(self):
        return "{ " + self._value + " }"

    def move(self, row, axis, time, value):
        """What an artist does in the viewer: set a key of track ``row``, axis 0 or 1."""
        cells = self._curves()
        cells[31 * row + 2 + axis][time] = value
        self._moved = cells

    def getNumKeys(self, channel):
        return len(self._curves()[channel])

    def getKeyTime(self, index, channel):
        return sorted(self._curves()[channel])[index]

    def getValueAt(self, time, channel):
        return self._curves()[channel][time]

    def _curves(self):
        if hasattr(self, "_moved"):
            return self._moved
        rows = re.findall(r'\{ (\{curve K x\S+ 1\}) "([^"]*)" \{curve ([^}]*)\} \{curve ([^}]*)\}', self._value)
        found = {}
        for row, (_, _, *axes) in enumerate(rows):
            for axis, text in enumerate(axes):
                words = text.split()
                found[31 * row + 2 + axis] = {
                    float(time[1:]): float(value) for time, value in zip(words[::2], words[1::2], strict=True)
                }
        return found


def make_knob(kind, name, label="", *choices):
    """Make a knob of a class by its name."""
    return globals()[kind](name, label, *choices)
