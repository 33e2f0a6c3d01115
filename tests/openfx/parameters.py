"""A host's parameters: what a plug-in describes, the values and keyframes of an instance, and the suite."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping
from ctypes import c_double, c_int
from typing import Any

from openfx.api import ParameterSuite, Status
from openfx.handles import Handled, Record, Refused, current, find, put, running, text_of
from openfx.properties import ALIVE, DESCRIBING, READ_ONLY, PropertySet, filled
from openfx.tables import PARAMETERS, Definition

CTYPES: dict[str, Any] = {"Int": c_int, "Double": c_double}
# Kinds of messages.
WRITERS = frozenset(
    f"OfxMessage{kind}" for kind in ("Fatal", "Error", "Warning", "Message", "Log", "Question")
)  # fmt: skip
_CHANGES = frozenset(("OfxActionInstanceChanged", "OfxActionBeginInstanceChanged", "OfxActionEndInstanceChanged"))
_RENDERS = frozenset(
    f"OfxImageEffectAction{name}" for name in ("Render", "BeginSequenceRender", "EndSequenceRender", "IsIdentity")
)  # fmt: skip
_DEFAULTS: dict[str, Any] = {
    "OfxParamPropEnabled": 1, "OfxParamPropAnimates": 1, "OfxParamPropPersistant": 1, "OfxParamPropGroupOpen": 1,
    "OfxParamPropEvaluateOnChange": 1, "OfxParamPropCanUndo": 1, "OfxParamPropIncrement": 1.0, "OfxParamPropDigits": 2,
    "OfxParamPropCacheInvalidation": "OfxParamInvalidateValueChange",
    "OfxParamPropDoubleType": "OfxParamDoubleTypePlain",
    "OfxParamPropStringMode": "OfxParamStringIsSingleLine", "OfxParamPropStringFilePathExists": 1,
    "OfxParamInterpType": "OfxParamInterpTypeLinear",
}  # fmt: skip
_STILL = frozenset(("OfxParamTypeString", "OfxParamTypeBoolean", "OfxParamTypeChoice", "OfxParamTypeCustom"))
_FURTHEST: dict[str, tuple[Any, Any]] = {"Int": (-(2**31), 2**31 - 1), "Double": (-1.79e308, 1.79e308)}


def describe_parameter(
    record: Record, type: str, name: str, lacks: Callable[[str, Definition], bool]
) -> PropertySet:
    """Return the properties of a parameter that a plug-in begins to describe."""
    size, table = PARAMETERS[type]
    values = {label: value for label, value in _DEFAULTS.items() if label in table}
    labels = ("OfxPropName", "OfxPropLabel", "OfxPropShortLabel", "OfxPropLongLabel", "OfxParamPropScriptName")
    values |= {**dict.fromkeys(labels, name), "OfxPropType": "OfxTypeParameter", "OfxParamPropType": type}
    if "OfxParamPropMin" in table:
        low, high = _FURTHEST[table["OfxParamPropMin"].type]
        values |= dict.fromkeys(("OfxParamPropMin", "OfxParamPropDisplayMin"), [low] * size)
        values |= dict.fromkeys(("OfxParamPropMax", "OfxParamPropDisplayMax"), [high] * size)
    if type in _STILL:
        values["OfxParamPropAnimates"] = 0
    return PropertySet(record, f"parameter {name}", table, values, DESCRIBING, lacks)


class ParameterSet(Handled):
    """The parameters of an effect that is described, or of an instance.

    Attributes:
        properties: of whom they are.
        described: by name, what the plug-in says of each.
        parameters: of an instance, by name.
    """

    def __init__(self, record: Record, owner: Any, properties: PropertySet) -> None:
        super().__init__(record, f"of {owner}")
        self.owner, self.properties = owner, properties
        self.described: dict[str, PropertySet] = {}
        self.parameters: dict[str, Parameter] = {}

    def end(self) -> None:
        super().end()
        for properties in self.described.values():
            properties.end()
        for parameter in self.parameters.values():
            parameter.end()


class Parameter(Handled):
    """A parameter of an instance: a value, or keyframes in its place.

    Attributes:
        kind: of its values, ``Int``, ``Double`` or ``String``; empty for none.
        size: how many values it has.
        keys: values by time.
    """

    def __init__(self, owner: Any, described: PropertySet) -> None:
        super().__init__(described.record, described["OfxPropName"])
        self.owner, self.type = owner, described["OfxParamPropType"]
        self.size, table = PARAMETERS[self.type]
        self.kind = table["OfxParamPropDefault"].type if self.size else ""
        instance = {"OfxPropType": "OfxTypeParameterInstance"}
        self.properties = described.copy_to(table, str(self), ALIVE, instance)
        self.value = self._values_of(self.properties["OfxParamPropDefault"]) if self.size else []
        self.keys: dict[float, list[Any]] = {}

    def end(self) -> None:
        super().end()
        self.properties.end()

    @property
    def animates(self) -> bool:
        return bool(self.size and self.properties["OfxParamPropAnimates"])

    def set(self, value: Any) -> None:
        """Set the value as a user does; keyframes go."""
        self.keys.clear()
        self.value = self._values_of(value)
        self._tell()

    def key(self, keys: Mapping[float, Any]) -> None:
        """Set keyframes as a user does."""
        assert self.animates, f"{self.name} cannot be keyed"
        self.keys = {float(time): self._values_of(value) for time, value in keys.items()}
        self._tell()

    def at(self, time: float) -> list[Any]:
        """Return the values at a time: numbers go from key to key in straight lines, the rest stays until the next."""
        times = sorted(self.keys)
        if not times:
            return self.value
        after = bisect.bisect_right(times, time)
        if after == 0:
            return self.keys[times[0]]
        first = self.keys[times[after - 1]]
        if after == len(times) or self.kind == "String" or self.type in _STILL:
            return first
        second, amount = self.keys[times[after]], (time - times[after - 1]) / (times[after] - times[after - 1])
        between = [one + amount * (other - one) for one, other in zip(first, second, strict=True)]
        return [round(one) for one in between] if self.kind == "Int" else between

    def read(self, what: int, start: float, stop: float) -> list[Any]:
        """Return values as a plug-in asks for them: now, at a time, a derivative or an integral.

        Raises:
            Refused: not in this action, or not of this parameter.
        """
        action = current()
        if action and action.name.endswith(("Describe", "DescribeInContext")):
            raise Refused(Status.FAILED, f"reads {self.name} while it describes")
        if what == 0:
            if action and action.name in _RENDERS:
                raise Refused(Status.FAILED, f"reads {self.name} without a time, which renders may not")
            return self.at(self.owner.time)
        if not math.isfinite(start):
            raise Refused(Status.VALUE, f"reads {self.name} at {start}")
        if what == 1:
            return self.at(start)
        if self.kind != "Double":
            raise Refused(Status.UNSUPPORTED, f"derives or integrates {self.name}, which is no number")
        if what == 2:
            step = 1e-3
            return [(b - a) / (2 * step) for a, b in zip(self.at(start - step), self.at(start + step), strict=True)]
        steps = [start + (stop - start) * (i + 0.5) / 256 for i in range(256)]
        return [sum(column) * (stop - start) / 256 for column in zip(*map(self.at, steps), strict=True)]

    def write_by_plugin(self, values: list[Any], time: float | None) -> None:
        """Set values as a plug-in may; the host tells it so, as the standard asks, before this returns.

        Raises:
            Refused: not in this action.
        """
        self.check_change()
        if time is None:
            self.keys.clear()
            self.value = values
        else:
            if not self.animates:
                raise Refused(Status.FAILED, f"keys {self.name}, which does not animate")
            self.keys[time] = values
        self._tell()
        self.owner.tell_changed("OfxTypeParameter", self.name, "OfxChangePluginEdited")

    def check_change(self) -> None:
        """Refuse a change by the plug-in outside of the actions that may."""
        if not any(action.name in _CHANGES for action in running()):
            raise Refused(Status.FAILED, f"changes {self.name}, which only InstanceChanged may")

    def saved(self) -> dict[str, Any]:
        """Return the value and keys as plain values."""
        return {"value": list(self.value), "keys": [[time, list(self.keys[time])] for time in sorted(self.keys)]}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take what was saved."""
        self.value = list(saved["value"])
        self.keys = {time: list(values) for time, values in saved["keys"]}
        self._tell()

    def _values_of(self, value: Any) -> list[Any]:
        values = list(value) if isinstance(value, list | tuple) else [value]
        assert len(values) == self.size, f"{self.name} has {self.size} values"
        if self.type == "OfxParamTypeChoice" and isinstance(values[0], str):
            values = [self.properties["OfxParamPropChoiceOption"].index(values[0])]
        as_kind = {"Int": int, "Double": float, "String": lambda one: one}[self.kind]
        return [as_kind(one) for one in values]

    def _tell(self) -> None:
        self.properties["OfxParamPropIsAnimating"] = int(bool(self.keys))


def make_suite(record: Record, lacks: Callable[[str, Definition], bool], variadic: Mapping[str, int]) -> ParameterSuite:
    """Make the parameter suite of a host; ``variadic`` are the functions that take any number of arguments."""

    def define(handle: int, type: bytes, name: bytes, place: Any) -> int:
        parameters, label, kind = find(handle, ParameterSet, record), text_of(name), text_of(type)
        action = current()
        if not action or not action.name.endswith(("Describe", "DescribeInContext")):
            raise Refused(Status.FAILED, f"defines {label} outside of describing")
        if kind not in PARAMETERS:
            raise Refused(Status.UNKNOWN, f"defines {label} of the unknown type {kind}")
        if label in parameters.described or not label or label.split() != [label]:
            raise Refused(Status.EXISTS, f"defines the parameter {label!r} twice, or not by one word")
        parameters.described[label] = describe_parameter(record, kind, label, lacks)
        if place:
            put(place, parameters.described[label].handle)
        return Status.OK

    def get_handle(handle: int, name: bytes, place: Any, properties: Any) -> int:
        parameters, label = find(handle, ParameterSet, record), text_of(name)
        if label not in parameters.parameters:
            raise Refused(Status.UNKNOWN, f"asks for the parameter {label}, which {parameters.owner} does not have")
        put(place, parameters.parameters[label].handle)
        if properties:
            put(properties, parameters.parameters[label].properties.handle)
        return Status.OK

    def set_properties(handle: int, place: Any) -> int:
        put(place, find(handle, ParameterSet, record).properties.handle)
        return Status.OK

    def get_properties(handle: int, place: Any) -> int:
        put(place, find(handle, Parameter, record).properties.handle)
        return Status.OK

    def get_num_keys(handle: int, place: Any) -> int:
        put(place, len(find(handle, Parameter, record).keys))
        return Status.OK

    def get_key_time(handle: int, index: int, place: Any) -> int:
        keys = sorted(find(handle, Parameter, record).keys)
        if index >= len(keys):
            raise Refused(Status.BAD_INDEX)
        put(place, keys[index])
        return Status.OK

    def get_key_index(handle: int, time: float, direction: int, place: Any) -> int:
        keys = sorted(find(handle, Parameter, record).keys)
        wanted = [i for i, key in enumerate(keys) if (key > time if direction > 0 else key < time if direction else
                                                      abs(key - time) < 1e-6)]  # fmt: skip
        put(place, (wanted[-1] if direction < 0 else wanted[0]) if wanted else -1)
        return Status.OK if wanted else Status.FAILED

    def delete_key(handle: int, time: float) -> int:
        parameter = find(handle, Parameter, record)
        parameter.check_change()
        return Status.OK if parameter.keys.pop(time, None) else Status.BAD_INDEX

    def delete_keys(handle: int) -> int:
        parameter = find(handle, Parameter, record)
        parameter.check_change()
        parameter.keys.clear()
        return Status.OK

    def copy(to: int, source: int, offset: float, times: Any) -> int:
        one, other = find(to, Parameter, record), find(source, Parameter, record)
        one.check_change()
        if one.type != other.type:
            raise Refused(Status.FAILED, f"copies {other.name} to {one.name}, which is of another type")
        inside = (times[0].min, times[0].max) if times and times[0].min != times[0].max else (-math.inf, math.inf)
        one.value = list(other.value)
        one.keys = {t + offset: list(v) for t, v in other.keys.items() if inside[0] <= t <= inside[1]}
        return Status.OK

    def edit_begin(handle: int, name: bytes) -> int:
        parameters, action = find(handle, ParameterSet, record), current()
        if not action or action.name not in _CHANGES:
            raise Refused(Status.FAILED, "begins a group of edits, which only InstanceChanged may")
        action.open.append(f"edits {text_of(name)} of {parameters.owner}")
        return Status.OK

    def edit_end(handle: int) -> int:
        find(handle, ParameterSet, record)
        action = current()
        groups = [one for one in action.open if one.startswith("edits")] if action else []
        if not action or not groups:
            raise Refused(Status.FAILED, "ends a group of edits that it did not begin")
        action.open.remove(groups[-1])
        return Status.OK

    functions = {
        "paramDefine": define, "paramGetHandle": get_handle, "paramSetGetPropertySet": set_properties,
        "paramGetPropertySet": get_properties, "paramGetNumKeys": get_num_keys, "paramGetKeyTime": get_key_time,
        "paramGetKeyIndex": get_key_index, "paramDeleteKey": delete_key, "paramDeleteAllKeys": delete_keys,
        "paramCopy": copy, "paramEditBegin": edit_begin, "paramEditEnd": edit_end,
    }  # fmt: skip
    loose = {name: at for name, at in variadic.items() if name.startswith("param")}
    return filled(ParameterSuite, record, functions, **loose)


def check_described(record: Record, name: str, properties: PropertySet, every: Mapping[str, PropertySet]) -> None:
    """Record what a plug-in's description of a parameter says that cannot be."""
    properties.access = READ_ONLY
    said, kind = dict.fromkeys(properties.table), properties["OfxParamPropType"]
    parent = properties["OfxParamPropParent"]
    if parent and (parent not in every or every[parent]["OfxParamPropType"] != "OfxParamTypeGroup"):
        record.violate(f"parameter {name} is in group {parent}, which is none")
    for child in properties["OfxParamPropPageChild"] if "OfxParamPropPageChild" in said else ():
        if child not in every and not child.startswith("OfxParamPageSkip"):
            record.violate(f"page {name} shows {child}, which is none")
    if kind == "OfxParamTypeChoice":
        options = properties["OfxParamPropChoiceOption"]
        if len(set(options)) != len(options) or not 0 <= properties["OfxParamPropDefault"] < len(options):
            record.violate(f"parameter {name} has choices {options} and default {properties['OfxParamPropDefault']}")
    if "OfxParamPropMin" in said:
        labels = ("Min", "DisplayMin", "Default", "DisplayMax", "Max")
        type = properties.table["OfxParamPropMin"].type
        low, shown, default, most, high = (properties.values(f"OfxParamProp{one}", type) for one in labels)
        for row in zip(low, shown, default, most, high, strict=True):
            if not (row[0] <= row[1] <= row[3] <= row[4] and row[0] <= row[2] <= row[4]):
                record.violate(f"parameter {name}: minimum, shown from, default, shown to, maximum are {row}")

