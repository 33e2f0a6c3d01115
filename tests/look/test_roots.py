"""Folders as a page lists them."""

import os
from pathlib import Path

import pytest

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.look.allowed_folders import AllowedFolders


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def listed(roots: AllowedFolders, folder: str = "") -> dict:
    found = roots.list_folder(folder)
    return {one["name"]: (one["kind"], one["frames"]) for one in found["files"]}


def test_numbered_pictures_are_one_sequence(tmp_path):
    write(tmp_path, *(f"a.{frame:04d}.exr" for frame in (1001, 1002, 1003, 1007)), "b_01.png", "b_02.png")
    write(tmp_path, "still.0042.jpg", "take.mov", "shot.01.mov", "notes.txt", ".hidden.exr", "sub/x.exr", "a.101.exr")
    (tmp_path / os.fsdecode(b"no\xfftext.exr")).write_bytes(b"")
    assert listed(AllowedFolders([tmp_path])) == {
        "a.####.exr": ("sequence", "1001-1003,1007"), "b_##.png": ("sequence", "1-2"),
        "still.0042.jpg": ("media", ""), "take.mov": ("media", ""), "shot.01.mov": ("media", ""),
        "notes.txt": ("other", ""), "a.101.exr": ("media", ""),
    }  # fmt: skip
    assert AllowedFolders([tmp_path]).list_folder("")["folders"] == ["sub"]


def test_folders_above_are_reached_only_inside(tmp_path):
    write(tmp_path, "shots/010/a.exr", "other/b.exr")
    roots = AllowedFolders([tmp_path / "shots"])
    assert roots.list_folder("010")["parent"] == str(tmp_path / "shots")
    assert roots.list_folder("")["parent"] == ""
    for outside in ("..", "../other", str(tmp_path), "010/../../other", "/"):
        with pytest.raises(SettingsError, match="outside"):
            roots.list_folder(outside)
    with pytest.raises(ReenactError, match="no such folder"):
        AllowedFolders([tmp_path / "no"])
    with pytest.raises(ReenactError, match="cannot be read"):
        roots.list_folder("none")


def test_what_was_named_itself_may_be_a_link(tmp_path):
    write(tmp_path, "store/a.exr", "store/b.exr", "shots/c.exr")
    for name in ("a", "b"):
        (tmp_path / "shots" / f"{name}.exr").symlink_to(tmp_path / "store" / f"{name}.exr")
    (tmp_path / "shots" / "round").symlink_to(tmp_path / "shots" / "round")
    roots = AllowedFolders([], [str(tmp_path / "shots" / "a.exr")])
    assert roots.check(str(tmp_path / "shots" / "a.exr")) == str(tmp_path / "shots" / "a.exr")
    assert set(listed(roots)) == {"a.exr", "c.exr"}
    for name in ("b.exr", "round"):
        with pytest.raises(SettingsError, match="outside"):
            roots.check(str(tmp_path / "shots" / name))


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "new/not/there.exr"])
def test_names_that_are_none_or_not_there(tmp_path, name):
    roots = AllowedFolders([tmp_path])
    if "not" in name:
        assert roots.check(name) == str(tmp_path / name)
    else:
        with pytest.raises(SettingsError):
            roots.check(name)
