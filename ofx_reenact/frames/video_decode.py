"""Decode video files, and raise errors for damage, which FFmpeg's libraries conceal by default."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.channels import to_one_line

# File formats, which FFmpeg detects by content. Playlists and lists of pictures are left out, as they name other files.
FORMATS = (
    "mov,matroska,webm,avi,mpeg,mpegts,mpegvideo,mxf,asf,flv,ogg,dv,gxf,ivf,nut,h264,hevc,m4v,mjpeg,yuv4mpegpipe,obu,"
    "gif,apng"
)
# Formats whose header gives the duration (for others FFmpeg estimates it). Their files may be half a second shorter.
_TIMED, _TOLERANCE = ("matroska,webm", "mxf"), 0.5
# Log messages about damage, of decoders that do not mark damaged frames.
_DAMAGE = ("CRC mismatch", "Could not find ref", "ended prematurely", "error while decoding", "damaged")
_THREADS = 4
# Log messages do not tell which video they are about, so one video at a time is decoded while they are collected.
_ONE_VIDEO = threading.Lock()
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a video; yield its container and its stream of pictures.

    Raises:
        FrameError: it is not a video, has no pictures, or has several videos.
    """
    # Without "file:", FFmpeg would look for a protocol "take" in "take:2.mp4".
    url = f"file:{path.absolute()}"
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    with ffmpeg_log() as log:
        try:
            container = av.open(url, container_options=options, metadata_errors="replace")
        except av.ArgumentError as error:
            raise FrameError(f"{path}: not a video that can be read") from error
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameError(f"{path}: not a video that can be read ({reason_of(error, log)})") from error
    with container:
        yield container, _stream_of(path, container)


def _stream_of(path: Path, container: Any) -> Any:
    """Choose the stream of pictures: no cover or thumbnails; among several, the one marked as default."""
    kinds = av.stream.Disposition
    not_videos = kinds.attached_pic | kinds.timed_thumbnails | kinds.still_image
    streams = [one for one in container.streams.video if not one.disposition & not_videos]
    if not streams:
        raise FrameError(f"{path}: no pictures in it, only sound or a cover")
    if len(streams) > 1:
        streams = [one for one in streams if one.disposition & kinds.default] or streams
    if len(streams) > 1:
        sizes = ", ".join(f"{one.width}x{one.height}" for one in streams)
        raise FrameError(f"{path}: {len(streams)} videos in one file ({sizes}); extract the one to use")
    if streams[0].codec_context is None:
        raise FrameError(f"{path}: its codec is unknown here, or the file is cut off; convert it, or copy it again")
    return streams[0]


def decode_frames(path: Path) -> Generator[Any, None, None]:
    """Yield a video's frames in the order of display.

    Raises:
        FrameError: a frame is damaged or has another size, or the file is shorter than its header gives.
    """
    with open_video(path) as (container, stream):
        _check_index(path, stream)
        decoder = _decoder_of(stream)
        done, kind, end, begun = 0, "", 0.0, False
        packets = container.demux()
        while True:
            with ffmpeg_log() as log:
                try:
                    packet: Any = next(packets, None)
                    ours = packet is not None and packet.stream.index == stream.index
                    # A recording cut from a stream begins with packets that need earlier frames; they are skipped.
                    begun = begun or (ours and packet.is_keyframe)
                    frames = decoder.decode(packet) if ours and begun else []
                except (av.FFmpegError, ValueError) as error:
                    raise _damaged(path, done + 1, reason_of(error, log)) from error
            if packet is None:
                break
            end = max(end, _end_of(packet))
            if (ours and begun and packet.is_corrupt) or any(sign in text for _, _, text in log for sign in _DAMAGE):
                raise _damaged(path, done + max(len(frames), 1), reason_of(None, log))
            for frame in frames:
                done, this = done + 1, f"{frame.width}x{frame.height} {frame.format.name}"
                kind = kind or this
                if frame.is_corrupt:
                    raise _damaged(path, done, reason_of(None, log))
                if this != kind:
                    raise FrameError(f"{path}: frame {done} is {this}, those before it {kind}; split the video there")
                yield frame
        timed = container.format.name in _TIMED
        length = ((container.duration or 0) + (container.start_time or 0)) / av.time_base if timed else 0.0
        if length > end + _TOLERANCE:
            raise FrameError(f"{path}: cut off after frame {done}: {end:.2f} s of {length:.2f} s; copy it again")


def _decoder_of(stream: Any) -> Any:
    """Return the decoder of a stream. Threads decode slices, not frames: otherwise damage would not be marked."""
    decoder = stream.codec_context
    has_alpha = "1" in (stream.metadata.get("alpha_mode"), stream.metadata.get("ALPHA_MODE"))
    if has_alpha and decoder.name in _ALPHA_DECODERS:
        # FFmpeg's own decoders ignore alpha.
        decoder = av.CodecContext.create(_ALPHA_DECODERS[decoder.name], "r")
        decoder.extradata = stream.codec_context.extradata
    decoder.thread_type, decoder.thread_count = "SLICE", _THREADS
    if decoder.name == "mjpeg":
        # This decoder does not mark damaged frames, but can be set to stop at them.
        decoder.options = {"err_detect": "explode"}
    return decoder


def _check_index(path: Path, stream: Any) -> None:
    """Refuse a file that is shorter than its index gives."""
    size = path.stat().st_size
    ends = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
    if ends > size:
        raise FrameError(f"{path}: cut off: {size} bytes of {ends} or more; copy it again")


def deinterlace(frames: Iterator[Any]) -> Generator[Any, None, None]:
    """Deinterlace frames with FFmpeg's bwdif, a single one with estdif; the number of frames stays the same."""
    first = next(frames)
    second = next(frames, first)
    graph = av.filter.Graph()
    size = {"width": first.width, "height": first.height}
    source = graph.add_buffer(format=first.format, time_base=first.time_base or Fraction(1, 1000), **size)
    alone = second is first
    chosen = graph.add(*("estdif", "mode=frame") if alone else ("bwdif", "mode=send_frame:deint=interlaced"))
    graph.link_nodes(source, chosen, graph.add("buffersink")).configure()
    # bwdif also uses the frames before and after; for the first frame, the second takes the place of the one before.
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


def _end_of(packet: Any) -> float:
    """Return the time in the file at which a packet ends, in seconds; 0 if unknown."""
    if packet.pts is None or packet.time_base is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


def _damaged(path: Path, frame: int, reason: str) -> FrameError:
    cause = f" ({reason})" if reason else ""
    hint = "copy the file again, or cut the video before that frame"
    return FrameError(f"{path}: frame {frame} is damaged or cut off{cause}; {hint}")


@contextlib.contextmanager
def ffmpeg_log() -> Iterator[list[Any]]:
    """Collect the errors that FFmpeg's libraries log, as (level, library, text); nothing is printed."""
    with _ONE_VIDEO:
        before, skipped = av.logging.get_level(), av.logging.get_skip_repeated()
        av.logging.set_level(av.logging.ERROR)
        # Repeated messages would otherwise be logged later, during other work.
        av.logging.set_skip_repeated(False)
        try:
            with av.logging.Capture(local=False) as log:
                yield log
        finally:
            av.logging.set_level(before)
            av.logging.set_skip_repeated(skipped)


def reason_of(error: Exception | None, log: list[Any]) -> str:
    """Return the library's own message on what is wrong; empty if there is none."""
    messages = [text for _, _, text in log if text.strip()]
    text = messages[0] if messages else getattr(error, "strerror", None) or str(error or "")
    return to_one_line(text) if text else ""
