"""The folders that a page may reach: those that the user named. Links that lead out of them are refused."""

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

# The most entries of a folder that are listed.
_MOST = 5000
_NUMBERED = re.compile(rf"(.*?[._-])({NUMBER})(\.[^.]+)")
_MEDIA = (*PICTURES, *VIDEOS, ".dpx", ".tga", ".bmp", ".hdr")


class AllowedFolders:
    """The allowed folders, and single files that the user named.

    Attributes:
        folders: absolute, links resolved, each once.
    """

    def __init__(self, folders: Iterable[Path], files: Iterable[str] = ()) -> None:
        """Allow folders, and the folders that pictures, sequences or videos are in.

        Raises:
            ReenactError: a folder does not exist.
        """
        named = [name for name in files if name]
        found = [*folders, *(Path(name).parent for name in named)]
        for folder in found:
            if not folder.is_dir():
                raise ReenactError(f"{folder}: no such folder")
        self.folders = tuple(dict.fromkeys(folder.resolve() for folder in found))
        # A file that the user named may itself be a link to another folder.
        self._files = frozenset(file.resolve() for name in named for file in files_of(name))

    def check(self, name: str) -> str:
        """Return the absolute path of a file or sequence, which need not exist.

        Raises:
            SettingsError: the path is outside the folders, or no file can have this name.
        """
        check_name(name)
        path = Path(os.path.normpath(self.folders[0] / name))
        for one in (path, *(file for file in files_of(str(path)) if file.is_symlink())):
            if not self._allows(one):
                raise SettingsError(f"{name}: outside the folders of this page; name its folder with --folder")
        return str(path)

    def list_folder(self, name: str) -> dict[str, Any]:
        """List a folder's subfolders and files, sorted by name, as JSON values; numbered pictures are one sequence.

        Raises:
            SettingsError: it is outside the folders.
            ReenactError: it cannot be read.
        """
        folder = Path(self.check(name)) if name else self.folders[0]
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry, _ in zip(entries, range(_MOST), strict=False))
        except OSError as error:
            raise ReenactError(f"{folder}: the folder cannot be read ({error.strerror or error})") from error
        visible = [base for base in names if base[0] != "." and is_text(base) and self._allows(folder / base)]
        shown = [(base, (folder / base).is_dir()) for base in visible]
        inside = any(folder.parent.is_relative_to(root) for root in self.folders)
        return {
            "folder": str(folder),
            "parent": str(folder.parent) if inside else "",
            "roots": [str(root) for root in self.folders],
            "folders": [base for base, is_folder in shown if is_folder],
            "files": list(_group_sequences(base for base, is_folder in shown if not is_folder)),
        }

    def _allows(self, path: Path) -> bool:
        try:
            real = path.resolve()
        except (OSError, RuntimeError):
            # Links that lead to themselves.
            return False
        return real in self._files or any(real.is_relative_to(root) for root in self.folders)


def _group_sequences(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the entries of files; several numbered pictures of one name become one entry, NAME.####.exr."""
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
