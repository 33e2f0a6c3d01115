"""What nodes of the stand-in for Nuke compute, for the few classes that the tests need: channel → (H, W) float32."""

import re
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio

_LONG = {"R": "rgba.red", "G": "rgba.green", "B": "rgba.blue", "A": "rgba.alpha"}
RGBA = tuple(_LONG.values())


def evaluate(node, frame):
    """Compute a node at a frame; None for nothing connected. A disabled node passes its input 0."""
    if node is None:
        return None
    if node["disable"].value():
        return evaluate(node.input(0), frame)
    return _NODES.get(node.Class(), _first)(node, frame)


def write(node, frame, view="main"):
    """Write a Write's input as EXR; raw keeps the numbers (by use, no page was found)."""
    pixels = evaluate(node.input(0), frame)
    if pixels is None:
        raise RuntimeError("Write: nothing is connected")
    assert node["raw"].value(), "only raw writes are known here"
    names = [c for c in RGBA if c in pixels]
    height, width = pixels[names[0]].shape
    spec = oiio.ImageSpec(width, height, len(names), oiio.FLOAT if "32" in node["datatype"].value() else oiio.HALF)
    spec.channelnames = tuple(short for short, long in _LONG.items() if long in names)
    sink = oiio.ImageOutput.create("openexr")
    path = file_of(node["file"].getEvaluatedValue(), frame).replace("%V", view)
    if not sink.open(path, spec) or not sink.write_image(np.stack([pixels[c] for c in names], -1)):
        raise RuntimeError(sink.geterror())
    sink.close()


def file_of(name, frame):
    """ref: Read, file: ``####`` or ``%04d`` for the frame."""
    name = re.sub(r"#+", lambda m: f"%0{len(m.group())}d", name)
    return name % frame if "%" in name else name


def _first(node, frame):
    return evaluate(node.input(0), frame)


def _group(node, frame):
    return evaluate(node.output(), frame)


def _input(node, frame):
    return evaluate(node._parent.input(node["number"].value()), frame)


def _switch(node, frame):
    return evaluate(node.input(int(node["which"].value())), frame)


def _constant(node, frame):
    width, height = node["size"].value()
    return {c: np.full((height, width), v, np.float32) for c, v in zip(RGBA, node["color"].value(), strict=True)}


def _read(node, frame):
    """ref: Read: before and after hold the ends of the range; a missing frame is an error (by use)."""
    path = file_of(node["file"].getEvaluatedValue(), min(max(frame, node["first"].value()), node["last"].value()))
    if not Path(path).exists():
        raise RuntimeError(f"{path}: no such file")
    source = oiio.ImageInput.open(path)
    pixels, names = source.read_image(oiio.FLOAT), source.spec().channelnames
    found = {_LONG.get(name, name if "." in name else f"{name}.{name}"): pixels[..., i] for i, name in enumerate(names)}
    encoded = "sRGB" in node["colorspace"].value() and not node["raw"].value()
    if encoded:
        for name in RGBA[:3]:
            v = found[name]
            found[name] = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return found


def _expression(node, frame):
    """ref: Expression: a channel by an expression of the input's; only "a", alpha, is known here."""
    assert {node[f"expr{i}"].value() for i in range(4)} == {"a"}
    return dict.fromkeys(RGBA, evaluate(node.input(0), frame)["rgba.alpha"])


def _keymix(node, frame):
    """ndk: Keymix.cpp: inputs B, A, mask; ref: Keymix: "Aa + B(1-a)", "other channels are copied unchanged from B"."""
    below, above, mask = (evaluate(node.input(i), frame) for i in range(3))
    share = mask["rgba.alpha"]
    share = 1 - share if node["invertMask"].value() else share
    keyed = RGBA if node["channels"].value() == "rgba" else tuple(below)
    nothing = np.zeros_like(share)
    mixed = {c: above.get(c, nothing) * share + below.get(c, nothing) * (1 - share) for c in keyed if c in below}
    return {**below, **mixed}


def _stmap(node, frame):
    """ref: STMap: U and V "are the absolute position of the source pixel", 0 to 1 from the bottom left."""
    source, coordinates = (evaluate(node.input(i), frame) for i in range(2))
    layer = node["uv"].value()
    height, width = source[RGBA[0]].shape
    x = coordinates[f"{layer}.u"] * width - 0.5
    y = (1 - coordinates[f"{layer}.v"]) * height - 0.5
    return {c: cv2.remap(p, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for c, p in source.items()}


_NODES = {
    "Group": _group, "Input": _input, "Switch": _switch, "Constant": _constant, "Read": _read, "Keymix": _keymix,
    "STMap": _stmap, "Expression": _expression,
}  # fmt: skip
