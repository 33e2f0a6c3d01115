"""Read MakeHuman's assets: meshes (``.obj``), their fittings to the base mesh (``.mhclo``) and textures.

A fitting binds each vertex of an asset to the base mesh (hm08): to one of its vertices, or to three of them with
weights and an offset that scales with the head. Convention: lengths in the body's unit, y up, z to the viewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.errors import ReenactError

_AXES = ("x_scale", "y_scale", "z_scale")


@dataclass(frozen=True)
class Fitting:
    """How n vertices of an asset follow the vertices of a body.

    ``corners`` (n, 3) int64 are vertices of the body, ``weights`` (n, 3) rows that sum to about 1, ``offsets`` (n, 3)
    along x, y, z. The row of ``scales`` (3, 3) for an axis holds two vertices and their reference distance along it:
    offsets are multiplied by the distance of the two on the body, divided by the reference.
    """

    corners: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    scales: np.ndarray

    @classmethod
    def of_vertices(cls, vertices: np.ndarray) -> Fitting:
        """Make the fitting of vertices (n,) that are the body's own."""
        corners = np.repeat(np.asarray(vertices, np.int64)[:, None], 3, 1)
        weights = np.tile([1.0, 0.0, 0.0], (len(corners), 1))
        return cls(corners, weights, np.zeros((len(corners), 3)), np.zeros((3, 3)))

    def place(self, body: np.ndarray) -> np.ndarray:
        """Return the positions (n, 3) on a body (V, 3)."""
        placed = np.einsum("nk,nkd->nd", self.weights, body[self.corners])
        if self.scales.any():
            first, second = self.scales[:, 0].astype(int), self.scales[:, 1].astype(int)
            along = np.arange(3)
            placed += self.offsets * np.abs(body[first, along] - body[second, along]) / self.scales[:, 2]
        return placed

    def take(self, vertices: np.ndarray) -> Fitting:
        """Return the fitting of vertices (m,) of this one, in their order; indices may repeat."""
        return Fitting(self.corners[vertices], self.weights[vertices], self.offsets[vertices], self.scales)


@dataclass(frozen=True)
class Mesh:
    """Triangles ``faces`` (F, 3) int64 with texture coordinates ``uv`` (n, 2) float32 in [0, 1], v up.

    A vertex with several texture coordinates is split; ``vertices`` (n,) int64 are the indices in the file.
    """

    vertices: np.ndarray
    uv: np.ndarray
    faces: np.ndarray

    @classmethod
    def of_corners(cls, vertices: np.ndarray, texture: np.ndarray, coordinates: np.ndarray) -> Mesh:
        """Make a mesh from vertex indices (F, 3) and ``texture`` indices (F, 3) into ``coordinates`` (T, 2)."""
        pairs = np.stack([vertices.reshape(-1), texture.reshape(-1)], 1)
        unique, back = np.unique(pairs, axis=0, return_inverse=True)
        uv = np.asarray(coordinates, np.float32)[unique[:, 1]]
        return cls(unique[:, 0], uv, back.reshape(-1, 3).astype(np.int64))


def read_obj(path: Path, group: str | None = None) -> Mesh:
    """Read the polygons of a Wavefront file, or of one group in it, as triangles.

    Raises:
        ReenactError: the file is missing or damaged.
    """
    coordinates: list[list[float]] = []
    corners: list[list[tuple[int, int]]] = []
    current = None
    try:
        for line in _lines(path):
            key, _, rest = line.partition(" ")
            if key == "g":
                current = rest.strip()
            elif key == "vt":
                coordinates.append([float(value) for value in rest.split()[:2]])
            elif key == "f" and group in (None, current):
                polygon = [corner.split("/") for corner in rest.split()]
                indices = [(int(corner[0]) - 1, int(corner[1]) - 1) for corner in polygon]
                corners += [[indices[0], indices[k], indices[k + 1]] for k in range(1, len(indices) - 1)]
    except (ValueError, IndexError) as error:
        raise ReenactError(f"{path}: not a textured Wavefront mesh ({error})") from error
    if not corners or not coordinates:
        raise ReenactError(f"{path}: has no triangles with texture coordinates")
    pairs = np.array(corners, np.int64)
    if pairs.min() < 0 or pairs[..., 1].max() >= len(coordinates):
        raise ReenactError(f"{path}: some triangles have no texture coordinates")
    return Mesh.of_corners(pairs[..., 0], pairs[..., 1], np.array(coordinates))


def read_fitting(path: Path) -> Fitting:
    """Read a ``.mhclo`` file.

    Raises:
        ReenactError: the file is missing or damaged.
    """
    scales, rows, in_vertices = np.zeros((3, 3)), [], False
    try:
        for line in _lines(path):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] in _AXES:
                scales[_AXES.index(words[0])] = [float(word) for word in words[1:4]]
            elif words[0] in ("verts", "delete_verts"):
                in_vertices = words[0] == "verts"
            elif in_vertices and words[0].isdigit():
                rows.append(_binding([float(word) for word in words]))
    except ValueError as error:
        raise ReenactError(f"{path}: not a MakeHuman fitting ({error})") from error
    if not rows or (scales[:, 2] <= 0).any():
        raise ReenactError(f"{path}: not a MakeHuman fitting; scales or vertices are missing")
    table = np.array(rows)
    return Fitting(table[:, :3].astype(np.int64), table[:, 3:6], table[:, 6:9], scales)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ReenactError(f"{path}: cannot be read ({error.strerror or error})") from error


def _binding(values: list[float]) -> list[float]:
    """Return three vertices, three weights and an offset from the 1 or 9 numbers of a fitting's line."""
    if len(values) == 1:
        return [values[0]] * 3 + [1.0, 0.0, 0.0] + [0.0] * 3
    if len(values) == 9:
        return values
    raise ValueError(f"a line has {len(values)} numbers, expected 1 or 9")


def read_texture(path: Path, side: int | None = None) -> np.ndarray:
    """Read a texture: (H, W, 4) uint8 RGBA, the first row at v = 1, resized to ``side`` squared if it is larger.

    Raises:
        ReenactError: the file is missing or is no colour picture.
    """
    data = np.frombuffer(path.read_bytes(), np.uint8) if path.is_file() else np.empty(0, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if image is None or image.ndim != 3:
        raise ReenactError(f"{path}: missing, or not a colour picture")
    if image.shape[2] == 3:
        image = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    image = cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)
    if side and max(image.shape[:2]) > side:
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image)


@dataclass(frozen=True)
class Assets:
    """The files in a MakeHuman assets folder that rendered heads are made of.

    ``brows``, ``lashes``, ``hair`` and ``tongue`` are folders with a mesh, a fitting and a texture. ``teeth`` are
    fittings with their meshes beside them; they share one texture.
    """

    skins: tuple[Path, ...]
    eyes: tuple[Path, ...]
    brows: tuple[Path, ...]
    lashes: tuple[Path, ...]
    hair: tuple[Path, ...]
    teeth: tuple[Path, ...]
    teeth_texture: Path
    tongue: Path


def find_assets(folder: Path) -> Assets:
    """Find the files of a MakeHuman assets folder.

    Raises:
        ReenactError: the folder or one kind of file in it is missing.
    """
    if not folder.is_dir():
        raise ReenactError(f"{folder}: no such folder; --assets names a folder of MakeHuman's assets")
    of_kind = lambda kind: tuple(path for path in sorted((folder / kind).glob("*")) if _is_complete(path))  # noqa: E731
    teeth = (*sorted((folder / "teeth").glob("*/*.mhclo")), *sorted(folder.glob("teeth_base.mhclo")))
    assets = Assets(
        skins=tuple(sorted((folder / "skins" / "textures").glob("*.jpg"))),
        eyes=tuple(sorted((folder / "eyes" / "materials").glob("*_eye.png"))),
        brows=of_kind("eyebrows"),
        lashes=of_kind("eyelashes"),
        hair=of_kind("hair"),
        teeth=teeth,
        teeth_texture=folder / "teeth" / "materials" / "teeth.png",
        tongue=next(iter(of_kind("tongue")), folder / "tongue" / "tongue01"),
    )
    wanted = {
        "skins/textures/*.jpg": assets.skins, "eyes/materials/*_eye.png": assets.eyes, "eyebrows/*": assets.brows,
        "eyelashes/*": assets.lashes, "teeth/*/*.mhclo": assets.teeth,
        "teeth/materials/teeth.png": assets.teeth_texture.is_file(), "tongue/*": _is_complete(assets.tongue),
    }  # fmt: skip
    for name, found in wanted.items():
        if not found:
            raise ReenactError(f"{folder / name}: no such file; --assets names a folder of MakeHuman's assets")
    return assets


def texture_in(folder: Path) -> Path | None:
    """Return the texture in the folder of one asset, or None."""
    candidates = [folder / f"{folder.name}{ending}.png" for ending in ("", "_diffuse")]
    return next((path for path in candidates if path.is_file()), None)


def _is_complete(folder: Path) -> bool:
    """Return whether a folder has a mesh, a fitting and a texture with its name."""
    return texture_in(folder) is not None and all(
        (folder / f"{folder.name}.{kind}").is_file() for kind in ("obj", "mhclo")
    )
