"""The canonical face that the mesh model's own file describes: points, triangles.

Convention: canonical units are about centimetres; x to the right of the picture, y down, z away from the
camera, as in the tracked mesh.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ofx_reenact.resources import resource

MODEL = ("models", "face_landmarker.task")
_GEOMETRY = "geometry_pipeline_metadata_landmarks.binarypb"


@dataclass(frozen=True)
class Canonical:
    """The canonical face: points (468, 3) float64, triangles (898, 3) int64; they close the eyes and the mouth."""

    points: np.ndarray
    triangles: np.ndarray


@lru_cache(maxsize=1)
def canonical() -> Canonical:
    """Read the canonical face (cached). Field numbers are those of MediaPipe's geometry messages."""
    with zipfile.ZipFile(resource(*MODEL)) as bundle:
        message = bundle.read(_GEOMETRY)
    mesh = next(value for field, value in _fields(message) if field == 1)
    vertices, indices = [], []
    for field, value in _fields(mesh):
        if field == 3:
            vertices.append(np.frombuffer(value, "<f4")[0])
        elif field == 4:
            indices.append(value)
    # x, y, z, u, v; y up and z towards the camera there.
    points = np.array(vertices, np.float64).reshape(-1, 5)[:, :3] * [1, -1, -1]
    return Canonical(points, np.array(indices, np.int64).reshape(-1, 3))


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Walk the fields of a protocol buffer message: varints as int, everything else as bytes."""
    at = 0

    def varint() -> int:
        nonlocal at
        result = shift = 0
        while True:
            byte = message[at]
            at += 1
            result |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return result

    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
            continue
        length = {1: 8, 5: 4}.get(tag & 7) or varint()
        yield tag >> 3, message[at : at + length]
        at += length
