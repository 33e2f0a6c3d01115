"""Names of sequences and videos: padding, versions, frames on disk."""

from __future__ import annotations

import os
import re
from typing import List

from reenact_nuke.errors import ReenactError

_PADDING = re.compile(r"%0?\d*d|#+")
_VERSION = re.compile(r"(?<=[._/\\-])v(\d+)(?=[._/\\-])", re.IGNORECASE)
# The engine takes files with these endings as videos.
VIDEOS = (
    ".mp4", ".mov", ".mpg", ".mpeg", ".avi", ".mkv", ".m4v", ".webm", ".ts", ".mts", ".m2ts", ".mxf", ".wmv", ".asf",
    ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".vob", ".m2v", ".mpv", ".dv", ".qt", ".gif", ".apng",
)  # fmt: skip


def has_placeholder(name: str) -> bool:
    """Tell whether a name is that of a sequence."""
    return bool(_PADDING.search(os.path.basename(name)))


def is_footage(name: str) -> bool:
    """Tell whether a name is that of a sequence or a video."""
    return has_placeholder(name) or name.lower().endswith(VIDEOS)


def first_frame(name: str, default: int) -> int:
    """Find the first frame as the engine does: the first on disk, even if a Read shows less; 1 of a video.

    Args:
        name: of a sequence or video.
        default: for a sequence without files.
    """
    folder, base = os.path.split(name)
    match = _PADDING.search(base)
    if match is None:
        return 1
    width = _width(match.group(0))
    start, end = re.escape(base[: match.start()]), re.escape(base[match.end() :])
    numbered = re.compile(rf"{start}(-?\d+){end}$")
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return default
    found = [match.group(1) for match in map(numbered.match, names) if match]
    # With exactly the padding's digits, or more if the number needs them: 1 and 00001 are no frames of ####.
    return min((int(text) for text in found if text == str(int(text)).zfill(width)), default=default)


def files(name: str, first: int, last: int) -> List[str]:
    """List the files of a sequence's frames; a name without padding is its own only file."""
    folder, base = os.path.split(name)
    match = _PADDING.search(base)
    if match is None:
        return [name]
    width = _width(match.group(0))
    start, end = base[: match.start()], base[match.end() :]
    return [_join(folder, start + str(frame).zfill(width) + end) for frame in range(first, last + 1)]


def path_beside(output: str, name: str) -> str:
    """Name a file or folder beside an output, without its version: ``shot_v002.####.exr`` → ``shot.NAME``.

    Raises:
        ReenactError: the output is not a sequence name.
    """
    if not has_placeholder(output):
        raise ReenactError(f"Output '{output}': write #### where the frame number goes, as in shot_v001.####.exr")
    folder, base = os.path.split(output)
    stem = _PADDING.split(base)[0].rstrip("._- ")
    stem = re.sub(r"[._-]?v\d+$", "", stem, flags=re.IGNORECASE) or "reenact"
    return _join(folder, stem + "." + name)


def next_version(output: str) -> str:
    """Raise the last version in a name by one, in as many digits; a name without a version gets ``_v002``."""
    found = list(_VERSION.finditer(output))
    if not found:
        folder, base = os.path.split(output)
        match = _PADDING.search(base)
        cut = match.start() if match else len(base) - len(os.path.splitext(base)[1])
        return _join(folder, base[:cut].rstrip("._") + "_v002." + base[cut:].lstrip("."))
    last = found[-1].group(1)
    number = str(int(last) + 1).zfill(len(last))
    # A folder with the file's version goes up with it.
    return _VERSION.sub(lambda m: m.group(0)[0] + number if m.group(1) == last else m.group(0), output)


def absolute(name: str, base: str) -> str:
    """Make a path absolute, with forward slashes; relative ones start at ``base`` (the project directory)."""
    name = os.path.expanduser(name)
    if not os.path.isabs(name):
        name = os.path.join(base or os.getcwd(), name)
    return name.replace("\\", "/")


def _width(padding: str) -> int:
    """Count the digits of a padding: 4 for ``####`` and ``%04d``."""
    return len(padding) if padding.startswith("#") else int(padding[1:-1] or 1)


def _join(folder: str, name: str) -> str:
    return folder + "/" + name if folder else name
