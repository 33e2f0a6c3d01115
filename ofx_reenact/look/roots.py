"""What a page may reach of the disk: the folders that its user named, and nothing that a link leads to beyond them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.files import check_name, is_text
from ofx_reenact.frames.media import PICTURES
from ofx_reenact.frames.names import files_of
from ofx_reenact.frames.ranges import NUMBER, FrameRange
from ofx_reenact.frames.video import VIDEOS

# Entries of one folder that are listed.
_MOST = 5000
_NUMBERED = re.compile(rf"(.*?[._-])({NUMBER})(\.[^.]+)")
_MEDIA = (*PICTURES, *VIDEOS, ".dpx", ".tga", ".bmp", ".hdr")


class Roots:
    """The folders that may be seen, and files beside them that were named one by one.

    Attributes:
        folders: absolute, links resolved, each once.
    """

    def __init__(self, folders: Iterable[Path], files: Iterable[str] = ()) -> None:
        """Take folders, and names of pictures, sequences or videos, whose folders may be seen as well.

        Raises:
            ReenactError: one of the folders is none.
        """
        named = [name for name in files if name]
        found = [*folders, *(Path(name).parent for name in named)]
        for folder in found:
            if not folder.is_dir():
                raise ReenactError(f"{folder}: no such folder")
        self.folders = tuple(dict.fromkeys(folder.resolve() for folder in found))
        # What was named may itself be a link to elsewhere.
        self._files = frozenset(file.resolve() for name in named for file in files_of(name))

    def check(self, name: str) -> str:
        """Return a file's or sequence's name as an absolute one; it need not be there.

        Raises:
            SettingsError: it lies outside the folders, or no file can have it.
        """
        check_name(name)
        path = Path(os.path.normpath(self.folders[0] / name))
        for one in (path, *(file for file in files_of(str(path)) if file.is_symlink())):
            if not self._holds(one):
                raise SettingsError(f"{name}: outside the folders of this page; name its folder with --folder")
        return str(path)

    def listed(self, name: str) -> dict[str, Any]:
        """Return what lies in a folder: folders, and pictures with numbered ones as one sequence, by name.

        Raises:
            SettingsError: it lies outside the folders.
            ReenactError: it cannot be read.
        """
        folder = Path(self.check(name)) if name else self.folders[0]
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry, _ in zip(entries, range(_MOST), strict=False))
        except OSError as error:
            raise ReenactError(f"{folder}: the folder cannot be read ({error.strerror or error})") from error
        held = [base for base in names if base[0] != "." and is_text(base) and self._holds(folder / base)]
        shown = [(base, (folder / base).is_dir()) for base in held]
        inside = any(folder.parent.is_relative_to(root) for root in self.folders)
        return {
            "folder": str(folder),
            "parent": str(folder.parent) if inside else "",
            "roots": [str(root) for root in self.folders],
            "folders": [base for base, is_folder in shown if is_folder],
            "files": list(_collapsed(base for base, is_folder in shown if not is_folder)),
        }

    def _holds(self, path: Path) -> bool:
        try:
            real = path.resolve()
        except (OSError, RuntimeError):
            # A circle of links.
            return False
        return real in self._files or any(real.is_relative_to(root) for root in self.folders)


def _collapsed(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the files that may be asked for, with several numbered pictures of one name as NAME.####.exr."""
    sequences: dict[str, list[int]] = {}
    alone: dict[str, str] = {}
    for name in names:
        suffix = Path(name).suffix.lower()
        found = _NUMBERED.fullmatch(name)
        if found and suffix in _MEDIA and suffix not in VIDEOS:
            pattern = f"{found[1]}{'#' * len(found[2])}{found[3]}"
            sequences.setdefault(pattern, []).append(int(found[2]))
            alone[pattern] = name
        else:
            yield _file(name, suffix)
    for pattern, numbers in sequences.items():
        if len(numbers) == 1:
            yield _file(alone[pattern], Path(pattern).suffix.lower())
        else:
            yield {"name": pattern, "kind": "sequence", "frames": str(FrameRange.of(numbers))}


def _file(name: str, suffix: str) -> dict[str, Any]:
    return {"name": name, "kind": "media" if suffix in _MEDIA else "other", "frames": ""}
