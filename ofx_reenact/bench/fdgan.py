"""Times FD-GAN's translators."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ofx_reenact.bench.peak import Speed, precisions, time_work
from ofx_reenact.fdgan.network import Extractor, Translator, channels_last
from ofx_reenact.fdgan.repair import RepairNetwork


def bench(runs: int = 12, device: str = "cpu") -> list[Speed]:
    """Time both translators, of a 256² portrait and of a mouth's window, in the precisions that the device has."""
    found = []
    for name, precision in precisions(device).items():
        works = build_translators(precision, device)
        found += [time_work(f"{what}, {name}", work, precision, runs, device) for what, work in works.items()]
    return found


def build_translators(precision: torch.dtype, device: str) -> dict[str, Callable[[], object]]:
    """Build both translators with random weights; returns functions that run each once, by name."""
    return {"translator 256×256": _portrait(precision, device), "window 128×96": _repair(precision, device)}


def _portrait(precision: torch.dtype, device: str) -> Callable[[], object]:
    translator = channels_last(Translator().eval().to(device, precision))
    picture = channels_last_input(torch.randn(1, 3, 256, 256, device=device, dtype=precision))
    with torch.inference_mode():
        pictures = torch.randn(1, 1, 6, 256, 256, device=device)
        dictionary = tuple(v.to(precision) for v in Extractor().eval().to(device)(pictures))
    return lambda: translator(picture, dictionary)


def _repair(precision: torch.dtype, device: str) -> Callable[[], object]:
    network = channels_last(RepairNetwork().eval().to(device, precision))
    x = channels_last_input(torch.randn(1, network.translator.inputs, 96, 128, device=device, dtype=precision))
    with torch.inference_mode():
        pictures = torch.randn(1, 1, network.extractor.inputs, 96, 128, device=device, dtype=precision)
        dictionary = network.extractor(pictures)
    return lambda: network.translator(x, dictionary)


def channels_last_input(x: torch.Tensor) -> torch.Tensor:
    """Return pictures in the memory format in which convolutions are fastest."""
    return x.contiguous(memory_format=torch.channels_last)
