"""Make pairs for the repair network with the warp that renders use: a target carried to a pose, and the truth there.

A *reverse-warp pair* needs one photograph only, of an open mouth. The photograph is the truth. The *pseudo-target* is
the same photograph with the inside of the mouth removed and the mouth shut by the warp; it is carried back to the
photograph's own mesh, where the network has to paint what is missing. The inside is removed first because shutting
alone leaves a line of squashed teeth, which the way back stretches into teeth again: the network would learn to copy.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from ofx_reenact.compose.carry import Carried
from ofx_reenact.compose.composite import INSIDE_LIGHT
from ofx_reenact.fdgan.window import Window
from ofx_reenact.shot.make_frame import make_frame
from ofx_reenact.shot.motion import pose_of_mesh
from ofx_reenact.shot.mouth_painter import window_maps
from ofx_reenact.shot.person import Face
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.landmarks import LIPS_INNER, LIPS_OUTER, MESH68
from ofx_reenact.tracking.rigid import Similarity, head_pose
from ofx_reenact.tracking.surface import FACE_POINTS, spread
from ofx_reenact.warp.openings import SHUT_MOUTH, lenses

# The tracked edge of the lips is a little off: this much of the lips is removed with the inside, in centimetres.
RIM = 0.12
# A pseudo-target keeps its mouth partly open with this probability, by up to this fraction of the gap.
PARTLY_OPEN, MOST_OPEN = 0.25, 0.5
# The jaw is dropped further if the gap between the lips is at least this, in widths of the mouth: teeth show then. How
# far it drops, in centimetres.
SHOWS_TEETH = 0.1
DROP = (0.2, 1.9)
# Range of the tongue's greatest brightness, as a fraction of the lips' colour.
TONGUE = (0.2, 0.55)
# Head turn between pseudo-target and truth, degrees (standard deviation).
TURN = 3.0
_UPPER, _LOWER = (np.array(half[1:-1]) for half in LIPS_INNER)
_CORNERS = (LIPS_INNER[0][0], LIPS_INNER[0][-1])
# Points of the outer lips, which move with the inner ones above or below them.
_OUTER_UPPER, _OUTER_LOWER = (np.array(half[1:-1]) for half in LIPS_OUTER)
_JAW = np.array(MESH68[4:13])
_FIXED = np.array([*MESH68[:3], *MESH68[14:17], *MESH68[17:48]])
# The fraction of the chin's motion that each point of the jaw line takes: all at the chin, little at the jaw's angles.
_JAW_WEIGHTS = np.array([0.15, 0.4, 0.75, 0.95, 1.0, 0.95, 0.75, 0.4, 0.15])


@dataclass(frozen=True)
class Pair:
    """One pair, cropped to the mouth's window (h, w); pictures are display-encoded in [0, 1].

    Attributes:
        finer: how many times finer the window is than the coarsest, one of FINER.
        target: (h, w, 3) the target, in the window of its own pose.
        target_landmarks: (68, 2) its landmarks, pixels of that window.
        warped: (h, w, 3) the target carried to the truth's mesh.
        truth: (h, w, 3) what it should look like there.
        landmarks: (68, 2) the truth's landmarks, pixels of the window.
        maps: (h, w, 3) in [0, 1]: visibility, stretch (0.5 is none), the opening of the mouth.
    """

    finer: int
    target: np.ndarray
    target_landmarks: np.ndarray
    warped: np.ndarray
    truth: np.ndarray
    landmarks: np.ndarray
    maps: np.ndarray


def openness(mesh: np.ndarray) -> float:
    """Return the largest gap between the lips of a mesh (478, 3), in widths of the mouth."""
    return lenses(mesh)["mouth"].gap


def make_reverse_pairs(
    photograph: np.ndarray,
    mesh: np.ndarray,
    rng: np.random.Generator,
    finer: Sequence[int] = (1,),
    *,
    drop: bool = True,
) -> tuple[list[Pair], list[Pair]]:
    """Make reverse-warp pairs of a photograph: as it is, and with its jaw dropped further by the warp.

    Photographs mostly show smiles, and speech opens mouths further. A network that has only seen smiles fills every
    opening with teeth from lip to lip. With the jaw dropped, the truth has the photograph's upper teeth and lips, and
    below the teeth the dark inside that the warp makes, with a tongue.

    Args:
        photograph: (H, W, 3) float32 in [0, 1], display-encoded.
        mesh: (478, 3) of its face, pixels.
        rng: random generator: how the mouth is shut, the head turned and the jaw dropped.
        finer: the windows, values of FINER.
        drop: make the pairs with the jaw dropped as well.

    Returns:
        Pairs of both kinds, one for each window; none if the mouth is shut or the face leaves the picture.
    """
    gap = openness(mesh)
    pseudo = make_pseudo_target(photograph, mesh, rng) if gap >= SHUT_MOUTH else None
    if pseudo is None:
        return [], []
    plain = make_pairs(*pseudo, photograph, mesh, finer)
    if not drop or gap < SHOWS_TEETH:
        return plain, []
    head = head_pose(mesh)
    moved = head.invert(mesh)
    moved[:FACE_POINTS] += draw_opening_motion(moved, rng)
    dropped = head.apply(moved)
    view = view_of(photograph, mesh)
    frame = make_frame(view, pose_of_mesh(view, dropped, head, shading=0.0))
    if frame.carried is None:
        return plain, []
    truth = add_tongue(frame.colour, frame.carried, view.carrier.lips, rng.uniform(*TONGUE))
    return plain, make_pairs(*pseudo, truth, dropped, finer)


def make_pairs(
    target: np.ndarray, target_mesh: np.ndarray, truth: np.ndarray, mesh: np.ndarray, finer: Sequence[int] = (1,)
) -> list[Pair]:
    """Carry a target to the truth's mesh and crop both to the mouth: one pair for each window of ``finer``.

    Pictures (H, W, 3) are display-encoded in [0, 1], meshes (478, 3) in pixels. There are no pairs if
    nothing moves or the face leaves the picture.
    """
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
    """Return the view of a display-encoded picture (H, W, 3) and the mesh (478, 3) of its face, pixels."""
    # It is rendered with shading 0: shading works on scene-linear light, and this picture is display-encoded.
    return View(picture, Face(mesh, (picture.shape[1], picture.shape[0]), "mesh"))


def make_pseudo_target(
    photograph: np.ndarray, mesh: np.ndarray, rng: np.random.Generator, degrees: float = TURN
) -> tuple[np.ndarray, np.ndarray] | None:
    """Shut the mouth of a photograph and turn the head a little: returns the picture and its mesh.

    ``degrees`` is the standard deviation of the turn. Returns None if nothing moves or the face leaves the picture.
    """
    head = head_pose(mesh)
    frontal = head.invert(mesh)
    open_fraction = rng.uniform(0, MOST_OPEN) if rng.random() < PARTLY_OPEN else 0.0
    shift = draw_closing_motion(frontal, open_fraction, rng)
    turn = Rotation.from_euler("xyz", rng.normal(0, [degrees, degrees, degrees / 2]), degrees=True).as_matrix()
    turned = Similarity(turn @ head.rotation, head.scale, head.translation)
    moved = frontal.copy()
    moved[:FACE_POINTS] += shift
    shut = turned.apply(moved)
    clean = photograph if open_fraction else remove_inside(photograph, mesh, RIM * head.scale)
    view = view_of(clean, mesh)
    frame = make_frame(view, pose_of_mesh(view, shut, turned, shading=0.0))
    if frame.carried is None:
        return None
    return (frame.colour if open_fraction else draw_lip_line(frame.colour, shut, head.scale, rng)), shut


def draw_closing_motion(frontal: np.ndarray, open_fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Draw how the mesh moves when the mouth shuts: frontal displacements (468, 3), canonical units.

    The lips meet nearer to the upper one. The corners come inward, and a wide open mouth takes the chin along.

    Args:
        frontal: mesh (478, 3) without the head's pose, canonical units.
        open_fraction: fraction of the gap that stays open.
        rng: random generator.
    """
    gap = np.maximum(frontal[_LOWER, 1] - frontal[_UPPER, 1], 0)
    move = np.where(open_fraction > 0, gap * (1 - open_fraction), gap + 0.02)
    upper = rng.uniform(0.1, 0.35)
    jaw = np.clip((gap.max() - 0.5) / 1.5, 0, 1) * rng.uniform(0.6, 1.0) * (1 - upper) * move.max()
    return mouth_motion(frontal, upper * move, -(1 - upper) * move, -jaw, rng.uniform(0, 0.16), rng.normal(0, 0.12))


def draw_opening_motion(frontal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw how the mesh moves when the jaw drops in speech: frontal displacements (468, 3), canonical units."""
    left, right = frontal[list(_CORNERS), 0]
    across = (frontal[_LOWER, 0] - left) / max(right - left, 1e-6) * 2 - 1
    drop = rng.uniform(*DROP)
    bow = np.clip(1 - across**2, 0, 1) ** rng.uniform(0.5, 1.0)
    return mouth_motion(frontal, 0 * bow, drop * bow, 0.9 * drop, rng.uniform(0, 0.35), rng.normal(0, 0.08))


def mouth_motion(
    frontal: np.ndarray, upper: np.ndarray, lower: np.ndarray, jaw: float, narrower: float, corners: float
) -> np.ndarray:
    """Compute how the face moves with the mouth: frontal displacements (468, 3), continued by a spline.

    Nose and eyes do not move. All in canonical units.

    Args:
        frontal: mesh (478, 3) without the head's pose.
        upper, lower: (9,) how far the points of the lips between the corners move down.
        jaw: how far the chin moves down.
        narrower: how far each corner comes inward, as a fraction of the mouth's half width.
        corners: how far the corners move down.
    """
    left, right = frontal[list(_CORNERS), 0]
    inward = narrower * (right - left) / 2
    points = np.concatenate([_UPPER, _LOWER, _OUTER_UPPER, _OUTER_LOWER, _CORNERS, _JAW, _FIXED])
    values = np.zeros((len(points), 3))
    values[:, 1] = np.concatenate([
        upper, lower, 0.9 * upper, 0.95 * lower, [corners, corners], jaw * _JAW_WEIGHTS, np.zeros(len(_FIXED)),
    ])  # fmt: skip
    # Points between the corners come inward in proportion.
    lips = slice(0, 4 * len(_UPPER) + 2)
    values[lips, 0] = (1 - 2 * np.clip((frontal[points[lips], 0] - left) / max(right - left, 1e-6), 0, 1)) * inward
    unique, first = np.unique(points, return_index=True)
    return spread(tuple(int(p) for p in unique)) @ values[first]


def mouth_mask(mesh: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Draw the opening between the inner lips of a mesh (478, 2 or more): (H, W) = ``size``, uint8, 0 or 1."""
    contour = np.concatenate([mesh[list(LIPS_INNER[0]), :2], mesh[list(LIPS_INNER[1][-2:0:-1]), :2]])
    inside = np.zeros(size, np.uint8)
    return np.asarray(cv2.fillPoly(inside, [np.round(contour * 16).astype(np.int32)], 1, shift=4))


def remove_inside(photograph: np.ndarray, mesh: np.ndarray, rim: float) -> np.ndarray:
    """Fill the mouth's opening, and ``rim`` pixels of the lips' edges, with the lips' colour by inpainting."""
    inside = mouth_mask(mesh, photograph.shape[:2]) * 255
    width = 2 * max(round(rim), 1) + 1
    inside = cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
    whole = np.round(photograph * 255).astype(np.uint8)
    filled = cv2.inpaint(whole, inside, max(rim, 2.0), cv2.INPAINT_TELEA).astype(np.float32) / 255
    soft = cv2.GaussianBlur(inside.astype(np.float32) / 255, (0, 0), 0.7)[..., None]
    return photograph + (filled - photograph) * soft


def draw_lip_line(picture: np.ndarray, mesh: np.ndarray, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Return a copy of a picture with the soft dark line where shut lips meet.

    Args:
        picture: (H, W, 3) display-encoded.
        mesh: (478, 3) with the mouth shut, pixels.
        scale: pixels in a canonical unit.
        rng: random generator: how dark and how wide the line is.
    """
    line = np.stack([mesh[list(half), :2] for half in LIPS_INNER]).mean(0)
    reach = int(0.6 * scale) + 2
    low = np.maximum(np.floor(line.min(0)).astype(int) - reach, 0)
    high = np.minimum(np.ceil(line.max(0)).astype(int) + reach, (picture.shape[1], picture.shape[0]))
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(np.float64)
    nearest = np.full(x.shape, np.inf)
    for first, last in itertools.pairwise(line):
        along = last - first
        position = np.clip(((x - first[0]) * along[0] + (y - first[1]) * along[1]) / max(along @ along, 1e-9), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - first[0] - position * along[0], y - first[1] - position * along[1]))
    wide = rng.uniform(0.5, 1.0) * 0.09 * scale
    dark = rng.uniform(0.3, 0.65) * np.exp(-((nearest / wide) ** 2)) + rng.uniform(0, 0.15) * np.exp(
        -((nearest / (3 * wide)) ** 2)
    )
    result = picture.copy()
    result[low[1] : high[1], low[0] : high[0]] *= (1 - np.minimum(dark, 0.9))[..., None].astype(np.float32)
    return result


def add_tongue(picture: np.ndarray, carried: Carried, lips: np.ndarray, light: float) -> np.ndarray:
    """Return a copy of a picture with a tongue: the empty inside of the mouth brightens towards its lower side.

    ``light`` is its greatest brightness as a fraction of the lips' colour ``lips`` (3,).
    """
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
