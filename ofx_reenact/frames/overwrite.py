"""No output replaces an input: files are compared as what they are on disk, whatever their names look like.

Symbolic and hard links, ``..``, relative and absolute names, and file systems that do not tell ``A`` from ``a`` all
lead to the same answer. A numbered sequence is every file that its name can stand for, of whichever frames.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path

from ofx_reenact.errors import SettingsError
from ofx_reenact.frames.media import PICTURES
from ofx_reenact.frames.names import Pattern, files_of, frame_path
from ofx_reenact.frames.video import VIDEOS

# What a file is to a user, as an option's name, and the file or sequence that was named; none if empty or None.
Named = tuple[str, str | Path | None]

_NUMBER = re.compile(r"-?\d+")


def refuse_over_inputs(outputs: Iterable[Named], inputs: Iterable[Named] = ()) -> None:
    """Refuse outputs that are files of an input, and outputs that are one file.

    Args:
        outputs: what will be written: files, or sequences as ``NAME.####.exr``.
        inputs: what is read: files, sequences, or folders, of which no picture or clip may be replaced.

    Raises:
        SettingsError: naming both options.
    """
    files, read = _given(outputs), _read(_given(inputs))
    for what, name in files:
        for path in _there(name):
            if (said := read.get(_identity(path)) or _folder_of(path, read)) is not None:
                raise SettingsError(
                    f"{what} {name}: would replace {path}, which {said} reads; choose another name for the output"
                )
    _refuse_twins(files)


def _given(files: Iterable[Named]) -> list[tuple[str, str]]:
    """The files that are named."""
    return [(what, str(name)) for what, name in files if name not in (None, "")]


def _read(inputs: list[tuple[str, str]]) -> dict[Hashable, str]:
    """Identity of each input's file, or of the folder that it is → what it is to the user."""
    found: dict[Hashable, str] = {}
    for what, name in inputs:
        path = Path(name)
        paths = (path,) if path.is_dir() else files_of(name)
        found |= {_identity(one): f"{what} {name}" for one in paths}
    return found


def _there(name: str) -> Iterator[Path]:
    """The files that an output of this name would replace, were all its frames written."""
    if not Pattern.of(name):
        yield from (path for path in (Path(name),) if path.exists())
        return
    try:
        names = sorted(_plain(entry.name) for entry in os.scandir(Path(name).parent))
    except OSError:
        return
    frames = (_frame_of(one, name) for one in names)
    yield from (path for path in frames if path is not None and path.exists())


def _frame_of(base: str, pattern: str) -> Path | None:
    """Return the file of a sequence's frame whose plain name is ``base``; None if it is none of the sequence."""
    before, after = _around(pattern)
    number = base[len(before) : len(base) - len(after)]
    if not (base.startswith(before) and base.endswith(after) and _NUMBER.fullmatch(number)):
        return None
    path = frame_path(pattern, int(number), Path(pattern).suffix.lower())
    return path if _plain(path.name) == base else None


def _around(name: str) -> tuple[str, str]:
    """What stands before and after a sequence's frame number."""
    pattern = Pattern.of(name)
    assert pattern is not None
    return _plain(pattern.before), _plain(pattern.after)


def _plain(name: str) -> str:
    """A file's name as the least particular file systems have it."""
    return unicodedata.normalize("NFC", name).casefold()


def _identity(path: Path) -> Hashable:
    """What a path leads to: a file or folder by its place on disk; what is not there by its name and its folder."""
    try:
        found = path.stat()
        # Some network drives number no files.
        if found.st_ino:
            return found.st_dev, found.st_ino
    except ValueError:
        # No file can have this name.
        return str(path)
    except OSError:
        pass
    whole = Path(os.path.realpath(path))
    return (_identity(whole.parent), _plain(whole.name)) if whole.name else str(whole)


def _folder_of(path: Path, read: dict[Hashable, str]) -> str | None:
    """The input that is a folder with this picture or clip in it."""
    if path.suffix.lower() not in (*PICTURES, *VIDEOS):
        return None
    parents = Path(os.path.realpath(path)).parents
    return next((read[one] for one in map(_identity, parents) if one in read), None)


def _refuse_twins(outputs: list[tuple[str, str]]) -> None:
    """Refuse two outputs that are one file, or a file that would be a frame of a sequence."""
    seen: dict[Hashable, str] = {}
    sequences = [(what, name) for what, name in outputs if Pattern.of(name)]
    for what, name in outputs:
        path = Path(name)
        identity = (_identity(path.parent), *_around(name)) if Pattern.of(name) else _identity(path)
        other = seen.setdefault(identity, what)
        if other != what:
            raise SettingsError(f"{what} {name}: is also what {other} writes; choose another name for one of them")
        for sequence, pattern in sequences if not Pattern.of(name) else ():
            if _is_frame(path, pattern):
                raise SettingsError(f"{what} {name}: would be a frame of {sequence} {pattern}; choose another name")


def _is_frame(path: Path, pattern: str) -> bool:
    """Whether a file's name is that of a frame of a sequence in the same folder."""
    frame = _frame_of(_plain(path.name), pattern)
    return frame is not None and _identity(frame.parent) == _identity(path.parent)
