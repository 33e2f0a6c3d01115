"""Weights files: safetensors only, with metadata.

The metadata name the network, its training data and its scores, so that weights need no second file and no other
network's weights are loaded by mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ofx_reenact.errors import WeightsError
from ofx_reenact.files import write_whole

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

Network = TypeVar("Network", bound="Module")


@dataclass(frozen=True)
class Weights:
    """A weights file as it was read; a class for each network adds the network, ready to run.

    Attributes:
        path: the file.
        sha256: the file's SHA-256, hexadecimal.
        metadata: the file's metadata, by name.
    """

    path: Path
    sha256: str
    metadata: Mapping[str, str]


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read every tensor and the metadata of a safetensors file.

    Raises:
        WeightsError: the file does not exist, is not safetensors, is damaged, or holds values that are not finite.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
            metadata = dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"{path}: not a safetensors file ({error}). Pickled weights (.pt, .pth, .ckpt) are refused because "
            "opening one can run any code; convert it to safetensors first"
        ) from error
    for name, tensor in tensors.items():
        if not _is_sound(tensor):
            raise WeightsError(f"{path}: damaged: '{name}' is {tensor.dtype} or holds values that are not finite")
    return tensors, metadata


def in_float32(tensor: Tensor) -> Tensor:
    """Return a copy of a tensor in float32; a tensor that was read may be a memory map of its file."""
    import torch

    return tensor.to(torch.float32, copy=True)


def build_network(path: Path, build: Callable[[], Network], state: Mapping[str, Tensor], kind: str) -> Network:
    """Build a network of the size of a file's tensors; the tensors become its parameters without a copy.

    The network is built on the meta device, without memory: otherwise one tensor of a wrong shape could make a network
    of any size.

    Args:
        path: of the file, for messages.
        build: makes the network, with sizes read from the tensors' shapes; all its tensors must be in its state dict.
        state: the tensors by name, all of the network's and no others, float32.
        kind: name of the network, for messages.

    Raises:
        WeightsError: the tensors are those of another network.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class NoRandomNumbers(TorchFunctionMode):
        """Make no random numbers: the meta device has no memory for them, and torch would load its compiler for it."""

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return (torch.empty if function is torch.randn else function)(*args, **(kwargs or {}))

    try:
        with torch.device("meta"), NoRandomNumbers():
            network = build()
        network.load_state_dict(dict(state), assign=True)
    # Sizes come from the file's shapes: whatever error they cause, the file is wrong.
    except (LookupError, RuntimeError, ValueError, TypeError, ArithmeticError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise WeightsError(f"{path}: the tensors are not {kind}'s ({reason})") from error
    return network


def read_metadata(path: Path) -> dict[str, str]:
    """Read only the metadata of a safetensors file, without torch.

    Raises:
        WeightsError: the file does not exist or is not safetensors.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: not a safetensors file ({error})") from error


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata, completely or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    from safetensors.torch import save_file

    with write_whole(path) as partial:
        save_file({name: value.contiguous() for name, value in tensors.items()}, partial, metadata=dict(metadata))


def _is_sound(tensor: Tensor) -> bool:
    """Tell whether a tensor has a known real type and finite values."""
    import numpy as np
    import torch

    if not tensor.dtype.is_floating_point:
        return not tensor.dtype.is_complex
    if tensor.dtype == torch.bfloat16:
        # numpy is many times faster at this than torch, but has no bfloat16.
        tensor = tensor.float()
    known = tensor.dtype in (torch.float16, torch.float32, torch.float64)
    return known and bool(np.isfinite(tensor.numpy()).all())


def wrong_network(path: Path, metadata: Mapping[str, str], wanted: str) -> WeightsError:
    """Return the error for a file that holds another network than the wanted one."""
    found = metadata.get("network", "no network named in its metadata")
    return WeightsError(f"{path}: weights of another kind ({found}), not {wanted} weights; choose another file")
