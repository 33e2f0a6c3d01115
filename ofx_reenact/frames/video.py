"""Videos as plates, decoded by FFmpeg's libraries through PyAV.

Convention: frames are those that the decoder gives, in the order that they are shown, from 1; each counts once, however
long it is shown. They are reached by decoding from the start, never by seeking, so that a frame alone is the frame of a
range. A video is decoded whole when it is opened, and one of which a frame is damaged or missing is refused.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
from av.sidedata.sidedata import Type as SideData

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.channels import plain
from ofx_reenact.frames.plate import Plate, Window
from ofx_reenact.frames.video_colour import Coding, coding_of
from ofx_reenact.stages import stage

_MOVING = (".gif", ".apng")
VIDEOS = (
    ".mp4", ".mov", ".mpg", ".mpeg", ".avi", ".mkv", ".m4v", ".webm", ".ts", ".mts", ".m2ts", ".mxf", ".wmv", ".asf",
    ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".vob", ".m2v", ".mpv", ".dv", ".qt", *_MOVING,
)  # fmt: skip
# FFmpeg goes by what is in a file. Playlists and lists of pictures, which name other files, are not among these.
_FORMATS = (
    "mov,matroska,webm,avi,mpeg,mpegts,mpegvideo,mxf,asf,flv,ogg,dv,gxf,ivf,nut,h264,hevc,m4v,mjpeg,yuv4mpegpipe,obu,"
    "gif,apng"
)
# Their header says how long they are; of others FFmpeg estimates it.
_TIMED = ("matroska,webm", "mxf")
_TOLERANCE = 0.5
# What decoders that do not mark a frame as damaged say of it.
_DAMAGE = ("CRC mismatch", "Could not find ref", "ended prematurely", "error while decoding")
_THREADS = 4


class Video:
    """A video read by frame number."""

    def __init__(self, path: Path) -> None:
        """Decode a video to count its frames, and find out how they are coded.

        Raises:
            FrameError: it is no video, or not all of it can be decoded.
        """
        if not path.is_file():
            raise FrameError(f"{path}: no such file")
        self._path = path
        self._about = _examine(path)
        self.count, self.fps, self.notes = self._about.count, self._about.fps, self._about.notes
        self._rewind()

    @stage("read")
    def read(self, frame: int) -> Plate:
        """Decode frame 1, 2, …; going backwards starts the file again.

        Raises:
            FrameError: it cannot be decoded.
        """
        if frame < self._next:
            self._rewind()
        picture = None
        while self._next <= frame:
            picture = next(self._frames, None)
            self._next += 1
        if picture is None:
            raise FrameError(f"{self._path}: frame {frame} cannot be decoded")
        return self._plate(picture)

    def _plate(self, picture: Any) -> Plate:
        about = self._about
        rgb, alpha = about.coding.pixels(picture)
        rgb = about.turn(rgb)
        if alpha is not None:
            # Videos keep colours apart from alpha; they are multiplied as they are coded, as picture formats' are.
            alpha = about.turn(alpha)
            rgb = rgb * alpha[..., None]
        window = Window(0, 0, rgb.shape[1], rgb.shape[0])
        header = oiio.ImageSpec(window.width, window.height, 3, oiio.FLOAT)
        if about.pixel_aspect != 1:
            header.attribute("PixelAspectRatio", float(about.pixel_aspect))
        return Plate(
            self._path, rgb, alpha, {}, window, window, self.fps, about.coding.depth, about.coding.transfer, header,
            about.notes,
        )  # fmt: skip

    def _rewind(self) -> None:
        """Begin at the first frame; what was open closes by itself."""
        frames = _decode(self._path)
        self._frames = _deinterlaced(frames) if self._about.interlaced else frames
        self._next = 1


def video_of(path: Path) -> Video | None:
    """Open a file that is a video: by its name, as a picture that moves, or because it is no picture that is known.

    Raises:
        FrameError: it is one that cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in VIDEOS or suffix in _MOVING:
        if _may_move(path):
            video = Video(path)
            return video if video.count > 1 else None
        picture = oiio.ImageInput.open(os.fspath(path))
        if picture is not None:
            picture.close()
            return None
        oiio.geterror()
        # A name says little of what a camera or a phone makes.
        with contextlib.suppress(FrameError):
            return Video(path)
        return None
    return Video(path)


def standard_rate(fps: float) -> Fraction | None:
    """Return the rate as the fraction it stands for: 23.976 is 24000/1001."""
    if not np.isfinite(fps) or fps <= 0:
        return None
    for whole in (24, 30, 48, 60, 120):
        if abs(fps - whole * 1000 / 1001) < 0.002:
            return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


@dataclass(frozen=True)
class _About:
    """What is the same for all frames of a video."""

    count: int
    fps: Fraction | None
    coding: Coding
    interlaced: bool
    pixel_aspect: Fraction  # width over height, as the picture is shown
    transposed: bool
    flipped: tuple[bool, bool]  # top to bottom, left to right, after transposing
    notes: tuple[str, ...]

    def turn(self, pixels: np.ndarray) -> np.ndarray:
        """Turn a picture as the camera was held."""
        if self.transposed:
            pixels = pixels.swapaxes(0, 1)
        rows, columns = (slice(None, None, -1 if flip else None) for flip in self.flipped)
        return np.ascontiguousarray(pixels[rows, columns])


def _examine(path: Path) -> _About:
    """Decode every frame once."""
    with contextlib.closing(_decode(path)) as frames:
        first = next(frames, None)
        if first is None:
            raise FrameError(f"{path}: a video without frames")
        coding, turned = coding_of(path, first), _turn_of(first)
        interlaced, times = bool(first.interlaced_frame), [first.pts]
        for frame in frames:
            interlaced |= bool(frame.interlaced_frame)
            times.append(frame.pts)
    with _opened(path) as (_, stream):
        declared = stream.average_rate or stream.guessed_rate
        fps, even = _rate(times, stream.time_base, declared)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        codec = stream.codec_context.name
    if interlaced and codec == "hevc":
        raise FrameError(f"{path}: interlaced HEVC keeps each field as a picture; make frames of them first")
    notes = [f"{path}: interlaced; its fields were made frames (bwdif)"] if interlaced else []
    if not even:
        notes.append(f"{path}: its frames are not evenly spaced in time; each counts as one, at {float(fps or 0):.3f} fps")
    transposed, flipped = turned
    aspect = Fraction(1) if aspect <= 0 else 1 / aspect if transposed else aspect
    return _About(len(times), fps, coding, interlaced, aspect, transposed, flipped, tuple(notes))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Yield a container and the stream of its pictures."""
    # Without the protocol, "take:2.mp4" would be asked of a protocol "take".
    url = f"file:{path.absolute()}"
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    with _logged() as log:
        try:
            container = av.open(url, options=options, metadata_errors="replace")
        except av.ArgumentError as error:
            raise FrameError(f"{path}: not a video that can be read") from error
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameError(f"{path}: not a video that can be read ({_reason(error, log)})") from error
    with container:
        yield container, _stream_of(path, container)


def _stream_of(path: Path, container: Any) -> Any:
    """Choose the stream: not a cover or thumbnails; of several, the only one that is played by default."""
    kinds = av.stream.Disposition
    aside = kinds.attached_pic | kinds.timed_thumbnails | kinds.still_image
    streams = [one for one in container.streams.video if not one.disposition & aside]
    if not streams:
        raise FrameError(f"{path}: no pictures in it; it is sound, or a cover")
    if len(streams) > 1:
        streams = [one for one in streams if one.disposition & kinds.default] or streams
    if len(streams) > 1:
        sizes = ", ".join(f"{one.width}x{one.height}" for one in streams)
        raise FrameError(f"{path}: {len(streams)} videos in one file ({sizes}); make a file of the one that is meant")
    if streams[0].codec_context is None:
        raise FrameError(f"{path}: coded in a way that is not known here; convert it to another")
    return streams[0]


def _decode(path: Path) -> Generator[Any, None, None]:
    """Yield a video's frames as they are shown.

    Raises:
        FrameError: a frame is damaged or of another size, or the file ends before its header says.
    """
    with _opened(path) as (container, stream):
        _check_index(path, stream)
        decoder = _decoder_of(stream)
        done, size, end = 0, None, 0.0
        packets = container.demux()
        while True:
            with _logged() as log:
                try:
                    packet = next(packets, None)
                    frames = decoder.decode(packet) if packet is not None and packet.stream == stream else []
                except (av.FFmpegError, ValueError) as error:
                    raise _damaged(path, done + 1, _reason(error, log)) from error
            if packet is None:
                break
            end = max(end, _end_of(packet))
            hurt = any(sign in text for _, _, text in log for sign in _DAMAGE)
            if hurt or (packet.is_corrupt and packet.stream == stream):
                raise _damaged(path, done + max(len(frames), 1), _reason(None, log))
            for frame in frames:
                done, size = done + 1, size or (frame.width, frame.height)
                if frame.is_corrupt:
                    raise _damaged(path, done, _reason(None, log))
                if (frame.width, frame.height) != size:
                    raise FrameError(
                        f"{path}: frame {done} is {frame.width}x{frame.height}, those before it {size[0]}x{size[1]}; "
                        "cut the video there"
                    )
                yield frame
        timed = container.format.name in _TIMED
        length = ((container.duration or 0) + (container.start_time or 0)) / av.time_base if timed else 0.0
        if length > end + _TOLERANCE:
            raise FrameError(f"{path}: cut off after frame {done}: {end:.2f} s of {length:.2f} s; copy it again")


def _decoder_of(stream: Any) -> Any:
    """Return what decodes a stream: one thread per slice, so that the marks of damaged frames can be relied on."""
    decoder = stream.codec_context
    if stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE")) == "1" and decoder.name in ("vp8", "vp9"):
        # FFmpeg's own decoders leave the alpha out.
        decoder = av.CodecContext.create({"vp8": "libvpx", "vp9": "libvpx-vp9"}[decoder.name], "r")
        decoder.extradata = stream.codec_context.extradata
    decoder.thread_type, decoder.thread_count = "SLICE", _THREADS
    if decoder.name == "mjpeg":
        # It marks no frame as damaged, but can be told to stop at one.
        decoder.options = {"err_detect": "explode"}
    return decoder


def _check_index(path: Path, stream: Any) -> None:
    """Refuse a file that is shorter than its own index says."""
    there = path.stat().st_size
    ends = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
    if ends > there:
        raise FrameError(f"{path}: cut off: {there} bytes of {ends} or more; copy it again")


def _deinterlaced(frames: Iterator[Any]) -> Generator[Any, None, None]:
    """Make whole frames of those that are interlaced, as many as there were."""
    first = next(frames)
    second = next(frames, first)
    graph = av.filter.Graph()
    size = {"width": first.width, "height": first.height}
    source = graph.add_buffer(format=first.format, time_base=first.time_base or Fraction(1, 1000), **size)
    alone = second is first
    chosen = graph.add(*("estdif", "mode=frame") if alone else ("bwdif", "mode=send_frame:deint=interlaced"))
    graph.link_nodes(source, chosen, graph.add("buffersink")).configure()
    # bwdif looks at the frames before and after; what comes after the first one stands for what came before it.
    ordered = [first] if alone else [second, first, second]
    made = _filtered(graph, itertools.chain(ordered, frames))
    yield from made if alone else itertools.islice(made, 1, None)


def _filtered(graph: Any, frames: Iterable[Any]) -> Iterator[Any]:
    for frame in itertools.chain(frames, [None]):
        graph.vpush(frame)
        yield from _pulled(graph)


def _pulled(graph: Any) -> Iterator[Any]:
    with contextlib.suppress(av.BlockingIOError, av.EOFError):
        while True:
            yield graph.vpull()


def _may_move(path: Path) -> bool:
    """Tell whether a picture file can have several frames, as a GIF and an animated PNG.

    Raises:
        FrameError: it is an animated WebP.
    """
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X" and start[20] & 2:
        raise FrameError(f"{path}: an animated WebP is not read; make a video of it, or pictures")
    animated = start[:4] == b"\x89PNG" and b"acTL" in start.partition(b"IDAT")[0]
    return animated or start[:3] == b"GIF"


def _turn_of(frame: Any) -> tuple[bool, tuple[bool, bool]]:
    """Return how a frame is turned to be shown: transposed, then flipped top to bottom and left to right."""
    data = frame.side_data.get(SideData.DISPLAYMATRIX)
    if data is None:
        return False, (False, False)
    # Where a point (x, y) is shown: (a x + c y, b x + d y).
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return True, (b < 0, c < 0)
    return False, (d < 0, a < 0)


def _rate(times: list[int | None], base: Fraction | None, declared: Fraction | None) -> tuple[Fraction | None, bool]:
    """Return the frames a second, and whether all are shown as long: the rate declared if the times agree with it."""
    known = [time for time in times if time is not None]
    if base is None or len(known) < len(times) or len(times) < 2 or known[-1] <= known[0]:
        return standard_rate(float(declared or 0)), True
    seconds = (np.array(known) - known[0]) * float(base)
    mean = (len(times) - 1) / float(seconds[-1])
    if declared and abs(seconds[-1] - (len(times) - 1) / float(declared)) <= 1 / float(declared):
        mean = float(declared)
    uneven = np.abs(seconds - np.arange(len(times)) / mean).max() > 1 / mean
    return standard_rate(mean), not uneven


def _end_of(packet: Any) -> float:
    """Return when what is in a packet ends, in seconds of the file."""
    if packet.pts is None or packet.time_base is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


def _damaged(path: Path, frame: int, reason: str) -> FrameError:
    said = f" ({reason})" if reason else ""
    return FrameError(f"{path}: frame {frame} is damaged or cut off{said}; copy the file again, or cut it before that")


@contextlib.contextmanager
def _logged() -> Iterator[list[Any]]:
    """Yield what FFmpeg's libraries log as errors, (level, library, text) each; they print none."""
    before, skipped = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    # What is said again would come later, when something else is done.
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture(local=False) as log:
            yield log
    finally:
        av.logging.set_level(before)
        av.logging.set_skip_repeated(skipped)


def _reason(error: Exception | None, log: list[Any]) -> str:
    """Say in a library's words what is wrong."""
    said = [text for _, _, text in log if text.strip()]
    text = said[0] if said else getattr(error, "strerror", None) or str(error or "")
    return plain(text) if text else ""
