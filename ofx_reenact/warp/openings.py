"""Map eyes and mouth as layers behind the skin.

Skin ends at lids and lips; what is inside an opening has its own map. An eyeball turns in its socket, and the lids
slide over it. Teeth that the target shows move with the skull or the jaw, never with the lips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ofx_reenact.ramps import smooth_step
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT, LIPS_INNER, Contour
from ofx_reenact.warp.lens import Lens, pixel_places

# Openings with a smaller gap than this (over their width) show nothing that could be mapped.
SHUT_EYE = 0.10
SHUT_MOUTH = 0.05
# Height of the visible upper teeth below the upper lip, in mouth widths. What is lower moves with the jaw.
TEETH = 0.22
# Half the height of the gap between the rows of teeth that is stretched, in heights of the opening.
STRETCHED = 0.06
# Beyond this, in ``u``, an opening shows more lip than inside.
CORNER = 0.88
# How far the last visible row of a source's inside is repeated, in mouth widths, before it counts as unseen.
REPEATED = 0.07
# Feather of an opening's edge, in face heights.
FEATHER = 0.006
# Ramp from iris to white, in radii of the iris: a rim of white turns with it.
DISC = (1.05, 1.2)
# Greatest distance of an iris's centre from the centre of the eye, sideways and vertically, in eye widths.
GAZE_LIMIT = (0.34, 0.2)


@dataclass(frozen=True)
class OpeningMap:
    """What the target shows in an opening: where each pixel comes from, and whether the target shows it."""

    offset: np.ndarray  # (h, w, 2) float64 pixels, as in an STMap
    seen: np.ndarray  # (h, w) in [0, 1]; 1 visible in the target, 0 not


@dataclass(frozen=True)
class Opening:
    """One opening in one frame: a window of the picture, its coverage, and the maps of what is in it, back to front."""

    left: int  # column of the window's first pixel
    top: int  # its row
    coverage: np.ndarray  # (h, w) in [0, 1]; 1 in the opening, 0 on the skin
    maps: tuple[OpeningMap, ...]  # visible parts of the target; ``shade`` fills the rest
    shade: np.ndarray | None  # (h, w) light, 0 to 1, on an interior that the target does not show; None for eyes
    colour: np.ndarray | None = None  # (h, w, C) colour, if it combines several places of the target


@dataclass(frozen=True)
class Iris:
    """An iris in a picture, as a disc."""

    centre: np.ndarray  # (2,) pixels
    radius: float  # pixels

    def cover(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the coverage of pixels by the disc: 1 on it, 0 outside, a ramp in the white around it."""
        away = np.hypot(x - self.centre[0], y - self.centre[1]) / self.radius
        return 1 - smooth_step((away - DISC[0]) / (DISC[1] - DISC[0]))


@dataclass(frozen=True)
class Eye:
    """Where the parts of a turned eye come from: a window of the result, and positions in the target in pixels."""

    left: int  # column of the window's first pixel
    top: int  # its row
    coverage: np.ndarray  # (h, w) in [0, 1]; 1 in the opening, 0 on the skin
    map: OpeningMap  # of the iris or the white, whichever covers more of the pixel
    white: np.ndarray  # (h, w, 2) positions of the white, which is fixed between the corners
    iris: np.ndarray  # (h, w, 2) positions of the iris
    disc: np.ndarray  # (h, w) in [0, 1]; 1 on the iris
    shadow: tuple[np.ndarray, ...]  # (h, w, 2) positions of the upper and the lower lid's shadow, moving with the lid
    glint: tuple[np.ndarray, ...]  # (h, w, 2) positions of the reflections beside the upper and the lower lid


_IRISES: Mapping[str, tuple[int, ...]] = {"eye_right": IRIS_RIGHT, "eye_left": IRIS_LEFT}
_CONTOURS: Mapping[str, Contour] = {"eye_right": EYE_RIGHT, "eye_left": EYE_LEFT, "mouth": LIPS_INNER}


def fit_lens(name: str, mesh: np.ndarray) -> Lens:
    """Fit the opening "eye_right", "eye_left" or "mouth" of a mesh (468 or more, 2 or more) in pixels."""
    upper, lower = _CONTOURS[name]
    return Lens.fit(mesh[list(upper), :2], mesh[list(lower), :2])


def lenses(mesh: np.ndarray) -> dict[str, Lens]:
    """Fit the three openings of a mesh (468 or more, 2 or more) in pixels."""
    return {name: fit_lens(name, mesh) for name in _CONTOURS}


def fit_iris(name: str, mesh: np.ndarray) -> Iris:
    """Fit the iris of "eye_right" or "eye_left" of a mesh (478, 2 or more) in pixels."""
    centre, *rim = _IRISES[name]
    reach = np.linalg.norm(mesh[rim, :2] - mesh[centre, :2], axis=1)
    return Iris(mesh[centre, :2].astype(np.float64), max(float(reach.mean()), 1.0))


def map_eye(
    target: Lens, iris: Iris, moved: Lens, gaze: np.ndarray, feather: float, size: tuple[int, int]
) -> Eye | None:
    """Map the eyeball into its opening by the similarity that moves the eye's corners; the gaze shifts the iris.

    Args:
        target: the opening in the target.
        iris: the iris in the target.
        moved: the opening in the result.
        gaze: (2,) shift of the iris in eye widths, x along the eye, y down.
        feather: width of the lids' soft edges in pixels.
        size: width and height of the result.

    Returns:
        The eye; None if it is shut in the target, or outside the result.
    """
    if target.gap < SHUT_EYE or (grid := _window(moved, 3 * feather, size)) is None:
        return None
    x, y = grid
    u, v = moved.coordinates(x, y)
    finer = target.half / moved.half
    shift = 2 * limit_gaze(target, iris, gaze)
    white, turned = (
        np.stack(target.pixels(u - by[0], v * finer - by[1] * target.half), -1) for by in (np.zeros(2), shift)
    )
    # Keep this distance from a lid, so that no skin is sampled as its shadow.
    rim = feather / 2
    above, below = moved.bounds(u)
    upper, lower = target.bounds(u)
    hang, rise = upper + np.maximum(v - above, rim) * finer, lower - np.maximum(below - v, rim) * finer
    # Reflections are on the eyeball: a lid that falls covers them; if it rises, they move with its edge.
    behind = np.maximum(hang, v * finer), np.minimum(rise, v * finer)
    shadow, glint = (tuple(np.stack(target.pixels(u, at), -1) for at in both) for both in ((hang, rise), behind))
    disc = iris.cover(turned[..., 0], turned[..., 1])
    shown = np.where(disc[..., None] > 0.5, turned, white) - np.stack([x, y], -1)
    visible = OpeningMap(shown, np.ones(x.shape))
    left, top = int(x[0, 0]), int(y[0, 0])
    return Eye(left, top, moved.coverage(x, y, feather), visible, white, turned, disc, shadow, glint)


def limit_gaze(lens: Lens, iris: Iris, gaze: np.ndarray) -> np.ndarray:
    """Limit an iris's shift (2,), in eye widths, so that the iris stays inside the eye; small shifts are unchanged."""
    place = np.array(lens.coordinates(*iris.centre)) / (2, 2 * lens.half)
    room = np.maximum(np.array(GAZE_LIMIT) - place * np.sign(gaze), 0.02)
    knee = 0.6 * room
    beyond = np.maximum(np.abs(gaze) - knee, 0) / (room - knee)
    return np.sign(gaze) * (np.minimum(np.abs(gaze), knee) + (room - knee) * np.tanh(beyond))


def map_mouth(
    target: Lens, moved: Lens, skull: np.ndarray, jaw: np.ndarray, feather: float, size: tuple[int, int]
) -> Opening | None:
    """Map the inside of the mouth: the teeth that the target shows, and darkness where it shows nothing.

    Args:
        target: the opening in the target.
        moved: the opening in the result.
        skull: affine map (2, 3), pixels of the result to pixels of the target, of what moves with the skull.
        jaw: likewise of what moves with the jaw.
        feather: width of the lips' soft edges in pixels.
        size: width and height of the result.

    Returns:
        The opening; None if the mouth is shut, or outside the result.
    """
    grid = _window(moved, 3 * feather, size)
    if grid is None or moved.gap <= 0:
        return None
    x, y = grid
    u, v = moved.coordinates(x, y)
    upper, lower = moved.bounds(u)
    down = np.clip((v - upper) / np.maximum(lower - upper, 1e-6), 0, 1)
    coverage = moved.coverage(x, y, feather)
    maps: tuple[OpeningMap, ...] = ()
    if target.gap > SHUT_MOUTH:
        bones = ((jaw, True), (skull, False))
        maps = tuple(_interior(target, x, y, bone, feather, below_teeth=deep) for bone, deep in bones)
    else:
        # A slit that is no wider than the shadow between shut lips remains skin: the target's lip line.
        opened = np.clip((moved.gap - target.gap) / SHUT_MOUTH, 0, 1)
        coverage = coverage * opened * opened * (3 - 2 * opened)
    # Dark behind the upper lip and in the corners, a little light on the tongue below.
    shade = np.clip(down, 0, 1) ** 1.5 * np.sqrt(np.clip(1 - u**2, 0, 1))
    return Opening(int(x[0, 0]), int(y[0, 0]), coverage, maps, shade)


def map_part_mouth(
    source: Lens,
    moved: Lens,
    skull: np.ndarray,
    jaw: np.ndarray,
    split: float,
    feather: float,
    size: tuple[int, int],
) -> Opening | None:
    """Map the inside of a mouth from a source that shows it: upper teeth move with the skull, the rest with the jaw.

    The gap between the rows of teeth is stretched, so that nothing tears. Where the lips uncover a little more than the
    source shows, its last row is repeated; further away it counts as unseen.

    Args:
        split: position of that gap in the source, from its upper lip (0) to its lower lip (1).
        source, moved, skull, jaw, feather, size: as in :func:`map_mouth`, with ``source`` for ``target``.
    """
    if source.gap <= SHUT_MOUTH:
        return map_mouth(source, moved, skull, jaw, feather, size)
    grid = _window(moved, 3 * feather, size)
    if grid is None or moved.gap <= 0:
        return None
    x, y = grid
    # In the source's opening: where each pixel lies if it moves with the skull (u, v), and with the jaw (low).
    (u, v), (_, low) = (_map_by_bone(bone, source, x, y) for bone in (skull, jaw))
    # If the lips uncover much more than the source shows, its inside moves with them.
    top, bottom = (_measure_uncovered(bone, source, moved, lip) for lip, bone in enumerate((skull, jaw)))
    v, low = v + top, low - bottom
    width = 2 * source.half
    inside = np.clip(u, -CORNER, CORNER)
    upper, lower = source.bounds(inside)
    drop = v - low
    # The stretched gap between the rows is larger if the jaw rises.
    middle, half_gap = upper + (lower - upper) * split, np.maximum(STRETCHED * (lower - upper), -drop)
    above, below = middle - half_gap, middle + half_gap
    between = above + (v - above) * 2 * half_gap / np.maximum(2 * half_gap + drop, 1e-6)
    from_v = np.where(v <= above, v, np.where(low >= below, low, between))
    # How far the nearer row would have to be repeated to cover what is stretched.
    torn = np.minimum(v - above, below - low) * (1 - 2 * half_gap / np.maximum(2 * half_gap + drop, 1e-6))
    rim = np.minimum(feather, (lower - upper) / 4)
    clamped = np.clip(from_v, upper + rim, np.maximum(lower - rim, upper + rim))
    beyond = (np.hypot((u - inside) * source.half, clamped - from_v) + np.maximum(torn, 0)) / width
    seen = 1 - np.clip((beyond - REPEATED) / REPEATED, 0, 1)
    from_x, from_y = source.pixels(inside, clamped)
    inside_map = OpeningMap(np.stack([from_x - x, from_y - y], -1), seen)
    at, across = moved.coordinates(x, y)
    first, last = moved.bounds(at)
    down = np.clip((across - first) / np.maximum(last - first, 1e-6), 0, 1)
    shade = down**1.5 * np.sqrt(np.clip(1 - at**2, 0, 1))
    return Opening(int(x[0, 0]), int(y[0, 0]), moved.coverage(x, y, feather), (inside_map,), shade)


def _map_by_bone(bone: np.ndarray, source: Lens, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Map pixels by a bone's affine map (2, 3) and return (u, v) in the source's opening."""
    return source.coordinates(
        bone[0, 0] * x + bone[0, 1] * y + bone[0, 2], bone[1, 0] * x + bone[1, 1] * y + bone[1, 2]
    )


def _measure_uncovered(bone: np.ndarray, source: Lens, moved: Lens, lip: int) -> float:
    """Return by how many pixels the upper (0) or lower (1) lip uncovers more than ``REPEATED``, relative to a bone."""
    u = np.linspace(-0.7, 0.7, 15)
    from_u, from_v = _map_by_bone(bone, source, *moved.pixels(u, moved.bounds(u)[lip]))
    own = source.bounds(from_u)[lip]
    beyond = float(np.mean(own - from_v if lip == 0 else from_v - own))
    return max(beyond - REPEATED * 2 * source.half, 0.0)


def _interior(
    target: Lens, x: np.ndarray, y: np.ndarray, affine: np.ndarray, feather: float, *, below_teeth: bool
) -> OpeningMap:
    """Return what the target shows of the mouth's inside, moved by one bone."""
    from_x = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]
    from_y = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]
    u, v = target.coordinates(from_x, from_y)
    upper, _ = target.bounds(u)
    deep = np.clip(0.5 + (v - upper - TEETH * 2 * target.half) / (2 * feather), 0, 1)
    # Half a feather inside the lips, so that no lip is sampled as a tooth.
    seen = np.clip(2 * target.coverage(from_x, from_y, 2 * feather) - 1, 0, 1)
    seen = seen * (deep if below_teeth else 1 - deep)
    return OpeningMap(np.stack([from_x - x, from_y - y], -1), seen)


def _window(lens: Lens, margin: float, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
    left, top, right, bottom = lens.box(margin)
    left, top = max(int(np.floor(left)), 0), max(int(np.floor(top)), 0)
    right, bottom = min(int(np.ceil(right)) + 1, size[0]), min(int(np.ceil(bottom)) + 1, size[1])
    if right <= left or bottom <= top:
        return None
    return pixel_places(left, top, right - left, bottom - top)
