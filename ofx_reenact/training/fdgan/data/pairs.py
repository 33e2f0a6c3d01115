"""Reverse-warp pairs: one photograph of an open mouth becomes a pair.

The photograph is the truth. Its *pseudo-target* is the same photograph with the mouth shut by the warp, the inside
taken out first: closing by warping alone leaves a line of squashed teeth that the way back stretches into teeth again,
and a network learns to cheat. The very code that renders frames then carries the pseudo-target back to the
photograph's own mesh; what is missing there is what the network has to paint. So there is no gap between training and
use.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from ofx_reenact.compose.carry import Carried
from ofx_reenact.compose.picture import INSIDE_LIGHT
from ofx_reenact.fdgan.window import Window
from ofx_reenact.shot.make import make_frame
from ofx_reenact.shot.motion import pose_of_mesh
from ofx_reenact.shot.mouth import window_maps
from ofx_reenact.shot.person import Face
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.landmarks import LIPS_INNER, LIPS_OUTER, MESH68
from ofx_reenact.tracking.rigid import Similarity, head_pose
from ofx_reenact.tracking.surface import FACE_POINTS, spread
from ofx_reenact.warp.openings import SHUT_MOUTH, lenses

# Lips that are blurred into teeth by an edge a little off the tracked one: taken out with them, in centimetres.
RIM = 0.12
# Share of a mouth that is left open, and how often the pseudo-target keeps some of it.
KEPT_OPEN, OFTEN_KEPT = 0.5, 0.25
# A mouth that shows enough of its teeth to be opened further, in widths; how far the jaw drops, in centimetres.
SHOWN = 0.1
DROP = (0.2, 1.9)
# How bright the tongue is at most, of the lips' own colour.
TONGUE = (0.2, 0.55)
# Head turn between pseudo-target and truth, degrees (standard deviation).
TURN = 3.0
_UPPER, _LOWER = (np.array(half[1:-1]) for half in LIPS_INNER)
_CORNERS = (LIPS_INNER[0][0], LIPS_INNER[0][-1])
# Outer lips move with the inner ones above or below them.
_OUTER_UPPER, _OUTER_LOWER = (np.array(half[1:-1]) for half in LIPS_OUTER)
_JAW = np.array(MESH68[4:13])
_STILL = np.array([*MESH68[:3], *MESH68[14:17], *MESH68[17:48]])
# The chin goes all the way of the jaw, its angles hardly.
_JAW_SHARE = np.array([0.15, 0.4, 0.75, 0.95, 1.0, 0.95, 0.75, 0.4, 0.15])


@dataclass(frozen=True)
class Pair:
    """One pair, seen through the mouth's window (h, w).

    Attributes:
        finer: how much finer the window is, one of FINER.
        target: (h, w, 3) the target, through the window of its own pose.
        target_landmarks: (68, 2) its landmarks in that window.
        warped: (h, w, 3) the target carried to the truth's mesh.
        truth: (h, w, 3) the photograph.
        landmarks: (68, 2) the truth's landmarks in the window.
        maps: (h, w, 3) in [0, 1]: visibility, stretch (0.5 is none), the mouth's opening.
    """

    finer: int
    target: np.ndarray
    target_landmarks: np.ndarray
    warped: np.ndarray
    truth: np.ndarray
    landmarks: np.ndarray
    maps: np.ndarray


def openness(mesh: np.ndarray) -> float:
    """Largest gap between the lips of a mesh (478, 3) in pixels, in widths of the mouth."""
    return lenses(mesh)["mouth"].gap


def speech_pairs(
    photograph: np.ndarray,
    mesh: np.ndarray,
    rng: np.random.Generator,
    finer: Sequence[int] = (1,),
    *,
    drop: bool = True,
) -> tuple[list[Pair], list[Pair]]:
    """Make pairs of a photograph: as it is, and with its jaw dropped further by the warp.

    Photographs show smiles; speech opens mouths further than any of them, and a network that saw smiles alone fills
    each opening with teeth from lip to lip. With the jaw dropped there are upper teeth above and dark below them: the
    truth's teeth and lips are the photograph's; what the jaw uncovers is dark, as the warp makes it.

    Args:
        photograph: (H, W, 3) float32 in [0, 1], display-encoded.
        mesh: its face (478, 3), pixels.
        rng: decides how the mouth is shut, the head turned and the jaw dropped.
        finer: windows to see them through.
        drop: also drop the jaw.

    Returns:
        Pairs of both kinds, one for each window; none where the mouth is not open or the face leaves the picture.
    """
    gap = openness(mesh)
    pseudo = pseudo_target(photograph, mesh, rng) if gap >= SHUT_MOUTH else None
    if pseudo is None:
        return [], []
    plain = pairs_of(*pseudo, photograph, mesh, finer)
    if not drop or gap < SHOWN:
        return plain, []
    head = head_pose(mesh)
    moved = head.invert(mesh)
    moved[:FACE_POINTS] += opening(moved, rng)
    dropped = head.apply(moved)
    view = view_of(photograph, mesh)
    frame = make_frame(view, pose_of_mesh(view, dropped, head, shading=0.0))
    if frame.carried is None:
        return plain, []
    truth = with_tongue(frame.colour, frame.carried, view.carrier.lips, rng.uniform(*TONGUE))
    return plain, pairs_of(*pseudo, truth, dropped, finer)


def pairs_of(
    target: np.ndarray, target_mesh: np.ndarray, truth: np.ndarray, mesh: np.ndarray, finer: Sequence[int] = (1,)
) -> list[Pair]:
    """Carry a target picture to the truth's mesh, and show both through the mouth's windows; none outside of it."""
    view, end = view_of(target, target_mesh), head_pose(mesh)
    frame = make_frame(view, pose_of_mesh(view, mesh, end, shading=0.0))
    if frame.carried is None:
        return []
    made = []
    for step in finer:
        window, own = (Window.of_mouth(view.frontal, head, step) for head in (end, view.head))
        made.append(
            Pair(
                step,
                own.look(target),
                own.points(target_mesh[list(MESH68), :2]),
                window.look(frame.colour),
                window.look(truth),
                window.points(mesh[list(MESH68), :2]),
                window_maps(frame.carried, window, target.shape[:2]),
            )
        )
    return made


def view_of(picture: np.ndarray, mesh: np.ndarray) -> View:
    """Return the view of a display-encoded picture (H, W, 3) whose face has a mesh (478, 3), pixels."""
    # Shading is a matter of scene-linear light.
    return View(picture, Face(mesh, (picture.shape[1], picture.shape[0]), "mesh"))


def pseudo_target(
    photograph: np.ndarray, mesh: np.ndarray, rng: np.random.Generator, degrees: float = TURN
) -> tuple[np.ndarray, np.ndarray] | None:
    """Shut the mouth of a photograph and turn the head by about so many degrees; returns the picture and its mesh."""
    head = head_pose(mesh)
    frontal = head.invert(mesh)
    kept = rng.uniform(0, KEPT_OPEN) if rng.random() < OFTEN_KEPT else 0.0
    shift = closing(frontal, kept, rng)
    turn = Rotation.from_euler("xyz", rng.normal(0, [degrees, degrees, degrees / 2]), degrees=True).as_matrix()
    turned = Similarity(turn @ head.rotation, head.scale, head.translation)
    moved = frontal.copy()
    moved[:FACE_POINTS] += shift
    shut = turned.apply(moved)
    clean = photograph if kept else without_inside(photograph, mesh, RIM * head.scale)
    view = view_of(clean, mesh)
    frame = make_frame(view, pose_of_mesh(view, shut, turned, shading=0.0))
    if frame.carried is None:
        return None
    return (frame.colour if kept else with_lip_line(frame.colour, shut, head.scale, rng)), shut


def closing(frontal: np.ndarray, kept: float, rng: np.random.Generator) -> np.ndarray:
    """How a mouth's mesh moves when it shuts: frontal displacements (468, 3).

    Lips meet nearer to the upper one; a mouth that is wide open takes the chin along, one that smiles its corners.

    Args:
        frontal: mesh (478, 3), canonical units.
        kept: share of the gap that stays open.
        rng: random generator.
    """
    gap = np.maximum(frontal[_LOWER, 1] - frontal[_UPPER, 1], 0)
    move = np.where(kept > 0, gap * (1 - kept), gap + 0.02)
    upper = rng.uniform(0.1, 0.35)
    jaw = np.clip((gap.max() - 0.5) / 1.5, 0, 1) * rng.uniform(0.6, 1.0) * (1 - upper) * move.max()
    return mouth_motion(frontal, upper * move, -(1 - upper) * move, -jaw, rng.uniform(0, 0.16), rng.normal(0, 0.12))


def opening(frontal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How a mouth's mesh moves when the jaw drops, as in speech: frontal displacements (468, 3)."""
    left, right = frontal[list(_CORNERS), 0]
    across = (frontal[_LOWER, 0] - left) / max(right - left, 1e-6) * 2 - 1
    drop = rng.uniform(*DROP)
    bow = np.clip(1 - across**2, 0, 1) ** rng.uniform(0.5, 1.0)
    return mouth_motion(frontal, 0 * bow, drop * bow, 0.9 * drop, rng.uniform(0, 0.35), rng.normal(0, 0.08))


def mouth_motion(
    frontal: np.ndarray, upper: np.ndarray, lower: np.ndarray, jaw: float, narrower: float, corners: float
) -> np.ndarray:
    """Move a mouth: frontal displacements (468, 3), continued over the face as a spline; nose and eyes stay.

    Args:
        frontal: mesh (478, 3), canonical units.
        upper, lower: (9,) how far the points of the lips between the corners move down.
        jaw: how far the chin moves down.
        narrower: by what share of its half width each corner comes inward.
        corners: how far the corners move down.
    """
    left, right = frontal[list(_CORNERS), 0]
    inward = narrower * (right - left) / 2
    points = np.concatenate([_UPPER, _LOWER, _OUTER_UPPER, _OUTER_LOWER, _CORNERS, _JAW, _STILL])
    values = np.zeros((len(points), 3))
    values[:, 1] = np.concatenate([
        upper, lower, 0.9 * upper, 0.95 * lower, [corners, corners], jaw * _JAW_SHARE, np.zeros(len(_STILL)),
    ])  # fmt: skip
    # Between the corners lips narrow in proportion.
    lips = slice(0, 4 * len(_UPPER) + 2)
    values[lips, 0] = (1 - 2 * np.clip((frontal[points[lips], 0] - left) / max(right - left, 1e-6), 0, 1)) * inward
    unique, first = np.unique(points, return_index=True)
    return spread(tuple(int(p) for p in unique)) @ values[first]


def between_lips(mesh: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """The opening between the inner lips of a mesh (478, 2 or more) in a picture of a size (H, W), uint8 of 0 and 1."""
    contour = np.concatenate([mesh[list(LIPS_INNER[0]), :2], mesh[list(LIPS_INNER[1][-2:0:-1]), :2]])
    inside = np.zeros(size, np.uint8)
    return np.asarray(cv2.fillPoly(inside, [np.round(contour * 16).astype(np.int32)], 1, shift=4))


def without_inside(photograph: np.ndarray, mesh: np.ndarray, rim: float) -> np.ndarray:
    """Take what lies between the lips out, ``rim`` pixels of their edges with it, and let the lips go on inward."""
    inside = between_lips(mesh, photograph.shape[:2]) * 255
    width = 2 * max(round(rim), 1) + 1
    inside = cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
    whole = np.round(photograph * 255).astype(np.uint8)
    filled = cv2.inpaint(whole, inside, max(rim, 2.0), cv2.INPAINT_TELEA).astype(np.float32) / 255
    soft = cv2.GaussianBlur(inside.astype(np.float32) / 255, (0, 0), 0.7)[..., None]
    return photograph + (filled - photograph) * soft


def with_lip_line(picture: np.ndarray, mesh: np.ndarray, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the shadow in which shut lips meet: dark, soft, as real ones have it.

    Args:
        picture: (H, W, 3).
        mesh: of its shut mouth (478, 3), pixels.
        scale: pixels a canonical unit.
        rng: decides how strong and how wide.
    """
    line = np.stack([mesh[list(half), :2] for half in LIPS_INNER]).mean(0)
    reach = int(0.6 * scale) + 2
    low = np.maximum(np.floor(line.min(0)).astype(int) - reach, 0)
    high = np.minimum(np.ceil(line.max(0)).astype(int) + reach, (picture.shape[1], picture.shape[0]))
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(np.float64)
    nearest = np.full(x.shape, np.inf)
    for first, last in itertools.pairwise(line):
        along = last - first
        share = np.clip(((x - first[0]) * along[0] + (y - first[1]) * along[1]) / max(along @ along, 1e-9), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - first[0] - share * along[0], y - first[1] - share * along[1]))
    wide = rng.uniform(0.5, 1.0) * 0.09 * scale
    dark = rng.uniform(0.3, 0.65) * np.exp(-((nearest / wide) ** 2)) + rng.uniform(0, 0.15) * np.exp(
        -((nearest / (3 * wide)) ** 2)
    )
    result = picture.copy()
    result[low[1] : high[1], low[0] : high[0]] *= (1 - np.minimum(dark, 0.9))[..., None].astype(np.float32)
    return result


def with_tongue(picture: np.ndarray, carried: Carried, lips: np.ndarray, light: float) -> np.ndarray:
    """Light the inside of a mouth from below, where nothing was carried: a tongue of that share of the lips' colour."""
    mouth = carried.mouth
    if mouth is None or mouth.shade is None:
        return picture
    glow = np.zeros(picture.shape[:2], np.float32)
    height, width = mouth.shade.shape
    part = (slice(mouth.top, mouth.top + height), slice(mouth.left, mouth.left + width))
    glow[part] = (light - INSIDE_LIGHT) * mouth.shade
    rows, columns = carried.composed.slices
    result = picture.copy()
    result[rows, columns] += (glow[rows, columns] * carried.composed.invented)[..., None] * lips
    return result
