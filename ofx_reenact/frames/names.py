"""File names with a placeholder for the frame number: ``NAME.####.exr``, ``NAME.%04d.exr``, ``NAME.@@@@.exr``.

Convention: only the file's own name has a placeholder; ``#``, ``@`` and ``%`` in a folder's name are plain characters,
and so are ``*``, ``?``, ``[`` and ``{`` everywhere. Each ``#`` or ``@`` is one digit. A number is padded to that many
characters, including its sign, and longer if necessary: frame 10000 of ``####`` is ``10000``.
"""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.files import LONGEST_NAME, check_name, is_text
from ofx_reenact.frames.ranges import NUMBER

# Two or more equal characters, or %04d, are always a placeholder. A single # or @, or %d, is one only if no letter or
# digit follows: photo@2x.png, take#2.png and 50%discount.png are plain names.
_PLACEHOLDER = re.compile(r"#{2,}|@{2,}|%\d+d")
_SHORT_PLACEHOLDER = re.compile(r"(?:[#@]|%d)(?![^\W_])")
# A larger gap between frame numbers means that a number is something else, such as a date.
_LARGEST_GAP = 100_000


@dataclass(frozen=True)
class Pattern:
    """A file name with a placeholder for the frame number."""

    folder: Path
    before: str
    digits: int
    after: str

    @classmethod
    def of(cls, name: str | Path) -> Pattern | None:
        """Find the placeholder in a file name; None if there is none, or more than one."""
        found = _placeholders(Path(name).name)
        if len(found) != 1:
            return None
        placeholder, base = found[0], Path(name).name
        text = placeholder.group()
        digits = int(text[1:-1] or 1) if text[0] == "%" else len(text)
        return cls(Path(name).parent, base[: placeholder.start()], max(digits, 1), base[placeholder.end() :])

    @property
    def stem(self) -> str:
        """The name without frame number, separators before it, and suffix: ``shot`` of ``shot_.####.exr``."""
        after = self.after.rpartition(".")[0]
        return (self.before.rstrip("._-") + after) if after.strip("._-") else self.before.rstrip("._-")

    def path(self, frame: int) -> Path:
        """Return the path of a frame."""
        return self.folder / f"{self.before}{frame:0{self.digits}d}{self.after}"

    def find(self) -> dict[int, Path]:
        """Return the files that exist, by frame, ascending; numbers with a different padding do not count."""
        found = re.compile(rf"{re.escape(self.before)}({NUMBER}){re.escape(self.after)}")
        matches = (found.fullmatch(name) for name in _listed(self.folder))
        numbers = (int(m[1]) for m in matches if m and m[1] == f"{int(m[1]):0{self.digits}d}")
        return {frame: self.path(frame) for frame in sorted(numbers)}


def has_placeholder(name: str | Path) -> bool:
    """Tell whether a file name has a placeholder for the frame number."""
    return bool(_placeholders(Path(name).name))


def files_of(name: str) -> tuple[Path, ...]:
    """Return the files that a name stands for, as far as they exist; those of a sequence in order of frames."""
    pattern = Pattern.of(name)
    found = tuple(pattern.find().values()) if pattern and is_text(name) else ()
    return found or ((Path(name),) if is_file(name) else ())


def is_file(name: str | Path) -> bool:
    """Tell whether a file with exactly this name exists; false for names that no file can have."""
    try:
        return is_text(str(name)) and Path(name).is_file()
    except OSError:
        return False


def find_frames(name: str) -> dict[int, Path]:
    """Return the files of a sequence by frame.

    Raises:
        FrameError: there are none, or their numbers are too far apart to be frames of one sequence.
    """
    pattern = Pattern.of(name)
    if pattern is None:
        raise FrameError(f"{name}: two placeholders for the frame number; write #### once, where it goes")
    found = pattern.find()
    if not found:
        hint = _suggest(pattern.folder, Path(name).name) or "check the folder and the padding"
        raise FrameError(f"{name}: no frames of this name were found; {hint}")
    numbers = list(found)
    for below, (one, other) in enumerate(itertools.pairwise(numbers), start=1):
        if other - one > _LARGEST_GAP:
            odd, rest = (one, other) if below * 2 < len(numbers) else (other, one)
            raise FrameError(
                f"{found[odd]}: its number {odd} is too far from {rest} to be a frame of the same sequence; if it is a "
                "date or a version, move the file away or rename it"
            )
    return found


def frame_path(pattern: str, frame: int, suffix: str = ".exr") -> Path:
    """Return the path of a frame of ``NAME.####.exr``, to write or to read.

    Raises:
        SettingsError: the name has no placeholder or several, does not end in ``suffix``, or no file can have it.
    """
    check_name(pattern)
    found = Pattern.of(pattern)
    if found is None and has_placeholder(pattern):
        raise SettingsError(f"{pattern}: two placeholders for the frame number; write # and @ only where it goes")
    if found is None:
        raise SettingsError(f"{pattern}: put #### where the frame number goes, as NAME.####{suffix}")
    if Path(pattern).suffix.lower() != suffix:
        raise SettingsError(f"{pattern}: frames are written as {suffix} here; end the name in {suffix}")
    if os.sep == "/" and "\\" in pattern:
        raise SettingsError(f"{pattern}: a backslash would be part of the file's name here; separate folders with /")
    path = found.path(frame)
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise SettingsError(f"{pattern}: the file's name is too long to be written; use a shorter one")
    return path


def number_in(path: Path) -> int:
    """Return the frame number in the name of a single file, as in plate.1001.exr; 1 if there is none."""
    parts = path.name.split(".")
    return int(parts[-2]) if len(parts) > 2 and re.fullmatch(NUMBER, parts[-2]) else 1


def explain_missing(name: str) -> str:
    """Return the error for a file that does not exist, with a similar name if there is one."""
    path = Path(name)
    if os.sep == "/" and "\\" in name:
        return f"{name}: no such file; a backslash is part of a name here, so separate folders with /"
    if name and path.is_dir():
        return f"{name}: a folder; name a file, or a sequence as NAME.####.exr"
    hint = _suggest(path.parent, path.name)
    return f"{name}: no such file" + (f"; {hint}" if hint else "")


def _placeholders(base: str) -> list[re.Match[str]]:
    """Find the placeholders for the frame number in a file's own name."""
    return list(_PLACEHOLDER.finditer(base)) or list(_SHORT_PLACEHOLDER.finditer(base))


def _listed(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except OSError:
        return []


def _suggest(folder: Path, base: str) -> str:
    """Suggest a file whose name differs only in padding, case or Unicode form; empty if there is none."""
    wanted = _without_numbers(base)
    alike = (name for name in _listed(folder) if _nfc(_without_numbers(name)).casefold() == _nfc(wanted).casefold())
    near = min((name for name in alike if is_text(name)), default=None)
    if near is None:
        return ""
    if near == base:
        return "it is a link to a file that does not exist"
    if _without_numbers(near) != wanted and _nfc(_without_numbers(near)) == _nfc(wanted):
        return f"{near} looks the same, but has other Unicode characters: rename it, or copy its name"
    return f"there is {near}; write exactly its name, with one # for each digit of the frame number"


def _without_numbers(base: str) -> str:
    """Return a name with every number and placeholder replaced by ``#``."""
    return re.sub(r"-?[0-9]+|%\d*d|[#@]+", "#", base)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
