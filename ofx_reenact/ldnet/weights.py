"""LD-Net's weights files."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ofx_reenact.errors import WeightsError
from ofx_reenact.files import sha256_of
from ofx_reenact.resources import resource
from ofx_reenact.weights import Weights, build_network, in_float32, read_safetensors, write_safetensors, wrong_network

if TYPE_CHECKING:
    from torch import Tensor

    from ofx_reenact.ldnet.network import LDNet
    from ofx_reenact.ldnet.normalise import Norm

# Results that are cached: of the current shot and of the one before.
_CACHED = 2
# The value of ``network`` in the metadata of LD-Net's weights.
NETWORK = "ld-net"


@dataclass(frozen=True)
class LDNetWeights(Weights):
    """LD-Net ready to run, with its normalisation and the mean face for it, ``template`` (68, 2)."""

    network: LDNet
    template: Tensor
    norm: Norm
    _cache: OrderedDict[bytes, np.ndarray] = field(default_factory=OrderedDict, init=False, repr=False, compare=False)

    def cached_result(self, arrays: Sequence[np.ndarray], make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return ``make()``, or its cached result for the same arrays; the result is read-only."""
        digest = hashlib.sha256()
        for array in arrays:
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        key = digest.digest()
        if key not in self._cache:
            while len(self._cache) >= _CACHED:
                self._cache.popitem(last=False)
            self._cache[key] = make()
            self._cache[key].flags.writeable = False
        return self._cache[key]


def shipped_ldnet() -> Path:
    """Return the path of the LD-Net weights that ship with the package."""
    return resource("weights", "ldnet.safetensors")


def save_ldnet(path: Path, network: LDNet, template: Tensor, norm: Norm, note: Mapping[str, str]) -> None:
    """Write LD-Net's weights in half precision; ``note`` goes into the metadata.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {name: value.half() for name, value in network.state_dict().items()}
    metadata = {"network": NETWORK, "norm": norm, **note}
    write_safetensors(path, {**tensors, "template": template.float()}, metadata)


def load_ldnet(path: str | Path | None = None, device: str = "cpu") -> LDNetWeights:
    """Load LD-Net in float32 from a safetensors file (default: the shipped one) onto a device.

    Raises:
        WeightsError: no such file, not safetensors (a pickle is never opened), or another network's weights.
    """
    from ofx_reenact.ldnet.network import LANDMARKS, LDNet
    from ofx_reenact.ldnet.normalise import NORMS

    path = Path(path) if path else shipped_ldnet()
    tensors, metadata = read_safetensors(path)
    norm = next((norm for norm in NORMS if norm == metadata.get("norm")), None)
    if metadata.get("network") != NETWORK or norm is None:
        raise wrong_network(path, metadata, "LD-Net")
    template = tensors.pop("template", None)
    if template is None or template.shape != (LANDMARKS, 2) or not (template.amax(0) > template.amin(0)).all():
        raise WeightsError(f"{path}: the tensors are not LD-Net's (no template of a face)")
    template, state = template.float(), {name: in_float32(value) for name, value in tensors.items()}
    network = build_network(path, lambda: LDNet.of_state(state), state, "LD-Net").eval().requires_grad_(False)
    return LDNetWeights(path, sha256_of(path), metadata, network.to(device), template.to(device), norm)
