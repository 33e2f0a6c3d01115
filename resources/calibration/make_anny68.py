"""Find where on anny's mesh the tracker's 68 landmarks lie, and write ``anny68.json``.

    python resources/calibration/make_anny68.py

Renders heads of several people from several sides, tracks them, and looks up what part of the mesh each landmark was
seen on. Lips are a little open and lids half shut meanwhile, so that upper and lower are not mistaken for each other.
Ends with how far the found points are from the tracker's on expressions that were not used.
"""

from __future__ import annotations

import json
from pathlib import Path

import anny
import numpy as np
import torch
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial.transform import Rotation

from ofx_reenact.ops.raster import rasterise
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.landmarks import MESH68, REGIONS

OUT = Path(__file__).with_name("anny68.json")
SIZE, FIELD, DISTANCE = 768, 40.0, 100.0  # pixels; centimetres
PARTED = {"jawOpen": 0.25, "eyeBlinkLeft": 0.35, "eyeBlinkRight": 0.35}
VIEWS = [(pitch, yaw) for yaw in (-25, -12, 0, 12, 25) for pitch in (-8, 8)]
CHECKS = {
    "neutral": {},
    "jaw open": {"jawOpen": 0.7},
    "smile": {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
    "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "brows up": {"browInnerUp": 1.0, "browOuterUpLeft": 1.0, "browOuterUpRight": 1.0},
    "pucker": {"mouthPucker": 1.0},
}
# The same landmark on the other side of the face.
MIRROR = [
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
]  # fmt: skip


class Heads:
    """anny's head: meshes, and the triangles of head and skin."""

    def __init__(self) -> None:
        self.body = anny.Anny(local_changes="default", facial_actions="all").to(dtype=torch.float32)
        self.pose = torch.eye(4)[None, None].repeat(1, self.body.bone_count, 1, 1)
        triangles = self.body.faces.numpy().astype(np.int64)
        base = self.mesh({}, {})
        self.head = base[:, 1] < -50
        self.triangles = triangles[(base[triangles][:, :, 1] < -42).all(1)]
        edges = self.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
        graph = sparse.coo_matrix((np.ones(len(edges)), edges.T), shape=(len(base),) * 2)
        part = connected_components(graph)[1][self.triangles[:, 0]]
        # Eyeballs and teeth are parts of their own; landmarks lie on the skin.
        self.skin = self.triangles[part == np.bincount(part).argmax()]

    def mesh(self, person: dict[str, float], actions: dict[str, float]) -> np.ndarray:
        """Vertices (V, 3) in centimetres, x right, y down, z away."""
        shape = dict.fromkeys(self.body.phenotype_labels, 0.5) | person
        with torch.no_grad():
            made = self.body(
                pose_parameters=self.pose, phenotype_kwargs=shape, local_changes_kwargs={}, facial_actions=actions
            )["vertices"][0].numpy()
        return np.stack([made[:, 0], -made[:, 2], made[:, 1]], axis=1) * 100


def project(mesh: np.ndarray, centre: np.ndarray, pitch: float, yaw: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn a mesh and look at it: positions (V, 2) in pixels, and the turned mesh."""
    turned = (mesh - centre) @ Rotation.from_euler("yx", [-yaw, pitch], degrees=True).as_matrix().T
    closer = DISTANCE / (DISTANCE + turned[:, 2:])
    return turned[:, :2] * closer * (SIZE / FIELD) + SIZE / 2, turned


def draw(heads: Heads, positions: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """Render with simple shading, (H, W, 3) uint8."""
    a, b, c = (turned[corner] for corner in heads.triangles.T)
    normals = np.zeros_like(turned)
    for corner in heads.triangles.T:
        np.add.at(normals, corner, np.cross(b - a, c - a))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    light = np.array([-0.3, -0.4, -0.85]) / np.linalg.norm([-0.3, -0.4, -0.85])
    shade = 0.2 + 0.75 * np.clip(normals @ light, 0, 1)
    picture = np.full((SIZE, SIZE, 3), 60, np.float32)
    nearest = np.full((SIZE, SIZE), np.inf, np.float32)
    rasterise(positions, turned[:, 2], heads.triangles, shade[:, None] * [220, 175, 150], picture, nearest)
    return np.clip(picture, 0, 255).astype(np.uint8)


def look_up(
    heads: Heads, positions: np.ndarray, turned: np.ndarray, on: np.ndarray, x: float, y: float, lips: bool
) -> np.ndarray | None:
    """Where on the mesh ``on`` the skin is that is seen at a pixel, or next to it: (3,)."""
    reach = 6
    left, top = round(x) - reach, round(y) - reach
    place = np.zeros((2 * reach + 1, 2 * reach + 1, 3), np.float32)
    nearest = np.full(place.shape[:2], np.inf, np.float32)
    everything = nearest.copy()
    rasterise(positions - (left, top), turned[:, 2], heads.skin, on, place, nearest)
    rasterise(positions - (left, top), turned[:, 2], heads.triangles, on, np.empty_like(place), everything)
    # Skin behind an eyeball is not what was seen.
    nearest[nearest > everything + 0.3] = np.inf
    down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    apart = np.where(np.isfinite(nearest), down**2 + across**2, np.inf)
    if lips:
        # Not what lies behind the lips.
        apart[nearest > nearest[apart <= 25].min(initial=np.inf) + 0.25] = np.inf
    return place.reshape(-1, 3)[apart.argmin()] if np.isfinite(apart).any() else None


def attach(point: np.ndarray, mesh: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The triangle nearest to a point, and the point's barycentric weights in it."""
    corners = mesh[triangles]
    best, found = np.inf, (triangles[0], np.ones(3) / 3)
    for index in np.argsort(((corners.mean(1) - point) ** 2).sum(1))[:60]:
        a, b, c = corners[index]
        u, v = np.linalg.lstsq(np.column_stack([b - a, c - a]), point - a, rcond=None)[0]
        weights = np.clip([1 - u - v, u, v], 0, 1)
        weights /= weights.sum()
        distance = np.linalg.norm(weights @ corners[index] - point)
        if distance < best:
            best, found = distance, (triangles[index], weights)
    return found


def main() -> None:
    """Calibrate, write, check."""
    heads, tracker, chance = Heads(), FaceMesh(), np.random.default_rng(0)
    on = heads.mesh({}, PARTED)
    seen: list[list[np.ndarray]] = [[] for _ in MESH68]
    for _ in range(12):
        person = {name: float(chance.uniform(0.2, 0.8)) for name in ("gender", "weight", "muscle")}
        mesh = heads.mesh(person | {"age": float(chance.uniform(0.5, 0.9))}, PARTED)
        for pitch, yaw in VIEWS:
            positions, turned = project(mesh, mesh[heads.head].mean(0), pitch, yaw)
            tracker.reset()
            track = tracker.track(draw(heads, positions, turned), 1)
            if track is None:
                continue
            for number, (x, y) in enumerate(track.landmarks):
                found = look_up(heads, positions, turned, on, x, y, lips=number >= 48)
                if found is not None:
                    seen[number].append(found)
    points = np.array([np.median(places, axis=0) for places in seen])
    points = (points + points[MIRROR] * [-1, 1, 1]) / 2
    attached = [attach(point, on, heads.skin) for point in points]
    corners, weights = (np.array(part) for part in zip(*attached, strict=True))
    content = {
        "anny": anny.__version__ if hasattr(anny, "__version__") else "0.6",
        "vertices": len(on),
        "corners": corners.tolist(),
        "weights": weights.round(5).tolist(),
    }
    OUT.write_text(json.dumps(content) + "\n", encoding="utf-8")
    check(heads, tracker, corners, weights)


def check(heads: Heads, tracker: FaceMesh, corners: np.ndarray, weights: np.ndarray) -> None:
    """Print the distance to the tracker's landmarks, in percent of the distance of the outer eye corners."""
    for name, actions in CHECKS.items():
        mesh = heads.mesh({}, actions)
        positions, turned = project(mesh, heads.mesh({}, {})[heads.head].mean(0), 0, 0)
        tracker.reset()
        track = tracker.track(draw(heads, positions, turned), 1)
        if track is None:
            print(name, "not tracked")
            continue
        ours = (positions[corners] * weights[..., None]).sum(1)
        apart = np.linalg.norm(ours - track.landmarks, axis=1)
        apart *= 100 / np.linalg.norm(track.landmarks[36] - track.landmarks[45])
        print(name, {region: round(float(apart[list(index)].mean()), 1) for region, index in REGIONS.items()})


if __name__ == "__main__":
    main()
