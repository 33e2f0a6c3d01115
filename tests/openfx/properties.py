"""Properties of a host's objects, and the suite by which plug-ins reach them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openfx.api import KINDS, PropertySuite, Status
from openfx.handles import Handled, Record, Refused, bytes_of, find, lend, put, serve, text_of
from openfx.tables import Definition, Table

# What a property has that nobody has set.
_EMPTY: dict[str, Any] = {"Int": 0, "Double": 0.0, "String": b"", "Pointer": None}
# Who may write a set now.
READ_ONLY, DESCRIBING, ALIVE, OPEN = "read only", "describing", "alive", "open"


class PropertySet(Handled):
    """The properties of one object.

    Args:
        record: of the host.
        name: whose properties these are, for people.
        table: what the standard gives to such an object.
        values: what it has; of the rest of the table, what ``lacks`` says is missing, as hosts may lack it, and the
            others are empty.
        access: who may write: nobody, the plug-in while it describes, or on an instance; OPEN: all of it.
    """

    def __init__(
        self,
        record: Record,
        name: str,
        table: Table,
        values: Mapping[str, Any],
        access: str = READ_ONLY,
        lacks: Callable[[str, Definition], bool] = lambda name, definition: False,
    ) -> None:
        super().__init__(record, name)
        self.table, self.access = dict(table), access
        self._values: dict[str, list[Any]] = {}
        for label, definition in table.items():
            if not lacks(label, definition):
                self._values[label] = [_EMPTY[definition.type]] * definition.size
        for label, value in values.items():
            if label in self._values:
                self[label] = value
        self._defaults = {label: list(found) for label, found in self._values.items()}
        self.written: set[str] = set()

    def __contains__(self, label: str) -> bool:
        return label in self._values

    def __getitem__(self, label: str) -> Any:
        """Return the value of a property of one, the values of any other; texts as text."""
        found = [_as_text(value) for value in self._values[label]]
        return found[0] if self.table[label].size == 1 else found

    def get(self, label: str, default: Any) -> Any:
        """Return what a property is, where this host has it."""
        try:
            return self[label]
        except KeyError:
            return default

    def __setitem__(self, label: str, value: Any) -> None:
        """Set a property as the host may."""
        several = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        self._values[label] = [_as_c(self.table[label].type, one) for one in (value if several else (value,))]

    def copy_to(self, table: Table, name: str, access: str, more: Mapping[str, Any]) -> PropertySet:
        """Return a set of a table with the values of this one where it has them, and more; it lacks the rest."""
        values = {label: self[label] for label in table if label in self} | dict(more)
        return PropertySet(self.record, name, table, values, access, lambda label, definition: label not in values)

    def values(self, label: str, kind: str) -> list[Any]:
        """Return what a plug-in finds, which asks for one type.

        Raises:
            Refused: there is no such property, or it is of another type.
        """
        definition = self._known(label)
        if definition.type != kind:
            raise Refused(Status.UNKNOWN, f"{label} of {self.name} is of type {definition.type}, not {kind}")
        return self._values[label]

    def write(self, label: str, kind: str, index: int | None, given: list[Any]) -> None:
        """Write what a plug-in gives: all values, or from an index on.

        Raises:
            Refused: there is no such property, or the plug-in may not write it, or not so.
        """
        found, definition = self.values(label, kind), self.table[label]
        if not self._may_write(definition):
            raise Refused(Status.FAILED, f"sets {label} of {self.name}, which is {self.access}")
        size, first = definition.size, index or 0
        if first < 0 or first > len(found) or (size and first + len(given) > size):
            raise Refused(Status.BAD_INDEX, f"sets {label} of {self.name} at {first}, of {size or len(found)} values")
        if index is None and not size:
            found.clear()
        found[first : first + len(given)] = given
        self.written.add(label)

    def reset(self, label: str) -> None:
        """Put back what a property was at first, as a plug-in asks.

        Raises:
            Refused: there is no such property, or the plug-in may not write it.
        """
        if not self._may_write(self._known(label)):
            raise Refused(Status.FAILED, f"resets {label} of {self.name}, which is {self.access}")
        self._values[label] = list(self._defaults[label])

    def count(self, label: str) -> int:
        """Return how many values a plug-in finds.

        Raises:
            Refused: there is no such property.
        """
        self._known(label)
        return len(self._values[label])

    def _known(self, label: str) -> Definition:
        if label not in self.table:
            raise Refused(Status.UNKNOWN, f"asks for {label}, which {self.name} has in no host")
        if label not in self._values:
            # This host lacks it; to find that out is what plug-ins ask for.
            raise Refused(Status.UNKNOWN)
        return self.table[label]

    def _may_write(self, definition: Definition) -> bool:
        allowed = {READ_ONLY: False, DESCRIBING: definition.describes, ALIVE: definition.lives, OPEN: True}
        return allowed[self.access]


def _as_text(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _as_c(kind: str, value: Any) -> Any:
    return bytes_of(value) if kind == "String" else value


def make_suite(record: Record) -> PropertySuite:
    """Make the property suite of a host."""

    def setting(kind: str) -> Callable[..., int]:
        def set_one(handle: int, label: bytes, index: int, value: Any) -> int:
            find(handle, PropertySet, record).write(text_of(label), kind, index, [_given(kind, value)])
            return Status.OK

        return set_one

    def setting_several(kind: str) -> Callable[..., int]:
        def set_several(handle: int, label: bytes, count: int, values: Any) -> int:
            properties, name = find(handle, PropertySet, record), text_of(label)
            if count < 0 or (count and not values):
                raise Refused(Status.VALUE, f"sets {count} values of {name} from {values!r}")
            properties.write(name, kind, None, [_given(kind, values[i]) for i in range(count)])
            return Status.OK

        return set_several

    def getting(kind: str, *, several: bool) -> Callable[..., int]:
        def get(handle: int, label: bytes, number: int, places: Any) -> int:
            properties, name = find(handle, PropertySet, record), text_of(label)
            found = properties.values(name, kind)
            if not places:
                raise Refused(Status.VALUE, f"gives no place for {name}")
            wanted = range(number) if several else range(number, number + 1)
            if number < 0 or wanted.stop > len(found):
                raise Refused(Status.BAD_INDEX)
            for place, index in enumerate(wanted):
                places[place] = lend(found[index]) if kind == "String" else found[index]
            return Status.OK

        return get

    def reset(handle: int, label: bytes) -> int:
        find(handle, PropertySet, record).reset(text_of(label))
        return Status.OK

    def get_dimension(handle: int, label: bytes, place: Any) -> int:
        put(place, find(handle, PropertySet, record).count(text_of(label)))
        return Status.OK

    functions: dict[str, Callable[..., int]] = {"propReset": reset, "propGetDimension": get_dimension}
    for kind in KINDS:
        functions[f"propSet{kind}"] = setting(kind)
        functions[f"propSet{kind}N"] = setting_several(kind)
        functions[f"propGet{kind}"] = getting(kind, several=False)
        functions[f"propGet{kind}N"] = getting(kind, several=True)
    return filled(PropertySuite, record, functions)


def _given(kind: str, value: Any) -> Any:
    if kind == "String":
        if value is None:
            raise Refused(Status.VALUE, "sets a text to NULL")
        try:
            value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused(Status.VALUE, "sets a text that is not UTF-8") from error
    return value


def filled(suite: type, record: Record, functions: Mapping[str, Callable[..., int]], **raw: int) -> Any:
    """Return a suite of these functions; ``raw`` are addresses. Every member has to be there.

    What C calls lives as long as the structure.
    """
    made = suite()
    made.kept = []
    for name, kind in suite._fields_:
        if name in raw:
            setattr(made, name, raw[name])
            continue
        function = functions[name]
        function.__name__ = name
        made.kept.append(kind(serve(record, function)))
        setattr(made, name, made.kept[-1])
    return made

