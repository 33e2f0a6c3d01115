"""One repair to a TFLite model in memory, so that OpenCV 4 and 5 alike give the output that is needed.

OpenCV 5's engine keeps only a graph's last output; the storage of the others may be reused by then. The face
mesh's presence is not its last output but one, and comes back as other numbers. Letting the last operator,
whose own result is not needed, read the wanted tensor makes that the last output.
"""

from __future__ import annotations

import struct

# Field numbers of TensorFlow Lite's flatbuffer schema.
_MODEL_SUBGRAPHS, _GRAPH_OUTPUTS, _GRAPH_OPERATORS, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 2, 2, 3, 1, 2


def last_output_from(model: bytes, wanted: int) -> bytes:
    """Return the model with its last output fed from output number ``wanted`` instead of its own source."""
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
            struct.pack_into("<i", data, field(operator, _OPERATOR_INPUTS) + 4, outputs[wanted])
    return bytes(data)
