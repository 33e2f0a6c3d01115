"""Make an eyeball: a sphere with a cornea in the place of the base mesh's eye, turned rigidly by the gaze.

MakeHuman's iris textures show an eye as a disc, from the front; the disc is wrapped around the sphere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ofx_reenact.training.rendered_heads.assets import Mesh

_RINGS, _SPOKES = 28, 40
# The disc in the texture, in texture coordinates: its centre (v up), its radius, and the radius of its iris.
_CENTRE, _EDGE, _IRIS = (0.704, 0.7055), 0.27, 0.117
# Where the iris and the disc end on the sphere: angles from its pole, in radians.
_IRIS_ANGLE, _EDGE_ANGLE = 0.42, 1.5
# How far the cornea stands out, in radii.
_CORNEA = 0.045


@dataclass(frozen=True)
class Eye:
    """The centre (3,) and radius of an eyeball, in centimetres."""

    centre: np.ndarray
    radius: float

    @classmethod
    def of_helper(cls, points: np.ndarray) -> Eye:
        """Fit an eyeball to the base mesh's helper vertices (n, 3) of an eye; their front is the cornea's."""
        low, high = points.min(0), points.max(0)
        radius = float((high - low)[:2].mean() / 2)
        middle = (low + high) / 2
        return cls(np.array([middle[0], middle[1], low[2] + radius]), radius)

    def turn(self, points: np.ndarray, gaze: np.ndarray) -> np.ndarray:
        """Turn points (n, 3) of the eyeball by a gaze (2,): yaw to the right of the picture, pitch up, in radians."""
        yaw, pitch = gaze
        up = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
        across = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        turned: np.ndarray = (points - self.centre) @ (across @ up).T + self.centre
        return turned


def tone_iris(texture: np.ndarray, exponent: float) -> np.ndarray:
    """Raise the iris's colours in a texture (H, W, 4) uint8 to an exponent, above 1 darker; the white is kept."""
    height, width = texture.shape[:2]
    row, column = np.mgrid[:height, :width]
    distance = np.hypot((column + 0.5) / width - _CENTRE[0], 1 - (row + 0.5) / height - _CENTRE[1]) / _IRIS
    within = np.clip((1.06 - distance) / 0.08, 0, 1)[..., None]
    colours = texture[..., :3] / 255
    toned = colours ** (1 + (exponent - 1) * within)
    return np.dstack([np.round(toned * 255).astype(np.uint8), texture[..., 3]])


def make_eyeball(eye: Eye) -> tuple[np.ndarray, Mesh]:
    """Make an eyeball that looks straight ahead: points (n, 3) and the triangles over them."""
    # Rings are denser at the iris, the part that is visible.
    angles = np.pi * np.linspace(0, 1, _RINGS + 1) ** 1.5
    spokes = 2 * np.pi * np.arange(_SPOKES) / _SPOKES
    theta, phi = np.repeat(angles, _SPOKES), np.tile(spokes, _RINGS + 1)
    bulge = _CORNEA * np.clip(1 - (theta / (_IRIS_ANGLE * 1.15)) ** 2, 0, None)
    distance = eye.radius * (1 + bulge)
    points = eye.centre + distance[:, None] * np.stack(
        [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], 1
    )
    reach = np.interp(theta, [0, _IRIS_ANGLE, _EDGE_ANGLE], [0, _IRIS, _EDGE])
    uv = np.stack([_CENTRE[0] + reach * np.cos(phi), _CENTRE[1] + reach * np.sin(phi)], 1).astype(np.float32)
    ring, spoke = np.meshgrid(np.arange(_RINGS), np.arange(_SPOKES), indexing="ij")
    first = (ring * _SPOKES + spoke).reshape(-1)
    second = (ring * _SPOKES + (spoke + 1) % _SPOKES).reshape(-1)
    outer, beside = first + _SPOKES, second + _SPOKES
    faces = np.concatenate([np.stack([first, outer, beside], 1), np.stack([first, beside, second], 1)])
    return points, Mesh(np.arange(len(points)), uv, faces.astype(np.int64))
