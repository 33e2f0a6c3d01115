"""Parts of a head: meshes with textures and classes, and how they hang on the body."""

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
    style_texture,
)
from ofx_reenact.training.rendered_heads.random_people import Person

# Exponents that bring MakeHuman's grey teeth to the white of real ones.
_TEETH_TONE = np.array([0.5, 0.54, 0.62])
_STYLE_SIDE = 1024
# How far clothes stand off the body, and what their texture spans below the eyes and across, in centimetres.
_LIFT, _SPAN = 0.35, 45.0
# Opacities of strands below the first are cleared and above the second full; soft rims would darken the skin.
_CLEAR, _FULL = 0.25, 0.75


class Label(IntEnum):
    """Classes of a class map."""

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
    """A textured mesh of one material, which its name says.

    ``uv`` (n, 2) float32, v up; ``faces`` (F, 3) int64; ``labels`` (F,) uint8 ``Label``; ``texture`` (H, W, 4) uint8
    sRGB and opacity, which cuts the mesh where ``cut``.
    """

    name: str
    uv: np.ndarray
    faces: np.ndarray
    labels: np.ndarray
    texture: np.ndarray
    cut: bool = False


@dataclass(frozen=True)
class Shape:
    """A part's vertices (n, 3) and normals (n, 3) in one picture, as the camera sees them."""

    vertices: np.ndarray
    normals: np.ndarray


@dataclass(frozen=True)
class Hung:
    """A part that hangs on the body by a fitting, over whose vertices ``mesh`` lies, ``lift`` centimetres off it."""

    part: Part
    mesh: Mesh
    fitting: Fitting
    lift: float = 0.0

    @property
    def faces(self) -> np.ndarray:
        """Triangles (F, 3) over the fitting's vertices."""
        return self.mesh.vertices[self.mesh.faces]


def own_part(name: str, mesh: Mesh, label: Label, texture: np.ndarray, lift: float = 0.0) -> Hung:
    """Hang a mesh of the body's own vertices."""
    rows, back = np.unique(mesh.vertices, return_inverse=True)
    mesh = Mesh(back.reshape(-1), mesh.uv, mesh.faces)
    labels = np.full(len(mesh.faces), label, np.uint8)
    return Hung(Part(name, mesh.uv, mesh.faces, labels, texture), mesh, Fitting.of_vertices(rows), lift)


def style_part(folder: Path, name: str, label: Label, colour: np.ndarray | None = None) -> Hung:
    """A mesh, its fitting and its texture from one folder; recoloured and cut where a colour is given."""
    stem = folder / folder.name
    path = style_texture(folder)
    if path is None:
        raise ReenactError(f"{stem}.png: no such texture; the assets folder is not whole")
    mesh, texture = read_obj(stem.with_suffix(".obj")), read_texture(path, _STYLE_SIDE)
    if colour is not None:
        texture = dyed(texture, colour)
        mesh = Mesh(mesh.vertices, mesh.uv, mesh.faces[_visible(mesh, texture[..., 3])])
    labels = np.full(len(mesh.faces), label, np.uint8)
    fitting = read_fitting(stem.with_suffix(".mhclo"))
    return Hung(Part(name, mesh.uv, mesh.faces, labels, texture, colour is not None), mesh, fitting)


def cloth_part(mesh: Mesh, body: np.ndarray, person: Person) -> Hung:
    """Lay a shirt on vertices of a body (V, 3) at rest, its eyes at height 0; opacity cuts the neckline."""
    places = body[mesh.vertices]
    uv = np.stack([places[:, 0] / _SPAN + 0.5, 1 + places[:, 1] / _SPAN], 1)
    side = 512
    across, below = (np.arange(side) + 0.5) / side * _SPAN - _SPAN / 2, (np.arange(side) + 0.5) / side * _SPAN
    worn = below[:, None] > person.neckline - person.collar * np.minimum(np.abs(across) / 8, 1.3)[None] ** 2
    texture = plain(np.round(person.cloth * 255), side)
    texture[..., 3] = 255 * worn
    hung = own_part("cloth", Mesh(mesh.vertices, uv.astype(np.float32), mesh.faces), Label.CLOTH, texture, _LIFT)
    return replace(hung, part=replace(hung.part, cut=True))


def teeth_part(fitting: Path, texture: np.ndarray) -> Hung:
    """Teeth and gums from a fitting with its mesh beside it; gums count as the mouth's inside."""
    mesh, texture = read_obj(fitting.with_suffix(".obj")), toned(texture, _TEETH_TONE)
    middle = mesh.uv[mesh.faces].mean(1)
    column = np.clip((middle[:, 0] * texture.shape[1]).astype(int), 0, texture.shape[1] - 1)
    row = np.clip(((1 - middle[:, 1]) * texture.shape[0]).astype(int), 0, texture.shape[0] - 1)
    colours = texture[row, column].astype(int)
    gums = colours[:, 0] > 1.25 * colours[:, 1] + 10
    labels = np.where(gums, Label.MOUTH, Label.TEETH).astype(np.uint8)
    return Hung(Part("teeth", mesh.uv, mesh.faces, labels, texture), mesh, read_fitting(fitting))


def plain(colour: Sequence[int] | np.ndarray, side: int = 4) -> np.ndarray:
    """A texture (side, side, 4) of one colour (3,) in [0, 255]."""
    texture = np.full((side, side, 4), 255, np.uint8)
    texture[..., :3] = colour
    return texture


def kept(mesh: Mesh, keep: np.ndarray) -> Mesh:
    """Keep triangles (F,) of a mesh and the vertices they need."""
    rows, back = np.unique(mesh.faces[keep], return_inverse=True)
    return Mesh(mesh.vertices[rows], mesh.uv[rows], back.reshape(-1, 3))


def dyed(texture: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Give strands a colour and keep how light they are beside each other."""
    light = texture[..., :3].mean(-1) / 255
    opaque = texture[..., 3] > 127
    usual = float(light[opaque].mean()) if opaque.any() else 0.0
    relative = light / usual if usual > 0.05 else np.ones_like(light)
    colours = np.clip(colour * np.clip(relative, 0.3, 1.8)[..., None], 0, 1)
    alpha = np.clip((texture[..., 3] / 255 - _CLEAR) / (_FULL - _CLEAR), 0, 1)
    # Colour under what is clear would show through where the texture is interpolated.
    colours[alpha == 0] = colour
    return np.dstack([colours * 255, alpha * 255]).round().astype(np.uint8)


def _visible(mesh: Mesh, opacity: np.ndarray) -> np.ndarray:
    """Which triangles (F,) of a mesh are not clear throughout; those that are would only stand in light's way."""
    height, width = opacity.shape
    corners = mesh.uv[mesh.faces] * [1, -1] + [0, 1]
    first = np.floor(corners.min(1) * [width, height]).astype(int).clip(0, [width - 1, height - 1])
    last = np.ceil(corners.max(1) * [width, height]).astype(int).clip(first + 1)
    boxes = zip(first.tolist(), last.tolist(), strict=True)
    return np.array([opacity[top:bottom, left:right].any() for (left, top), (right, bottom) in boxes])


def toned(texture: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Make a skin lighter or darker."""
    table = (255 * (np.arange(256) / 255)[:, None] ** exponents).round().astype(np.uint8)
    return np.dstack(
        [cv2.LUT(np.ascontiguousarray(texture[..., k]), table[:, k]) for k in range(3)] + [texture[..., 3]]
    )


def vertex_normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (n, 3) of vertices, faces weighted by their areas."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    normals = np.stack(
        [np.bincount(faces.reshape(-1), np.repeat(flat[:, k], 3), minlength=len(points)) for k in range(3)], 1
    )
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
