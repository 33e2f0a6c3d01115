"""Render both rows of MakeHuman's teeth (CC0) from the front, and write ``rows.png``: what ``compose/teeth.py`` draws.

    pip install mitsuba trimesh
    python resources/teeth/make_rows.py MAKEHUMAN/teeth/teeth_shape01/teeth_shape01.obj

Teeth are of one grey, lit from the front and above: wanted are their shape and the shade they throw on one another.
Where two meet they are darkened: those of the mesh run into one another.
The upper row fills the upper half of the picture; 200 pixels are a centimetre of the mesh. Channels, R, G, B: light,
how far a pixel is tooth, how far it is solid: tooth, what lies between teeth, or gum.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import mitsuba
import numpy as np
import trimesh

OUT = Path(__file__).with_name("rows.png")
# Width and height of a row in pixels; half its width, in the mesh's decimetres; the height of its middle there.
WIDTH, HEIGHT, HALF, MIDDLE = 880, 360, 0.22, {"upper": 6.29, "lower": 6.165}
# The plane that parts the rows climbs to the back: y + SLOPE z.
SLOPE, PARTING = 0.25, 6.545
SAMPLES, WHITE = 96, [0.8, 0.8, 0.8]
# Gaps between teeth that are closed by what lies behind them, in pixels.
GAP = 15
# Teeth of the mesh run into one another, real ones only touch: how dark it is where two meet, and how far that reaches
# in pixels, along the line itself and in the hollow beside it.
CREASES = ((0.6, 4.0), (0.3, 14.0))


def main(path: str) -> None:
    """Render both rows of a mesh and write the picture."""
    mitsuba.set_variant("scalar_rgb")
    mesh = trimesh.load(path, process=False)
    welded = trimesh.Trimesh(mesh.vertices, mesh.faces)
    _, *teeth = sorted(welded.split(only_watertight=False, repair=False), key=lambda part: -len(part.faces))
    rows = []
    for row, side in (("upper", 1), ("lower", -1)):
        own = [_rounded(tooth) for tooth in teeth if side * (tooth.centroid @ [0, 1, SLOPE] - PARTING) > 0]
        made = _render(row, own)
        tooth = made[..., 3]
        # Away from the edges every column is closed: by teeth, by what lies between them, then by gum.
        closed = cv2.morphologyEx(tooth, cv2.MORPH_CLOSE, np.ones((1, GAP)))[::-side]
        solid = np.maximum.accumulate(closed, axis=0)[::-side]
        light = made[..., 0] / np.maximum(tooth, 1e-3) * _creases(row, own)
        rows.append(np.dstack([light, tooth, solid]))
    cv2.imwrite(str(OUT), np.rint(np.clip(np.vstack(rows), 0, 1) * 255).astype(np.uint8)[..., ::-1])


def _render(row: str, teeth: list[trimesh.Trimesh]) -> np.ndarray:
    """Render teeth from the front, (HEIGHT, WIDTH, 4) linear with alpha."""
    to_world = mitsuba.ScalarTransform4f
    scene: dict[str, Any] = {
        "type": "scene", "integrator": {"type": "path", "max_depth": 6, "hide_emitters": True},
        "sky": {"type": "constant", "radiance": 0.6},
        "key": {"type": "directional", "direction": [0, -0.3, -1], "irradiance": 0.9},
        "sensor": {
            "type": "orthographic",
            "to_world": to_world().look_at([0, MIDDLE[row], 3], [0, MIDDLE[row], 0], [0, 1, 0])
            @ to_world().scale([HALF, HALF, 1]),
            "film": {"type": "hdrfilm", "width": WIDTH, "height": HEIGHT, "pixel_format": "rgba"},
            "sampler": {"type": "independent", "sample_count": SAMPLES},
        },
    }  # fmt: skip
    scene |= {f"tooth{n}": _shape(tooth, f"tooth{n}") for n, tooth in enumerate(teeth)}
    return np.array(mitsuba.render(mitsuba.load_dict(scene)))


def _creases(row: str, teeth: list[trimesh.Trimesh]) -> np.ndarray:
    """Return how light it is beside the lines where one tooth ends before another, (HEIGHT, WIDTH)."""
    number, nearest = np.zeros((HEIGHT, WIDTH), np.uint8), []
    scale = WIDTH / (2 * HALF)
    for n, tooth in enumerate(teeth, 1):
        at = tooth.vertices * [scale, -scale, 1] + [(WIDTH - 1) / 2, (HEIGHT - 1) / 2 + MIDDLE[row] * scale, 0]
        nearest += [(float(corners[:, 2].mean()), n, corners[:, :2]) for corners in at[tooth.faces]]
    # From the farthest to the nearest: what is in front is drawn last.
    for _, n, corners in sorted(nearest, key=lambda face: face[0]):
        cv2.fillConvexPoly(number, np.round(corners * 16).astype(np.int32), n, cv2.LINE_8, 4)
    number = cv2.medianBlur(number, 9)
    gap = (number == 0).astype(np.uint8)
    away, place = cv2.distanceTransformWithLabels(gap, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    names = np.zeros(int(place.max()) + 1, np.uint8)
    names[place[gap == 0]] = number[gap == 0]
    # In the middle of a gap two teeth meet as well.
    number = np.where(away <= GAP / 2, names[place], 0).astype(np.uint8)
    most, least = (np.asarray(each(number, np.ones((3, 3), np.uint8))) for each in (cv2.dilate, cv2.erode))
    line = (most != least) & (least > 0)
    away = cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, 5)
    return np.prod([1 - deep * np.exp(-((away / reach) ** 2)) for deep, reach in CREASES], axis=0)


def _rounded(tooth: trimesh.Trimesh) -> trimesh.Trimesh:
    """Round a tooth off by Loop's subdivision."""
    return trimesh.Trimesh(*trimesh.remesh.subdivide_loop(tooth.vertices, tooth.faces, 2))


def _shape(smooth: trimesh.Trimesh, name: str) -> mitsuba.Mesh:
    """Give a tooth a moist surface."""
    surface = {"type": "principled", "base_color": {"type": "rgb", "value": WHITE}, "roughness": 0.3, "specular": 0.5}
    properties = mitsuba.Properties()
    properties["bsdf"] = mitsuba.load_dict({"type": "twosided", "surface": surface})
    shape = mitsuba.Mesh(name, len(smooth.vertices), len(smooth.faces), has_vertex_normals=True, props=properties)
    values = mitsuba.traverse(shape)
    values["vertex_positions"] = smooth.vertices.astype(np.float32).ravel()
    values["vertex_normals"] = smooth.vertex_normals.astype(np.float32).ravel()
    values["faces"] = smooth.faces.astype(np.uint32).ravel()
    values.update()
    return shape


if __name__ == "__main__":
    main(sys.argv[1])
