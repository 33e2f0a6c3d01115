"""``ofx-reenact export``: FD-GAN for other programs, Nuke's Inference node first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import setting, with_settings
from ofx_reenact.settings import Settings, names_affecting

app = typer.Typer(
    name="export", help="FD-GAN of one target for other programs.", no_args_is_help=True, rich_markup_mode="rich"
)

# A window shows a frame as FD-GAN does, before it paints: what comes after the warp has no option here.
_INPUTS = tuple(
    name
    for name in (*names_affecting("track", "person", "pixels"), "output", "frames", "existing")
    if name not in ("profile", "repair")
)

_Identity = Annotated[str, setting("identity")]
_Target = Annotated[str, setting("target")]
_Appearance = Annotated[str, setting("appearance")]
_Colorspace = Annotated[str, setting("colorspace")]
_Weights = Annotated[str, setting("weights")]
_FdganWeights = Annotated[str, setting("fdgan_weights")]


@app.command("torchscript")
def torchscript(
    out: Annotated[Path, typer.Option(help="Folder to write; its name is the network's.")],
    identity: _Identity = "",
    target: _Target = "",
    appearance: _Appearance = "",
    colorspace: _Colorspace = "",
    weights: _Weights = "",
    fdgan_weights: _FdganWeights = "",
) -> int:
    """For Nuke's Inference node: a TorchScript file, the script that makes a .cat file of it, and its Cattery entry."""
    settings = _settings(identity, target, appearance, colorspace, weights, fdgan_weights)
    from ofx_reenact.export.network import save_torchscript
    from ofx_reenact.export.nuke_script import cat_file_creator, cattery_entry, write_text
    from ofx_reenact.export.target import build_network

    network, _ = build_network(settings)
    out = out.absolute()
    file = out / f"{out.name}.pt"
    save_torchscript(network, file)
    write_text(file.with_suffix(".nk"), cat_file_creator(file, out.name))
    write_text(out / "cat.json", cattery_entry(f"{out.name}.cat", out.name))
    typer.echo(f"{file}\n{file.with_suffix('.nk')}: open it in NukeX and press 'Create .cat file and Inference'")
    return 0


@app.command("onnx")
def onnx(
    output: Annotated[Path, typer.Option(help="ONNX file to write.", metavar="PATH")],
    identity: _Identity = "",
    target: _Target = "",
    appearance: _Appearance = "",
    colorspace: _Colorspace = "",
    weights: _Weights = "",
    fdgan_weights: _FdganWeights = "",
) -> int:
    """For programs that run ONNX: the same network, of any size."""
    settings = _settings(identity, target, appearance, colorspace, weights, fdgan_weights)
    from ofx_reenact.export.network import save_onnx
    from ofx_reenact.export.target import build_network

    network, sha256 = build_network(settings)
    save_onnx(network, output, {"network": "FD-GAN of one target, ofx-reenact", "weights_sha256": sha256})
    typer.echo(str(output))
    return 0


def inputs(settings: Settings, progress: str = "") -> int:
    """Write and report; returns the exit code."""
    from ofx_reenact.export.windows import write_windows
    from ofx_reenact.frames.ranges import FrameRange

    way = shown.choose(progress)
    with shown.observer(way) as observe:
        report = write_windows(settings, observe)
    if way == "json":
        shown.report_event(report)
        return 0
    typer.echo(f"{len(report.written)} windows written to {report.output} in {report.seconds:.1f} s")
    kinds = {
        "there already": report.skipped,
        "without a face, bridged": report.bridged,
        "without a face, held": report.held,
    }
    for name, frames in kinds.items():
        if frames:
            typer.echo(f"  {name}: {FrameRange.of(frames)} ({len(frames)})")
    for warning in report.warnings:
        typer.echo(f"  note: {warning}")
    typer.echo(f"  script: {report.script}")
    return 0


app.command("inputs", help="What the network sees of each frame, as EXR windows, and where each lies.")(
    with_settings(inputs, {"progress": shown.OPTION}, _INPUTS)
)


def _settings(
    identity: str, target: str, appearance: str, colorspace: str, weights: str, fdgan_weights: str
) -> Settings:
    pictures = tuple(part.strip() for part in appearance.split(",") if part.strip())
    return Settings(
        identity=identity, target=target, appearance=pictures, colorspace=colorspace, weights=weights,
        fdgan_weights=fdgan_weights, device="cpu",
    )  # fmt: skip
