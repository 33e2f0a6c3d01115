"""Render heads: several pictures of each synthetic person, in different poses and expressions, and contact sheets.

Each person has one light, one camera and one background; only the head moves: mouths open and smile, lids close, eyes
look around. So each picture is the true result of animating another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.training.rendered_heads.file import (
    Picture,
    RenderedHeads,
    RenderedHeadsWriter,
    to_centimetres,
    to_steps,
)
from ofx_reenact.training.rendered_heads.surface import join_parts, visible_triangles

if TYPE_CHECKING:
    from ofx_reenact.tracking.facemesh import FaceMesh
    from ofx_reenact.training.rendered_heads.parts import Shape
    from ofx_reenact.training.rendered_heads.random_people import HeadPose
    from ofx_reenact.training.rendered_heads.scene import Renderer, Surroundings
    from ofx_reenact.training.rendered_heads.textured_head import TexturedHead

# Colours of the classes on contact sheets: background, skin, eye, teeth, tongue, mouth, hair, brow, cloth.
_COLOURS = np.array(
    [(30, 30, 30), (224, 172, 138), (90, 160, 255), (255, 255, 255), (255, 110, 140), (120, 10, 30), (110, 70, 30),
     (20, 120, 60), (90, 90, 130)], np.uint8
)  # fmt: skip


@dataclass(frozen=True)
class RenderOptions:
    """What to render.

    Attributes:
        assets: folder of MakeHuman's assets.
        out: file to write.
        identities: number of people.
        poses: pictures of each person; the first is neutral and faces the camera.
        size: pixels a side.
        samples: per pixel; noise falls with their square root, time grows with their number.
        hair: give people hair.
        device: auto, cuda, llvm or scalar.
        threads: of the CPU; 0 for all.
        seed: of the random generators; the same seed makes the same file on the same device.
    """

    assets: Path
    out: Path
    identities: int = 100
    poses: int = 10
    size: int = 256
    samples: int = 32
    hair: bool = True
    device: str = "auto"
    threads: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            SettingsError: a value is out of range.
        """
        least = {"identities": 1, "poses": 1, "size": 64, "samples": 1, "threads": 0, "seed": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise SettingsError(f"--{name} {getattr(self, name)}: give at least {low}")


@dataclass(frozen=True)
class Progress:
    """Pictures done, their total, and how many of those done were dropped because no face was found in them."""

    done: int
    total: int
    dropped: int


def render_heads(options: RenderOptions, on_progress: Callable[[Progress], None]) -> None:
    """Render people and write the file; ``on_progress`` is called after each picture.

    Raises:
        ReenactError: an asset or a package is missing, the device cannot be used, or no face was found at all.
        OutputError: the file cannot be written.
    """
    from ofx_reenact.tracking.facemesh import FaceMesh
    from ofx_reenact.training.rendered_heads.assets import find_assets
    from ofx_reenact.training.rendered_heads.random_people import draw_head_poses, draw_person
    from ofx_reenact.training.rendered_heads.scene import Renderer, draw_surroundings
    from ofx_reenact.training.rendered_heads.textured_head import BodyModel, TexturedHead

    assets = find_assets(options.assets)
    renderer, model = Renderer(options.device, options.threads), BodyModel(assets)
    tracker, album = FaceMesh(), RenderedHeadsWriter(model.units, options.size)
    done = dropped = 0
    for number in range(options.identities):
        rng = np.random.default_rng([options.seed, number])
        head = TexturedHead(model, draw_person(rng, assets, model.changes, options.hair))
        poses, surroundings = draw_head_poses(rng, options.poses), draw_surroundings(rng, options.size)
        found = []
        for index, (pose, shapes) in enumerate(zip(poses, head.shapes(poses), strict=True)):
            seed = int(np.random.default_rng([options.seed, number, index]).integers(1 << 31))
            picture = _render_picture(
                model.units, head, pose, shapes, surroundings, renderer, tracker, options.samples, seed
            )
            found += [picture] if picture is not None else []
            done, dropped = done + 1, dropped + (picture is None)
            on_progress(Progress(done, options.identities * options.poses, dropped))
        if found:
            faces, _, _ = join_parts(head.parts)
            album.add(found, faces, head.focal() * options.size, head.person.distance)
    if not album.people:
        raise ReenactError(f"no face was found in any of {done} pictures; raise --size or --samples")
    album.save(options.out, dropped)


def _render_picture(
    units: tuple[str, ...], head: TexturedHead, pose: HeadPose, shapes: list[Shape], surroundings: Surroundings,
    renderer: Renderer, tracker: FaceMesh, samples: int, seed: int,
) -> Picture | None:  # fmt: skip
    """Render and track one picture; None if no face is found in it."""
    from ofx_reenact.training.rendered_heads.scene import finish_picture

    size = len(surroundings.background)
    rendered = renderer.render(head.parts, shapes, surroundings, head.focal(), samples, seed)
    rgb = finish_picture(*rendered, surroundings)
    tracker.reset()
    track = tracker.track(rgb, 0)
    if track is None or track.mesh is None:
        return None
    steps = to_steps(np.concatenate([shape.vertices for shape in shapes]), head.person.distance)
    surface = visible_triangles(head.parts, to_centimetres(steps, head.person.distance), head.focal() * size, size)
    _, labels, _ = join_parts(head.parts)
    weights = np.array([pose.units.get(name, 0.0) for name in units])
    classes = np.append(labels, 0).astype(np.uint8)[surface]
    return Picture(rgb, classes, surface, steps, pose.angles, weights, pose.gaze, track.mesh, track.confidence)


def contact_sheet(heads: RenderedHeads, people: int = 6, poses: int = 8) -> np.ndarray:
    """Lay out pictures in one row for each person, their class maps below: (H, W, 3) uint8 sRGB."""
    rows = []
    for identity in range(min(people, int(heads.identity.max()) + 1)):
        chosen = heads.of(identity)[:poses]
        blank = [np.zeros((heads.size, heads.size, 3), np.uint8)] * (poses - len(chosen))
        rows.append(np.hstack([heads.picture(index) for index in chosen] + blank))
        rows.append(np.hstack([_COLOURS[heads.classes(index)] for index in chosen] + blank))
    return np.vstack(rows)


def write_sheet(heads: RenderedHeads, path: Path) -> None:
    """Write a contact sheet; the file name's ending selects the format.

    Raises:
        ReenactError: the picture cannot be written.
    """
    sheet = np.ascontiguousarray(contact_sheet(heads)[..., ::-1])
    try:
        written = cv2.imwrite(str(path), sheet)
    except cv2.error as error:
        raise ReenactError(f"{path}: no picture format for this ending ({error.err}); name a .png or .jpg") from error
    if not written:
        raise ReenactError(f"{path}: cannot be written")
