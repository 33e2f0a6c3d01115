"""No output replaces an input, however the names are written."""

import os
from pathlib import Path

import pytest

from ofx_reenact.errors import SettingsError
from ofx_reenact.frames.overwrite import refuse_over_inputs

FILES = ("d.0001.exr", "d.0002.exr", "d.12345.exr", "d.-001.exr", "clip.mp4", "pictures/a.png", "UPPER.json")


@pytest.fixture
def shots(tmp_path, monkeypatch) -> Path:
    """Return a folder with inputs and links to them; it is the working directory."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "here").symlink_to(tmp_path)
    (tmp_path / "soft.mp4").symlink_to("clip.mp4")
    os.link(tmp_path / "clip.mp4", tmp_path / "hard.mp4")
    os.link(tmp_path / "d.0002.exr", tmp_path / "o.0007.exr")
    (tmp_path / "s.0003.exr").symlink_to("d.0001.exr")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("output", "read"),
    [
        ("d.####.exr", "d.####.exr"),
        ("d.%04d.exr", "d.####.exr"),
        ("d.####.exr", "d.@@@@.exr"),
        ("pictures/../d.####.exr", "d.####.exr"),
        ("here/d.####.exr", "d.####.exr"),
        ("d.####.exr", "here/here/d.####.exr"),
        ("{folder}/d.####.exr", "d.####.exr"),
        ("d.####.exr", "{folder}/d.0002.exr"),
        ("d.#.exr", "d.12345.exr"),
        ("d.####.exr", "d.-001.exr"),
        ("o.####.exr", "d.####.exr"),
        ("s.####.exr", "d.0001.exr"),
        ("clip.mp4", "here/clip.mp4"),
        ("hard.mp4", "clip.mp4"),
        ("soft.mp4", "clip.mp4"),
        ("clip.mp4", "soft.mp4"),
        ("pictures/a.png", "pictures"),
        ("here/pictures/a.png", "pictures"),
    ],
)
def test_an_input_is_not_replaced(shots, output, read):
    output, read = (name.format(folder=shots) for name in (output, read))
    with pytest.raises(SettingsError) as raised:
        refuse_over_inputs([("--preview", ""), ("--output", output)], [("--target", None), ("--driver", read)])
    message = str(raised.value)
    assert message.startswith(f"--output {output}: would replace ") and f"which --driver {read} reads" in message


@pytest.mark.parametrize(
    ("output", "read"),
    [
        ("e.####.exr", "d.####.exr"),
        ("pictures/d.####.exr", "d.####.exr"),
        ("d.##.exr", "d.0001.exr"),
        ("d.####.png", "d.####.exr"),
        ("pictures/b.png", "pictures"),
        ("new.mp4", "clip.mp4"),
        ("d.####.exr", "gone.####.exr"),
        ("gone/d.####.exr", "d.####.exr"),
        ("nu\0l.mp4", "nu\0l.####.exr"),
    ],
)
def test_another_file_may_be_an_output(shots, output, read):
    refuse_over_inputs([("--output", output)], [("--driver", read)])


def test_a_drive_without_file_numbers(shots, monkeypatch):
    stat = Path.stat

    def unnumbered(path, **options):
        found = stat(path, **options)
        return os.stat_result((found.st_mode, 0, 0, *found[3:]))

    monkeypatch.setattr(Path, "stat", unnumbered)
    refuse_over_inputs([("--output", "e.####.exr"), ("--preview", "new.mp4")], [("--driver", "d.####.exr")])
    refuse_over_inputs([("--preview", "clip.mp4")], [("--driver", "d.####.exr")])
    for output, read in (("here/d.####.exr", "d.####.exr"), ("soft.mp4", "clip.mp4")):
        with pytest.raises(SettingsError, match="would replace"):
            refuse_over_inputs([("--output", output)], [("--driver", read)])


def test_names_that_the_file_system_takes_for_the_same(shots):
    """Where A and a are two files, they may be output and input; where they are the same, they may not."""
    one = (shots / "upper.json").exists()
    try:
        refuse_over_inputs([("--json", "upper.json")], [("--consent", "UPPER.json")])
    except SettingsError:
        assert one
    else:
        assert not one


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("x.npz", "pictures/../x.npz", "is also what --performance writes"),
        ("new/x.npz", "here/new/x.npz", "is also what --performance writes"),
        ("x.npz", "X.npz", "is also what --performance writes"),
        ("hard.mp4", "clip.mp4", "is also what --performance writes"),
        ("o.####.exr", "o.%04d.exr", "is also what --performance writes"),
        ("o.####.exr", "o.0005.exr", "would be a frame of --performance"),
    ],
)
def test_two_outputs_must_be_two_files(shots, first, second, message):
    with pytest.raises(SettingsError, match=f"--identity {second}: {message}"):
        refuse_over_inputs([("--performance", first), ("--identity", second)])
    refuse_over_inputs([("--performance", first), ("--identity", "other.bin")])
