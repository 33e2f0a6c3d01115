"""What can be written of a frame, once: adding a layer is adding an entry to :data:`LAYERS`.

Nothing heavy is imported before a layer is computed: interfaces start with the names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

# Rounds of the search for where a point goes; each makes what is left of the error smaller by the maps' slope.
_ROUNDS = 12
# What the layers of cast members' own mattes begin with.
_MEMBER = "matte_"
# What may be left of the error, pixels.
_CONVERGED = 0.5


@dataclass(frozen=True)
class Moment:
    """A frame among its neighbours.

    Attributes:
        frame: a :class:`~ofx_reenact.shot.frame.Frame`.
        plate: the target's :class:`~ofx_reenact.frames.plate.Plate`.
        near: returns the frame so many frames away, with maps only, or None where the performance has none.
        flow: returns how far each pixel moves to the next frame, (H, W, 2) pixels, y down, where the target moves
            itself; None for a still.
        occlusion: estimates what lies before the face in the plate, (H, W) in [0, 1]; None finds nothing.
        shape_matte: changes the edge of the matte that is written, (H, W) in [0, 1]; None leaves it.
    """

    frame: Any
    plate: Any
    near: Callable[[int], Any]
    flow: Callable[[], np.ndarray] | None = None
    occlusion: Callable[[], np.ndarray] | None = None
    shape_matte: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True)
class Layer:
    """One layer of a frame's file.

    Attributes:
        name: as in ``--layers``.
        channels: of a plate, in order.
        depth: ``half``, ``float``, or ``colour`` for the depth of the colour channels.
        values: computes the channels, each (H, W).
    """

    name: str
    channels: Callable[[Any], tuple[str, ...]]
    depth: str
    values: Callable[[Moment], tuple[np.ndarray, ...]]


def compute_stmap(moment: Moment) -> tuple[np.ndarray, np.ndarray]:
    """Compute positions as Nuke's STMap node reads them: u from left to right, v from the bottom up, 0 to 1."""
    display, data, stmap = moment.plate.display_window, moment.plate.data_window, moment.frame.stmap
    x, y = stmap[..., 0] + data.x, stmap[..., 1] + data.y
    return to_nuke(x, y, display.width, display.height, display.x, display.y)


def to_nuke(
    x: np.ndarray, y: np.ndarray, width: int, height: int, left: int = 0, top: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Turn pixel positions into STMap values of a display window of that size whose first pixel is (left, top).

    0 and 1 lie at the window's edges, so pixel centres at (i + 0.5) / size.
    """
    return (x - left + 0.5) / width, 1 - (y - top + 0.5) / height


def compute_motion(moment: Moment) -> tuple[np.ndarray, np.ndarray]:
    """Compute motion to the next frame in pixels, to the right and up, as Nuke's VectorBlur reads it.

    The last frame of a performance goes on as it came. What is not carried, the inside of a mouth that is painted,
    moves with the skin that closes over it. Of a target that moves itself, only the motion of the head is known; where
    mattes keep it there is none, nor in a black frame.
    """
    import numpy as np

    if moment.frame.black:
        nothing = np.zeros(moment.frame.colour.shape[:2], np.float32)
        return nothing, nothing
    if moment.flow is not None:
        flow = moment.flow() * (1 if moment.frame.kept is None else 1 - moment.frame.kept[..., None])
        return flow[..., 0], -flow[..., 1]
    following = moment.near(1)
    if following is not None:
        x, y = _displace(moment.frame.stmap, following.stmap)
        return x, -y
    previous = moment.near(-1)
    x, y = _displace(moment.frame.stmap, (previous or moment.frame).stmap)
    return -x, y


def _displace(here: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find how far each pixel's content lies from it in another frame: x, y (H, W) float32, pixels, y down.

    Args:
        here: (H, W, 2) position in the target of each pixel's content.
        there: the same of the other frame.

    The content that lies at p here lies at p + d there where ``there(p + d) = here(p)``. As maps of faces are close to
    the identity, ``d = offset_here(p) - offset_there(p + d)`` is solved by putting in what it gives.
    """
    import cv2
    import numpy as np

    height, width = here.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    own, other = here - np.dstack([x, y]), there - np.dstack([x, y])
    found = own - other
    rows, columns = np.nonzero(found.any(-1) | own.any(-1) | other.any(-1))
    if not len(rows):
        return found[..., 0], found[..., 1]
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    moved = found[box]
    for _ in range(_ROUNDS):
        at_x, at_y = x[box] + moved[..., 0], y[box] + moved[..., 1]
        moved = own[box] - cv2.remap(other, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Around openings the maps jump, and a search may end nowhere: there the plain difference stands.
    at_x, at_y = x[box] + moved[..., 0], y[box] + moved[..., 1]
    left = own[box] - cv2.remap(other, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) - moved
    found[box] = np.where(np.abs(left).max(-1, keepdims=True) < _CONVERGED, moved, found[box])
    return found[..., 0], found[..., 1]


def _matte(moment: Moment) -> tuple[np.ndarray, ...]:
    return (_shaped(moment, moment.frame.matte),)


def _shaped(moment: Moment, matte: np.ndarray) -> np.ndarray:
    return matte if moment.shape_matte is None else moment.shape_matte(matte)


def _occlusion(moment: Moment) -> tuple[np.ndarray, ...]:
    import numpy as np

    if moment.occlusion is None:
        return (np.zeros(moment.frame.colour.shape[:2], np.float32),)
    return (moment.occlusion(),)


def _colour(moment: Moment) -> tuple[np.ndarray, ...]:
    colour = moment.frame.colour
    return tuple(colour[..., i] for i in range(colour.shape[2]))


LAYERS = {
    layer.name: layer
    for layer in (
        Layer("rgba", lambda plate: plate.channels, "colour", _colour),
        Layer("stmap", lambda plate: ("stmap.u", "stmap.v"), "float", compute_stmap),
        Layer("motion", lambda plate: ("motion.u", "motion.v"), "float", compute_motion),
        Layer("matte", lambda plate: ("matte",), "half", _matte),
        Layer("shading", lambda plate: ("shading",), "half", lambda moment: (moment.frame.shading,)),
        Layer("parts", lambda plate: ("parts",), "half", lambda moment: (moment.frame.parts,)),
        Layer("occlusion", lambda plate: ("occlusion",), "half", _occlusion),
        Layer("confidence", lambda plate: ("confidence",), "half", lambda moment: (moment.frame.confidence,)),
    )
}


def matte_of(member: str) -> str:
    """Return the channel of a cast member's own matte, which comes with the layer ``matte``."""
    return f"{_MEMBER}{member}.A"


def is_made(channel: str) -> bool:
    """Whether a render makes a channel; others are the plate's, written back as they were."""
    layer = channel.partition(".")[0]
    return channel in ("R", "G", "B", "A") or layer in LAYERS or layer.startswith(_MEMBER)


def formats_of(
    names: Iterable[str], plate: Any, depth: str = "auto", members: Iterable[str] = ()
) -> dict[str, str]:
    """Return the channels of the layers of these names, in their order, each with its type, ``half`` or ``float``.

    Args:
        names: of layers.
        plate: the target's.
        depth: of the colour channels; ``auto`` is the plate's.
        members: names of a cast's members, each of which has a matte of its own beside that of all.
    """
    if depth == "auto":
        depth = "float" if plate.depth == "float" else "half"
    asked = set(names)
    wanted = [layer for name, layer in LAYERS.items() if name in asked]
    formats = {
        channel: depth if layer.depth == "colour" else layer.depth
        for layer in wanted
        for channel in layer.channels(plate)
    }
    own = {matte_of(member): LAYERS["matte"].depth for member in members} if "matte" in asked else {}
    return formats | own


def channels_of(names: Iterable[str], moment: Moment) -> dict[str, np.ndarray]:
    """Compute the channels of the layers of these names: channel → (H, W)."""
    channels: dict[str, np.ndarray] = {}
    for layer in (layer for name, layer in LAYERS.items() if name in set(names)):
        channels |= dict(zip(layer.channels(moment.plate), layer.values(moment), strict=True))
        if layer.name == "matte":
            channels |= {
                matte_of(member): _shaped(moment, matte) for member, matte in moment.frame.mattes.items()
            }
    return channels
