"""Refuse outputs that would replace inputs. Files are compared by their identity on disk, not by their names.

So a file is recognised by any of its names: through symbolic and hard links and ``..``, relative or absolute, and as
``A`` and ``a`` where the file system does not distinguish them. A numbered sequence stands for all files that its name
matches, of any frame.
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

# An option, as the user writes it, and the file or sequence that it names; empty or None if it names none.
Named = tuple[str, str | Path | None]

_NUMBER = re.compile(r"-?\d+")


def refuse_over_inputs(outputs: Iterable[Named], inputs: Iterable[Named] = ()) -> None:
    """Refuse an output that is a file of an input, and two outputs that are the same file.

    Args:
        outputs: files that will be written, or sequences as ``NAME.####.exr``.
        inputs: files, sequences, or folders that are read; no picture or clip in these folders may be replaced.

    Raises:
        SettingsError: the message names both options.
    """
    files, read = _named_files(outputs), _input_identities(_named_files(inputs))
    for option, name in files:
        for path in _existing(name):
            if (reader := read.get(_identity(path)) or _input_folder_of(path, read)) is not None:
                raise SettingsError(
                    f"{option} {name}: would replace {path}, which {reader} reads; choose another name for the output"
                )
    _refuse_equal_outputs(files)


def _named_files(files: Iterable[Named]) -> list[tuple[str, str]]:
    """Return the options that name a file, with the names as text."""
    return [(option, str(name)) for option, name in files if name not in (None, "")]


def _input_identities(inputs: list[tuple[str, str]]) -> dict[Hashable, str]:
    """Map the identity of each file or folder of the inputs to its option and name."""
    found: dict[Hashable, str] = {}
    for option, name in inputs:
        path = Path(name)
        paths = (path,) if path.is_dir() else files_of(name)
        found |= {_identity(one): f"{option} {name}" for one in paths}
    return found


def _existing(name: str) -> Iterator[Path]:
    """Yield the existing files that an output of this name could replace, with any of its frames."""
    if not Pattern.of(name):
        yield from (path for path in (Path(name),) if path.exists())
        return
    try:
        names = sorted(_folded(entry.name) for entry in os.scandir(Path(name).parent))
    except OSError:
        return
    frames = (_frame_of(one, name) for one in names)
    yield from (path for path in frames if path is not None and path.exists())


def _frame_of(base: str, pattern: str) -> Path | None:
    """Return the frame of a sequence whose folded name is ``base``; None if the name is not of the sequence."""
    before, after = _around(pattern)
    number = base[len(before) : len(base) - len(after)]
    if not (base.startswith(before) and base.endswith(after) and _NUMBER.fullmatch(number)):
        return None
    path = frame_path(pattern, int(number), Path(pattern).suffix.lower())
    return path if _folded(path.name) == base else None


def _around(name: str) -> tuple[str, str]:
    """Return the text before and after the frame number in a sequence's name, both as :func:`_folded` gives it."""
    pattern = Pattern.of(name)
    assert pattern is not None
    return _folded(pattern.before), _folded(pattern.after)


def _folded(name: str) -> str:
    """Return a name in a form that is equal for names that some file systems take for the same."""
    return unicodedata.normalize("NFC", name).casefold()


def _identity(path: Path) -> Hashable:
    """Return the identity of a file or folder on disk; if it does not exist, its folder's identity and its name."""
    try:
        found = path.stat()
        # Some network drives have no file numbers.
        if found.st_ino:
            return found.st_dev, found.st_ino
    except ValueError:
        # No file can have this name.
        return str(path)
    except OSError:
        pass
    real = Path(os.path.realpath(path))
    return (_identity(real.parent), _folded(real.name)) if real.name else str(real)


def _input_folder_of(path: Path, read: dict[Hashable, str]) -> str | None:
    """Return the option and name of an input folder that this picture or clip lies in; None if there is none."""
    if path.suffix.lower() not in (*PICTURES, *VIDEOS):
        return None
    parents = Path(os.path.realpath(path)).parents
    return next((read[one] for one in map(_identity, parents) if one in read), None)


def _refuse_equal_outputs(outputs: list[tuple[str, str]]) -> None:
    """Refuse two outputs that are the same file, and a file that would be a frame of a sequence."""
    seen: dict[Hashable, str] = {}
    sequences = [(option, name) for option, name in outputs if Pattern.of(name)]
    for option, name in outputs:
        path = Path(name)
        identity = (_identity(path.parent), *_around(name)) if Pattern.of(name) else _identity(path)
        other = seen.setdefault(identity, option)
        if other != option:
            raise SettingsError(f"{option} {name}: is also what {other} writes; choose another name for one of them")
        for sequence, pattern in sequences if not Pattern.of(name) else ():
            if _is_frame(path, pattern):
                raise SettingsError(f"{option} {name}: would be a frame of {sequence} {pattern}; choose another name")


def _is_frame(path: Path, pattern: str) -> bool:
    """Tell whether a path is a frame of a sequence."""
    frame = _frame_of(_folded(path.name), pattern)
    return frame is not None and _identity(frame.parent) == _identity(path.parent)
