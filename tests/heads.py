"""Head models made up for tests, in the layouts of real ones."""

import json
from pathlib import Path

import numpy as np
import torch

from ofx_reenact.training.ldnet.data.head_model import HeadModel, draw_grid, save_heads


def head_model(seed: int = 0, modes: int = 6, units: int = 5) -> HeadModel:
    """A face-like cloud of points with a few modes and units."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0.2, np.pi - 0.2, 17)
    jaw = np.stack([-7 * np.cos(angle), -7 * np.sin(angle), np.full(17, 9.0)], 1)
    rest = rng.normal(size=(51, 3)) * [3, 3, 1] + [0, 0, 10]
    arrays = (
        np.concatenate([jaw, rest]), rng.normal(size=(modes, 68, 3)) * 0.3, rng.normal(size=(units, 68, 3)) * 0.4
    )  # fmt: skip
    tensors = [torch.from_numpy(array.astype(np.float32)) for array in arrays]
    return HeadModel(tensors[0], tensors[1], tensors[2], tuple(f"unit{i}" for i in range(units)), f"made{seed} (CC0)")


def heads_file(path: Path, people: int = 6, poses: int = 10, seed: int = 0) -> str:
    """A heads file of such a model."""
    model = head_model(seed)
    save_heads(path, model, draw_grid(model, people, poses, 3))
    return str(path)


def ict_folder(folder: Path) -> tuple[Path, np.ndarray]:
    """ICT-FaceKit's layout with 80 vertices, two people and two units; returns it and the vertices of its shapes."""
    inside = folder / "FaceXModel"
    inside.mkdir(parents=True)
    rng = np.random.default_rng(1)
    names = ("generic_neutral_mesh", "identity000", "identity001", "jawOpen", "eyeBlink_L")
    shapes = rng.normal(size=(len(names), 80, 3)).round(4)
    for name, shape in zip(names, shapes, strict=True):
        lines = ["# made up", *(f"v {x} {y} {z}" for x, y, z in shape), "vt 0 0", "f 1/1 2/1 3/1"]
        (inside / f"{name}.obj").write_text("\n".join(lines))
    indices = {"expressions": ["jawOpen", "eyeBlink_L"], "idx_to_landmark_verts": list(range(5, 73))}
    (inside / "vertex_indices.json").write_text(json.dumps(indices))
    return folder, shapes[:, 5:73]
