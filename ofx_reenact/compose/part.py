"""Warp the mouth or an eye from one picture of a person (the source) to a wanted mesh of that person in another.

Then match its light, grain and blur to the picture around it. All colours are scene-linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ofx_reenact.compose.composite import Composed, compose, measure_lip_colour
from ofx_reenact.compose.eyeball import Eyeball
from ofx_reenact.compose.grain import make_grain, measure_grain
from ofx_reenact.ops.sample import sample
from ofx_reenact.ramps import smooth_step
from ofx_reenact.stages import stage
from ofx_reenact.tracking.landmarks import FACE_OVAL, LIPS_INNER, LIPS_OUTER
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp import densify, openings
from ofx_reenact.warp.lashes import BROWS, keep_lashes
from ofx_reenact.warp.lens import Lens
from ofx_reenact.warp.part_sheet import bend_part
from ofx_reenact.warp.stmap import STMap

_LIPS = [i for half in LIPS_INNER for i in half]
_LOWER_LIP = list(LIPS_INNER[1][3:-3])
EYES = ("eye_right", "eye_left")
# Largest factor (or 1 over it) of the local change of light, beside the factor for the whole part.
_LOCAL = 1.8
# Standard deviation of the blur that spreads the rim's light inwards, in widths of the part.
_SPREAD = 0.12
# Where upper teeth may end between the upper lip (0) and the lower (1), and where they usually do.
_SPLIT, _USUAL_SPLIT = (0.25, 0.75), 0.5
# Longer side, pixels, of the pictures in which light is compared.
_SMALL = 64
# Difference of two rims, as a fraction of their light, up to which they show the same skin, and from which they do not;
# and the blur before they are compared, in widths of the part.
_ALIKE, _DIFFERENT, _DETAIL = 0.11, 0.16, 0.03
# Least grain that is added: a standard deviation of the square root of light, where the median light is 1.
_LEAST_GRAIN = 1 / 500
# Estimates of blur vary by this factor with what a picture shows. Then, in pixels, the least blur that is visible, and
# the most that is added.
_MARGIN, _VISIBLE_BLUR, _MOST_BLUR = 1.12, 0.35, 4.0


@dataclass(frozen=True)
class PlacedFace:
    """The place of a person's face in a picture.

    Attributes:
        mesh: (468 or more, 3) pixels; a source's has 478 points, with irises.
        head: pose of the head, canonical units → pixels.
    """

    mesh: np.ndarray
    head: Similarity

    @cached_property
    def mouth(self) -> Lens:
        """The mouth's opening."""
        return openings.fit_lens("mouth", self.mesh)


@dataclass(frozen=True)
class CarriedPart:
    """A part of a source, warped to the result.

    Attributes:
        stmap: the skin's map from the result to the source; its ``reach`` is the part's matte.
        composed: the part's picture, in the map's window.
        mouth: the mouth's opening; None for eyes and while the mouth is shut.
    """

    stmap: STMap
    composed: Composed
    mouth: openings.Opening | None


@stage("warp: sample")
def carry_part(
    name: str,
    picture: np.ndarray,
    source: PlacedFace,
    wanted: PlacedFace,
    gaze: np.ndarray,
    jaw: np.ndarray,
    size: tuple[int, int],
) -> CarriedPart | None:
    """Warp a part of a source to the face of the result.

    Args:
        name: "mouth", "eye_right" or "eye_left".
        picture: (H, W, 3 or 4) float32, the source.
        source: the face in it.
        wanted: the face in the result.
        gaze: (2, 2) shift of the source's irises, right and left eye, in widths of the eye.
        jaw: (3,) displacement of the lower teeth, frontal, canonical units.
        size: width and height of the result.

    Returns:
        The part; None if it lies outside the result.
    """
    mesh = source.mesh[:FACE_POINTS]
    turned = wanted.head.apply(source.head.invert(mesh))
    stmap = bend_part(name, mesh, turned, wanted.mesh[:FACE_POINTS], size)
    if stmap is None:
        return None
    before = openings.fit_lens(name, source.mesh)
    oval = wanted.head.invert(wanted.mesh[list(FACE_OVAL)])[:, 1]
    feather = max(1.0, openings.FEATHER * float(np.ptp(oval)) * wanted.head.scale)
    if name in EYES:
        after = openings.fit_lens(name, wanted.mesh)
        keep_lashes(stmap.offset, stmap.left, stmap.top, before, after, source.mesh[BROWS[name], :2])
        iris = openings.fit_iris(name, source.mesh)
        eye = openings.map_eye(before, iris, after, gaze[EYES.index(name)], feather, size)
        shown = None if eye is None else Eyeball.of_picture(picture, before, iris).show(eye)
    else:
        shown = show_interior(source, wanted, jaw, find_split(picture, before), feather, size)
    outer, inner = (
        np.concatenate([source.mesh[list(half), :2] for half in contour]) for contour in (LIPS_OUTER, LIPS_INNER)
    )
    composed = compose(picture, stmap, [shown] if shown is not None else [], measure_lip_colour(picture, outer, inner))
    return CarriedPart(stmap, composed, shown if name not in EYES else None)


def measure_jaw_drop(source: PlacedFace, wanted: PlacedFace) -> np.ndarray:
    """Return the displacement of the lower teeth from a source to the wanted face, (3,), frontal, canonical units.

    They move with the lower lip, which hides their roots; how far the chin moves differs from person to person.
    """
    lips = (placed.head.invert(placed.mesh[_LOWER_LIP]) for placed in (wanted, source))
    return np.subtract(*lips).mean(0)


def show_interior(
    source: PlacedFace, wanted: PlacedFace, jaw: np.ndarray, split: float, feather: float, size: tuple[int, int]
) -> openings.Opening | None:
    """Map the interior of a source's mouth into the wanted mouth's opening.

    Args:
        source: the face in the source.
        wanted: the face in the result.
        jaw: (3,) displacement of the lower teeth, frontal, canonical units.
        split: where upper teeth end, from :func:`find_split`.
        feather: softness of the lips' edges, pixels.
        size: width and height of the result.

    Returns:
        The opening; None if the wanted mouth is shut or outside the result.
    """
    depth = float(source.head.invert(source.mesh)[_LIPS, 2].mean())
    skull, lower = (densify.plane_map(wanted.head, source.head, depth, by) for by in (np.zeros(3), jaw))
    return openings.map_part_mouth(source.mouth, wanted.mouth, skull, lower, split, feather, size)


def find_split(picture: np.ndarray, lens: Lens) -> float:
    """Find the darkest line across an open mouth, where upper teeth end, from the upper lip (0) to the lower (1)."""
    u, down = np.linspace(-0.5, 0.5, 9)[:, None], np.linspace(*_SPLIT, 13)[None]
    upper, lower = lens.bounds(u)
    x, y = lens.pixels(u, upper + (lower - upper) * down)
    luma = np.median(sample(picture[..., :3], x, y).mean(-1), axis=0)
    # The second term prefers the usual height where no line is clearly darker.
    dark = luma / max(float(luma.max()), 1e-6) + np.abs(down[0] - _USUAL_SPLIT)
    return float(down[0, int(dark.argmin())])


def match_light(part: np.ndarray, around: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Match a part's light to the frame: its low frequencies become the frame's along the rim of the mask.

    Args:
        part: (h, w, 3) scene-linear, warped from another picture.
        around: (h, w, 3) the frame's own pixels.
        mask: (h, w) in [0, 1], the part's matte.

    Returns:
        (h, w, 3) the part, multiplied with a smooth field.
    """
    rim, part_coarse, around_coarse = _coarse(part, around, mask)
    total = float(rim.sum())
    if total < 1e-3 * rim.size:
        return part
    part_mean, frame_mean = ((x * rim).sum((0, 1)) / total for x in (part_coarse, around_coarse))
    least = 1e-3 * max(float(np.abs(frame_mean).max()), float(np.abs(part_mean).max()), 1e-6)
    gain = np.maximum(frame_mean, least) / np.maximum(part_mean, least)
    sigma = max(1.0, _SPREAD * rim.shape[1])
    # Far from the rim, the field tends to the rim's mean factor, ``gain``.
    trust = 1e-4
    near = (cv2.GaussianBlur(x * rim, (0, 0), sigma) for x in (part_coarse * gain, around_coarse))
    near_part, near_frame = (np.maximum(x + trust * frame_mean, trust * least) for x in near)
    field = (gain * np.clip(near_frame / near_part, 1 / _LOCAL, _LOCAL)).astype(np.float32)
    return part * cv2.resize(field, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)


def measure_agreement(part: np.ndarray, around: np.ndarray, mask: np.ndarray) -> float:
    """Measure how well a part (h, w, 3), in the frame's light, agrees with the frame along its rim, 0 to 1.

    A hand in front of the mouth, in the source or in the frame, or a wrong mesh makes the rims differ.
    """
    rim, *pictures = _coarse(part, around, mask)
    own, frame = (cv2.GaussianBlur(x, (0, 0), max(1.0, _DETAIL * rim.shape[1])) for x in pictures)
    wrong = float(np.sqrt((((own - frame) ** 2) * rim).sum() / max(float((frame**2 * rim).sum()), 1e-12)))
    return float(smooth_step((_DIFFERENT - wrong) / (_DIFFERENT - _ALIKE)))


def match_grain(part: np.ndarray, around: np.ndarray, box: tuple[slice, slice], number: int = 0) -> np.ndarray:
    """Add grain to a part until it has as much as the frame around it; a part with more is returned as it is.

    Args:
        part: (h, w, 3) scene-linear, in the frame's light.
        around: (h, w, 3) the frame's own pixels.
        box: their rows and columns in the frame.
        number: the frame's number, which selects the grain's pattern.
    """
    # A camera's grain is about uniform in the square root of light.
    white = max(float(np.median(around)), 1e-6)
    shown = _root(part / white)
    missing = measure_grain(_root(around / white)) ** 2 - measure_grain(shown) ** 2
    if missing <= _LEAST_GRAIN**2:
        return part
    grained = shown + make_grain(box, float(np.sqrt(missing)), number)
    return part + (grained * np.abs(grained) - shown * np.abs(shown)) * np.float32(white)


def soften(part: np.ndarray, blur: float, wanted: float) -> np.ndarray:
    """Blur a part (h, w, C) to a wanted blur (standard deviation, pixels) if its own is visibly less."""
    missing = float(np.sqrt(max((wanted / _MARGIN) ** 2 - blur**2, 0.0)))
    if missing < _VISIBLE_BLUR:
        return part
    return cv2.GaussianBlur(part, (0, 0), min(missing, _MOST_BLUR)).reshape(part.shape)


def measure_blur(light: np.ndarray) -> float:
    """Estimate the blur of a scene-linear picture (H, W, 3): the standard deviation of a Gaussian, pixels.

    The sharper an edge, the more of its slope is lost when it is blurred again, here by 1 pixel (Zhuo and Sim 2011).
    """
    if min(light.shape[:2]) < 8:
        return 0.0
    luma = _root(cv2.cvtColor(np.ascontiguousarray(light, np.float32), cv2.COLOR_RGB2GRAY))
    slopes = [
        cv2.magnitude(cv2.Sobel(x, cv2.CV_32F, 1, 0), cv2.Sobel(x, cv2.CV_32F, 0, 1))[3:-3, 3:-3]
        for x in (luma, cv2.GaussianBlur(luma, (0, 0), 1.0))
    ]
    strong = slopes[1] >= np.quantile(slopes[1][::2, ::2], 0.95)
    ratio = float(np.median(slopes[0][strong] / np.maximum(slopes[1][strong], 1e-6)))
    return float(1 / np.sqrt(max(ratio**2 - 1, 1e-2)))


def _coarse(part: np.ndarray, around: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a mask's rim (h, w, 1) and two pictures (h, w, 3), reduced to low frequencies."""
    height, width = mask.shape
    finer = max(1.0, max(height, width) / _SMALL)
    size = (max(round(width / finer), 1), max(round(height / finer), 1))
    rim, *pictures = (
        cv2.resize(np.ascontiguousarray(x, np.float32), size, interpolation=cv2.INTER_AREA)
        for x in (4 * mask * (1 - mask), part, around)
    )
    return rim[..., None], pictures[0], pictures[1]


def _root(light: np.ndarray) -> np.ndarray:
    return np.sign(light) * np.sqrt(np.abs(light))
