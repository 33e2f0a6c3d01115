"""Sequences are read by frame number, and names have a placeholder for it."""

from pathlib import Path

import numpy as np
import pytest
from conftest import TARGET, rgb_channels, write_exr

from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.frames.names import files_of, frame_path
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence, existing_frames


def numbered(folder, frames):
    for frame in frames:
        write_exr(folder / f"d.{frame:04d}.exr", rgb_channels(np.full((4, 6, 3), frame, np.float32)))
    return folder


@pytest.mark.parametrize("pattern", ["d.####.exr", "d.%04d.exr", "d.@@@@.exr"])
def test_sequence_patterns_and_missing_frames(tmp_path, pattern):
    sequence = Sequence.open(str(numbered(tmp_path, [1001, 1002, 1004]) / pattern))
    assert str(sequence.frames) == "1001-1002,1004"
    assert list(sequence.missing) == [1003]
    assert sequence.read(1004).rgb[0, 0, 0] == 1004
    with pytest.raises(FrameError, match="no frame 1003"):
        sequence.read(1003)


def test_sequence_errors(tmp_path):
    with pytest.raises(FrameError, match="no frames of this name"):
        Sequence.open(str(tmp_path / "x.####.exr"))
    numbered(tmp_path, [1])
    with pytest.raises(FrameError, match="no frames of this name"):
        Sequence.open(str(tmp_path / "d.######.exr"))
    with pytest.raises(FrameError, match="no such file"):
        Sequence.open(str(tmp_path / "gone.mp4"))
    (tmp_path / "bad.mp4").write_bytes(b"not a video")
    with pytest.raises(FrameError, match="not a video"):
        Sequence.open(str(tmp_path / "bad.mp4"))


def test_still_takes_its_number(tmp_path):
    still = Sequence.open(str(numbered(tmp_path, [1001]) / "d.1001.exr"))
    assert still.kind == "still" and list(still.frames) == [1001]
    assert list(Sequence.open(str(TARGET)).frames) == [1]


def test_frame_path(tmp_path):
    assert frame_path("a/o.####.exr", 7).name == "o.0007.exr"
    with pytest.raises(SettingsError, match="####"):
        frame_path("a/o.exr", 7)
    with pytest.raises(SettingsError, match=r"\.exr"):
        frame_path("a/o.####.png", 7)


def test_only_complete_frames_count_as_existing(tmp_path):
    numbered(tmp_path, [1, 2, 3])
    cut = tmp_path / "d.0002.exr"
    cut.write_bytes(cut.read_bytes()[:-20])
    assert list(existing_frames(str(tmp_path / "d.####.exr"), FrameRange.parse("1-5"))) == [1, 3]


def test_a_name_with_two_placeholders_is_refused():
    with pytest.raises(SettingsError, match="two placeholders"):
        frame_path("/a/take####.####.exr", 7)


def test_a_percent_sign_alone_is_not_a_placeholder(tmp_path):
    path = write_exr(tmp_path / "100% %s.exr", {name: np.ones((4, 4), np.float32) for name in "RGB"})
    assert Sequence.open(path).kind == "still" and files_of(str(path)) == (path,)
    assert frame_path("/a/100%.####.exr", 7) == Path("/a/100%.0007.exr")
