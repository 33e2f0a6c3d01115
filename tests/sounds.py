"""Sound for tests, made by FFmpeg's own encoders, and where a file clicks."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (32, 16)


def clicks_at(seconds: list[float], length: float, rate: int = 48000) -> np.ndarray:
    """Silence with short clicks, (n, 2) int16."""
    samples = np.zeros((round(length * rate), 2), np.int16)
    for at in seconds:
        begin = round(at * rate)
        samples[begin : begin + rate // 500] = 24000
    return samples


def write_sound(path: Path, samples: np.ndarray, rate: int = 48000, codec: str = "pcm_s16le", **more) -> Path:
    with av.open(str(path), "w") as container:
        _mux_sound(container, container.add_stream(codec, rate=rate, layout="stereo"), samples, rate, **more)
    return path


def _mux_sound(container, stream, samples, rate, begin: int = 0) -> None:
    resampler = av.AudioResampler(format=stream.codec_context.format or "s16", layout="stereo", rate=rate)
    block = 1024
    for first in range(0, len(samples), block):
        frame = av.AudioFrame.from_ndarray(samples[first : first + block].reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, begin + first, Fraction(1, rate)
        for made in resampler.resample(frame):
            container.mux(stream.encode(made))
    container.mux(stream.encode())


def grey_frames(count: int) -> list[np.ndarray]:
    return [np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)] * count


def write_clip(
    path: Path, frames: Sequence[np.ndarray], fps: Fraction, clicks: list[int], rate: int = 48000, codec: str = "aac"
) -> Path:
    """A video of (H, W, 3) uint8 pictures, which clicks as each of some frames, from 1, appears."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mpeg4", rate=fps, options={"b": "8M"})
        pictures.width, pictures.height, pictures.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        heard = container.add_stream(codec, rate=rate, layout="stereo")
        for frame in frames:
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(pictures.encode())
        samples = clicks_at([float((n - 1) / fps) for n in clicks], float(len(frames) / fps), rate)
        _mux_sound(container, heard, samples, rate)
    return path


def heard_in(path: Path) -> np.ndarray:
    """Return when a file clicks, in seconds of its clock."""
    level, times = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(np.float32)).max(0)
            samples = samples if frame.format.is_planar else samples.reshape(-1, 2).max(1)
            level.append(samples / (32768 if frame.format.name.startswith("s16") else 1))
            times.append(float(frame.pts * frame.time_base) + np.arange(len(samples)) / frame.sample_rate)
    loud = np.concatenate(times)[np.concatenate(level) > 0.2]
    return loud[np.insert(np.diff(loud) > 0.01, 0, True)] if len(loud) else loud
