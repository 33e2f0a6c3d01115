"""A step of training as one launch: what a GPU does in it is recorded once and replayed (a CUDA graph).

These networks are small and the GPU is fast: started one by one from Python, a step's few thousand kernels would keep
it waiting most of the time. What is recorded must read its inputs from tensors, decide nothing by their values, and
wait for nothing; random numbers are drawn by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor

# Steps done kernel by kernel before one is recorded: libraries choose their kernels, optimisers make their state.
FIRST = 3


@dataclass(frozen=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


class Recorded:
    """Calls a function of tensors; on a GPU, replays what it did."""

    def __init__(self, work: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]], *, on: bool) -> None:
        """Prepare ``work`` on tensors of the same shapes at each call, which returns scalars; record it if ``on``."""
        self._work, self._on = work, on
        self._calls = 0
        self._recording: _Recording | None = None

    def __call__(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Do the work once. The tensors returned hold their values until the next call."""
        if not self._on:
            return self._work(inputs)
        if self._recording is None:
            self._calls += 1
            if self._calls <= FIRST:
                return self._aside(inputs)
            self._recording = self._record(inputs)
        for name, x in inputs.items():
            self._recording.inputs[name].copy_(x)
        self._recording.graph.replay()
        return self._recording.outputs

    def _aside(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Do the work on a stream of its own, as CUDA asks of what is to be recorded."""
        stream, here = torch.cuda.Stream(), torch.cuda.current_stream()
        stream.wait_stream(here)
        with torch.cuda.stream(stream):
            outputs = self._work(inputs)
        here.wait_stream(stream)
        return outputs

    def _record(self, inputs: Mapping[str, Tensor]) -> _Recording:
        kept = {name: x.clone() for name, x in inputs.items()}
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = self._work(kept)
        return _Recording(graph, kept, outputs)


def fused(function: Callable[..., Tensor], *, on: bool) -> Callable[..., Tensor]:
    """Compile a function of many small operations into few kernels, if that is wanted and Triton is there to do it."""
    return torch.compile(function, dynamic=False) if on and find_spec("triton") else function
