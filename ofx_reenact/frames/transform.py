"""One way from colours to colours, as OpenColorIO made it, applied to pictures of any size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import PyOpenColorIO as ocio

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.channels import plain
from ofx_reenact.frames.shown import Shown
from ofx_reenact.threads import cores, share

# Pixels converted by one call: they stay in a core's cache, and OpenColorIO's buffer is a strip's, not a picture's.
_STRIP = 1 << 14
# A picture of fewer pixels is converted in its own thread: waking others would take as long.
_SMALL = 1 << 17


class Transform:
    """A way from three channels to three; safe to use from several threads at once."""

    def __init__(self, processor: Any) -> None:
        """Keep what an OpenColorIO processor does on this machine; its errors are OpenColorIO's (:func:`one_line`)."""
        self._processor = processor
        self._cpu = processor.getDefaultCPUProcessor()

    @cached_property
    def shown(self) -> Shown | None:
        """The same way on to 8 bits, in one pass; None if it is more than a matrix and a curve after it."""
        depth = ocio.BIT_DEPTH_F32
        steps = self._processor.getOptimizedProcessor(depth, depth, ocio.OPTIMIZATION_DEFAULT).createGroupTransform()
        matrix, curve = None, list(steps)
        if curve and isinstance(curve[0], ocio.MatrixTransform) and not any(curve[0].getOffset()):
            matrix = np.array(curve.pop(0).getMatrix(), np.float32).reshape(4, 4)[:3, :3]
        after = Transform(ocio.Config.CreateRaw().getProcessor(ocio.GroupTransform(curve)))
        shown = Shown.of_curve(after.apply, matrix)
        return shown if shown is not None and shown.is_like(self.apply) else None

    def apply(self, rgb: np.ndarray) -> np.ndarray:
        """Convert (H, W, 3) of any range into an array of its own, float32.

        Strips of rows are shared over threads. How a picture is cut does not depend on how many there are.
        """
        out = np.empty(rgb.shape, np.float32)
        height, width = rgb.shape[:2]
        rows = max(1, _STRIP // max(1, width))
        strips = [slice(row, row + rows) for row in range(0, height if width else 0, rows)]
        workers = min(cores(), len(strips)) if height * width >= _SMALL else 1
        if workers == 1:
            self._convert(rgb, out, strips)
        else:
            share(self._convert, ((rgb, out, strips[i::workers]) for i in range(workers)))
        return out

    def _convert(self, rgb: np.ndarray, out: np.ndarray, strips: list[slice]) -> None:
        for strip in strips:
            # It converts in place.
            out[strip] = rgb[strip]
            self._cpu.applyRGB(out[strip])


@contextlib.contextmanager
def one_line(what: str) -> Iterator[None]:
    """Turn OpenColorIO's errors into ours, on one line that begins with what could not be used.

    Raises:
        FrameError: OpenColorIO raised, or has text that is not UTF-8.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise FrameError(f"{what}: it is not UTF-8 text") from error
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        raise FrameError(f"{what}: {plain(str(error))}") from error
