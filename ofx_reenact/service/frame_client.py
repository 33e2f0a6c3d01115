"""The client of the request ``frame``: put a picture into shared memory, have it rendered, read the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ofx_reenact.errors import FrameError
from ofx_reenact.service.shared_memory import HAND_OVER_STAGE, make_mapping
from ofx_reenact.settings import Settings
from ofx_reenact.stages import stage

_DEPTHS = {"float32": "float", "float16": "half"}
# The holdout begins at a multiple of so many bytes.
_ALIGNMENT = 64


class JobClient(Protocol):
    """Anything that does an engine's jobs; a :class:`~ofx_reenact.service.client.Link` is one."""

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Do a job and return the fields of its last event; raise the engine's error."""


@dataclass(frozen=True)
class MadeFrame:
    """A frame that an engine has made.

    Attributes:
        pixels: (H, W, 4), of the same type as the picture that was sent.
        state: how the driver's face was found: ``tracked``, ``bridged`` or ``held``.
        confidence: of the frame, 0 to 1.
        parts: which other frames it takes parts from, as ``mouth=1012``; "" if none.
        notes: for the user.
    """

    pixels: np.ndarray
    state: str
    confidence: float
    parts: str
    notes: tuple[str, ...]


def request_frame(
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
    """Have an engine render a frame from a picture, instead of the one in the target's file, and wait for it.

    Args:
        engine: does the job.
        settings: those of a render; ``target`` names the file that was analysed.
        frame: the frame's number in the result.
        pixels: the target's whole picture, (H, W, 4) float32 or float16: red, green, blue, alpha, row 0 at the top.
        alpha: ``premultiplied``, ``straight``, or ``opaque`` if alpha is to be ignored.
        scale: how many of these pixels lie on one pixel of the target, across and down: 0.5 for a half-size picture.
        space: colour space of the pixels; empty for that of the target's file.
        curves: curves of options, by name, in the form of a curves file.
        holdout: (H, W) float, 0 to 1; 1 where the picture stays unchanged.

    Raises:
        FrameError: pixels or holdout have a wrong shape or type.
        OutputError: there is no space for the shared memory.
        ReenactError: the engine's error.
    """
    depth = _DEPTHS.get(pixels.dtype.name)
    if depth is None or pixels.ndim != 3 or pixels.shape[2] != 4 or not pixels.size:
        raise FrameError(f"pixels {pixels.shape} of {pixels.dtype}: give (height, width, 4) of float32 or float16")
    height, width = pixels.shape[:2]
    if holdout is not None and holdout.shape != (height, width):
        raise FrameError(f"holdout {holdout.shape}: give one of the pixels' size, {height, width}")
    stride, holdout_offset = width * 4 * pixels.itemsize, -(-pixels.nbytes // _ALIGNMENT) * _ALIGNMENT
    size = holdout_offset + (0 if holdout is None else height * width * pixels.itemsize)
    plane = {"offset": 0, "stride": stride}
    fields: dict[str, Any] = {
        "size": size, "width": width, "height": height, "depth": depth, "alpha": alpha, "scale": list(scale),
        "source": plane, "result": plane,
    }  # fmt: skip
    memory = make_mapping(size)
    try:
        with stage(HAND_OVER_STAGE):
            memory.write(0, stride, _rows(pixels))
            if holdout is not None:
                memory.write(holdout_offset, width * pixels.itemsize, _rows(holdout.astype(pixels.dtype, copy=False)))
                fields["holdout"] = {"offset": holdout_offset, "stride": width * pixels.itemsize, "channels": 1}
        values = settings.as_dict() if isinstance(settings, Settings) else dict(settings)
        more = {"space": space} | ({} if curves is None else {"curves": dict(curves)})
        done = engine.ask("frame", settings=values, frame=frame, pixels={"mapping": memory.name, **fields}, **more)
        with stage(HAND_OVER_STAGE):
            made = np.empty_like(pixels, order="C", subok=False)
            memory.read(0, stride, _rows(made))
    finally:
        memory.close()
    return MadeFrame(made, done["state"], done["confidence"], done["parts"], tuple(done["notes"]))


def _rows(pixels: np.ndarray) -> np.ndarray:
    """Return an array as rows of bytes, (H, N) uint8; the same memory if the array is C-contiguous."""
    whole = np.ascontiguousarray(pixels)
    return whole.view(np.uint8).reshape(len(whole), -1)
