"""Draw teeth and a tongue into a mouth whose inside no picture shows: one row fixed to the skull, one to the jaw.

A network's window is too coarse for single teeth; it paints a bright band. The two rows are MakeHuman's
(``resources/teeth``), with their shape and shade. Their place follows from the target's lips at rest, their brightness
from the whites of its eyes. If the target shows its own teeth, none are drawn beside them: there it is dark, with gum
where the lip rises above its place at rest.

Conventions: lengths are in canonical units, about centimetres, frontal, y down. Colours are scene-linear.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.ops.sample import sample
from ofx_reenact.ramps import smooth_step
from ofx_reenact.resources import resource
from ofx_reenact.tracking.landmarks import CHIN, LIPS_INNER
from ofx_reenact.tracking.light import pixels_of_face
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.warp import openings
from ofx_reenact.warp.lens import Lens, pixel_places

# The picture of the rows: pixels per cm, the column of the middle, and the image row of the front teeth's edges, in the
# upper and the lower row.
_PER_CM, _MIDDLE, _EDGES = 200.0, 439.5, (328.0, 50.0)
# Width and height of the drawn rows as factors of MakeHuman's, in a mouth of the usual width (cm). In other mouths, the
# teeth's size grows with the mouth's width to the power 1 − _DAMPING.
_WIDER, _HIGHER, _USUAL_WIDTH, _DAMPING = 1.1, 1.0, 4.3, 0.5
# Edges of the upper and of the lower teeth, cm below the middle of the lips at rest.
_EDGES_BELOW_LIPS = (0.55, 0.4)
# Distance of the teeth behind the lips, cm, and curvature of the dental arch, 1/cm.
_BEHIND, _ARCH = 0.4, 0.25
# Colour of enamel as a factor of the white of an eye in the same light.
_ENAMEL = np.array([1.2, 1.14, 1.03], np.float32)
# Least light on the teeth, as a fraction of the light on the skin.
_LEAST_LIGHT = 0.9
# Least difference of red and blue in natural skin, as a fraction of its red; in a toned picture it is smaller.
_REDNESS = 0.45
# Value of the front of the middle teeth in the picture of the rows.
_FRONT = 0.62
# The upper lip's shadow on the teeth: the fraction of light that it takes, and its length in cm. The fraction that the
# mouth's corners take, and the fraction of light on the lower row.
_LIP_SHADOW, _LIP_LENGTH, _CORNER_SHADOW, _LOWER_LIGHT = 0.4, 0.3, 0.6, 0.6
# Colour of gum as a factor of enamel; greatest brightness between the rows as a fraction of the eye's white; and the
# tint of flesh there.
_GUM, _BETWEEN, _FLESH = np.array([0.3, 0.17, 0.155], np.float32), 0.12, np.array([1.1, 0.8, 0.75], np.float32)
# Half the visible width of the lower row, cm; and the number of rows at the top of its picture over which it fades in.
_LOWER_HALF, _TOP_FADE = 1.4, 20.0
# Behind the rows: the standard deviation of the blur, cm, and the fraction of light behind the upper row. Then the
# length of the fade at the mouth's corners, in halves of its width.
_BEHIND_BLUR, _BEHIND_LIGHT, _CORNER_FADE = 0.15, 0.3, 0.35
# The tongue: its colour as a factor of the white of an eye; its middle relative to the edges of the lower teeth, cm;
# half its width and its height, cm; the depth of the groove in its middle, as a fraction of the opacity; and the
# groove's width and the length of the fade at the rim, both in halves of the tongue's width.
_TONGUE, _TONGUE_MIDDLE = np.array([0.38, 0.18, 0.165], np.float32), np.array([0, 0.4, 0.8])
_TONGUE_SIZE, _GROOVE, _TONGUE_FADE = (1.7, 1.3), (0.25, 0.07), 0.8
# Length of the fade at the gum's edge, cm.
_GUM_FADE = 0.1
# Least blur of the teeth, however sharp the picture: a standard deviation, pixels.
_SHARPEST = 0.4
# Step, on a logarithmic scale, between the blurs for which blurred rows are cached.
_STEP = 0.05


@dataclass(frozen=True)
class Mouth:
    """Where a person's teeth are, and in what light.

    Attributes:
        middle: (3,) middle of the lips at rest, frontal.
        width: width of the mouth at rest.
        chin: (3,) chin at rest, frontal.
        lip: (n, 3) lower edge of the upper lip at rest, frontal; a raised lip uncovers gum above it.
        white: (3,) colour of the white of the eyes.
        skin: (3,) mean colour of the face in the same light.
        shows_teeth: whether the picture shows the person's own teeth, so that none are drawn.
    """

    middle: np.ndarray
    width: float
    chin: np.ndarray
    lip: np.ndarray
    white: np.ndarray
    skin: np.ndarray
    shows_teeth: bool = False

    def in_light(self, skin: np.ndarray) -> Mouth:
        """Return the mouth in another light, in which the face's mean colour is ``skin`` (3,)."""
        was, now = np.maximum(self.skin, 1e-6), np.maximum(skin, 1e-6)
        return replace(self, white=self.white * (now / was), skin=skin)

    def redden(self, colour: np.ndarray) -> np.ndarray:
        """Return a colour of flesh (3,), desaturated as far as the picture's skin is (in a toned picture)."""
        red = float(np.clip((1 - self.skin[2] / max(float(self.skin[0]), 1e-6)) / _REDNESS, 0, 1))
        return np.asarray(colour.mean() + (colour - colour.mean()) * red)


def mean_skin(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Return the mean colour (3,) of a face, given its mesh (468 or more, 2 or more) in a picture (H, W, 3 or 4)."""
    skin = pixels_of_face(picture, mesh)
    return skin.mean(0, dtype=np.float64) if len(skin) else np.ones(3)


def measure_mouth(picture: np.ndarray, mesh: np.ndarray, frontal: np.ndarray) -> Mouth | None:
    """Measure where teeth belong in a face, and in what light.

    Args:
        picture: (H, W, 3 or 4) float32, scene-linear.
        mesh: (478, 3) of the face in it, pixels.
        frontal: (478, 3) the mesh with the head's pose taken out, canonical units.

    Returns:
        The mouth; None if neither the white of an eye nor teeth show how bright white is.
    """
    lens = openings.fit_lens("mouth", mesh)
    shows_teeth = lens.gap > openings.SHUT_MOUTH
    whites = [white for name in ("eye_right", "eye_left") if (white := _find_white(picture, mesh, name)) is not None]
    if not whites and shows_teeth and (teeth := _find_brightest(picture, lens)) is not None:
        whites = [teeth]
    if not whites:
        return None
    # Veins make the white of an eye redder than the light on it, and eyes may lie in shade where the mouth does not.
    white, skin = max(whites, key=lambda white: float(white.mean())), mean_skin(picture, mesh)
    light = max(float(white.mean()), _LEAST_LIGHT * float(skin.mean()))
    white = light * np.sqrt(white / max(float(white.mean()), 1e-6))
    width = float(np.linalg.norm(frontal[78] - frontal[308]))
    lip, chin = frontal[list(LIPS_INNER[0])], frontal[list(CHIN)].mean(0)
    return Mouth(frontal[[13, 14]].mean(0), width, chin, lip, white, skin, shows_teeth)


def draw_teeth(
    painted: np.ndarray, left: int, top: int, mouth: Mouth, lens: Lens, head: Similarity, jaw: np.ndarray, blur: float
) -> np.ndarray:
    """Draw a tongue and both rows of teeth into a painted mouth; no rows if the person's own teeth are visible.

    Args:
        painted: (h, w, 3) float32, scene-linear, the picture around the mouth.
        left: column of its first pixel in the frame.
        top: row of its first pixel in the frame.
        mouth: where the teeth are, and in what light.
        lens: the mouth's opening in the frame.
        head: pose of the head in the frame, canonical units → pixels.
        jaw: (3,) displacement of the jaw from rest, frontal.
        blur: blur of the plate, a standard deviation in pixels.

    Returns:
        (h, w, 3) float32, the inside of the mouth; it continues beyond the opening.
    """
    x, y = pixel_places(left, top, painted.shape[1], painted.shape[0])
    at = np.stack([x - head.translation[0], y - head.translation[1]], -1)
    u, v = lens.coordinates(x, y)
    upper, lower = lens.bounds(u)
    unshadowed = smooth_step((v - upper) / (_LIP_LENGTH * head.scale))
    down = np.clip((v - upper) / np.maximum(lower - upper, 1e-6), 0, 1)
    ends = smooth_step((1 - np.abs(u)) / _CORNER_FADE)
    # The painting lies behind the rows, blurred, darkest behind the upper row, and in the colour of flesh.
    behind = cv2.GaussianBlur(painted, (0, 0), _BEHIND_BLUR * head.scale)
    flesh, tongue_colour, gums = (mouth.redden(colour) for colour in (_FLESH, _TONGUE, _GUM))
    light = _BEHIND_LIGHT + (1 - _BEHIND_LIGHT) * down[..., None]
    made = _darken(behind, _BETWEEN * float(mouth.white.mean())) * (flesh * light)
    tongue = _draw_tongue(mouth, head, jaw, at) * ends * np.sqrt(down) * unshadowed
    made += (mouth.white * tongue_colour - made) * tongue[..., None]
    if mouth.shows_teeth:
        raised = np.interp(u, *lens.coordinates(*head.apply(mouth.lip)[:, :2].T)) - v
        gum = mouth.white * _ENAMEL * gums * (ends * (1 - _LIP_SHADOW * (1 - unshadowed)))[..., None]
        made += (gum - made) * smooth_step(raised / (_GUM_FADE * head.scale) + 0.5)[..., None]
        return made.astype(np.float32)
    for row, moved in ((1, jaw), (0, np.zeros(3))):
        across, light, tooth, solid = _draw_row(row, mouth, head, moved, at, blur)
        corner = 1 - _CORNER_SHADOW * smooth_step((np.abs(across) - 0.8) / 1.8)
        lit = ends * corner * (1 - _LIP_SHADOW * (1 - unshadowed)) * (_LOWER_LIGHT if row else 1.0)
        colour = gums + (light[..., None] - gums) * tooth[..., None]
        made += (mouth.white * _ENAMEL * colour * lit[..., None] - made) * solid[..., None]
    return made.astype(np.float32)


def _draw_tongue(mouth: Mouth, head: Similarity, jaw: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the tongue's opacity at pixels ``at``, (h, w) in [0, 1]; it lies in the lower jaw."""
    origin = mouth.middle + np.array([0, _EDGES_BELOW_LIPS[1], _BEHIND]) + _TONGUE_MIDDLE + jaw
    plane = _intersect(origin[2], head, at)
    across, height = (plane[..., 0] - origin[0]) / _TONGUE_SIZE[0], (plane[..., 1] - origin[1]) / _TONGUE_SIZE[1]
    away = np.hypot(across, np.minimum(height, 0))
    groove = 1 - _GROOVE[0] * np.exp(-((across / _GROOVE[1]) ** 2))
    # The tongue's back is further from the light than its tip.
    return np.asarray(smooth_step((1 - away) / _TONGUE_FADE) * groove)


def _intersect(depth: np.ndarray, head: Similarity, at: np.ndarray) -> np.ndarray:
    """Intersect lines of sight with a plane of frontal depth; return frontal x and y, (h, w, 2).

    Args:
        depth: frontal z, one number or (h, w).
        head: pose of the head.
        at: (h, w, 2) pixels, relative to the head's origin.
    """
    to_plane = np.linalg.inv(head.scale * head.rotation[:2, :2])
    return np.asarray((at - head.scale * depth[..., None] * head.rotation[:2, 2]) @ to_plane.T)


def _draw_row(
    row: int, mouth: Mouth, head: Similarity, moved: np.ndarray, at: np.ndarray, blur: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw the upper (0) or lower (1) row of teeth at pixels ``at``, moved by ``moved`` (3,) from rest.

    Returns:
        Four arrays (h, w): cm from the row's middle, light, opacity of teeth, and opacity of teeth and gum together.
    """
    size = (mouth.width / _USUAL_WIDTH) ** (1 - _DAMPING)
    origin = mouth.middle + np.array([0, _EDGES_BELOW_LIPS[row], _BEHIND]) + moved
    across = np.zeros(at.shape[:2])
    # The dental arch curves back to both sides; a few iterations find where the line of sight meets it.
    for _ in range(4):
        plane = _intersect(origin[2] + _ARCH * np.clip(across, -3, 3) ** 2, head, at)
        across = plane[..., 0] - origin[0]
    column = _MIDDLE + across / (_WIDER * size) * _PER_CM
    line = _EDGES[row] + (plane[..., 1] - origin[1]) / (_HIGHER * size) * _PER_CM
    finer = _PER_CM / (_WIDER * size) / head.scale
    softness = round(float(np.log(finer * max(blur, _SHARPEST))) / _STEP)
    light, tooth, solid = np.moveaxis(sample(_blurred_row(row, softness), column, line), -1, 0)
    # The lower arch rises towards the back, out of its picture, where lips hide it.
    if row:
        solid = solid * (1 - smooth_step((np.abs(across) - _LOWER_HALF) / 0.3)) * smooth_step(line / _TOP_FADE)
    return across, light / _FRONT, tooth, solid


def _find_white(picture: np.ndarray, mesh: np.ndarray, name: str) -> np.ndarray | None:
    """Return the colour (3,) of the white of an eye; None if the eye is shut."""
    lens, iris = openings.fit_lens(name, mesh), openings.fit_iris(name, mesh)
    if lens.gap < openings.SHUT_EYE:
        return None
    return _find_brightest(picture, lens, iris)


def _find_brightest(picture: np.ndarray, lens: Lens, iris: openings.Iris | None = None) -> np.ndarray | None:
    """Return the mean colour (3,) of the brightest fifth of an opening, without its iris; None if it is tiny."""
    left, top, right, bottom = (max(round(at), 0) for at in lens.box(1))
    own = picture[top : bottom + 1, left : right + 1, :3]
    x, y = pixel_places(left, top, own.shape[1], own.shape[0])
    wanted = lens.coverage(x, y, 1.0) > 0.9
    if iris is not None:
        wanted &= np.hypot(x - iris.centre[0], y - iris.centre[1]) / iris.radius > openings.DISC[1]
    seen = own[wanted]
    if len(seen) < 8:
        return None
    luma = seen.mean(-1)
    return seen[luma >= np.percentile(luma, 80)].mean(0)


def _darken(light: np.ndarray, most: float) -> np.ndarray:
    """Compress light (h, w, 3) smoothly below the brightness ``most``, and keep its hue."""
    luma = np.maximum(light.mean(-1, keepdims=True), 1e-6)
    return light * (most * np.tanh(luma / most) / luma)


@lru_cache(maxsize=8)
def _blurred_row(row: int, softness: int) -> np.ndarray:
    """Return the picture of one row (h, w, 3), blurred by exp(``softness`` · _STEP) pixels (cached)."""
    return cv2.GaussianBlur(_rows()[row], (0, 0), float(np.exp(softness * _STEP)))


@lru_cache(maxsize=1)
def _rows() -> np.ndarray:
    """Read the picture of both rows, (2, h, w, 3) float32 in [0, 1]: light, teeth, teeth and gum.

    Raises:
        ReenactError: the picture is missing from the installation.
    """
    path = resource("teeth", "rows.png")
    picture = cv2.imread(str(path))
    if picture is None:
        raise ReenactError(f"{path}: cannot be read; install ofx-reenact again")
    both = picture[..., ::-1].astype(np.float32) / 255
    return np.stack(np.vsplit(both, 2))
