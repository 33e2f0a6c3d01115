"""What lies behind lips that were never seen open: two rows of teeth, one fast on the skull, one on the jaw; a tongue.

A network's window is too coarse for single teeth, and what it paints of them is a band. The rows are MakeHuman's
(``resources/teeth``): shape and shade are theirs; where they hang follows from the target's own lips at rest, and how
bright they are from the whites of its eyes. Beside teeth that the target shows none are drawn: there it is dark, and
gum where the lip rises above where it was.
Units: canonical centimetres, y down.
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

# Of the picture of rows: pixels a centimetre, the column of the middle, the line of the front teeth's edges.
_FINE, _MIDDLE, _EDGES = 200.0, 439.5, (328.0, 50.0)
# How much wider and higher than the mesh rows are drawn in a mouth of the usual width, in cm; wide and narrow mouths
# have teeth more alike than they are.
_WIDER, _HIGHER, _USUAL, _ALIKE = 1.1, 1.0, 4.3, 0.5
# The line of edges below the middle of lips at rest: of the upper teeth, and of the lower.
_LINES = (0.55, 0.4)
# How far teeth stand behind the lips, and how fast the arch goes back from its middle, in 1/cm.
_BEHIND, _ARCH = 0.4, 0.25
# Enamel beside the white of an eye in the same light, and what the light behind lips is at most.
_ENAMEL = np.array([1.2, 1.14, 1.03], np.float32)
# Least light on it, beside that of the skin.
_LEAST = 0.9
# Skin is red by nature if it has at least so much less blue than red, in fractions of the red.
_RED = 0.45
# Light on the front of the middle teeth in the picture of rows.
_FRONT = 0.62
# The upper lip's shadow: its depth, and how far it reaches in cm; the corners' and the lower row's.
_LIP, _REACH, _CORNER, _LOWER = 0.4, 0.3, 0.6, 0.6
# Gum, and the brightest that may be seen between the rows, beside enamel.
_GUM, _BETWEEN, _FLESH = np.array([0.3, 0.17, 0.155], np.float32), 0.12, np.array([1.1, 0.8, 0.75], np.float32)
# Half of the lower row that is seen, in cm, and the lines at the top of its picture where it may be cut off.
_FRONT_TEETH, _TOP = 1.4, 20.0
# How soft that is, in cm, how dark behind the upper row, and how far into the mouth its corners are dark, in halves.
_FLAT, _DEEP, _ENDS = 0.15, 0.3, 0.35
# The tongue: its colour beside the white of an eye, where it lies below and behind the edges of the lower teeth, half
# its width and its height in cm, the groove in its middle, and how far from its rim it is in the light.
_TONGUE, _LIES = np.array([0.38, 0.18, 0.165], np.float32), np.array([0, 0.4, 0.8])
_TONGUE_SIZE, _GROOVE, _BACK = (1.7, 1.3), (0.25, 0.07), 0.8
# Over how many cm gum begins.
_RIM = 0.1
# No picture is so sharp that teeth would be sharper than this, a deviation in pixels.
_SHARPEST = 0.4
# Rows are softened in steps, each so much softer than the one before.
_STEP = 0.05


@dataclass(frozen=True)
class Mouth:
    """Where a person's teeth are, and in what light.

    Attributes:
        middle: (3,) of the lips at rest, frontal.
        width: of the mouth at rest.
        chin: (3,) at rest, frontal.
        lip: (n, 3) line of the upper lip, frontal: above it, what a lip that is raised uncovers is gum.
        white: (3,) of the eyes, scene-linear.
        skin: (3,) of the face in the same light, scene-linear.
        own: whether pictures show the person's own teeth; none are drawn then.
    """

    middle: np.ndarray
    width: float
    chin: np.ndarray
    lip: np.ndarray
    white: np.ndarray
    skin: np.ndarray
    own: bool = False

    def under(self, skin: np.ndarray) -> Mouth:
        """Return the mouth in the light in which the face's skin is of that colour (3,)."""
        was, now = np.maximum(self.skin, 1e-6), np.maximum(skin, 1e-6)
        return replace(self, white=self.white * (now / was), skin=skin)

    def redden(self, colour: np.ndarray) -> np.ndarray:
        """Return a colour (3,) of flesh as red as skin is in the picture: less in a toned one than in nature."""
        red = float(np.clip((1 - self.skin[2] / max(float(self.skin[0]), 1e-6)) / _RED, 0, 1))
        return np.asarray(colour.mean() + (colour - colour.mean()) * red)


def mean_skin(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Return the mean colour (3,) of a face with that mesh (468 or more, 2 or more) in a picture (H, W, 3 or 4)."""
    skin = pixels_of_face(picture, mesh)
    return skin.mean(0, dtype=np.float64) if len(skin) else np.ones(3)


def measure_mouth(picture: np.ndarray, mesh: np.ndarray, frontal: np.ndarray) -> Mouth | None:
    """Measure the mouth of a face.

    Args:
        picture: (H, W, 3 or 4) scene-linear.
        mesh: of the face in it (478, 3), pixels.
        frontal: the mesh with the head's pose taken out (478, 3), canonical units.

    Returns:
        The mouth; None where nothing white is seen that tells the light.
    """
    lens = openings.fit_lens("mouth", mesh)
    own = lens.gap > openings.SHUT_MOUTH
    whites = [white for name in ("eye_right", "eye_left") if (white := _find_white(picture, mesh, name)) is not None]
    if not whites and own and (teeth := _find_brightest(picture, lens)) is not None:
        whites = [teeth]
    if not whites:
        return None
    # Veins make a white redder than the light on it; and eyes may lie in the shade where the mouth does not.
    white, skin = max(whites, key=lambda white: float(white.mean())), mean_skin(picture, mesh)
    light = max(float(white.mean()), _LEAST * float(skin.mean()))
    white = light * np.sqrt(white / max(float(white.mean()), 1e-6))
    width = float(np.linalg.norm(frontal[78] - frontal[308]))
    lip, chin = frontal[list(LIPS_INNER[0])], frontal[list(CHIN)].mean(0)
    return Mouth(frontal[[13, 14]].mean(0), width, chin, lip, white, skin, own)


def draw_teeth(
    painted: np.ndarray, left: int, top: int, mouth: Mouth, lens: Lens, head: Similarity, jaw: np.ndarray, blur: float
) -> np.ndarray:
    """Draw a tongue and both rows into a painted mouth, no rows where the person's own are seen.

    Args:
        painted: (h, w, 3) scene-linear, the picture around the mouth.
        left: column of its first pixel.
        top: its row.
        mouth: whose teeth.
        lens: the mouth's opening in the picture.
        head: pose of the head in it.
        jaw: (3,) how far the jaw has come from rest, frontal.
        blur: softness of the plate, a deviation in pixels.

    Returns:
        (h, w, 3) the inside of the mouth; beyond the opening it goes on.
    """
    x, y = pixel_places(left, top, painted.shape[1], painted.shape[0])
    at = np.stack([x - head.translation[0], y - head.translation[1]], -1)
    u, v = lens.coordinates(x, y)
    upper, lower = lens.bounds(u)
    deep = smooth_step((v - upper) / (_REACH * head.scale))
    down = np.clip((v - upper) / np.maximum(lower - upper, 1e-6), 0, 1)
    ends = smooth_step((1 - np.abs(u)) / _ENDS)
    # What was painted lies behind the rows: dark between them, deepest behind the upper one, and as red as flesh.
    behind = cv2.GaussianBlur(painted, (0, 0), _FLAT * head.scale)
    flesh, tongue_colour, gums = (mouth.redden(colour) for colour in (_FLESH, _TONGUE, _GUM))
    made = _darken(behind, _BETWEEN * float(mouth.white.mean())) * (flesh * (_DEEP + (1 - _DEEP) * down[..., None]))
    tongue = _lay_tongue(mouth, head, jaw, at) * ends * np.sqrt(down) * deep
    made += (mouth.white * tongue_colour - made) * tongue[..., None]
    if mouth.own:
        raised = np.interp(u, *lens.coordinates(*head.apply(mouth.lip)[:, :2].T)) - v
        gum = mouth.white * _ENAMEL * gums * (ends * (1 - _LIP * (1 - deep)))[..., None]
        made += (gum - made) * smooth_step(raised / (_RIM * head.scale) + 0.5)[..., None]
        return made.astype(np.float32)
    for row, moved in ((1, jaw), (0, np.zeros(3))):
        across, light, tooth, solid = _hang(row, mouth, head, moved, at, blur)
        corner = 1 - _CORNER * smooth_step((np.abs(across) - 0.8) / 1.8)
        lit = ends * corner * (1 - _LIP * (1 - deep)) * (_LOWER if row else 1.0)
        colour = gums + (light[..., None] - gums) * tooth[..., None]
        made += (mouth.white * _ENAMEL * colour * lit[..., None] - made) * solid[..., None]
    return made.astype(np.float32)


def _lay_tongue(mouth: Mouth, head: Similarity, jaw: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return how far the tongue, at rest in the lower jaw, is seen and lit at pixels ``at``, (h, w) in [0, 1]."""
    origin = mouth.middle + np.array([0, _LINES[1], _BEHIND]) + _LIES + jaw
    plane = _meet(origin[2], head, at)
    across, height = (plane[..., 0] - origin[0]) / _TONGUE_SIZE[0], (plane[..., 1] - origin[1]) / _TONGUE_SIZE[1]
    away = np.hypot(across, np.minimum(height, 0))
    groove = 1 - _GROOVE[0] * np.exp(-((across / _GROOVE[1]) ** 2))
    # Its back is further from the light than its tip.
    return np.asarray(smooth_step((1 - away) / _BACK) * groove)


def _meet(depth: np.ndarray, head: Similarity, at: np.ndarray) -> np.ndarray:
    """Return where lines of sight meet a frontal depth, one or (h, w): (h, w, 2), frontal.

    ``at`` (h, w, 2) are the pixels, from where the head has its origin.
    """
    to_plane = np.linalg.inv(head.scale * head.rotation[:2, :2])
    return np.asarray((at - head.scale * depth[..., None] * head.rotation[:2, 2]) @ to_plane.T)


def _hang(
    row: int, mouth: Mouth, head: Similarity, moved: np.ndarray, at: np.ndarray, blur: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return cm from the middle, light, tooth and tooth-or-gum (h, w) of the upper (0) or lower (1) row at pixels."""
    size = (mouth.width / _USUAL) ** (1 - _ALIKE)
    origin = mouth.middle + np.array([0, _LINES[row], _BEHIND]) + moved
    across = np.zeros(at.shape[:2])
    # The arch goes back to both sides: a few rounds find where it meets the line of sight.
    for _ in range(4):
        plane = _meet(origin[2] + _ARCH * np.clip(across, -3, 3) ** 2, head, at)
        across = plane[..., 0] - origin[0]
    column = _MIDDLE + across / (_WIDER * size) * _FINE
    line = _EDGES[row] + (plane[..., 1] - origin[1]) / (_HIGHER * size) * _FINE
    finer = _FINE / (_WIDER * size) / head.scale
    softness = round(float(np.log(finer * max(blur, _SHARPEST))) / _STEP)
    light, tooth, solid = np.moveaxis(sample(_softened(row, softness), column, line), -1, 0)
    # The lower arch climbs to the back, beyond the picture of it; lips hide it there.
    if row:
        solid = solid * (1 - smooth_step((np.abs(across) - _FRONT_TEETH) / 0.3)) * smooth_step(line / _TOP)
    return across, light / _FRONT, tooth, solid


def _find_white(picture: np.ndarray, mesh: np.ndarray, name: str) -> np.ndarray | None:
    """Return the colour (3,) of the white of an eye; None if it is shut."""
    lens, iris = openings.fit_lens(name, mesh), openings.fit_iris(name, mesh)
    if lens.gap < openings.SHUT_EYE:
        return None
    return _find_brightest(picture, lens, iris)


def _find_brightest(picture: np.ndarray, lens: Lens, iris: openings.Iris | None = None) -> np.ndarray | None:
    """Return the colour (3,) of the brightest fifth of what an opening shows beside its iris; None where it is tiny."""
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
    """Bring light (h, w, 3) softly below a brightness, hue kept."""
    luma = np.maximum(light.mean(-1, keepdims=True), 1e-6)
    return light * (most * np.tanh(luma / most) / luma)


@lru_cache(maxsize=8)
def _softened(row: int, softness: int) -> np.ndarray:
    """Return one row (h, w, 3), blurred by a deviation of so many steps: a head hardly changes its size."""
    return cv2.GaussianBlur(_rows()[row], (0, 0), float(np.exp(softness * _STEP)))


@lru_cache(maxsize=1)
def _rows() -> np.ndarray:
    """Both rows (2, h, w, 3) float32: light, tooth, tooth or gum, in [0, 1].

    Raises:
        ReenactError: the picture is missing from the installation.
    """
    path = resource("teeth", "rows.png")
    picture = cv2.imread(str(path))
    if picture is None:
        raise ReenactError(f"{path}: cannot be read; install ofx-reenact again")
    both = picture[..., ::-1].astype(np.float32) / 255
    return np.stack(np.vsplit(both, 2))
