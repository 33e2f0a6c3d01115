"""Weights files: safetensors only, described by their own metadata.

A file's metadata carries ``network`` (what it is) and what it was trained on and how it scored, so that weights need no
side file and nothing of another kind is loaded by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ofx_reenact.errors import WeightsError
from ofx_reenact.files import written_whole

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Weights:
    """A network's weights as read from a file; each network's own class adds the network, ready to run.

    Attributes:
        path: of the file.
        sha256: of the file.
        metadata: what the file says of itself.
    """

    path: Path
    sha256: str
    metadata: Mapping[str, str]


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


def read_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file alone, without torch.

    Raises:
        WeightsError: the file is not there or not safetensors.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: not a safetensors file ({error})") from error


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    from safetensors.torch import save_file

    with written_whole(path) as partial:
        save_file({name: value.contiguous() for name, value in tensors.items()}, partial, metadata=dict(metadata))


def refuse_network(path: Path, metadata: Mapping[str, str], wanted: str) -> WeightsError:
    """Return the error for a file that holds another network than is wanted."""
    found = metadata.get("network", "no network named in its metadata")
    return WeightsError(f"{path}: weights of another kind ({found}), not {wanted} weights; choose another file")
