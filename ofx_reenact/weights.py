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

    from ofx_reenact.fdgan.repair import DenseFDGAN
    from ofx_reenact.ldnet.network import LDNet
    from ofx_reenact.ldnet.normalise import Norm

# What a file of FD-GAN weights says that it is.
DENSE = "fd-gan dense, mouth window"


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


def save_dense(path: Path, network: DenseFDGAN, note: Mapping[str, str]) -> None:
    """Write the dense FD-GAN's weights in half precision with their metadata."""
    import torch
    from safetensors.torch import save_file

    tensors = {k: v.to(torch.float16).contiguous() for k, v in network.state_dict().items()}
    with written_whole(path) as partial:
        save_file(tensors, partial, metadata={"network": DENSE, **note})


def load_dense(path: str | Path | None = None, device: str = "cpu") -> DenseWeights:
    """Load the dense FD-GAN in float32 from a safetensors file (default: the shipped one) onto a device.

    Raises:
        WeightsError: no such file, not safetensors, or another network's weights.
    """
    from ofx_reenact.fdgan.network import channels_last, extractor_of, translator_of
    from ofx_reenact.fdgan.repair import DenseFDGAN

    path = Path(path) if path else shipped_dense()
    tensors, metadata = read_safetensors(path)
    if metadata.get("network") != DENSE:
        found = metadata.get("network", "no network named in its metadata")
        raise WeightsError(f"{path}: these are not dense FD-GAN weights ({found}); choose another --repair-weights")
    try:
        parts = {
            part: {k.removeprefix(part): v.float() for k, v in tensors.items() if k.startswith(part)}
            for part in ("extractor.", "translator.")
        }
        network = DenseFDGAN(extractor_of(parts["extractor."]), translator_of(parts["translator."]))
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{path}: the tensors are not FD-GAN's ({str(error).splitlines()[0]})") from error
    network = channels_last(network.eval().requires_grad_(False).to(device))
    return DenseWeights(network, path, sha256_of(path), metadata)


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
