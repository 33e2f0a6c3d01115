"""A video file's frames, whole or an error: FFmpeg's libraries conceal what is damaged unless they are asked."""

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

# FFmpeg goes by what is in a file. Playlists and lists of pictures, which name other files, are not among these.
FORMATS = (
    "mov,matroska,webm,avi,mpeg,mpegts,mpegvideo,mxf,asf,flv,ogg,dv,gxf,ivf,nut,h264,hevc,m4v,mjpeg,yuv4mpegpipe,obu,"
    "gif,apng"
)
# Their header says how long they are; of others FFmpeg estimates it. Seconds that what is in them may be shorter.
_TIMED, _TOLERANCE = ("matroska,webm", "mxf"), 0.5
# What decoders that do not mark a frame as damaged say of it.
_DAMAGE = ("CRC mismatch", "Could not find ref", "ended prematurely", "error while decoding", "damaged")
_THREADS = 4
# The libraries do not say of which video they log.
_ONE_VIDEO = threading.Lock()
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[tuple[Any, Any]]:
    """Yield a container and the stream of its pictures.

    Raises:
        FrameError: it is no video, or has no pictures, or several videos.
    """
    # Without the protocol, "take:2.mp4" would be asked of a protocol "take".
    url = f"file:{path.absolute()}"
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    with logged() as log:
        try:
            container = av.open(url, container_options=options, metadata_errors="replace")
        except av.ArgumentError as error:
            raise FrameError(f"{path}: not a video that can be read") from error
        except (av.FFmpegError, OSError, ValueError) as error:
            raise FrameError(f"{path}: not a video that can be read ({reason_of(error, log)})") from error
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
        raise FrameError(f"{path}: coded in a way that is not known here, or cut off; convert it, or copy it again")
    return streams[0]


def decode_frames(path: Path) -> Generator[Any, None, None]:
    """Yield a video's frames as they are shown.

    Raises:
        FrameError: a frame is damaged or of another size, or the file ends before its header says.
    """
    with open_video(path) as (container, stream):
        _check_index(path, stream)
        decoder = _decoder_of(stream)
        done, kind, end, begun = 0, "", 0.0, False
        packets = container.demux()
        while True:
            with logged() as log:
                try:
                    packet: Any = next(packets, None)
                    ours = packet is not None and packet.stream.index == stream.index
                    # A recording that was cut out of a stream begins with what needs frames that it does not have.
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
                    raise FrameError(f"{path}: frame {done} is {this}, those before it {kind}; cut the video there")
                yield frame
        timed = container.format.name in _TIMED
        length = ((container.duration or 0) + (container.start_time or 0)) / av.time_base if timed else 0.0
        if length > end + _TOLERANCE:
            raise FrameError(f"{path}: cut off after frame {done}: {end:.2f} s of {length:.2f} s; copy it again")


def _decoder_of(stream: Any) -> Any:
    """Return what decodes a stream: one thread per slice, so that the marks of damaged frames can be relied on."""
    decoder = stream.codec_context
    has_alpha = "1" in (stream.metadata.get("alpha_mode"), stream.metadata.get("ALPHA_MODE"))
    if has_alpha and decoder.name in _ALPHA_DECODERS:
        # FFmpeg's own decoders leave the alpha out.
        decoder = av.CodecContext.create(_ALPHA_DECODERS[decoder.name], "r")
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


def deinterlace(frames: Iterator[Any]) -> Generator[Any, None, None]:
    """Make whole frames of those whose fields are of two times, as many as there were."""
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


def _end_of(packet: Any) -> float:
    """Return when what is in a packet ends, in seconds of the file."""
    if packet.pts is None or packet.time_base is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


def _damaged(path: Path, frame: int, reason: str) -> FrameError:
    said = f" ({reason})" if reason else ""
    return FrameError(f"{path}: frame {frame} is damaged or cut off{said}; copy the file again, or cut it before that")


@contextlib.contextmanager
def logged() -> Iterator[list[Any]]:
    """Yield what FFmpeg's libraries log as errors, (level, library, text) each; they print none."""
    with _ONE_VIDEO:
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


def reason_of(error: Exception | None, log: list[Any]) -> str:
    """Say in a library's words what is wrong."""
    said = [text for _, _, text in log if text.strip()]
    text = said[0] if said else getattr(error, "strerror", None) or str(error or "")
    return to_one_line(text) if text else ""
