"""Which of a file's channels are the picture, by their names alone.

A layer is three channels ``NAME.R``, ``NAME.G`` and ``NAME.B``, in capitals or not, or spelt out (``NAME.red``). The
plain layer, ``R``, ``G`` and ``B``, has no name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ofx_reenact.errors import FrameError

COLOUR = ("R", "G", "B")
_COMPONENTS = {"R": "R", "RED": "R", "G": "G", "GREEN": "G", "B": "B", "BLUE": "B", "A": "A", "ALPHA": "A"}
_GREY = ("Y", "I", "L")
# What programs call the whole picture where it is a layer among others, best first.
_WHOLE = ("rgba", "rgb", "beauty", "combined", "c", "ci", "colour", "color", "main")
# Words in the names of layers that have three channels and are no picture.
_DATA = ("crypto", "normal", "position", "motion", "vector", "velocity", "depth", "stmap", "uv")


@dataclass(frozen=True)
class Layer:
    """The channels that are a picture; ``rgb`` is one grey channel three times where there is no colour."""

    name: str  # empty: the plain one
    rgb: tuple[str, str, str]
    alpha: str | None


def find_layers(names: Iterable[str]) -> list[Layer]:
    """Return the layers among channels, in the order of the file."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        prefix, _, last = name.rpartition(".")
        if component := _COMPONENTS.get(last.upper()):
            parts = found.setdefault(prefix, {})
            if component not in parts or last == component:
                parts[component] = name
    plain = found.get("", {}).get("A")
    return [
        Layer(prefix, (parts["R"], parts["G"], parts["B"]), parts.get("A", plain))
        for prefix, parts in found.items()
        if all(component in parts for component in COLOUR)
    ]


def choose_layer(names: Sequence[str], wanted: str, where: str, plain: str = "") -> tuple[Layer, list[str]]:
    """Choose the picture among a file's channels.

    Args:
        names: of the channels, in the order of the file.
        wanted: a layer's name; empty takes the plain one, else the one whose name says that it is the picture, else
            the first.
        where: names the file in messages.
        plain: another name of the plain layer: that of the part which it is in.

    Returns:
        The layer, and notes on how it was chosen.

    Raises:
        FrameError: there is no such layer, or nothing that is a picture.
    """
    layers = find_layers(names)
    if wanted:
        return _named(layers, wanted, where, plain), []
    if not layers:
        return _grey(names, where), []
    best = min(layers, key=lambda layer: _rank(layer.name))
    others = [layer.name for layer in layers if layer is not best]
    if not best.name:
        return best, []
    beside = f"; others are {', '.join(others)}, to be chosen with --layer" if others else ""
    return best, [f"{where}: no channels R, G, B; the picture is layer {best.name}{beside}"]


def rank_part(name: str, channels: Iterable[str]) -> int:
    """Rank a part by whether its plain channels are the picture; lower is better."""
    has_plain = any(not layer.name for layer in find_layers(channels))
    return _rank(name) if has_plain and name else 1 if has_plain else len(_WHOLE) + 3


def _rank(name: str) -> int:
    last = name.rpartition(".")[2].lower()
    if not name:
        return 0
    if last in _WHOLE:
        return 1 + _WHOLE.index(last)
    return len(_WHOLE) + (2 if any(word in name.lower() for word in _DATA) else 1)


def _named(layers: list[Layer], wanted: str, where: str, plain: str) -> Layer:
    for layer in layers:
        aliases = (layer.name,) if layer.name else ("rgba", "rgb", plain)
        if wanted.lower() in (alias.lower() for alias in aliases if alias):
            return layer
    there = ", ".join(layer.name or plain or "rgba" for layer in layers)
    raise FrameError(f"{where}: no layer '{wanted}'; {f'there are {there}' if there else 'it has no layers of colour'}")


def _grey(names: Sequence[str], where: str) -> Layer:
    by_case = {name.upper(): name for name in names}
    grey = next((by_case[name] for name in _GREY if name in by_case), None)
    if grey is None and len(names) <= 2:
        grey = next(iter(names))
    if {"BY", "RY"} <= set(by_case):
        raise FrameError(f"{where}: luminance and chroma (Y, BY, RY); write the picture as R, G, B")
    if grey is None:
        raise FrameError(f"{where}: no colour among its channels ({', '.join(names[:8])})")
    return Layer("", (grey, grey, grey), by_case.get("A"))
