"""``ofx-reenact export``: FD-GAN's network for Nuke's Inference node and other programs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import PROGRESS, group, with_settings
from ofx_reenact.cli.render import kinds_of_frames
from ofx_reenact.settings import Settings, names_affecting

app = group("export", "Export FD-GAN of one target for other programs.")
# Windows are FD-GAN's input for one person: options of what comes after the warp do not apply.
_INPUTS = {*names_affecting("track", "person", "pixels"), "output", "frames", "existing"}
_INPUTS -= {"profile", "repair", "cast"}
# Options that the network of a target is made from.
_TARGET = ("identity", "target", "appearance", "colorspace", "layer", "weights", "fdgan_weights")
_OUT = Annotated[Path, typer.Option(help="Folder to write; its name is the network's.")]
_FILE = Annotated[Path, typer.Option("--output", help="ONNX file to write.", metavar="PATH")]


def torchscript(settings: Settings, out: Path) -> int:
    """For Nuke's Inference node: a TorchScript file, the script that makes a .cat file of it, and its Cattery entry."""
    from ofx_reenact.engine.check_paths import check_paths
    from ofx_reenact.export.network import save_torchscript
    from ofx_reenact.export.nuke_script import cat_file_creator, cattery_entry, write_text
    from ofx_reenact.export.target import build_network

    out = out.absolute()
    file = out / f"{out.name}.pt"
    check_paths(settings, *(("--out", path) for path in (file, file.with_suffix(".nk"), out / "cat.json")))
    network, _ = build_network(dataclasses.replace(settings, device="cpu"))
    save_torchscript(network, file)
    write_text(file.with_suffix(".nk"), cat_file_creator(file, out.name))
    write_text(out / "cat.json", cattery_entry(f"{out.name}.cat", out.name))
    typer.echo(f"{file}\n{file.with_suffix('.nk')}: open it in NukeX and press 'Create .cat file and Inference'")
    return 0


def onnx(settings: Settings, file: Path) -> int:
    """For programs that run ONNX: the same network, of any size."""
    from ofx_reenact.engine.check_paths import check_paths
    from ofx_reenact.export.network import save_onnx
    from ofx_reenact.export.target import build_network

    check_paths(settings, ("--output", file))
    network, sha256 = build_network(dataclasses.replace(settings, device="cpu"))
    save_onnx(network, file, {"network": "FD-GAN of one target, ofx-reenact", "weights_sha256": sha256})
    typer.echo(str(file))
    return 0


def inputs(settings: Settings, progress: str = "") -> int:
    """The network's input for each frame, as EXR windows with their places in the plate."""
    from ofx_reenact.export.windows import write_windows

    way = shown.choose(progress)
    with shown.observer(way) as observe:
        report = write_windows(settings, observe)
    kinds = {
        "existed already": report.skipped, "without a face, bridged": report.bridged,
        "without a face, held": report.held,
    }  # fmt: skip
    lines = [f"{len(report.written)} windows written to {report.output} in {report.seconds:.1f} s"]
    lines += [*kinds_of_frames(kinds), *(f"  note: {warning}" for warning in report.warnings)]
    shown.say(way, dataclasses.asdict(report), [*lines, f"  script: {report.script}"])
    return 0


app.command("torchscript")(with_settings(torchscript, {"out": _OUT}, _TARGET))
app.command("onnx")(with_settings(onnx, {"file": _FILE}, _TARGET))
app.command("inputs")(with_settings(inputs, {"progress": PROGRESS}, _INPUTS))
