"""Heads from a checkout of ICT-FaceKit (MIT, USC Institute for Creative Technologies).

Its folder ``FaceXModel/`` has one OBJ file for each shape, all of one topology, and ``vertex_indices.json`` with the
names of the expressions and the vertices of the 68 landmarks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ofx_reenact.errors import ReenactError
from ofx_reenact.files import read_json
from ofx_reenact.training.ldnet.data.head_model import HeadModel

SOURCE = "ICT-FaceKit (MIT, USC ICT)"
_NEUTRAL, _INDICES = "generic_neutral_mesh.obj", "vertex_indices.json"
_HINT = "is this ICT-FaceKit's folder?"


def ict_model(folder: Path) -> HeadModel:
    """Build a head model from a checkout of the repository, or from its folder ``FaceXModel``.

    Raises:
        ReenactError: a file is missing or damaged.
    """
    folder = folder / "FaceXModel" if (folder / "FaceXModel").is_dir() else folder
    indices = read_json(folder / _INDICES, what="list of vertices", hint=_HINT)
    try:
        landmarks, units = indices["idx_to_landmark_verts"], tuple(indices["expressions"])
    except (KeyError, TypeError) as error:
        raise ReenactError(f"{folder / _INDICES}: has no {error}; {_HINT}") from error
    mean = _points(folder / _NEUTRAL, landmarks)
    faces = sorted(folder.glob("identity[0-9][0-9][0-9].obj"))
    if not faces:
        raise ReenactError(f"{folder}: no identity000.obj, identity001.obj, …; {_HINT}")
    identity = np.stack([_points(path, landmarks) - mean for path in faces])
    expression = np.stack([_points(folder / f"{name}.obj", landmarks) - mean for name in units])
    tensors = [torch.from_numpy(array.astype(np.float32)) for array in (mean, identity, expression)]
    return HeadModel(tensors[0], tensors[1], tensors[2], units, SOURCE)


def _points(path: Path, vertices: list[int]) -> np.ndarray:
    """Read the given vertices (n, 3) of an OBJ file."""
    try:
        with path.open(encoding="utf-8") as file:
            rows = [line.split()[1:4] for line in file if line.startswith("v ")]
        return np.array([rows[i] for i in vertices], np.float64)
    except (OSError, ValueError, IndexError) as error:
        raise ReenactError(f"{path}: its vertices cannot be read ({error}); {_HINT}") from error
