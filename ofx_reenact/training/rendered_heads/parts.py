"""The parts of a head: textured meshes with a class for each triangle, and the fittings that place them on a body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.training.rendered_heads.assets import (
    Fitting,
    Mesh,
    read_fitting,
    read_obj,
    read_texture,
    texture_in,
)
from ofx_reenact.training.rendered_heads.random_people import Person

# Exponents of red, green and blue that make MakeHuman's grey teeth as white as real ones.
_TEETH_TONE = np.array([0.5, 0.54, 0.62])
_ASSET_SIDE = 1024
# Distance of clothes from the body, and what their texture spans below the eyes and across, in centimetres.
_LIFT, _SPAN = 0.35, 45.0
# Opacity of hair strands is stretched: 0 below the first, 1 above the second. Soft edges would darken the skin.
_CLEAR, _FULL = 0.25, 0.75


class PixelClass(IntEnum):
    """What a pixel of a class map shows."""

    BACKGROUND = 0
    SKIN = 1
    EYE = 2
    TEETH = 3
    TONGUE = 4
    MOUTH = 5
    HAIR = 6
    BROW = 7
    CLOTH = 8


@dataclass(frozen=True)
class Part:
    """A textured mesh of one material, which ``name`` selects.

    ``uv`` (n, 2) float32, v up; ``faces`` (F, 3) int64; ``labels`` (F,) uint8 ``PixelClass``; ``texture`` (H, W, 4)
    uint8, sRGB and opacity. Opacity counts only with ``cut``: it then cuts holes into the mesh.
    """

    name: str
    uv: np.ndarray
    faces: np.ndarray
    labels: np.ndarray
    texture: np.ndarray
    cut: bool = False


@dataclass(frozen=True)
class Shape:
    """A part's vertices (n, 3) in centimetres and normals (n, 3) in one picture, in the camera's coordinates."""

    vertices: np.ndarray
    normals: np.ndarray


@dataclass(frozen=True)
class FittedPart:
    """A part with the fitting that places its vertices on a body, ``lift`` centimetres along their normals.

    The vertices of ``mesh`` index those of the fitting.
    """

    part: Part
    mesh: Mesh
    fitting: Fitting
    lift: float = 0.0

    @property
    def faces(self) -> np.ndarray:
        """Triangles (F, 3) over the fitting's vertices."""
        return self.mesh.vertices[self.mesh.faces]


def part_of_body(name: str, mesh: Mesh, label: PixelClass, texture: np.ndarray, lift: float = 0.0) -> FittedPart:
    """Make a part from a mesh over the body's own vertices."""
    rows, back = np.unique(mesh.vertices, return_inverse=True)
    mesh = Mesh(back.reshape(-1), mesh.uv, mesh.faces)
    labels = np.full(len(mesh.faces), label, np.uint8)
    return FittedPart(Part(name, mesh.uv, mesh.faces, labels, texture), mesh, Fitting.of_vertices(rows), lift)


def part_of_asset(folder: Path, name: str, label: PixelClass, colour: np.ndarray | None = None) -> FittedPart:
    """Read a part from the folder of one asset; with a ``colour`` (3,), sRGB in [0, 1], dye and cut it.

    Raises:
        ReenactError: a file is missing or damaged.
    """
    stem = folder / folder.name
    path = texture_in(folder)
    if path is None:
        raise ReenactError(f"{stem}.png: no such texture; get MakeHuman's assets again")
    mesh, texture = read_obj(stem.with_suffix(".obj")), read_texture(path, _ASSET_SIDE)
    if colour is not None:
        texture = dye_texture(texture, colour)
        mesh = Mesh(mesh.vertices, mesh.uv, mesh.faces[_not_transparent(mesh, texture[..., 3])])
    labels = np.full(len(mesh.faces), label, np.uint8)
    fitting = read_fitting(stem.with_suffix(".mhclo"))
    return FittedPart(Part(name, mesh.uv, mesh.faces, labels, texture, colour is not None), mesh, fitting)


def make_shirt(mesh: Mesh, body: np.ndarray, person: Person) -> FittedPart:
    """Make a shirt over the body's own vertices, its neckline cut by opacity.

    ``body`` (V, 3) is the neutral body in centimetres, moved so that its eyes are at y = 0.
    """
    places = body[mesh.vertices]
    uv = np.stack([places[:, 0] / _SPAN + 0.5, 1 + places[:, 1] / _SPAN], 1)
    side = 512
    across, below = (np.arange(side) + 0.5) / side * _SPAN - _SPAN / 2, (np.arange(side) + 0.5) / side * _SPAN
    worn = below[:, None] > person.neckline - person.collar * np.minimum(np.abs(across) / 8, 1.3)[None] ** 2
    texture = plain_texture(np.round(person.cloth * 255), side)
    texture[..., 3] = 255 * worn
    mesh = Mesh(mesh.vertices, uv.astype(np.float32), mesh.faces)
    shirt = part_of_body("cloth", mesh, PixelClass.CLOTH, texture, _LIFT)
    return replace(shirt, part=replace(shirt.part, cut=True))


def make_teeth(fitting: Path, texture: np.ndarray) -> FittedPart:
    """Make teeth and gums from a fitting with its mesh beside it; the class of gums is MOUTH."""
    mesh, texture = read_obj(fitting.with_suffix(".obj")), tone_texture(texture, _TEETH_TONE)
    middle = mesh.uv[mesh.faces].mean(1)
    column = np.clip((middle[:, 0] * texture.shape[1]).astype(int), 0, texture.shape[1] - 1)
    row = np.clip(((1 - middle[:, 1]) * texture.shape[0]).astype(int), 0, texture.shape[0] - 1)
    colours = texture[row, column].astype(int)
    gums = colours[:, 0] > 1.25 * colours[:, 1] + 10
    labels = np.where(gums, PixelClass.MOUTH, PixelClass.TEETH).astype(np.uint8)
    return FittedPart(Part("teeth", mesh.uv, mesh.faces, labels, texture), mesh, read_fitting(fitting))


def plain_texture(colour: Sequence[int] | np.ndarray, side: int = 4) -> np.ndarray:
    """Return an opaque texture (side, side, 4) uint8 of one colour (3,) in [0, 255]."""
    texture = np.full((side, side, 4), 255, np.uint8)
    texture[..., :3] = colour
    return texture


def keep_triangles(mesh: Mesh, keep: np.ndarray) -> Mesh:
    """Return the triangles ``keep`` (F,) bool of a mesh, with the vertices that they need."""
    rows, back = np.unique(mesh.faces[keep], return_inverse=True)
    return Mesh(mesh.vertices[rows], mesh.uv[rows], back.reshape(-1, 3))


def dye_texture(texture: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Give the strands in a texture (H, W, 4) uint8 a colour (3,) sRGB in [0, 1]; relative brightness is unchanged."""
    brightness = texture[..., :3].mean(-1) / 255
    opaque = texture[..., 3] > 127
    mean = float(brightness[opaque].mean()) if opaque.any() else 0.0
    relative = brightness / mean if mean > 0.05 else np.ones_like(brightness)
    colours = np.clip(colour * np.clip(relative, 0.3, 1.8)[..., None], 0, 1)
    alpha = np.clip((texture[..., 3] / 255 - _CLEAR) / (_FULL - _CLEAR), 0, 1)
    # The colour of transparent texels would show where the texture is interpolated.
    colours[alpha == 0] = colour
    return np.dstack([colours * 255, alpha * 255]).round().astype(np.uint8)


def _not_transparent(mesh: Mesh, opacity: np.ndarray) -> np.ndarray:
    """Return which triangles are not wholly transparent, (F,) bool; the others would only cost rendering time."""
    height, width = opacity.shape
    corners = mesh.uv[mesh.faces] * [1, -1] + [0, 1]
    first = np.floor(corners.min(1) * [width, height]).astype(int).clip(0, [width - 1, height - 1])
    last = np.ceil(corners.max(1) * [width, height]).astype(int).clip(first + 1)
    boxes = zip(first.tolist(), last.tolist(), strict=True)
    return np.array([opacity[top:bottom, left:right].any() for (left, top), (right, bottom) in boxes])


def tone_texture(texture: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Raise the colours in [0, 1] of a texture (H, W, 4) to ``exponents`` (3,): above 1 is darker."""
    table = (255 * (np.arange(256) / 255)[:, None] ** exponents).round().astype(np.uint8)
    return np.dstack(
        [cv2.LUT(np.ascontiguousarray(texture[..., k]), table[:, k]) for k in range(3)] + [texture[..., 3]]
    )


def vertex_normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return unit normals (n, 3) of vertices (n, 3): those of the triangles (F, 3) around them, weighted by area."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    normals = np.stack(
        [np.bincount(faces.reshape(-1), np.repeat(flat[:, k], 3), minlength=len(points)) for k in range(3)], 1
    )
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
