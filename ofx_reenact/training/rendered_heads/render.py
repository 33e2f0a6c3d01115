"""Rendered heads: pictures of people who do not exist, each in several poses and expressions, with exact flow.

Each person has one light, one camera and one background; what changes is what the head does. Mouths open and smile,
lids close, eyes look about: what a network that repairs mouths and eyes learns from, with the truth known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.training.rendered_heads.file import Album, Picture, RenderedHeads, centimetres, quantised
from ofx_reenact.training.rendered_heads.surface import seen_faces, stitched

if TYPE_CHECKING:
    from ofx_reenact.tracking.facemesh import FaceMesh
    from ofx_reenact.training.rendered_heads.parts import Shape
    from ofx_reenact.training.rendered_heads.random_people import Act
    from ofx_reenact.training.rendered_heads.scene import Renderer, Stage
    from ofx_reenact.training.rendered_heads.textured_head import Head, Heads

# Colours of classes on contact sheets: background, skin, eye, teeth, tongue, mouth, hair, brow, cloth.
_COLOURS = np.array(
    [(30, 30, 30), (224, 172, 138), (90, 160, 255), (255, 255, 255), (255, 110, 140), (120, 10, 30), (110, 70, 30),
     (20, 120, 60), (90, 90, 130)], np.uint8
)  # fmt: skip


@dataclass(frozen=True)
class RenderOptions:
    """What to render; the first of each person's ``poses`` is neutral and faces the camera.

    Pictures are square, ``size`` pixels; more ``samples`` per pixel make less noise and take as much longer. ``device``
    is auto, cuda, llvm or scalar; 0 ``threads`` takes all. The same seed makes the same file on the same device.
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
        """Check ranges.

        Raises:
            SettingsError: a value cannot be used.
        """
        least = {"identities": 1, "poses": 1, "size": 64, "samples": 1, "threads": 0, "seed": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise SettingsError(f"{name} {getattr(self, name)}: at least {low}")


@dataclass(frozen=True)
class Progress:
    """How far rendering has come: pictures done, of how many, and how many of them were dropped for want of a face."""

    done: int
    total: int
    dropped: int


def render_heads(options: RenderOptions, on_progress: Callable[[Progress], None]) -> None:
    """Render people and write the file, whole or not at all; ``on_progress`` is called after each picture.

    Raises:
        ReenactError: an asset or a package is missing, the device cannot be used, or no face was found at all.
        OutputError: the file cannot be written.
    """
    from ofx_reenact.tracking.facemesh import FaceMesh
    from ofx_reenact.training.rendered_heads.assets import find_assets
    from ofx_reenact.training.rendered_heads.random_people import draw_acts, draw_person
    from ofx_reenact.training.rendered_heads.scene import Renderer, draw_stage
    from ofx_reenact.training.rendered_heads.textured_head import Head, Heads

    assets = find_assets(options.assets)
    renderer, heads = Renderer(options.device, options.threads), Heads(assets)
    tracker, album = FaceMesh(), Album(heads.units, options.size)
    done = dropped = 0
    for number in range(options.identities):
        random = np.random.default_rng([options.seed, number])
        head = Head(heads, draw_person(random, assets, heads.changes, options.hair))
        acts, stage = draw_acts(random, options.poses), draw_stage(random, options.size)
        found = []
        for index, (act, shapes) in enumerate(zip(acts, head.shapes(acts), strict=True)):
            noise = int(np.random.default_rng([options.seed, number, index]).integers(1 << 31))
            picture = _picture(heads, head, act, shapes, stage, renderer, tracker, options.samples, noise)
            found += [picture] if picture is not None else []
            done, dropped = done + 1, dropped + (picture is None)
            on_progress(Progress(done, options.identities * options.poses, dropped))
        if found:
            faces, _, _ = stitched(head.parts)
            album.add(found, faces, head.focal() * options.size, head.person.distance)
    if not album.people:
        raise ReenactError(f"no face was found in any of {done} pictures; raise size or samples")
    album.save(options.out, dropped)


def _picture(
    heads: Heads, head: Head, act: Act, shapes: list[Shape], stage: Stage, renderer: Renderer, tracker: FaceMesh,
    samples: int, noise: int,
) -> Picture | None:  # fmt: skip
    """Render and track one picture; None where no face is found."""
    from ofx_reenact.training.rendered_heads.scene import developed

    size = len(stage.background)
    rgb = developed(*renderer.render(head.parts, shapes, stage, head.focal(), samples, noise), stage)
    tracker.reset()
    track = tracker.track(rgb, 0)
    if track is None or track.mesh is None:
        return None
    steps = quantised(np.concatenate([shape.vertices for shape in shapes]), head.person.distance)
    surface = seen_faces(head.parts, centimetres(steps, head.person.distance), head.focal() * size, size)
    _, labels, _ = stitched(head.parts)
    units = np.array([act.units.get(name, 0.0) for name in heads.units])
    classes = np.append(labels, 0).astype(np.uint8)[surface]
    return Picture(rgb, classes, surface, steps, act.angles, units, act.gaze, track.mesh, track.confidence)


def contact_sheet(heads: RenderedHeads, people: int = 6, poses: int = 8) -> np.ndarray:
    """Lay out pictures with their class maps below, a person a row: (H, W, 3) uint8 sRGB."""
    rows = []
    for identity in range(min(people, int(heads.identity.max()) + 1)):
        chosen = heads.of(identity)[:poses]
        blank = [np.zeros((heads.size, heads.size, 3), np.uint8)] * (poses - len(chosen))
        rows.append(np.hstack([heads.picture(index) for index in chosen] + blank))
        rows.append(np.hstack([_COLOURS[heads.classes(index)] for index in chosen] + blank))
    return np.vstack(rows)


def write_sheet(heads: RenderedHeads, path: Path) -> None:
    """Write a contact sheet as a picture, its kind by the name's ending.

    Raises:
        ReenactError: it cannot be written.
    """
    sheet = np.ascontiguousarray(contact_sheet(heads)[..., ::-1])
    try:
        written = cv2.imwrite(str(path), sheet)
    except cv2.error as error:
        raise ReenactError(f"{path}: not a kind of picture that can be written ({error.err})") from error
    if not written:
        raise ReenactError(f"{path}: cannot be written")
