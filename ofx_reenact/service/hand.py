"""Hand a frame to an engine and take what it makes of it: pixels go both ways through shared memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ofx_reenact.errors import FrameError
from ofx_reenact.service.mapping import HAND, make_mapping
from ofx_reenact.settings import Settings
from ofx_reenact.stages import stage

_DEPTHS = {"float32": "float", "float16": "half"}
# Bytes that a plane begins at a multiple of.
_APART = 64


class JobClient(Protocol):
    """An engine that is asked: a :class:`~ofx_reenact.service.client.Link`, or anything that does as it does."""

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Do a job; returns what came of it, and raises the engine's error."""


@dataclass(frozen=True)
class MadeFrame:
    """A frame that an engine has made.

    Attributes:
        pixels: (H, W, 4), of the type that was handed over.
        state: how the driver's face was found: ``tracked``, ``bridged`` or ``held``.
        confidence: of the frame, 0 to 1.
        parts: which other frames it takes parts from, as ``mouth=1012``; "" if none.
        notes: what the user should know.
    """

    pixels: np.ndarray
    state: str
    confidence: float
    parts: str
    notes: tuple[str, ...]


def hand_frame(
    engine: JobClient,
    settings: Settings | Mapping[str, Any],
    frame: int,
    pixels: np.ndarray,
    *,
    alpha: str = "premultiplied",
    scale: tuple[float, float] = (1, 1),
    space: str = "",
    curves: Mapping[str, Any] | None = None,
    holdout: np.ndarray | None = None,
) -> MadeFrame:
    """Have a frame made of a picture, in place of what the target's file has in that frame.

    Args:
        engine: that makes it.
        settings: as of a render; ``target`` names the file that was analysed.
        frame: its number in the result.
        pixels: (H, W, 4) float32 or float16, red, green, blue, alpha, row 0 at the top: the target's whole picture.
        alpha: ``premultiplied``, ``straight``, or ``opaque`` for alpha that says nothing.
        scale: pixels for one of the target's, across and down.
        space: colour space of the pixels; empty for that of the target's file.
        curves: of options, by name, as a curves file has them.
        holdout: (H, W), 1 where the picture stays as it is.

    Raises:
        FrameError: the pixels have another shape or type.
        OutputError: there is no room for the shared memory.
        ReenactError: the engine's error.
    """
    depth = _DEPTHS.get(pixels.dtype.name)
    if depth is None or pixels.ndim != 3 or pixels.shape[2] != 4 or not pixels.size:
        raise FrameError(f"pixels {pixels.shape} of {pixels.dtype}: give (height, width, 4) of float32 or float16")
    height, width = pixels.shape[:2]
    if holdout is not None and holdout.shape != (height, width):
        raise FrameError(f"a holdout {holdout.shape} for pixels of {height, width}: give one of their size")
    stride, place = width * 4 * pixels.itemsize, -(-pixels.nbytes // _APART) * _APART
    size = place + (0 if holdout is None else height * width * pixels.itemsize)
    plane = {"offset": 0, "stride": stride}
    said: dict[str, Any] = {
        "size": size, "width": width, "height": height, "depth": depth, "alpha": alpha, "scale": list(scale),
        "source": plane, "result": plane,
    }  # fmt: skip
    memory = make_mapping(size)
    try:
        with stage(HAND):
            memory.write(0, stride, _rows(pixels))
            if holdout is not None:
                memory.write(place, width * pixels.itemsize, _rows(holdout.astype(pixels.dtype, copy=False)))
                said["holdout"] = {"offset": place, "stride": width * pixels.itemsize, "channels": 1}
        plain = settings.as_dict() if isinstance(settings, Settings) else dict(settings)
        more = {"space": space} | ({} if curves is None else {"curves": dict(curves)})
        done = engine.ask("frame", settings=plain, frame=frame, pixels={"mapping": memory.name, **said}, **more)
        with stage(HAND):
            made = np.empty_like(pixels, order="C", subok=False)
            memory.read(0, stride, _rows(made))
    finally:
        memory.close()
    return MadeFrame(made, done["state"], done["confidence"], done["parts"], tuple(done["notes"]))


def _rows(pixels: np.ndarray) -> np.ndarray:
    """Return an array as rows of bytes, (H, N) uint8; the same memory if it lies in one piece."""
    whole = np.ascontiguousarray(pixels)
    return whole.view(np.uint8).reshape(len(whole), -1)
