"""Eyes and mouth as layers behind the skin.

Skin ends at lids and lips. What lies in the opening has a map of its own: an eyeball turns in its socket and
is covered by lids that slide over it; teeth that the target shows move with skull or jaw, never with lips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ofx_reenact.ramps import smooth_step
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT, LIPS_INNER, Contour
from ofx_reenact.warp.lens import Lens, pixel_places

# Openings narrower than this share of their width show nothing that could be carried.
SHUT_EYE = 0.10
SHUT_MOUTH = 0.05
# Height of the upper teeth below the lip that hides their roots, in widths of the mouth. What lies deeper
# belongs to the jaw.
TEETH = 0.22
# Half the height of what gives way between both rows of teeth, in heights of the opening.
GIVE = 0.06
# Nearer to the corners than this, in halves of the width, an opening shows more lip than inside.
CORNER = 0.88
# How far the last row of an inside that a source shows goes on, in widths of the mouth, before it counts as unseen.
HELD = 0.07
# Feather of an opening's edge, in face heights.
FEATHER = 0.006
# An iris that turns takes the rim of white around it along: the ramp from iris to white, in its radii.
DISC = (1.05, 1.2)
# How far from the middle of the eye an iris's centre may lie, to the side and up or down, in widths of the eye.
FURTHEST = (0.34, 0.2)


@dataclass(frozen=True)
class View:
    """A part of the target seen through an opening: where from, and how surely it is there."""

    offset: np.ndarray  # (h, w, 2) float64 pixels, as in an STMap
    seen: np.ndarray  # (h, w) in [0, 1]; 0 where the target does not show it


@dataclass(frozen=True)
class Opening:
    """One opening in one frame: a window of the picture, its coverage, and what is seen, back to front."""

    left: int  # column of the window's first pixel
    top: int  # its row
    coverage: np.ndarray  # (h, w) in [0, 1]; 1 in the opening, 0 on the skin
    views: tuple[View, ...]  # what the target shows of it; may leave holes, which ``shade`` fills
    shade: np.ndarray | None  # (h, w) darkness profile of an interior that was never seen, 0 to 1; None for eyes
    colour: np.ndarray | None = None  # (h, w, C) what is seen, where it is made of more than one place of the target


@dataclass(frozen=True)
class Iris:
    """An iris in a picture: a disc."""

    centre: np.ndarray  # (2,) pixels
    radius: float  # pixels

    def cover(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How far pixels belong to the disc: 1 on it, 0 beyond, a ramp in the white around it."""
        away = np.hypot(x - self.centre[0], y - self.centre[1]) / self.radius
        return 1 - smooth_step((away - DISC[0]) / (DISC[1] - DISC[0]))


@dataclass(frozen=True)
class Eye:
    """Where in the target an eye that turns has its parts from: a window of the picture, places in pixels."""

    left: int  # column of the window's first pixel
    top: int  # its row
    coverage: np.ndarray  # (h, w) in [0, 1]; 1 in the opening, 0 on the skin
    view: View  # where most of each pixel is from
    white: np.ndarray  # (h, w, 2) of the white, which stays between the corners
    iris: np.ndarray  # (h, w, 2) of the iris
    disc: np.ndarray  # (h, w) in [0, 1]; 1 on the iris
    shadow: tuple[np.ndarray, ...]  # (h, w, 2) of the upper and the lower lid's shadow, which goes with its lid
    glint: tuple[np.ndarray, ...]  # (h, w, 2) of what gleams beside the upper and the lower lid


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


def eye(target: Lens, iris: Iris, moved: Lens, gaze: np.ndarray, feather: float, size: tuple[int, int]) -> Eye | None:
    """Place the eyeball in its opening: the similarity of the eye's corners, and the iris shifted by the gaze.

    None where the target's eye is shut or the opening is outside the picture. ``gaze`` (2,) is the shift of the iris in
    widths of the eye, x along the eye, y down; ``feather`` the softness of the lids' edges in pixels.
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
    # No nearer to a lid than this, so that no skin is taken for its shadow.
    rim = feather / 2
    above, below = moved.bounds(u)
    upper, lower = target.bounds(u)
    hang, rise = upper + np.maximum(v - above, rim) * finer, lower - np.maximum(below - v, rim) * finer
    # What gleams lies on the ball: a lid that falls covers it, one that rises takes its own edge along.
    behind = np.maximum(hang, v * finer), np.minimum(rise, v * finer)
    shadow, glint = (tuple(np.stack(target.pixels(u, at), -1) for at in both) for both in ((hang, rise), behind))
    disc = iris.cover(turned[..., 0], turned[..., 1])
    shown = np.where(disc[..., None] > 0.5, turned, white) - np.stack([x, y], -1)
    view = View(shown, np.ones(x.shape))
    left, top = int(x[0, 0]), int(y[0, 0])
    return Eye(left, top, moved.coverage(x, y, feather), view, white, turned, disc, shadow, glint)


def limit_gaze(lens: Lens, iris: Iris, gaze: np.ndarray) -> np.ndarray:
    """Limit a shift of an iris (2,) in widths of the eye, so that the iris stays within its eye; small ones pass."""
    place = np.array(lens.coordinates(*iris.centre)) / (2, 2 * lens.half)
    room = np.maximum(np.array(FURTHEST) - place * np.sign(gaze), 0.02)
    knee = 0.6 * room
    beyond = np.maximum(np.abs(gaze) - knee, 0) / (room - knee)
    return np.sign(gaze) * (np.minimum(np.abs(gaze), knee) + (room - knee) * np.tanh(beyond))


def mouth(
    target: Lens, moved: Lens, skull: np.ndarray, jaw: np.ndarray, feather: float, size: tuple[int, int]
) -> Opening | None:
    """Fill the inside of the mouth: teeth that the target shows, and darkness where it shows none.

    None where the mouth is shut or outside the picture. ``skull`` and ``jaw`` (2, 3) are affine maps, pixels of the
    result → pixels of the target, of what moves with either; ``feather`` is the softness of the lips' edges in pixels.
    """
    grid = _window(moved, 3 * feather, size)
    if grid is None or moved.gap <= 0:
        return None
    x, y = grid
    u, v = moved.coordinates(x, y)
    upper, lower = moved.bounds(u)
    down = np.clip((v - upper) / np.maximum(lower - upper, 1e-6), 0, 1)
    coverage = moved.coverage(x, y, feather)
    views: tuple[View, ...] = ()
    if target.gap > SHUT_MOUTH:
        bones = ((jaw, True), (skull, False))
        views = tuple(_interior(target, x, y, bone, feather, below_teeth=deep) for bone, deep in bones)
    else:
        # A slit no wider than the shut lips' own shadow stays skin: the target's lip line.
        share = np.clip((moved.gap - target.gap) / SHUT_MOUTH, 0, 1)
        coverage = coverage * share * share * (3 - 2 * share)
    # Deepest behind the upper lip and in the corners, a little light on the tongue below.
    shade = np.clip(down, 0, 1) ** 1.5 * np.sqrt(np.clip(1 - u**2, 0, 1))
    return Opening(int(x[0, 0]), int(y[0, 0]), coverage, views, shade)


def mouth_of_part(
    source: Lens,
    moved: Lens,
    skull: np.ndarray,
    jaw: np.ndarray,
    split: float,
    feather: float,
    size: tuple[int, int],
) -> Opening | None:
    """Fill the inside of a mouth from a source that shows it: upper teeth with the skull, the rest with the jaw.

    What lies between both rows of teeth is stretched, so that none float and nothing tears. ``split`` says where that
    is in the source, from its upper lip (0) to its lower lip (1). Lips that uncover a little more than the source shows
    have its last row go on; beyond, nothing was seen. The other arguments are those of :func:`mouth`.
    """
    if source.gap <= SHUT_MOUTH:
        return mouth(source, moved, skull, jaw, feather, size)
    grid = _window(moved, 3 * feather, size)
    if grid is None or moved.gap <= 0:
        return None
    x, y = grid
    (u, v), (_, low) = (_through(bone, source, x, y) for bone in (skull, jaw))
    # Lips that uncover much more than the source shows take its inside with them.
    top, bottom = (_uncovered(bone, source, moved, lip) for lip, bone in enumerate((skull, jaw)))
    v, low = v + top, low - bottom
    width = 2 * source.half
    inside = np.clip(u, -CORNER, CORNER)
    upper, lower = source.bounds(inside)
    falls = v - low
    # Between the rows: what gives way. A jaw that rises needs the more of it.
    middle, give = upper + (lower - upper) * split, np.maximum(GIVE * (lower - upper), -falls)
    above, below = middle - give, middle + give
    between = above + (v - above) * 2 * give / np.maximum(2 * give + falls, 1e-6)
    from_v = np.where(v <= above, v, np.where(low >= below, low, between))
    # How far the nearer row would have to go on to cover what is stretched.
    torn = np.minimum(v - above, below - low) * (1 - 2 * give / np.maximum(2 * give + falls, 1e-6))
    rim = np.minimum(feather, (lower - upper) / 4)
    held = np.clip(from_v, upper + rim, np.maximum(lower - rim, upper + rim))
    beyond = (np.hypot((u - inside) * source.half, held - from_v) + np.maximum(torn, 0)) / width
    seen = 1 - np.clip((beyond - HELD) / HELD, 0, 1)
    from_x, from_y = source.pixels(inside, held)
    view = View(np.stack([from_x - x, from_y - y], -1), seen)
    at, across = moved.coordinates(x, y)
    first, last = moved.bounds(at)
    down = np.clip((across - first) / np.maximum(last - first, 1e-6), 0, 1)
    shade = down**1.5 * np.sqrt(np.clip(1 - at**2, 0, 1))
    return Opening(int(x[0, 0]), int(y[0, 0]), moved.coverage(x, y, feather), (view,), shade)


def _through(bone: np.ndarray, source: Lens, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (u, v) in a source's opening of pixels that a bone's affine map (2, 3) takes to it."""
    return source.coordinates(
        bone[0, 0] * x + bone[0, 1] * y + bone[0, 2], bone[1, 0] * x + bone[1, 1] * y + bone[1, 2]
    )


def _uncovered(bone: np.ndarray, source: Lens, moved: Lens, lip: int) -> float:
    """Measure how much further than may be held the upper (0) or lower (1) lip is from where a bone has it, pixels."""
    u = np.linspace(-0.7, 0.7, 15)
    from_u, from_v = _through(bone, source, *moved.pixels(u, moved.bounds(u)[lip]))
    own = source.bounds(from_u)[lip]
    beyond = float(np.mean(own - from_v if lip == 0 else from_v - own))
    return max(beyond - HELD * 2 * source.half, 0.0)


def _interior(
    target: Lens, x: np.ndarray, y: np.ndarray, affine: np.ndarray, feather: float, *, below_teeth: bool
) -> View:
    """What the target shows of the mouth's inside, carried by one bone."""
    from_x = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]
    from_y = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]
    u, v = target.coordinates(from_x, from_y)
    upper, _ = target.bounds(u)
    deep = np.clip(0.5 + (v - upper - TEETH * 2 * target.half) / (2 * feather), 0, 1)
    # Half a feather inside the lips, so that no lip is taken for a tooth.
    seen = np.clip(2 * target.coverage(from_x, from_y, 2 * feather) - 1, 0, 1)
    seen = seen * (deep if below_teeth else 1 - deep)
    return View(np.stack([from_x - x, from_y - y], -1), seen)


def _window(lens: Lens, margin: float, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
    left, top, right, bottom = lens.box(margin)
    left, top = max(int(np.floor(left)), 0), max(int(np.floor(top)), 0)
    right, bottom = min(int(np.ceil(right)) + 1, size[0]), min(int(np.ceil(bottom)) + 1, size[1])
    if right <= left or bottom <= top:
        return None
    return pixel_places(left, top, right - left, bottom - top)
