"""Read the sound that belongs to a range of frames of a file.

Sound and pictures of a file share one clock: a frame's sound is what the file plays while it shows the frame. The file
is always decoded from its start, never by seeking, so that a frame has the same sound in every range.
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
from ofx_reenact.frames.video_decode import FORMATS, decode_frames, ffmpeg_log, reason_of

# Samples a second and channels of the sound that is returned.
RATE, CHANNELS = 48000, 2
# FFmpeg's names of file formats: those of videos, and those of sound alone.
_FORMATS = f"{FORMATS},wav,w64,rf64,aiff,caf,flac,mp3,aac,au,opus"
# If a time stamp differs from the count of samples by more seconds than this, there is a gap; stamps are rounded.
_JITTER = 0.05
# Seconds of silence that are generated at a time.
_BLOCK = 1


class Sound:
    """Reads samples one after another from a given time of a file; before and after the file's sound is silence.

    Damaged parts become silence, and ``note`` is called with a message.
    """

    def __init__(self, path: Path, start: float | Fraction, speed: float, note: Callable[[str], None]) -> None:
        """Open the sound of a file.

        Args:
            path: a video or a sound file.
            start: time in the file at which reading begins, in seconds; before 0 is silence.
            speed: seconds of the file in one second of the samples returned; the pitch changes with it.
            note: called with a message for the user, each at most once.

        Raises:
            FrameError: the file has no sound, or cannot be read.
        """
        self._path, self._start, self._speed, self._note = path, start, speed, note
        self._heard = self._damaged = False
        self._opened = contextlib.ExitStack()
        self._container = self._opened.enter_context(_open(path))
        self._blocks = self._resampled()
        self._left = np.zeros((0, CHANNELS), np.float32)

    def read(self, count: int) -> np.ndarray:
        """Read the next samples: (count, 2) float32 in [-1, 1]."""
        found, available = [self._left], len(self._left)
        while available < count:
            block = next(self._blocks, None)
            if block is None:
                block = np.zeros((count - available, CHANNELS), np.float32)
            found.append(block)
            available += len(block)
        samples = np.concatenate(found)
        self._left = samples[count:]
        return samples[:count]

    def close(self) -> None:
        """Close the file; if no sample of it was read, note that the preview is silent."""
        if not self._heard and not self._damaged:
            self._note(f"{self._path}: has no sound in the time of the frames; the preview is silent")
        self._blocks.close()
        self._opened.close()

    def _resampled(self) -> Generator[np.ndarray, None, None]:
        """Yield samples (n, 2) float32 at ``RATE``, from the start time on."""
        resampler = av.AudioResampler(format="flt", layout="stereo", rate=RATE)
        for rate, samples in self._placed():
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="stereo")
            frame.sample_rate = round(rate * self._speed)
            for block in resampler.resample(frame):
                yield _array(block)
        with contextlib.suppress(av.EOFError):
            for block in resampler.resample(None):
                yield _array(block)

    def _placed(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the file's sample rate and samples (n, 2) float32 from the start time on, with silence in gaps."""
        done: int | None = None
        for rate, at, block in self._decoded():
            samples, place = block, round((at - Fraction(self._start)) * rate)
            if done is None or abs(place - done) > _JITTER * rate:
                gap = place - (done or 0)
                for first in range(0, gap, _BLOCK * rate):
                    yield rate, np.zeros((min(_BLOCK * rate, gap - first), CHANNELS), np.float32)
                # Each block is placed exactly by its time stamp until one has samples at or after the start time.
                samples = block[max(-gap, 0) :]
                done = max(place, done or 0) if len(samples) else done
            if len(samples):
                self._heard = True
                done = (done or 0) + len(samples)
                yield rate, samples

    def _decoded(self) -> Iterator[tuple[int, Fraction, np.ndarray]]:
        """Yield the file's sample rate, the time of a block in seconds, and its samples (n, 2) float32."""
        stream, at = self._container.streams.audio[0], Fraction(0)
        packets, mixer = self._container.demux(stream), av.AudioResampler(format="flt", layout="stereo")
        while True:
            packet: Any = None
            frames: list[Any] = []
            failure: Exception | None = None
            with ffmpeg_log() as log:
                try:
                    packet = next(packets, None)
                    frames = packet.decode() if packet is not None else []
                except (av.FFmpegError, ValueError) as error:
                    failure = error
            if failure is not None or log:
                self._note_damage(at, reason_of(failure, log))
            if packet is None:
                return
            for frame in frames:
                if frame.pts is not None and frame.time_base is not None:
                    at = frame.pts * frame.time_base
                samples = np.concatenate([_array(one) for one in mixer.resample(frame)])
                yield frame.sample_rate, at, samples
                at += Fraction(len(samples), frame.sample_rate)

    def _note_damage(self, at: Fraction, reason: str) -> None:
        """Note once that some of the sound is lost; what can be decoded stays at its own time."""
        if not self._damaged:
            cause = f" ({reason})" if reason else ""
            self._note(
                f"{self._path}: the sound is damaged or cut off after {float(at):.2f} s{cause}; the preview has gaps"
            )
        self._damaged = True


def has_sound(path: Path) -> bool:
    """Tell whether a file has sound that can be read."""
    try:
        with _open(path):
            return True
    except FrameError:
        return False


def start_of(path: Path) -> Fraction:
    """Return the time at which a video shows its first frame, in seconds.

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
    """Open a container with sound.

    Raises:
        FrameError: it has no sound, or cannot be read.
    """
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    with ffmpeg_log() as log:
        try:
            container = av.open(f"file:{path.absolute()}", container_options=options, metadata_errors="replace")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameError(f"{path}: no sound that can be read ({reason_of(error, log)})") from error
    with container:
        if not any(one.codec_context is not None for one in container.streams.audio[:1]):
            raise FrameError(f"{path}: no sound in it")
        yield container


def _array(frame: Any) -> np.ndarray:
    """Return the samples (n, 2) float32 of an interleaved stereo frame."""
    samples: np.ndarray = frame.to_ndarray().reshape(-1, CHANNELS)
    return samples
