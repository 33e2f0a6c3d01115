"""Torch's backends for tests, on every device that torch has here."""

import numpy as np
import pytest
import torch

from ofx_reenact.ops.on_torch import OnTorch

NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
# On the CPU too, torch's operations are other code than the CPU's loops.
DEVICES = ("cpu", pytest.param("cuda", marks=(pytest.mark.gpu, NO_CUDA)))


class Apart(OnTorch):
    """Shares no memory with the host, like every device but the CPU."""

    def put(self, array, dtype=torch.float32):
        return super().put(array.copy() if isinstance(array, np.ndarray) else array, dtype)

    def fetch(self, array, own=False):
        return super().fetch(array, own=True)


def torch_ops(device: str, batch: int = 3000) -> dict[str, OnTorch]:
    """The default; small batches; and positions in float32, as on a device without float64."""
    return {
        "whole": Apart(device),
        "batches": Apart(device, batch=batch),
        "float32": Apart(device, torch.float32),
    }


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest difference of two results as a fraction of the first's largest value."""
    assert one.shape == other.shape and one.dtype == other.dtype == np.float32
    return float(np.abs(one.astype(np.float64) - other).max() / max(float(np.abs(one).max()), 1e-9))
