"""A step of training as one launch: the kernels of a step are recorded once as a CUDA graph and replayed.

These networks are small and the GPU is fast: if Python launches the few thousand kernels of a step one by one, the GPU
waits most of the time. A recorded step must read its inputs from tensors, must not branch on their values and must not
wait for the GPU; its random numbers are drawn before it.

``torch.cuda.make_graphed_callables`` records forward and backward of one module; here critics and optimisers belong to
the step as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor

# Steps that run unrecorded at first: in these, libraries choose their kernels and optimisers allocate their state.
WARM_UP = 3


@dataclass(frozen=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


class GraphedStep:
    """A function of tensors; with ``on``, its kernels are recorded once, and later calls replay them."""

    def __init__(self, function: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]], *, on: bool) -> None:
        """Take a function that gets tensors of the same names and shapes at each call and returns scalar tensors."""
        self._function, self._on = function, on
        self._calls = 0
        self._recording: _Recording | None = None

    def __call__(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Run the function once. The returned tensors keep their values until the next call."""
        if not self._on:
            return self._function(inputs)
        if self._recording is None:
            self._calls += 1
            if self._calls <= WARM_UP:
                return self._warm_up(inputs)
            self._recording = self._record(inputs)
        for name, x in inputs.items():
            self._recording.inputs[name].copy_(x)
        self._recording.graph.replay()
        return self._recording.outputs

    def _warm_up(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Run the function on a separate stream; CUDA requires this before it is recorded."""
        stream, current = torch.cuda.Stream(), torch.cuda.current_stream()
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            outputs = self._function(inputs)
        current.wait_stream(stream)
        return outputs

    def _record(self, inputs: Mapping[str, Tensor]) -> _Recording:
        static = {name: x.clone() for name, x in inputs.items()}
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = self._function(static)
        return _Recording(graph, static, outputs)


def fuse(function: Callable[..., Tensor], *, on: bool) -> Callable[..., Tensor]:
    """Compile a function of many small operations into few kernels, if ``on`` and Triton is installed."""
    return torch.compile(function, dynamic=False) if on and find_spec("triton") else function
