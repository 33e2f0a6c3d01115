"""What tests of the backends share: torch's, on every device that it has here."""

import numpy as np
import pytest
import torch

from ofx_reenact.ops.on_torch import OnTorch

NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
# Torch is another code than the CPU's loops on a CPU as well.
DEVICES = ("cpu", pytest.param("cuda", marks=(pytest.mark.gpu, NO_CUDA)))


class Apart(OnTorch):
    """Shares no memory with the host, as no device but the CPU does."""

    def put(self, array, dtype=torch.float32):
        return super().put(array.copy() if isinstance(array, np.ndarray) else array, dtype)

    def fetch(self, array, own=False):
        return super().fetch(array, own=True)


def torch_ops(device: str, piece: int = 3000) -> dict[str, OnTorch]:
    """As it comes; in small pieces; and with places in float32, as on a device that has nothing else."""
    return {
        "whole": Apart(device),
        "pieces": Apart(device, piece=piece),
        "float32": Apart(device, torch.float32),
    }


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """How far two results are apart, as a fraction of the first's range."""
    assert one.shape == other.shape and one.dtype == other.dtype == np.float32
    return float(np.abs(one.astype(np.float64) - other).max() / max(float(np.abs(one).max()), 1e-9))
