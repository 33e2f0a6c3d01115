"""Write scripts for Nuke: the CatFileCreator node of an exported network, its Cattery entry, and the nodes around it.

The knobs are those of Foundry's ".cat File Creation Reference" and node reference. A .cat file can use only
nineteen channels, those that every script has, so the window's channels are copied to some of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ofx_reenact.export.network import INPUTS, LINES, MAPS
from ofx_reenact.files import write_whole

# Channels of a .cat file, in Nuke's own order, so that it does not matter whether Nuke keeps the order written here.
COPIED = (
    "depth.Z", "forward.u", "forward.v", "backward.u", "backward.v", "disparityL.x", "disparityL.y", "disparityR.x",
)  # fmt: skip
RGB = ("rgba.red", "rgba.green", "rgba.blue")
CHANNELS_IN, CHANNELS_OUT = (*RGB, *COPIED), (*RGB, "rgba.alpha")
# The first Nuke with the Cattery menu; its PyTorch is 1.6.
OLDEST = 13.1


def cat_file_creator(torchscript: Path, name: str, strength: float = 1.0) -> str:
    """Return a script with the node that converts a TorchScript file to a .cat file beside it."""
    return f"""CatFileCreator {{
 inputs 0
 torchScriptFile {quoted(torchscript.as_posix())}
 catFile {quoted(torchscript.with_suffix(".cat").as_posix())}
 channelsIn {quoted(",".join(CHANNELS_IN))}
 channelsOut {quoted(",".join(CHANNELS_OUT))}
 modelId {quoted(name)}
 outputScale 1
 name CatFileCreator1
 addUserKnob {{20 User}}
 addUserKnob {{7 strength l strength R 0 1}}
 strength {strength:g}
}}
"""


def cattery_entry(cat: str, name: str) -> str:
    """Return the text of a cat.json, which puts the .cat file in its folder into Nuke's Cattery menu."""
    about = {
        "minimum_nuke_version_required": OLDEST,
        "version": 1,
        "category": "Portrait reenactment",
        "description": "FD-GAN of one target, made by ofx-reenact",
        "cats": [{"filepath": cat, "name": name, "icon": ""}],
    }
    return json.dumps(about, indent=2, ensure_ascii=False) + "\n"


def put_back_script(sequence: Path, size: tuple[int, int], pins: Mapping[int, np.ndarray]) -> str:
    """Return a script that reads windows, renames their channels for a .cat file, and puts them back on the plate.

    Args:
        sequence: the windows, NAME.####.exr.
        size: their width and height in pixels.
        pins: the window's corners (4, 2) by frame, from :func:`ofx_reenact.export.windows.corners`.
    """
    width, height = size
    frames = sorted(pins)
    layers = (("landmarks", LINES), ("regions", MAPS))
    added = [f"add_layer {{{layer} {' '.join(f'{layer}.{name}' for name in names)}}}" for layer, names in layers]
    read = f"""Read {{
 inputs 0
 file_type exr
 file {quoted(sequence.as_posix())}
 format "{width} {height} 0 0 {width} {height} 1 "
 first {frames[0]}
 last {frames[-1]}
 raw true
 name MouthWindow
}}
set Window [stack 0]
push $Window
push $Window
"""
    channels = INPUTS[len(RGB) :]
    copies = [copy_node(channels[i : i + 4], COPIED[i : i + 4], f"ForInference{i // 4 + 1}") for i in (0, 4)]
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    curves = [
        f" to{k + 1} {{{' '.join(curve(frames, [pins[f][k, axis] for f in frames]) for axis in (0, 1))}}}"
        for k in range(4)
    ]
    pinned = [f" from{k + 1} {{{x} {y}}}" for k, (x, y) in enumerate(corners)]
    pin = "\n".join(["CornerPin2D {", *curves, *pinned, " name PutBack", "}"])
    return "\n".join([*added, read + "".join(copies) + pin]) + "\n"


def copy_node(sources: tuple[str, ...], names: tuple[str, ...], name: str) -> str:
    """Return a Copy node that copies up to four channels of its input A to other names."""
    knobs = "".join(f" from{i} {a}\n to{i} {b}\n" for i, (a, b) in enumerate(zip(sources, names, strict=True)))
    return f"Copy {{\n inputs 2\n{knobs} name {name}\n}}\n"


def curve(frames: list[int], values: list[float]) -> str:
    """Return the value of an animated knob, in Nuke's syntax."""
    return "{curve " + " ".join(f"x{f} {v:.6g}" for f, v in zip(frames, values, strict=True)) + "}"


def quoted(text: str) -> str:
    """Quote a text as one Tcl word."""
    escaped = "".join(f"\\{c}" if c in '\\"$[]{}' else c for c in text)
    return f'"{escaped}"'


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with write_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
