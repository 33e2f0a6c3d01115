"""The canonical face: points and triangles, read from the file of the mesh model.

Its units are about centimetres, its axes those of the tracked mesh: x right, y down, z away from the camera.
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
    """The canonical face: points (468, 3) float64; triangles (898, 3) int64, some of which close eyes and mouth."""

    points: np.ndarray
    triangles: np.ndarray


@lru_cache(maxsize=1)
def canonical() -> Canonical:
    """Read the canonical face; cached. The field numbers are those of MediaPipe's geometry messages."""
    with zipfile.ZipFile(resource(*MODEL)) as bundle:
        message = bundle.read(_GEOMETRY)
    mesh = next(value for field, value in _fields(message) if field == 1)
    vertices, indices = [], []
    for field, value in _fields(mesh):
        if field == 3:
            vertices.append(np.frombuffer(value, "<f4")[0])
        elif field == 4:
            indices.append(value)
    # In the file: x, y, z, u, v, with y up and z towards the camera.
    points = np.array(vertices, np.float64).reshape(-1, 5)[:, :3] * [1, -1, -1]
    return Canonical(points, np.array(indices, np.int64).reshape(-1, 3))


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the fields of a protocol buffer message as (number, value): varints as int, everything else as bytes."""
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
