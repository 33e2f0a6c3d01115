"""Sound of a file, read on from where the first of some frames is, as long as each of them is shown.

A file's sound and its pictures share one clock: what is heard with a frame is what the file plays while it shows it.
The file is decoded from its start, never by seeking, so that a range of frames sounds as the whole does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.video_decode import FORMATS, decode_frames, logged, reason_of

# Samples a second of what is read, and its channels.
RATE, CHANNELS = 48000, 2
# Containers of sound alone, beside those of videos.
_FORMATS = f"{FORMATS},wav,w64,rf64,aiff,caf,flac,mp3,aac,au,opus"
# Seconds by which a file's own clock may be off before its sound is moved: rounded time stamps are not a gap.
_JITTER = 0.05
# Seconds of silence that are made at a time.
_BLOCK = 1


class Sound:
    """Samples in a row, from a moment of a file's clock on; silent before its sound begins and after it ends.

    What is damaged in it is silent, and told to ``note``.
    """

    def __init__(self, path: Path, start: float | Fraction, speed: float, note: Callable[[str], None]) -> None:
        """Find the sound of a file.

        Args:
            path: of a video, or of sound alone.
            start: seconds on the file's clock at which reading begins; before 0 is silence.
            speed: seconds of the file in a second of what is read; its pitch goes with it.
            note: is told once what the user should know.

        Raises:
            FrameError: there is no sound in the file, or it cannot be read.
        """
        self._path, self._start, self._speed, self._note = path, start, speed, note
        self._heard = self._damaged = False
        self._opened = contextlib.ExitStack()
        self._container = self._opened.enter_context(_open(path))
        self._blocks = self._resampled()
        self._left = np.zeros((0, CHANNELS), np.float32)

    def read(self, count: int) -> np.ndarray:
        """Read the next samples: (count, 2) float32 in [-1, 1]."""
        found, there = [self._left], len(self._left)
        while there < count:
            block = next(self._blocks, None)
            if block is None:
                block = np.zeros((count - there, CHANNELS), np.float32)
            found.append(block)
            there += len(block)
        samples = np.concatenate(found)
        self._left = samples[count:]
        return samples[:count]

    def close(self) -> None:
        """Close the file; says so if nothing of it was heard."""
        if not self._heard and not self._damaged:
            self._note(f"{self._path}: has no sound where the frames are; the preview is silent")
        self._blocks.close()
        self._opened.close()

    def _resampled(self) -> Generator[np.ndarray, None, None]:
        """Yield samples at ``RATE``, (n, 2) float32, from the start on."""
        resampler = av.AudioResampler(format="flt", layout="stereo", rate=RATE)
        for rate, samples in self._placed():
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="stereo")
            frame.sample_rate = round(rate * self._speed)
            for made in resampler.resample(frame):
                yield _array(made)
        with contextlib.suppress(av.EOFError):
            for made in resampler.resample(None):
                yield _array(made)

    def _placed(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield a file's own rate and samples (n, 2), without what lies before the start, with silence in gaps."""
        done: int | None = None
        for rate, at, block in self._decoded():
            samples, place = block, round((at - Fraction(self._start)) * rate)
            if done is None or abs(place - done) > _JITTER * rate:
                gap = place - (done or 0)
                for first in range(0, gap, _BLOCK * rate):
                    yield rate, np.zeros((min(_BLOCK * rate, gap - first), CHANNELS), np.float32)
                # Until something is heard, each block is placed to the sample.
                samples = block[max(-gap, 0) :]
                done = max(place, done or 0) if len(samples) else done
            if len(samples):
                self._heard = True
                done = (done or 0) + len(samples)
                yield rate, samples

    def _decoded(self) -> Iterator[tuple[int, Fraction, np.ndarray]]:
        """Yield the file's rate, the moment of a block in seconds, and its samples (n, 2) float32."""
        stream, at = self._container.streams.audio[0], Fraction(0)
        packets, mixer = self._container.demux(stream), av.AudioResampler(format="flt", layout="stereo")
        while True:
            packet: Any = None
            frames: list[Any] = []
            failure: Exception | None = None
            with logged() as log:
                try:
                    packet = next(packets, None)
                    frames = packet.decode() if packet is not None else []
                except (av.FFmpegError, ValueError) as error:
                    failure = error
            if failure is not None or log:
                self._say_damaged(at, reason_of(failure, log))
            if packet is None:
                return
            for frame in frames:
                if frame.pts is not None and frame.time_base is not None:
                    at = frame.pts * frame.time_base
                samples = np.concatenate([_array(one) for one in mixer.resample(frame)])
                yield frame.sample_rate, at, samples
                at += Fraction(len(samples), frame.sample_rate)

    def _say_damaged(self, at: Fraction, reason: str) -> None:
        """Say once that some of the sound is lost; what can be decoded goes on where it belongs."""
        if not self._damaged:
            said = f" ({reason})" if reason else ""
            self._note(
                f"{self._path}: the sound is damaged or cut off after {float(at):.2f} s{said}; the preview has gaps"
            )
        self._damaged = True


def has_sound(path: Path) -> bool:
    """Tell whether a file has sound that is known how to read."""
    try:
        with _open(path):
            return True
    except FrameError:
        return False


def start_of(path: Path) -> Fraction:
    """Return when a video shows its first frame, in seconds on its clock.

    Raises:
        FrameError: it cannot be read.
    """
    with contextlib.closing(decode_frames(path)) as frames:
        first = next(frames, None)
        if first is None or first.pts is None:
            return Fraction(0)
        return Fraction(first.pts * first.time_base)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Yield a container with sound in it.

    Raises:
        FrameError: it has none, or cannot be read.
    """
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    with logged() as log:
        try:
            container = av.open(f"file:{path.absolute()}", container_options=options, metadata_errors="replace")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameError(f"{path}: no sound that can be read ({reason_of(error, log)})") from error
    with container:
        if not any(one.codec_context is not None for one in container.streams.audio[:1]):
            raise FrameError(f"{path}: no sound in it")
        yield container


def _array(frame: Any) -> np.ndarray:
    """Return an interleaved stereo frame's samples, (n, 2) float32."""
    samples: np.ndarray = frame.to_ndarray().reshape(-1, CHANNELS)
    return samples
