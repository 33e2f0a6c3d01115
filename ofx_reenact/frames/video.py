"""Recognise video files. The module that decodes them is imported only when there is one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import OpenImageIO as oiio

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.channels import take_error

if TYPE_CHECKING:
    from ofx_reenact.frames.video_plates import Video

_ANIMATED = (".gif", ".apng")
VIDEOS = (
    ".mp4", ".mov", ".mpg", ".mpeg", ".avi", ".mkv", ".m4v", ".webm", ".ts", ".mts", ".m2ts", ".mxf", ".wmv", ".asf",
    ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".vob", ".m2v", ".mpv", ".dv", ".qt", *_ANIMATED,
)  # fmt: skip


def video_of(path: Path) -> Video | None:
    """Open a file if it is a video: it has a video's suffix, is an animated picture, or is in no known picture format.

    Returns:
        The video; None if the file is a picture, or neither.

    Raises:
        FrameError: it is a video, but cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in VIDEOS or suffix in _ANIMATED:
        if _may_be_animated(path):
            video = _opened(path)
            return video if video.count > 1 else None
        picture = oiio.ImageInput.open(os.fspath(path))
        if picture is not None:
            picture.close()
            return None
        take_error()
        # Videos of cameras and phones may have any suffix.
        with contextlib.suppress(FrameError):
            return _opened(path)
        return None
    return _opened(path)


def _opened(path: Path) -> Video:
    from ofx_reenact.frames.video_plates import Video

    return Video(path)


def _may_be_animated(path: Path) -> bool:
    """Tell whether a picture file may be animated: a GIF, or a PNG with several frames.

    Raises:
        FrameError: it is an animated WebP.
    """
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X" and start[20] & 2:
        raise FrameError(f"{path}: an animated WebP cannot be read; convert it to a video or to pictures")
    animated = start[:4] == b"\x89PNG" and b"acTL" in start.partition(b"IDAT")[0]
    return animated or start[:3] == b"GIF"
