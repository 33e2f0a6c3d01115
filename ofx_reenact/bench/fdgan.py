"""How fast FD-GAN's translator is, against the machine's own matrix peak in the same run.

Machines are shared and noisy: the peak is measured before and after each timing, and the ratio is what counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from ofx_reenact.fdgan.network import Extractor, Translator, channels_last
from ofx_reenact.fdgan.repair import DenseFDGAN


def _attention_flop(query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any) -> int:
    """Operations of one attention, from its shapes (B, heads, n, c)."""
    return sdpa_flop_count(query, key, value)


# torch's counter does not know its own kernel for the CPU.
_UNCOUNTED = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flop}
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# A product of square matrices of this size runs at the machine's peak.
_MATRIX = 2048


@dataclass(frozen=True)
class Speed:
    """One timing.

    Attributes:
        what: network, size and precision.
        milliseconds: the median of the runs.
        gflop: of one run.
        ratio: time taken over the time that these operations take at the peak; 1 is the best there is.
        peak: of the machine, in GFLOP a second.
    """

    what: str
    milliseconds: float
    gflop: float
    ratio: float
    peak: float


def bench(runs: int = 12, device: str = "cpu") -> list[Speed]:
    """Time the printed translator on a 256² frame and the dense one on a mouth's window, in both precisions."""
    found = []
    for name, precision in PRECISIONS.items():
        timed = {"translator 256×256": _printed(precision, device), "window 128×96": _dense(precision, device)}
        found += [_time(f"{what}, {name}", work, precision, runs, device) for what, work in timed.items()]
    return found


def peak(precision: torch.dtype, device: str, repeats: int = 3) -> float:
    """The machine's matrix peak in GFLOP a second: the best of some products of large matrices."""
    a = torch.randn(_MATRIX, _MATRIX, device=device, dtype=precision)
    return 2 * _MATRIX**3 / min(_seconds(lambda: a @ a, device) for _ in range(repeats)) / 1e9


def _time(what: str, work: Callable[[], object], precision: torch.dtype, runs: int, device: str) -> Speed:
    with torch.inference_mode():
        with FlopCounterMode(display=False, custom_mapping=_UNCOUNTED) as counter:
            work()
        gflop = counter.get_total_flops() / 1e9
        before = peak(precision, device)
        times = sorted(_seconds(work, device) for _ in range(runs))
        best = max(before, peak(precision, device))
    median = times[len(times) // 2]
    return Speed(what, 1000 * median, gflop, median * best / gflop, best)


def _printed(precision: torch.dtype, device: str) -> Callable[[], object]:
    translator = channels_last(Translator().eval().to(device, precision))
    picture = channels_last_input(torch.randn(1, 3, 256, 256, device=device, dtype=precision))
    with torch.inference_mode():
        pictures = torch.randn(1, 1, 6, 256, 256, device=device)
        dictionary = tuple(v.to(precision) for v in Extractor().eval().to(device)(pictures))
    return lambda: translator(picture, dictionary)


def _dense(precision: torch.dtype, device: str) -> Callable[[], object]:
    network = channels_last(DenseFDGAN().eval().to(device, precision))
    x = channels_last_input(torch.randn(1, network.translator.inputs, 96, 128, device=device, dtype=precision))
    with torch.inference_mode():
        pictures = torch.randn(1, 1, network.extractor.inputs, 96, 128, device=device, dtype=precision)
        dictionary = network.extractor(pictures)
    return lambda: network.translator(x, dictionary)


def channels_last_input(x: torch.Tensor) -> torch.Tensor:
    """Lay pictures out as convolutions are fastest."""
    return x.contiguous(memory_format=torch.channels_last)


def _seconds(work: Callable[[], object], device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started
