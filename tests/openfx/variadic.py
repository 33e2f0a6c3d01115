"""Functions with any number of arguments, which ctypes cannot offer: ``variadic.c``, compiled and connected."""

from __future__ import annotations

import ctypes
import functools
import tempfile
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_int, c_void_p
from pathlib import Path
from typing import Any

from openfx.api import Status
from openfx.compilers import compile_library
from openfx.handles import Message, Refused, bytes_of, current, lend, peek, serve, text_of
from openfx.parameters import CTYPES, WRITERS, Parameter

_SOURCE = Path(__file__).with_name("variadic.c")
# As in variadic.c.
_KINDS = {"Int": 1, "Double": 2, "String": 3}


class _Value(ctypes.Structure):
    _fields_ = (("whole", c_int), ("number", c_double), ("text", c_char_p))


class _Connection(ctypes.Structure):
    _fields_ = (
        ("layout", CFUNCTYPE(c_int, c_void_p, POINTER(c_int))),
        ("get", CFUNCTYPE(c_int, c_void_p, c_int, c_double, c_double, POINTER(c_void_p), c_int)),
        ("set", CFUNCTYPE(c_int, c_void_p, c_int, c_double, POINTER(_Value), c_int)),
        ("say", CFUNCTYPE(c_int, c_void_p, c_int, c_char_p, c_char_p, c_char_p)),
    )


@functools.cache
def addresses() -> dict[str, int]:
    """Return where the functions lie, by name. They serve every host of this process, told apart by handles."""
    with tempfile.TemporaryDirectory() as folder:
        library = ctypes.CDLL(str(compile_library([_SOURCE], Path(folder, "variadic.so"))))
    functions = [kind(function) for (_, kind), function in
                 zip(_Connection._fields_, (_layout, _get, _set, _say), strict=True)]  # fmt: skip
    library.connect_host(ctypes.byref(_Connection(*functions)))
    names = (
        "paramGetValue", "paramGetValueAtTime", "paramGetDerivative", "paramGetIntegral", "paramSetValue",
        "paramSetValueAtTime", "message", "setPersistentMessage",
    )  # fmt: skip
    # Whoever holds the addresses needs library and functions alive.
    addresses.alive = (library, functions)  # type: ignore[attr-defined]
    return {name: ctypes.cast(getattr(library, name), c_void_p).value or 0 for name in names}


def _answer(handle: Any, function: Any, *arguments: Any) -> int:
    """Call a function as a suite's own of the host that a handle, or else the action on this thread, belongs to."""
    action, about = current(), peek(handle)
    record = about.record if about is not None else action.record if action else None
    return int(Status.BAD_HANDLE) if record is None else serve(record, function)(*arguments)


def _layout(handle: int, kind: Any) -> int:
    parameter = peek(handle)
    if not isinstance(parameter, Parameter):
        _answer(handle, _complain, handle)
        return -1
    kind[0] = _KINDS.get(parameter.kind, 0)
    return parameter.size


def _complain(handle: int) -> int:
    raise Refused(Status.BAD_HANDLE, f"asks for the value of {peek(handle) or 'nothing'}, which is no parameter")


def _get(handle: int, what: int, start: float, stop: float, places: Any, count: int) -> int:
    return _answer(handle, _read, handle, what, start, stop, places, count)


def _read(handle: int, what: int, start: float, stop: float, places: Any, count: int) -> int:
    parameter: Parameter = peek(handle)
    values = parameter.read(what, start, stop)
    for index in range(count):
        if not places[index]:
            raise Refused(Status.VALUE, f"gives no place for the value of {parameter.name}")
        if parameter.kind == "String":
            c_void_p.from_address(places[index]).value = lend(bytes_of(values[index]))
        else:
            CTYPES[parameter.kind].from_address(places[index]).value = values[index]
    return Status.OK


def _set(handle: int, timed: int, time: float, values: Any, count: int) -> int:
    return _answer(handle, _write, handle, timed, time, values, count)


def _write(handle: int, timed: int, time: float, values: Any, count: int) -> int:
    parameter: Parameter = peek(handle)
    field = {"Int": "whole", "Double": "number", "String": "text"}.get(parameter.kind, "whole")
    given = [getattr(values[index], field) for index in range(count)]
    if None in given:
        raise Refused(Status.VALUE, f"sets {parameter.name} to NULL")
    values = [text_of(one) if isinstance(one, bytes) else one for one in given]
    parameter.write_by_plugin(values, time if timed else None)
    return Status.OK


def _say(effect: int, persistent: int, kind: bytes, label: bytes, text: bytes) -> int:
    return _answer(effect, _post, effect, persistent, kind, label, text)


def _post(effect: int, persistent: int, kind: bytes, label: bytes, text: bytes) -> int:
    subject, action = peek(effect), current()
    record = subject.record if subject is not None else action.record  # type: ignore[union-attr]
    if (effect and subject is None) or (persistent and not effect):
        raise Refused(Status.BAD_HANDLE, "gives a message of an effect that is none")
    if text is None or text_of(kind) not in WRITERS:
        raise Refused(Status.VALUE, f"gives a message of type {kind!r} and text {text!r}")
    try:
        said = text.decode("utf-8")
    except UnicodeDecodeError:
        said = text.decode("utf-8", "replace")
        record.violate(f"gives a message that is not UTF-8: {text!r}")
    message = Message(text_of(kind), text_of(label or b""), said, subject, bool(persistent))
    record.messages.append(message)
    if persistent:
        record.standing[subject] = message
    return Status.OK
