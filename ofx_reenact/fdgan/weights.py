"""FD-GAN's weights files: of the repair network (profile ``warp``) and the portrait network (profile ``portrait``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ofx_reenact.errors import WeightsError
from ofx_reenact.files import sha256_of
from ofx_reenact.resources import resource
from ofx_reenact.weights import (
    Weights,
    build_network,
    in_float32,
    read_safetensors,
    write_safetensors,
    wrong_network,
)

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from ofx_reenact.fdgan.network import Extractor, Network, PassThrough, Translator
    from ofx_reenact.fdgan.portrait import PortraitNetwork
    from ofx_reenact.fdgan.repair import RepairNetwork

# The value of ``network`` in the metadata. Existing files have these names, so they stay.
REPAIR, PORTRAIT = "fd-gan dense, mouth window", "fd-gan as printed"


@dataclass(frozen=True)
class RepairWeights(Weights):
    """The repair network ready to run, and the finest of the mouth's windows that it was trained on (1 or 2)."""

    network: RepairNetwork
    finest: int = 1


@dataclass(frozen=True)
class PortraitWeights(Weights):
    """The portrait network ready to run, and the side in pixels of the portraits that it was trained on."""

    network: PortraitNetwork
    size: int


def shipped_repair() -> Path:
    """Return the path of the repair network's weights that ship with the package."""
    return resource("weights", "fdgan_repair.safetensors")


def shipped_portrait() -> Path:
    """Return the path of the portrait network's weights that ship with the package."""
    return resource("weights", "fdgan_portrait.safetensors")


def save_repair(path: Path, network: RepairNetwork, note: Mapping[str, str], finest: int = 1) -> None:
    """Write the repair network's weights in half precision.

    ``note`` goes into the metadata; ``finest``, one of FINER, is the finest window that it was trained on.

    Raises:
        OutputError: the file cannot be written.
    """
    save_half(path, network, {"network": REPAIR, "finest": str(finest), **note})


def save_portrait(path: Path, network: PortraitNetwork, size: int, note: Mapping[str, str]) -> None:
    """Write the portrait network's weights in half precision.

    ``note`` goes into the metadata; ``size`` is the side of the portraits that it was trained on, in pixels.

    Raises:
        OutputError: the file cannot be written.
    """
    save_half(path, network, {"network": PORTRAIT, "size": str(size), **note})


def save_half(path: Path, network: Module, metadata: Mapping[str, str]) -> None:
    """Write any network's weights in half precision.

    Raises:
        OutputError: the file cannot be written.
    """
    write_safetensors(path, {name: value.half() for name, value in network.state_dict().items()}, metadata)


def load_repair(path: str | Path | None = None, device: str = "cpu") -> RepairWeights:
    """Load the repair network in float32 from a safetensors file (default: the shipped one) onto a device.

    Raises:
        WeightsError: no such file, not safetensors, or another network's weights.
    """
    from ofx_reenact.fdgan.network import REPAIR_OUTPUTS, PassThrough
    from ofx_reenact.fdgan.repair import EXTRACTOR_INPUTS, TRANSLATOR_INPUTS, RepairNetwork
    from ofx_reenact.fdgan.window import FINER

    path = Path(path) if path else shipped_repair()
    extractor, translator, metadata = _load(path, REPAIR)
    if isinstance(extractor, PassThrough):
        raise WeightsError(f"{path}: the tensors are not the repair network's (no extractor)")
    _check_parts(path, extractor, translator, (EXTRACTOR_INPUTS, TRANSLATOR_INPUTS, REPAIR_OUTPUTS))
    network = _ready(RepairNetwork(extractor, translator), device)
    finest = metadata.get("finest", "1")
    if finest not in map(str, FINER):
        raise WeightsError(f"{path}: its finest window is {finest[:20]!r}, expected one of {FINER}")
    return RepairWeights(path, sha256_of(path), metadata, network, int(finest))


def load_portrait(path: str | Path | None = None, device: str = "cpu") -> PortraitWeights:
    """Load the portrait network in float32 from a safetensors file (default: the shipped one) onto a device.

    Raises:
        WeightsError: no such file, not safetensors, or another network's weights.
    """
    from ofx_reenact.fdgan.network import PassThrough
    from ofx_reenact.fdgan.portrait import PortraitNetwork

    path = Path(path) if path else shipped_portrait()
    extractor, translator, metadata = _load(path, PORTRAIT)
    # The extractor sees picture and landmark image; the translator a landmark image, and with PassThrough the target's
    # picture and landmark image, too.
    _check_parts(path, extractor, translator, (6, 9 if isinstance(extractor, PassThrough) else 3, 3))
    size = metadata.get("size", "")
    if not re.fullmatch("[0-9]{2,4}", size) or int(size) % 16 or not int(size):
        raise WeightsError(f"{path}: size of its portraits is {size[:20]!r}, expected a multiple of 16")
    network = _ready(PortraitNetwork(extractor, translator), device)
    return PortraitWeights(path, sha256_of(path), metadata, network, int(size))


def load_fdgan(path: str | Path, device: str = "cpu") -> RepairWeights | PortraitWeights:
    """Load the repair network or the portrait network, whichever the file's metadata name.

    Raises:
        WeightsError: no such file, not safetensors, or another network's weights.
    """
    _, metadata = read_safetensors(Path(path))
    if metadata.get("network") not in (PORTRAIT, REPAIR):
        raise wrong_network(Path(path), metadata, "FD-GAN")
    return (load_portrait if metadata["network"] == PORTRAIT else load_repair)(path, device)


def _load(path: Path, wanted: str) -> tuple[Extractor | PassThrough, Translator, dict[str, str]]:
    from ofx_reenact.fdgan.network import extractor_of, translator_of

    tensors, metadata = read_safetensors(path)
    if metadata.get("network") != wanted:
        raise wrong_network(path, metadata, f"'{wanted}'")
    parts: dict[str, dict[str, Tensor]] = {
        part: {k.removeprefix(part): in_float32(v) for k, v in tensors.items() if k.startswith(part)}
        for part in ("extractor.", "translator.")
    }
    extractor, translator = parts["extractor."], parts["translator."]
    return (
        build_network(path, lambda: extractor_of(extractor), extractor, "FD-GAN"),
        build_network(path, lambda: translator_of(translator), translator, "FD-GAN"),
        metadata,
    )


def _check_parts(
    path: Path, extractor: Extractor | PassThrough, translator: Translator, sizes: tuple[int, int, int]
) -> None:
    """Refuse networks whose dictionaries differ, or whose numbers of channels are not ``sizes``.

    ``sizes`` are the inputs of the extractor, and inputs and outputs of the translator.
    """
    from ofx_reenact.fdgan.network import FEATURES, PassThrough, table_shapes

    inputs = sizes[0] if isinstance(extractor, PassThrough) else extractor.inputs
    found = (inputs, translator.inputs, translator.outputs)
    if found != sizes or len(translator.down) != len(FEATURES):
        raise WeightsError(f"{path}: the tensors are not this FD-GAN's ({found} channels, not {sizes}, or more levels)")
    if not isinstance(extractor, PassThrough) and table_shapes(extractor) != table_shapes(translator):
        raise WeightsError(f"{path}: the tensors are not FD-GAN's (translator and extractor have other dictionaries)")


def _ready(network: Network, device: str) -> Network:
    from ofx_reenact.fdgan.network import channels_last

    return channels_last(network.eval().requires_grad_(False).to(device))
