"""Times work, and compares it with the machine's matrix peak: how fast it multiplies large matrices.

Machines are shared and their speed drifts, so the peak is measured before and after each timing, and the ratio counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from ofx_reenact.bench.figures import Timed, timed_fields
from ofx_reenact.device import finish
from ofx_reenact.training.loop import has_bf16


def _attention_flop(query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any) -> int:
    """Return the floating-point operations of one attention, from its shapes (B, heads, n, c)."""
    return sdpa_flop_count(query, key, value)


# torch's counter does not know torch's own attention kernel for the CPU.
_UNCOUNTED = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flop}
# A product of square matrices of this size reaches the machine's peak.
_MATRIX = 2048


@dataclass(frozen=True)
class Speed(Timed):
    """One timing, and the GFLOP of one run.

    ``ratio`` is the time taken over the time that the same operations take at matrix peak.
    """

    what: str
    gflop: float
    ratio: float
    peak_gflop_per_second: float


def precisions(device: str) -> dict[str, torch.dtype]:
    """Return the precisions that are worth timing on a device, by name."""
    both = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    return both if has_bf16(device) else {"float32": torch.float32}


def time_work(what: str, work: Callable[[], object], precision: torch.dtype, runs: int, device: str) -> Speed:
    """Time work without gradients, and compare it with the matrix peak of its precision."""
    with torch.inference_mode():
        gflop = count_gflop(work)
        before = measure_peak(precision, device)
        times = timed_fields([time_once(work, device) for _ in range(runs)])
        best = max(before, measure_peak(precision, device))
    return Speed(what, gflop, times["milliseconds"] / 1000 * best / gflop, best, **times)


def measure_peak(precision: torch.dtype, device: str, repeats: int = 3) -> float:
    """Return the machine's matrix peak in GFLOP a second: the fastest of some products of large matrices."""
    a = torch.randn(_MATRIX, _MATRIX, device=device, dtype=precision)
    return 2 * _MATRIX**3 / min(time_once(lambda: a @ a, device) for _ in range(repeats)) / 1e9


@dataclass
class Count:
    """Floating-point operations that torch did, in GFLOP."""

    gflop: float = 0.0


@contextmanager
def count_operations() -> Iterator[Count]:
    """Count torch's operations inside the context; the count is set when the context ends."""
    count = Count()
    with FlopCounterMode(display=False, custom_mapping=_UNCOUNTED) as counter:
        yield count
    count.gflop = counter.get_total_flops() / 1e9


def count_gflop(work: Callable[[], object]) -> float:
    """Run work once; returns torch's operations in GFLOP."""
    with count_operations() as count:
        work()
    return count.gflop


def time_once(work: Callable[[], object], device: str) -> float:
    """Run work once; returns the seconds until the device has finished."""
    finish(device)
    started = time.perf_counter()
    work()
    finish(device)
    return time.perf_counter() - started
