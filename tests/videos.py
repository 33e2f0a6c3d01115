"""Videos for tests, made by FFmpeg's own encoders."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

WIDTH, HEIGHT = 64, 48
INTERLACED = {"flags": "+ildct+ilme", "b": "4M"}


def pictures(count: int, height: int = HEIGHT, width: int = WIDTH) -> list[np.ndarray]:
    """Pictures that all differ: a bar goes to the right, (H, W, 3) uint8."""
    made = [np.full((height, width, 3), 40, np.uint8) for _ in range(count)]
    for number, picture in enumerate(made):
        picture[:, 2 + 2 * number : 12 + 2 * number] = 220
    return made


def fields(count: int) -> list[np.ndarray]:
    """Pictures whose odd rows are of a later time than their even ones."""
    made = [np.full((HEIGHT, WIDTH, 3), 40, np.uint8) for _ in range(count)]
    for number, picture in enumerate(made):
        for row in (0, 1):
            picture[row::2, 2 + (4 * number + 2 * row) : 12 + (4 * number + 2 * row)] = 220
    return made


def combs(rgb: np.ndarray) -> float:
    """How far a row is from the mean of those above and below it, at most; 0 to 2."""
    return float(np.abs(rgb[1:-1] * 2 - rgb[:-2] - rgb[2:]).max())


def has_encoder(codec: str) -> bool:
    try:
        av.codec.Codec(codec, "w")
    except av.FFmpegError:
        return False
    return True


def write_video(
    path: Path,
    frames: Sequence[np.ndarray | av.VideoFrame],
    codec: str = "mpeg4",
    pixels: str = "yuv420p",
    *,
    rate: Any = 25,
    options: Mapping[str, str] | None = None,
    muxing: Mapping[str, str] | None = None,
    stream: Callable[[Any], None] = lambda stream: None,
    times: Sequence[int] | None = None,
) -> Path:
    """Write a video of (H, W, 3 or 4) uint8 pictures, or of frames that are coded as they should be already."""
    if not has_encoder(codec):
        pytest.skip(f"this PyAV has no encoder {codec}")
    with av.open(str(path), "w", options=dict(muxing or {})) as container:
        out = container.add_stream(codec, rate=rate, options=dict(options or {}))
        kinds = {3: "rgb24", 4: "rgba"}
        made = [f if isinstance(f, av.VideoFrame) else av.VideoFrame.from_ndarray(f, kinds[f.shape[2]]) for f in frames]
        out.width, out.height, out.pix_fmt = made[0].width, made[0].height, pixels
        stream(out)
        for number, frame in enumerate(made):
            if times is not None:
                frame.pts = times[number]
            container.mux(out.encode(frame))
        container.mux(out.encode())
    return path


def coded(pixels: str, values: Sequence[Any], height: int = 16, width: int = 64) -> av.VideoFrame:
    """A frame whose planes hold the numbers given, each a number or (H, W)."""
    frame = av.VideoFrame(width, height, pixels)
    deep = any(component.bits > 8 for component in frame.format.components)
    for plane, value in zip(frame.planes, values, strict=True):
        kind = np.dtype("<u2" if deep else "u1")
        rows = np.zeros((plane.buffer_size // plane.line_size, plane.line_size // kind.itemsize), kind)
        rows[: plane.height, : plane.width] = value
        plane.update(rows.tobytes())
    return frame
