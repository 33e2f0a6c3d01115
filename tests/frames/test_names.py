"""Names of files: where the frame number goes, what is plain text, and which names are refused."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from conftest import rgb_channels, write_exr

from ofx_reenact.errors import FrameError, ReenactError, SettingsError
from ofx_reenact.frames.names import Pattern, files_of, frame_path, has_placeholder
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.provenance import beside
from ofx_reenact.settings import Settings


def put(path, value):
    """Write an EXR whose pixels all have this value."""
    return write_exr(path, rgb_channels(np.full((2, 3, 3), value, np.float32)))


def value_of(name, frame=None):
    sequence = Sequence.open(str(name))
    return sequence.read(sequence.frames.last if frame is None else frame).rgb[0, 0, 0]


FOLDERS = ("sh#t", "a@b", "####", "@@", "sh%04d", "f[1]", "{x}", "q?*", "sp ace", "-dash", "back\\slash", "né", "a.b")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_may_have_any_name(tmp_path, folder):
    (tmp_path / folder).mkdir()
    for frame in (1, 2, 10):
        put(tmp_path / folder / f"p.{frame:04d}.exr", frame)
    name = str(tmp_path / folder / "p.####.exr")
    assert str(Sequence.open(name).frames) == "1-2,10" and value_of(name, 2) == 2
    assert [path.name for path in files_of(name)] == ["p.0001.exr", "p.0002.exr", "p.0010.exr"]
    assert value_of(tmp_path / folder / "p.0010.exr") == 10


STEMS = (
    "photo@2x", "take#2", "100%", "50%discount", "a*", "a?b", "[a]", "{a}", "a b", "-a", "a\\b", "né", "n0001", "a.b",
)  # fmt: skip


@pytest.mark.parametrize("stem", STEMS)
def test_a_name_may_have_any_characters(tmp_path, stem):
    put(tmp_path / f"{stem}.exr", 7)
    put(tmp_path / f"{stem}.0001.exr", 1)
    put(tmp_path / f"{stem}.0002.exr", 2)
    assert value_of(tmp_path / f"{stem}.exr") == 7 and value_of(tmp_path / f"{stem}.0002.exr") == 2
    assert str(Sequence.open(str(tmp_path / f"{stem}.####.exr")).frames) == "1-2"
    assert read_plate(tmp_path / f"{stem}.exr").rgb[0, 0, 0] == 7


@pytest.mark.skipif(os.sep != "/", reason="a backslash separates folders here")
def test_a_backslash_does_not_separate_folders(tmp_path):
    (tmp_path / "out").mkdir()
    put(tmp_path / "out" / "o.0001.exr", 1)
    with pytest.raises(SettingsError, match="separate folders with /"):
        frame_path("out\\o.####.exr", 7)
    with pytest.raises(FrameError, match="separate folders with /"):
        Sequence.open(f"{tmp_path}\\out\\o.0001.exr")


def test_the_number_may_be_in_the_middle_of_a_name(tmp_path):
    for frame in (1, 2):
        put(tmp_path / f"img{frame:04d}_left.exr", frame)
        put(tmp_path / f"img{frame:04d}_right.exr", frame * 10)
    assert value_of(tmp_path / "img####_left.exr") == 2 and value_of(tmp_path / "img####_right.exr") == 20
    assert frame_path("img####_left.exr", 7) == Path("img0007_left.exr")


@pytest.mark.parametrize(
    ("output", "stem"),
    [
        ("o.####.exr", "o"),
        ("o_v003.%04d.exr", "o_v003"),
        ("img####_left.exr", "img_left"),
        ("photo@2x.####.exr", "photo@2x"),
        ("100%.####.exr", "100%"),
        ("a#b.c.####.exr", "a#b.c"),
        ("sh#t/o.####.exr", "sh#t/o"),
    ],
)
def test_files_beside_a_sequence_are_named_after_it(output, stem):
    assert beside(output, ".reenact.json") == Path(f"{stem}.reenact.json")


@pytest.mark.parametrize(
    ("pattern", "file"),
    [
        ("a/####/o.####.exr", "a/####/o.0007.exr"),
        ("o.@@@@.exr", "o.0007.exr"),
        ("o.%04d.exr", "o.0007.exr"),
        ("o.%d.exr", "o.7.exr"),
        ("o.#.exr", "o.7.exr"),
        ("o#.exr", "o7.exr"),
        ("take#2.####.exr", "take#2.0007.exr"),
        ("me@home_@@@.exr", "me@home_007.exr"),
    ],
)
def test_placeholders_for_the_number(pattern, file):
    assert has_placeholder(pattern) and frame_path(pattern, 7) == Path(file)


@pytest.mark.parametrize(
    "name", ["photo@2x.exr", "take#2.exr", "100%.exr", "50%discount.exr", "a####/o.exr", "o.$F4.exr"]
)
def test_names_without_a_placeholder(name):
    assert not has_placeholder(name)
    with pytest.raises(SettingsError, match="put #### where"):
        frame_path(name, 7)


@pytest.mark.parametrize("name", ["o.####.####.exr", "o%04d.####.exr", "@@_##.exr", "o#_@.exr"])
def test_names_with_two_placeholders(tmp_path, name):
    with pytest.raises(SettingsError, match="two placeholders"):
        frame_path(name, 7)
    with pytest.raises(FrameError, match="two placeholders"):
        Sequence.open(str(tmp_path / name))


def test_a_file_whose_own_name_has_a_placeholder(tmp_path):
    put(tmp_path / "x.####.exr", 5)
    assert value_of(tmp_path / "x.####.exr") == 5 and len(files_of(str(tmp_path / "x.####.exr"))) == 1
    put(tmp_path / "x.0001.exr", 1)
    with pytest.raises(FrameError, match="both a file of exactly this name and numbered files"):
        Sequence.open(str(tmp_path / "x.####.exr"))


@pytest.mark.parametrize(
    ("mark", "frames"),
    [("#", "1,10-11,10000"), ("##", "10-11,10000"), ("###", "1,10000"), ("####", "1,10000"), ("%d", "1,10-11,10000"),
     ("#####", "10000"), ("@@@", "1,10000")],
)  # fmt: skip
def test_padding_is_exact(tmp_path, mark, frames):
    for number in ("1", "10", "11", "001", "0001", "10000"):
        put(tmp_path / f"p.{number}.exr", float(number))
    assert str(Sequence.open(str(tmp_path / f"p.{mark}.exr")).frames) == frames


def test_negative_frames(tmp_path):
    pattern = Pattern.of(tmp_path / "p.####.exr")
    for frame in (-12, -1, 0, 3):
        put(pattern.path(frame), frame)
    sequence = Sequence.open(str(tmp_path / "p.####.exr"))
    assert list(sequence.frames) == [-12, -1, 0, 3] and sequence.read(-12).rgb[0, 0, 0] == -12
    assert (tmp_path / "p.-012.exr").exists()


def test_other_numbers_and_digits_are_not_frames(tmp_path):
    for name in ("p.0001.exr", "p.٠٠٠٢.exr", "p.0x03.exr", "p.12345678901234.exr", "p.0004.exr.tmp", "q.0005.exr"):
        put(tmp_path / "e.exr", 1).rename(tmp_path / name)
    assert list(Sequence.open(str(tmp_path / "p.####.exr")).frames) == [1]


@pytest.mark.parametrize("frames", [[1001, 1002, 1003], [1001], [30240101, 30240102]])
def test_a_date_among_the_frames_is_named(tmp_path, frames):
    for frame in (*frames, 20240117):
        put(tmp_path / f"p.{frame}.exr", 1)
    with pytest.raises(FrameError, match=r"p\.20240117\.exr: its number 20240117 is too far from \d+") as caught:
        Sequence.open(str(tmp_path / "p.####.exr"))
    assert "\n" not in str(caught.value)


def test_ordinary_gaps_are_missing_frames(tmp_path):
    for frame in (1, 2, 50000):
        put(tmp_path / f"p.{frame:04d}.exr", 1)
    assert len(Sequence.open(str(tmp_path / "p.####.exr")).missing) == 49997


@pytest.mark.parametrize(
    ("there", "wanted", "message"),
    [
        ("p.0001.EXR", "p.####.exr", "there is p.0001.EXR"),
        ("p.0001.exr", "P.0001.exr", "there is p.0001.exr"),
        ("p.1.exr", "p.####.exr", "there is p.1.exr"),
        (unicodedata.normalize("NFD", "né.0001.exr"), "né.####.exr", "other Unicode"),
        (unicodedata.normalize("NFD", "né.exr"), "né.exr", "other Unicode"),
    ],
)
def test_errors_suggest_a_similar_name(tmp_path, there, wanted, message):
    put(tmp_path / there, 1)
    if (tmp_path / wanted).exists():
        pytest.skip("this file system takes these names for the same")
    with pytest.raises(FrameError, match=message):
        Sequence.open(str(tmp_path / wanted))


def test_folders_and_links(tmp_path):
    (tmp_path / "real").mkdir()
    put(tmp_path / "real" / "p.0001.exr", 1)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "gone.exr").symlink_to(tmp_path / "nothing.exr")
    assert value_of(tmp_path / "link" / "p.####.exr") == 1
    with pytest.raises(FrameError, match="a link to a file that does not exist"):
        Sequence.open(str(tmp_path / "gone.exr"))
    with pytest.raises(FrameError, match="a folder"):
        Sequence.open(str(tmp_path / "real"))


BAD = ("a\udcffb", "a\ud800b", "a\0b", "é" * 120, "x" * 240)


@pytest.mark.parametrize("stem", BAD)
def test_names_that_libraries_cannot_take_are_refused(stem):
    for use in (
        lambda: Sequence.open(f"{stem}.exr"),
        lambda: Sequence.open(f"{stem}.####.exr"),
        lambda: Sequence.open(f"{stem}/p.exr"),
        lambda: frame_path(f"{stem}.####.exr", 7),
        lambda: Settings(target=f"{stem}.exr"),
        lambda: Settings(appearance=("a.exr", f"{stem}.exr")),
        lambda: Settings(performance=f"/{stem}/p.npz"),
    ):
        with pytest.raises(ReenactError, match=r"not UTF-8, or with a zero byte|too long") as caught:
            use()
        assert str(caught.value).isprintable()
    assert files_of(f"{stem}.####.exr") == files_of(f"{stem}.exr") == ()


@pytest.mark.parametrize("text", ["a\udcffb", "a\0b"])
def test_values_that_are_no_paths_are_checked_too(text):
    with pytest.raises(SettingsError, match="--colorspace"):
        Settings(colorspace=text)
    assert Settings(frames=",".join(map(str, range(0, 2000, 2)))).frames


def test_a_long_name_leaves_room_for_the_temporary_name(tmp_path):
    path = frame_path(str(tmp_path / f"{'x' * 219}.####.exr"), 7)
    put(path, 1)
    path.with_name(f"{path.name}.tmp-0123456789ab.exr").touch()
    with pytest.raises(SettingsError, match="too long"):
        frame_path(f"{'x' * 224}.####.exr", 12345678)
