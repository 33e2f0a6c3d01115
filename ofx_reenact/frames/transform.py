"""Apply a colour conversion of OpenColorIO to pictures of any size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import PyOpenColorIO as ocio

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.channels import to_one_line
from ofx_reenact.frames.display_table import DisplayTable
from ofx_reenact.threads import cores, run_in_threads

# Pixels converted in one call, so that they stay in the cache and OpenColorIO's buffer is small.
_STRIP = 1 << 14
# Smaller pictures are converted in the calling thread: waking other threads would take as long.
_SMALL = 1 << 17


class Transform:
    """A colour conversion of three channels; safe to use from several threads at once."""

    def __init__(self, processor: Any) -> None:
        """Take an OpenColorIO processor; its errors are OpenColorIO's own, so call this within :func:`ocio_errors`."""
        self._processor = processor
        self._cpu = processor.getDefaultCPUProcessor()

    @cached_property
    def display_table(self) -> DisplayTable | None:
        """The same conversion to 8 bits, as a table; None if it is more than a matrix followed by a curve."""
        depth = ocio.BIT_DEPTH_F32
        steps = self._processor.getOptimizedProcessor(depth, depth, ocio.OPTIMIZATION_DEFAULT).createGroupTransform()
        matrix, curve = None, list(steps)
        if curve and isinstance(curve[0], ocio.MatrixTransform) and not any(curve[0].getOffset()):
            matrix = np.array(curve.pop(0).getMatrix(), np.float32).reshape(4, 4)[:3, :3]
        after = Transform(ocio.Config.CreateRaw().getProcessor(ocio.GroupTransform(curve)))
        table = DisplayTable.of_curve(after.apply, matrix)
        return table if table is not None and table.agrees_with(self.apply) else None

    def apply(self, rgb: np.ndarray) -> np.ndarray:
        """Convert (H, W, 3) of any range into a new array, float32.

        Strips of rows are shared over threads. The strips do not depend on the number of threads, nor do the results.
        """
        out = np.empty(rgb.shape, np.float32)
        height, width = rgb.shape[:2]
        rows = max(1, _STRIP // max(1, width))
        strips = [slice(row, row + rows) for row in range(0, height if width else 0, rows)]
        workers = min(cores(), len(strips)) if height * width >= _SMALL else 1
        if workers == 1:
            self._convert(rgb, out, strips)
        else:
            run_in_threads(self._convert, ((rgb, out, strips[i::workers]) for i in range(workers)))
        return out

    def _convert(self, rgb: np.ndarray, out: np.ndarray, strips: list[slice]) -> None:
        for strip in strips:
            # OpenColorIO converts in place.
            out[strip] = rgb[strip]
            self._cpu.applyRGB(out[strip])


@contextlib.contextmanager
def ocio_errors(what: str) -> Iterator[None]:
    """Turn OpenColorIO's errors into a FrameError of one line that begins with ``what``.

    Raises:
        FrameError: OpenColorIO raised an error, or returned text that is not UTF-8.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise FrameError(f"{what}: it is not UTF-8 text") from error
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        raise FrameError(f"{what}: {to_one_line(str(error))}") from error
