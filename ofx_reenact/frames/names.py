"""Names of files with a place for the frame number: ``NAME.####.exr``, ``NAME.%04d.exr``, ``NAME.@@@@.exr``.

Convention: only the file's own name has such a place; ``#``, ``@`` and ``%`` in a folder's name are plain characters,
as are ``*``, ``?``, ``[`` and ``{`` everywhere. One ``#`` or ``@`` is one digit, so ``####`` is four. A number has so
many characters, its sign among them, and more if it needs them: frame 10000 of ``####`` is ``10000``.
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

# Of one kind, two or more in a row stand for a number wherever they are. One alone, or %d, does so only where no letter
# or digit follows it: photo@2x.png, take#2.png and 50%discount.png are names.
_SURE = re.compile(r"#{2,}|@{2,}|%\d+d")
_MAYBE = re.compile(r"(?:[#@]|%d)(?![^\W_])")
# A hole in the numbers above this is no hole: another kind of number is in a name, as a date is.
_WIDEST_HOLE = 100_000


@dataclass(frozen=True)
class Pattern:
    """A file name with a place for the frame number."""

    folder: Path
    before: str
    digits: int
    after: str

    @classmethod
    def of(cls, name: str | Path) -> Pattern | None:
        """Find the place for the frame number; None if there is none, or two that might be it."""
        places = _places(Path(name).name)
        if len(places) != 1:
            return None
        mark, base = places[0], Path(name).name
        said = mark.group()
        digits = int(said[1:-1] or 1) if said[0] == "%" else len(said)
        return cls(Path(name).parent, base[: mark.start()], max(digits, 1), base[mark.end() :])

    @property
    def stem(self) -> str:
        """The name without the frame number, what parts it off, and the suffix: ``shot`` of ``shot_.####.exr``."""
        after = self.after.rpartition(".")[0]
        return (self.before.rstrip("._-") + after) if after.strip("._-") else self.before.rstrip("._-")

    def path(self, frame: int) -> Path:
        """Return the file of a frame."""
        return self.folder / f"{self.before}{frame:0{self.digits}d}{self.after}"

    def find(self) -> dict[int, Path]:
        """Return the files that are there, by frame, ascending; those whose number is padded otherwise are others."""
        found = re.compile(rf"{re.escape(self.before)}({NUMBER}){re.escape(self.after)}")
        matches = (found.fullmatch(name) for name in _listed(self.folder))
        numbers = (int(m[1]) for m in matches if m and m[1] == f"{int(m[1]):0{self.digits}d}")
        return {frame: self.path(frame) for frame in sorted(numbers)}


def has_padding(name: str | Path) -> bool:
    """Tell whether a file name has a place for the frame number."""
    return bool(_places(Path(name).name))


def files_of(name: str) -> tuple[Path, ...]:
    """Return the files behind a name: those of a sequence in the order of their frames; none if none is there."""
    pattern = Pattern.of(name)
    found = tuple(pattern.find().values()) if pattern and is_text(name) else ()
    return found or ((Path(name),) if is_file(name) else ())


def is_file(name: str | Path) -> bool:
    """Tell whether a file of exactly this name is there; false for names that no file can have."""
    try:
        return is_text(str(name)) and Path(name).is_file()
    except OSError:
        return False


def find_frames(name: str) -> dict[int, Path]:
    """Return the files of a sequence by frame.

    Raises:
        FrameError: there are none, or numbers that are too far apart to be frames of one sequence.
    """
    pattern = Pattern.of(name)
    if pattern is None:
        raise FrameError(f"{name}: two places for the frame number; write #### where it goes, and nowhere else")
    found = pattern.find()
    if not found:
        hint = _near(pattern.folder, Path(name).name) or "check the folder and the padding"
        raise FrameError(f"{name}: no frames of this name were found; {hint}")
    numbers = list(found)
    for below, (one, other) in enumerate(itertools.pairwise(numbers), start=1):
        if other - one > _WIDEST_HOLE:
            odd, rest = (one, other) if below * 2 < len(numbers) else (other, one)
            raise FrameError(
                f"{found[odd]}: its number {odd} is too far from {rest} to be a frame of the same sequence; if it is a "
                "date or a version, move the file away or rename it"
            )
    return found


def frame_path(pattern: str, frame: int, suffix: str = ".exr") -> Path:
    """Return the file for a frame of ``NAME.####.exr``, to be written or read.

    Raises:
        SettingsError: there is no padding in the name, it does not end in ``suffix``, or no file can have it.
    """
    check_name(pattern)
    found = Pattern.of(pattern)
    if found is None and has_padding(pattern):
        raise SettingsError(f"{pattern}: two places for the frame number; have # and @ only where it goes")
    if found is None:
        raise SettingsError(f"{pattern}: put #### where the frame number goes, as NAME.####{suffix}")
    if Path(pattern).suffix.lower() != suffix:
        raise SettingsError(f"{pattern}: these frames are written as {suffix}, so end the name in it")
    if os.sep == "/" and "\\" in pattern:
        raise SettingsError(f"{pattern}: a backslash would be part of the file's name here; part folders with /")
    path = found.path(frame)
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise SettingsError(f"{pattern}: the file's name is too long to be written; use a shorter one")
    return path


def number_in(path: Path) -> int:
    """Return the frame number in a single file's name, as in plate.1001.exr; 1 if there is none."""
    parts = path.name.split(".")
    return int(parts[-2]) if len(parts) > 2 and re.fullmatch(NUMBER, parts[-2]) else 1


def explain_missing(name: str) -> str:
    """Say that a file is not there, and which one may be meant."""
    path = Path(name)
    if os.sep == "/" and "\\" in name:
        return f"{name}: no such file; a backslash is part of a name here, so part folders with /"
    if name and path.is_dir():
        return f"{name}: a folder; name a file, or a sequence as NAME.####.exr"
    hint = _near(path.parent, path.name)
    return f"{name}: no such file" + (f"; {hint}" if hint else "")


def _places(base: str) -> list[re.Match[str]]:
    """Find where the frame number goes in a file's own name."""
    return list(_SURE.finditer(base)) or list(_MAYBE.finditer(base))


def _listed(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except OSError:
        return []


def _near(folder: Path, base: str) -> str:
    """Name a file that differs from what was asked for in padding, case or Unicode alone."""
    wanted = _plain(base)
    alike = (name for name in _listed(folder) if _nfc(_plain(name)).casefold() == _nfc(wanted).casefold())
    near = min((name for name in alike if is_text(name)), default=None)
    if near is None:
        return ""
    if near == base:
        return "its link leads nowhere"
    if _plain(near) != wanted and _nfc(_plain(near)) == _nfc(wanted):
        return f"{near} looks the same, but is written with other Unicode characters: rename it, or paste its name"
    return f"there is {near}; write its name as it is, with one # for each digit of the frame number"


def _plain(base: str) -> str:
    """A name with all numbers and places for them alike."""
    return re.sub(r"-?[0-9]+|%\d*d|[#@]+", "#", base)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
