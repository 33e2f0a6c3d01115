"""The layers that can be written of a frame; a new layer is a new entry of :data:`LAYERS`.

Nothing heavy is imported before a layer is computed, as interfaces import this module for the names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

# Iterations of the search for where a point moves to. The less the maps bend there, the faster it converges.
_ITERATIONS = 12
# The search has converged where the error is below this, in pixels.
_CONVERGED = 0.5
# A cast member's own matte is a layer whose name begins with this.
_MEMBER_MATTE = "matte_"


@dataclass(frozen=True)
class FrameContext:
    """A frame and what its layers are computed from.

    Attributes:
        frame: a :class:`~ofx_reenact.shot.frame.Frame`.
        plate: the target's :class:`~ofx_reenact.frames.plate.Plate`.
        near: returns the frame at an offset (1 is the next) with only its maps, or None if the performance has no such
            frame.
        flow: returns each pixel's motion to the next frame, (H, W, 2) pixels, y down, for a target that moves; None
            for a still.
        occlusion: estimates what covers the face in the plate, (H, W) in [0, 1]; None if the layer is 0 everywhere.
        shape_matte: erodes or feathers the matte that is written, (H, W) in [0, 1]; None leaves it unchanged.
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
        name: name in ``--layers``.
        channels: returns the names of the layer's channels for a plate, in order.
        depth: type of the channels: ``half``, ``float``, or ``colour`` for that of the colour channels.
        values: computes the channels in this order, each (H, W).
    """

    name: str
    channels: Callable[[Any], tuple[str, ...]]
    depth: str
    values: Callable[[FrameContext], tuple[np.ndarray, ...]]


def compute_stmap(context: FrameContext) -> tuple[np.ndarray, np.ndarray]:
    """Compute u and v, (H, W) each, as Nuke's STMap node reads them: from 0 to 1, u to the right, v up."""
    display, data, stmap = context.plate.display_window, context.plate.data_window, context.frame.stmap
    x, y = stmap[..., 0] + data.x, stmap[..., 1] + data.y
    return to_nuke(x, y, display.width, display.height, display.x, display.y)


def to_nuke(
    x: np.ndarray, y: np.ndarray, width: int, height: int, left: int = 0, top: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Convert pixel positions to STMap values of a display window of this size whose first pixel is (left, top).

    0 and 1 are the window's edges, so pixel centres are at (i + 0.5) / size.
    """
    return (x - left + 0.5) / width, 1 - (y - top + 0.5) / height


def compute_motion(context: FrameContext) -> tuple[np.ndarray, np.ndarray]:
    """Compute the motion to the next frame, (H, W) pixels to the right and up, as Nuke's VectorBlur reads it.

    The last frame of a performance repeats the motion from the frame before. Pixels that are painted and not warped
    (the inside of a mouth) move with the skin that closes over them. For a target that moves, only the head's motion is
    known. Where mattes keep the target, and in black frames, the motion is 0.
    """
    import numpy as np

    if context.frame.black:
        zero = np.zeros(context.frame.colour.shape[:2], np.float32)
        return zero, zero
    if context.flow is not None:
        flow = context.flow() * (1 if context.frame.plate_matte is None else 1 - context.frame.plate_matte[..., None])
        return flow[..., 0], -flow[..., 1]
    following = context.near(1)
    if following is not None:
        x, y = _find_displacement(context.frame.stmap, following.stmap)
        return x, -y
    previous = context.near(-1)
    x, y = _find_displacement(context.frame.stmap, (previous or context.frame).stmap)
    return -x, y


def _find_displacement(here: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find how far each pixel's content moves to another frame: x, y (H, W) float32, pixels, y down.

    Args:
        here: (H, W, 2) position in the target of each pixel's content.
        there: the same for the other frame.

    The content at p in this frame is at p + d in the other, where ``there(p + d) = here(p)``. Maps of faces are close
    to the identity, so ``d = offset_here(p) - offset_there(p + d)`` is solved by fixed-point iteration.
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
    for _ in range(_ITERATIONS):
        at_x, at_y = x[box] + moved[..., 0], y[box] + moved[..., 1]
        moved = own[box] - cv2.remap(other, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Around openings the maps jump and the iteration may not converge; there the plain difference is used.
    at_x, at_y = x[box] + moved[..., 0], y[box] + moved[..., 1]
    residual = own[box] - cv2.remap(other, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) - moved
    found[box] = np.where(np.abs(residual).max(-1, keepdims=True) < _CONVERGED, moved, found[box])
    return found[..., 0], found[..., 1]


def _matte(context: FrameContext) -> tuple[np.ndarray, ...]:
    return (_shaped(context, context.frame.matte),)


def _shaped(context: FrameContext, matte: np.ndarray) -> np.ndarray:
    return matte if context.shape_matte is None else context.shape_matte(matte)


def _occlusion(context: FrameContext) -> tuple[np.ndarray, ...]:
    import numpy as np

    if context.occlusion is None:
        return (np.zeros(context.frame.colour.shape[:2], np.float32),)
    return (context.occlusion(),)


def _colour(context: FrameContext) -> tuple[np.ndarray, ...]:
    colour = context.frame.colour
    return tuple(colour[..., i] for i in range(colour.shape[2]))


LAYERS = {
    layer.name: layer
    for layer in (
        Layer("rgba", lambda plate: plate.channels, "colour", _colour),
        Layer("stmap", lambda plate: ("stmap.u", "stmap.v"), "float", compute_stmap),
        Layer("motion", lambda plate: ("motion.u", "motion.v"), "float", compute_motion),
        Layer("matte", lambda plate: ("matte",), "half", _matte),
        Layer("shading", lambda plate: ("shading",), "half", lambda context: (context.frame.shading,)),
        Layer("parts", lambda plate: ("parts",), "half", lambda context: (context.frame.parts,)),
        Layer("occlusion", lambda plate: ("occlusion",), "half", _occlusion),
        Layer("confidence", lambda plate: ("confidence",), "half", lambda context: (context.frame.confidence,)),
    )
}


def matte_of(member: str) -> str:
    """Return the channel name of a cast member's own matte, which is written with the layer ``matte``."""
    return f"{_MEMBER_MATTE}{member}.A"


def is_made(channel: str) -> bool:
    """Tell whether a render computes a channel; the others are the plate's and written unchanged."""
    layer = channel.partition(".")[0]
    return channel in ("R", "G", "B", "A") or layer in LAYERS or layer.startswith(_MEMBER_MATTE)


def formats_of(
    names: Iterable[str], plate: Any, depth: str = "auto", members: Iterable[str] = ()
) -> dict[str, str]:
    """Return the type, ``half`` or ``float``, of each channel of these layers: channel → type, in order.

    Args:
        names: names of layers.
        plate: the target's :class:`~ofx_reenact.frames.plate.Plate`.
        depth: type of the colour channels; ``auto`` is the plate's.
        members: names of a cast's members; each has a matte of its own beside the common one.
    """
    if depth == "auto":
        depth = "float" if plate.depth == "float" else "half"
    chosen = set(names)
    wanted = [layer for name, layer in LAYERS.items() if name in chosen]
    formats = {
        channel: depth if layer.depth == "colour" else layer.depth
        for layer in wanted
        for channel in layer.channels(plate)
    }
    own = {matte_of(member): LAYERS["matte"].depth for member in members} if "matte" in chosen else {}
    return formats | own


def channels_of(names: Iterable[str], context: FrameContext) -> dict[str, np.ndarray]:
    """Compute the channels of these layers: channel → (H, W)."""
    channels: dict[str, np.ndarray] = {}
    for layer in (layer for name, layer in LAYERS.items() if name in set(names)):
        channels |= dict(zip(layer.channels(context.plate), layer.values(context), strict=True))
        if layer.name == "matte":
            channels |= {
                matte_of(member): _shaped(context, matte) for member, matte in context.frame.mattes.items()
            }
    return channels
