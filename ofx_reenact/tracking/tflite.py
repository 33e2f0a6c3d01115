"""TFLite models in memory: what is read of one, and one repair, so that OpenCV 4 and 5 alike give what is needed.

OpenCV 5's engine keeps only a graph's last output; the storage of the others may be reused by then, and each that is
asked for by name has the network run once more. Letting the last operator, whose own result is not needed, read the
wanted tensor makes that the last output.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import tflite

# Field numbers of TensorFlow Lite's flatbuffer schema.
_MODEL_SUBGRAPHS, _GRAPH_OUTPUTS, _GRAPH_OPERATORS, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 2, 2, 3, 1, 2


def second_of_first(model: bytes) -> tuple[int, np.ndarray, float]:
    """Tell how a model's second output, one number, follows from its first.

    Both are matrices times the same tensor. The first has more values than that tensor, which therefore follows from
    it, and so does the second output: to 0.001 where the first is to 1e-5.

    Returns:
        The first output's number as a tensor; what it is multiplied with (n,) float64; what is added to their sum.
    """
    graph = tflite.Model.GetRootAsModel(model, 0)
    tensors = graph.Subgraphs(0)
    operators = [tensors.Operators(index) for index in range(tensors.OperatorsLength())]
    made_by = {int(operator.Outputs(0)): operator for operator in operators}

    def constant(tensor: int) -> np.ndarray:
        # Halfs are kept; an operator of its own makes floats of them.
        kept = tensors.Tensors(made_by[tensor].Inputs(0))
        return np.frombuffer(_bytes_of(graph, kept), np.float16).astype(np.float64)

    first, second = (made_by[int(tensors.Outputs(number))] for number in (0, 1))
    (matrix, other), (bias, added) = ([constant(int(one.Inputs(part))) for one in (first, second)] for part in (1, 2))
    factors = np.linalg.lstsq(matrix.reshape(len(bias), -1).T, other, rcond=None)[0]
    return int(tensors.Outputs(0)), factors, float(added[0] - factors @ bias)


def _bytes_of(graph: Any, tensor: Any) -> bytes:
    content: bytes = graph.Buffers(tensor.Buffer()).DataAsNumpy().tobytes()
    return content


def last_output_from(model: bytes, tensor: int) -> bytes:
    """Return the model with its last output fed from a tensor, by number, instead of its own source."""
    data = bytearray(model)

    def unsigned(at: int) -> int:
        return struct.unpack_from("<I", data, at)[0]

    def field(table: int, number: int) -> int:
        """Position of a vector that a table's field refers to."""
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
