"""Weights files: safetensors only, described by their own metadata.

A file's metadata carries ``network`` (what it is), ``norm``, and what it was trained on and how it scored, so
that weights need no side file and nothing of another kind is loaded by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ofx_reenact.errors import WeightsError
from ofx_reenact.files import sha256_of, written_whole
from ofx_reenact.resources import resource

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from ofx_reenact.fdgan.network import Extractor, Network, Shown, Translator
    from ofx_reenact.fdgan.portrait import Portrait
    from ofx_reenact.fdgan.repair import DenseFDGAN
    from ofx_reenact.ldnet.network import LDNet
    from ofx_reenact.ldnet.normalise import Norm

# What a file of FD-GAN weights says that it is.
DENSE, PORTRAIT = "fd-gan dense, mouth window", "fd-gan as printed"
CRITICS = "fd-gan critic"


@dataclass(frozen=True)
class LDNetWeights:
    """LD-Net ready to run, with the normalisation and the mean face (68, 2) that it was trained with."""

    network: LDNet
    template: Tensor
    norm: Norm
    path: Path
    sha256: str
    metadata: Mapping[str, str]


def shipped_ldnet() -> Path:
    """Return the path of the LD-Net weights that travel with the package."""
    return resource("weights", "ldnet.safetensors")


def save_ldnet(path: Path, network: LDNet, template: Tensor, norm: Norm, note: Mapping[str, str]) -> None:
    """Write LD-Net's weights in half precision with their metadata."""
    import torch
    from safetensors.torch import save_file

    tensors = {k: v.to(torch.float16).contiguous() for k, v in network.state_dict().items()}
    tensors["template"] = template.float().contiguous()
    save_file(tensors, path, metadata={"network": "ld-net", "norm": norm, **note})


def load_ldnet(path: str | Path | None = None, device: str = "cpu") -> LDNetWeights:
    """Load LD-Net in float32 from a safetensors file (default: the shipped one) onto a device.

    Raises:
        WeightsError: no such file, not safetensors (a pickle is never opened), or another network's weights.
    """
    from ofx_reenact.ldnet.network import LDNet
    from ofx_reenact.ldnet.normalise import NORMS

    path = Path(path) if path else shipped_ldnet()
    tensors, metadata = read_safetensors(path)
    norm = next((norm for norm in NORMS if norm == metadata.get("norm")), None)
    if metadata.get("network") != "ld-net" or norm is None:
        found = metadata.get("network", "no network named in its metadata")
        raise WeightsError(f"{path}: these are not LD-Net weights ({found}); choose another --weights")
    try:
        template = tensors.pop("template").float()
        network = LDNet.from_state_dict({k: v.float() for k, v in tensors.items()}).eval().requires_grad_(False)
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{path}: the tensors are not LD-Net's ({str(error).splitlines()[0]})") from error
    return LDNetWeights(network.to(device), template.to(device), norm, path, sha256_of(path), metadata)


@dataclass(frozen=True)
class DenseWeights:
    """The dense FD-GAN ready to run."""

    network: DenseFDGAN
    path: Path
    sha256: str
    metadata: Mapping[str, str]


def shipped_dense() -> Path:
    """Return the path of the dense FD-GAN's weights that travel with the package."""
    return resource("weights", "fdgan_dense.safetensors")


def shipped_portrait() -> Path:
    """Return the path of the printed FD-GAN's weights that travel with the package."""
    return resource("weights", "fdgan_paper.safetensors")


@dataclass(frozen=True)
class PortraitWeights:
    """The printed FD-GAN ready to run, and the side of the portraits that it was trained on."""

    network: Portrait
    size: int
    path: Path
    sha256: str
    metadata: Mapping[str, str]


def save_dense(path: Path, network: DenseFDGAN, note: Mapping[str, str]) -> None:
    """Write the dense FD-GAN's weights in half precision with their metadata."""
    _save(path, network, {"network": DENSE, **note})


def save_portrait(path: Path, network: Portrait, size: int, note: Mapping[str, str]) -> None:
    """Write the printed FD-GAN's weights in half precision with their metadata."""
    _save(path, network, {"network": PORTRAIT, "size": str(size), **note})


def save_critics(path: Path, critics: Module) -> None:
    """Write a training's critics in half precision, for trainings that go on."""
    _save(path, critics, {"network": CRITICS})


def load_critics(path: Path, critics: Module) -> None:
    """Give critics the weights of an earlier training, in place.

    A classifier of other people is left as it is: it cannot know these.

    Raises:
        WeightsError: no such file, not safetensors, or other critics' weights.
    """
    tensors, metadata = read_safetensors(path)
    if metadata.get("network") != CRITICS:
        found = metadata.get("network", "no network named in its metadata")
        raise WeightsError(f"{path}: these are weights of another kind ({found}), not of '{CRITICS}'")
    known = critics.state_dict()
    people = "classifier.4.weight"
    if people in known and (people not in tensors or tensors[people].shape != known[people].shape):
        kept = {name: value for name, value in known.items() if name.startswith("classifier.")}
        tensors = {name: value for name, value in tensors.items() if name not in kept} | kept
    try:
        critics.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"{path}: critics of another recipe ({str(error).splitlines()[0]})") from error


def _save(path: Path, network: Module, metadata: dict[str, str]) -> None:
    import torch
    from safetensors.torch import save_file

    tensors = {k: v.to(torch.float16).contiguous() for k, v in network.state_dict().items()}
    with written_whole(path) as partial:
        save_file(tensors, partial, metadata=metadata)


def load_dense(path: str | Path | None = None, device: str = "cpu") -> DenseWeights:
    """Load the dense FD-GAN in float32 from a safetensors file (default: the shipped one) onto a device.

    Raises:
        WeightsError: no such file, not safetensors, or another network's weights.
    """
    from ofx_reenact.fdgan.network import Shown
    from ofx_reenact.fdgan.repair import DenseFDGAN

    path = Path(path) if path else shipped_dense()
    extractor, translator, metadata = _load_fdgan(path, DENSE)
    if isinstance(extractor, Shown):
        raise WeightsError(f"{path}: the tensors are not the dense FD-GAN's (no extractor)")
    network = _ready(DenseFDGAN(extractor, translator), device)
    return DenseWeights(network, path, sha256_of(path), metadata)


def load_portrait(path: str | Path | None = None, device: str = "cpu") -> PortraitWeights:
    """Load the printed FD-GAN in float32 from a safetensors file (default: the shipped one) onto a device.

    Raises:
        WeightsError: no such file, not safetensors, or another network's weights.
    """
    from ofx_reenact.fdgan.portrait import Portrait

    path = Path(path) if path else shipped_portrait()
    extractor, translator, metadata = _load_fdgan(path, PORTRAIT)
    network = _ready(Portrait(extractor, translator), device)
    return PortraitWeights(network, int(metadata["size"]), path, sha256_of(path), metadata)


def load_fdgan(path: str | Path, device: str = "cpu") -> DenseWeights | PortraitWeights:
    """Load the dense or the printed FD-GAN, whichever the file says that it is.

    Raises:
        WeightsError: no such file, not safetensors, or another network's weights.
    """
    _, metadata = read_safetensors(Path(path))
    if metadata.get("network") == PORTRAIT:
        return load_portrait(path, device)
    if metadata.get("network") == DENSE:
        return load_dense(path, device)
    found = metadata.get("network", "no network named in its metadata")
    raise WeightsError(f"{path}: these are not FD-GAN's weights ({found}); choose another --weights")


def _load_fdgan(path: Path, wanted: str) -> tuple[Extractor | Shown, Translator, dict[str, str]]:
    from ofx_reenact.fdgan.network import extractor_of, translator_of

    tensors, metadata = read_safetensors(path)
    if metadata.get("network") != wanted:
        found = metadata.get("network", "no network named in its metadata")
        raise WeightsError(f"{path}: these are weights of another kind ({found}), not of '{wanted}'")
    parts = {
        part: {k.removeprefix(part): v.float() for k, v in tensors.items() if k.startswith(part)}
        for part in ("extractor.", "translator.")
    }
    try:
        return extractor_of(parts["extractor."]), translator_of(parts["translator."]), metadata
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{path}: the tensors are not FD-GAN's ({str(error).splitlines()[0]})") from error


def _ready(network: Network, device: str) -> Network:
    from ofx_reenact.fdgan.network import channels_last

    return channels_last(network.eval().requires_grad_(False).to(device))


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read every tensor and the metadata of a safetensors file.

    Raises:
        WeightsError: the file is not there or not safetensors.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            return {k: file.get_tensor(k) for k in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"{path}: not a safetensors file ({error}). Pickled weights (.pt, .pth, .ckpt) are refused because "
            "opening one can run any code; convert it to safetensors first"
        ) from error
