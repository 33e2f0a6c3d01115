"""Write a preview: an mp4 with pictures and sound."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from ofx_reenact.errors import OutputError
from ofx_reenact.files import write_whole
from ofx_reenact.frames.sound import RATE, Sound

WIDEST, TALLEST = 1920, 4096
# Frames a second if neither file nor user gives a rate.
USUAL_RATE = Fraction(24)
_CODECS = ("libx264", "libopenh264")
# Every twelfth frame is a keyframe, for stepping; a short lookahead saves memory.
_OPTIONS = {"preset": "veryfast", "crf": "18", "g": "12", "bf": "0", "rc-lookahead": "4", "b": "20M"}
# BT.709 as a number of ITU-T H.273, for primaries and transfer.
_BT709 = 1


class Mp4Writer:
    """Writes an mp4 completely or not at all. Use it as a context manager; after an error inside, there is no file.

    Each frame has exactly the duration that the rate gives; the sound is cut at the nearest sample.
    """

    def __init__(self, path: Path, fps: Fraction, size: tuple[int, int], sound: Sound | None = None) -> None:
        """Prepare an mp4; frames are reduced to 1920 × 4096 pixels at most, and to even sizes.

        Args:
            path: the file to write.
            fps: frames a second.
            size: width and height of the frames that :meth:`write` gets.
            sound: sound from the first frame on; it is closed with the movie.
        """
        self._path, self._fps, self._sound = path, fps, sound
        scale = min(1.0, WIDEST / size[0], TALLEST / size[1])
        width, height = (max(2, round(length * scale) // 2 * 2) for length in size)
        self._size = (width, height)
        self._frames = self._samples = 0
        self._picture_stream: Any = None
        self._sound_stream: Any = None

    def __enter__(self) -> Mp4Writer:
        self._whole_file = write_whole(self._path)
        partial = self._whole_file.__enter__()
        try:
            # Without "file:", FFmpeg would take text before a colon in the path for a protocol.
            url = f"file:{partial.absolute()}"
            self._movie: Any = av.open(url, "w", format="mp4", options={"movflags": "+faststart"})
            self._picture_stream = self._movie.add_stream(_codec(), rate=self._fps, options=dict(_OPTIONS))
            self._picture_stream.width, self._picture_stream.height = self._size
            self._picture_stream.pix_fmt, self._picture_stream.time_base = "yuv420p", 1 / self._fps
            codec = self._picture_stream.codec_context
            codec.colorspace, codec.color_range = Colorspace.ITU709, ColorRange.MPEG
            codec.color_primaries, codec.color_trc = _BT709, _BT709
            if self._sound is not None:
                self._sound_stream = self._movie.add_stream("aac", rate=RATE, layout="stereo")
        except (av.FFmpegError, OSError, ValueError) as cause:
            error = OutputError(f"{self._path}: no mp4 can be written here ({cause}); leave out --preview")
            if self._sound is not None:
                self._sound.close()
            self._whole_file.__exit__(type(error), error, None)
            raise error from cause
        return self

    def __exit__(self, *failure: Any) -> None:
        try:
            if self._sound is not None:
                self._sound.close()
            if failure[0] is None:
                with self._output_errors():
                    for stream in (self._picture_stream, *([self._sound_stream] if self._sound is not None else [])):
                        self._movie.mux(stream.encode())
                    self._movie.close()
        except OutputError as error:
            self._whole_file.__exit__(type(error), error, None)
            raise
        finally:
            with contextlib.suppress(av.FFmpegError, OSError):
                self._movie.close()
        self._whole_file.__exit__(*failure)

    def write(self, rgb: np.ndarray) -> None:
        """Add a frame (H, W, 3) uint8.

        Raises:
            OutputError: it cannot be written.
        """
        if rgb.shape[1::-1] != self._size:
            rgb = cv2.resize(rgb, self._size, interpolation=cv2.INTER_AREA)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")
        coded = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        coded.pts, coded.time_base = self._frames, 1 / self._fps
        self._frames += 1
        with self._output_errors():
            self._movie.mux(self._picture_stream.encode(coded))
            if self._sound is not None:
                self._write_sound(self._sound, round(self._frames / self._fps * RATE))

    def _write_sound(self, sound: Sound, until: int) -> None:
        """Add the sound up to sample number ``until``."""
        samples = np.ascontiguousarray(sound.read(until - self._samples).T)
        block = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        block.sample_rate, block.pts, block.time_base = RATE, self._samples, Fraction(1, RATE)
        self._samples = until
        self._movie.mux(self._sound_stream.encode(block))

    @contextlib.contextmanager
    def _output_errors(self) -> Iterator[None]:
        """Turn FFmpeg's errors into an OutputError."""
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"{self._path}: cannot be written ({error})") from error


def _codec() -> str:
    """Return an encoder of H.264, which browsers can play, if FFmpeg has one; else of MPEG-4."""
    return next((name for name in _CODECS if name in av.codecs_available), "mpeg4")
