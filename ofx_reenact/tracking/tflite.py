"""Read and edit TFLite models in memory, so that OpenCV 4 and 5 return the same output.

OpenCV 5's engine keeps only a graph's last output: the memory of the others may be reused, and requesting one by name
runs the network again. Here the last operator, whose own result is not needed, is made to read the wanted tensor, so
that this becomes the last output.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import tflite

# Field numbers of TensorFlow Lite's flatbuffer schema.
_MODEL_SUBGRAPHS, _GRAPH_OUTPUTS, _GRAPH_OPERATORS, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 2, 2, 3, 1, 2


def second_output_weights(model: bytes) -> tuple[int, np.ndarray, float]:
    """Return the weights that compute a model's second output, one number, from its first.

    Both outputs are linear in the same tensor. The first has more values than that tensor, so it determines the tensor,
    and with it the second output: to within 0.001 if the first output is exact to 1e-5.

    Returns:
        The first output's tensor number; weights (n,) float64 of its values; the bias.
    """
    graph = tflite.Model.GetRootAsModel(model, 0)
    tensors = graph.Subgraphs(0)
    operators = [tensors.Operators(index) for index in range(tensors.OperatorsLength())]
    made_by = {int(operator.Outputs(0)): operator for operator in operators}

    def constant(tensor: int) -> np.ndarray:
        # Constants are stored as float16; a separate operator converts them to float32.
        stored = tensors.Tensors(made_by[tensor].Inputs(0))
        return np.frombuffer(_bytes_of(graph, stored), np.float16).astype(np.float64)

    first, second = (made_by[int(tensors.Outputs(number))] for number in (0, 1))
    (matrix, vector), (bias, added) = ([constant(int(one.Inputs(part))) for one in (first, second)] for part in (1, 2))
    factors = np.linalg.lstsq(matrix.reshape(len(bias), -1).T, vector, rcond=None)[0]
    return int(tensors.Outputs(0)), factors, float(added[0] - factors @ bias)


def _bytes_of(graph: Any, tensor: Any) -> bytes:
    content: bytes = graph.Buffers(tensor.Buffer()).DataAsNumpy().tobytes()
    return content


def with_last_output(model: bytes, tensor: int) -> bytes:
    """Return a model whose last output is a tensor, given by its number: the last operator reads that tensor."""
    data = bytearray(model)

    def unsigned(at: int) -> int:
        return struct.unpack_from("<I", data, at)[0]

    def field(table: int, number: int) -> int:
        """Return the position of the vector that a table's field refers to."""
        layout = table - struct.unpack_from("<i", data, table)[0]
        at = table + struct.unpack_from("<H", data, layout + 4 + 2 * number)[0]
        return at + unsigned(at)

    def tables(vector: int) -> list[int]:
        starts = range(vector + 4, vector + 4 + 4 * unsigned(vector), 4)
        return [start + unsigned(start) for start in starts]

    def numbers(vector: int) -> list[int]:
        return list(struct.unpack_from(f"<{unsigned(vector)}i", data, vector + 4))

    graph = tables(field(unsigned(0), _MODEL_SUBGRAPHS))[0]
    outputs = numbers(field(graph, _GRAPH_OUTPUTS))
    for operator in tables(field(graph, _GRAPH_OPERATORS)):
        if numbers(field(operator, _OPERATOR_OUTPUTS))[0] == outputs[-1]:
            struct.pack_into("<i", data, field(operator, _OPERATOR_INPUTS) + 4, tensor)
    return bytes(data)
