"""Choose the channels of a file that are the picture, by their names.

A layer is three channels ``NAME.R``, ``NAME.G`` and ``NAME.B``, in upper or lower case, or spelt out (``NAME.red``).
The plain layer is ``R``, ``G`` and ``B``; its name is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ofx_reenact.errors import FrameError

COLOUR = ("R", "G", "B")
_COMPONENTS = {"R": "R", "RED": "R", "G": "G", "GREEN": "G", "B": "B", "BLUE": "B", "A": "A", "ALPHA": "A"}
_GREY = ("Y", "I", "L")
# Usual names of the layer with the finished picture, most likely first.
_WHOLE = ("rgba", "rgb", "beauty", "combined", "c", "ci", "colour", "color", "main")
# Words in the names of layers that have three channels but are not pictures.
_DATA = ("crypto", "normal", "position", "motion", "vector", "velocity", "depth", "stmap", "uv")


@dataclass(frozen=True)
class Layer:
    """The channels of a picture; of a grey picture, ``rgb`` is its channel three times."""

    name: str  # empty for the plain layer
    rgb: tuple[str, str, str]
    alpha: str | None


def find_layers(names: Iterable[str]) -> list[Layer]:
    """Return the layers among channels of these names, in the order of the file."""
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
    """Choose the layer that is the picture.

    Args:
        names: names of the channels, in the order of the file.
        wanted: name of a layer. If empty: the plain layer, else one with a usual name for the picture, else the first
            whose name does not mean data, else the first.
        where: the file's name in messages.
        plain: another name for the plain layer: the name of the part that it is in.

    Returns:
        The layer, and notes on the choice.

    Raises:
        FrameError: there is no such layer, or no channel that can be a picture.
    """
    layers = find_layers(names)
    if wanted:
        return _find_named(layers, wanted, where, plain), []
    if not layers:
        return _find_grey(names, where), []
    best = min(layers, key=lambda layer: _rank(layer.name))
    others = [layer.name for layer in layers if layer is not best]
    if not best.name:
        return best, []
    beside = f"; others are {', '.join(others)}, to be chosen with --layer" if others else ""
    return best, [f"{where}: no channels R, G, B; the picture is layer {best.name}{beside}"]


def rank_part(name: str, channels: Iterable[str]) -> int:
    """Rank a part by how likely its plain layer is the picture; lower is more likely."""
    has_plain = any(not layer.name for layer in find_layers(channels))
    return _rank(name) if has_plain and name else 1 if has_plain else len(_WHOLE) + 3


def _rank(name: str) -> int:
    last = name.rpartition(".")[2].lower()
    if not name:
        return 0
    if last in _WHOLE:
        return 1 + _WHOLE.index(last)
    return len(_WHOLE) + (2 if any(word in name.lower() for word in _DATA) else 1)


def _find_named(layers: list[Layer], wanted: str, where: str, plain: str) -> Layer:
    for layer in layers:
        aliases = (layer.name,) if layer.name else ("rgba", "rgb", plain)
        if wanted.lower() in (alias.lower() for alias in aliases if alias):
            return layer
    there = ", ".join(layer.name or plain or "rgba" for layer in layers)
    listed = f"its layers are {there}" if there else "it has no colour layers"
    raise FrameError(f"{where}: no layer '{wanted}'; {listed}")


def _find_grey(names: Sequence[str], where: str) -> Layer:
    by_case = {name.upper(): name for name in names}
    grey = next((by_case[name] for name in _GREY if name in by_case), None)
    if grey is None and len(names) <= 2:
        grey = next(iter(names))
    if {"BY", "RY"} <= set(by_case):
        raise FrameError(f"{where}: its colours are luminance and chroma (Y, BY, RY); write the picture as R, G, B")
    if grey is None:
        listed = ", ".join(names[:8])
        raise FrameError(f"{where}: none of its channels is colour or grey ({listed}); write it as R, G, B or Y")
    return Layer("", (grey, grey, grey), by_case.get("A"))
