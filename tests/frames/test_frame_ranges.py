"""Frame ranges: what is accepted, refused and written."""

import numpy as np
import pytest

from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.errors import FrameError
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.settings import Settings


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5", [5]),
        ("1001-1004", [1001, 1002, 1003, 1004]),
        ("1-10x3", [1, 4, 7, 10]),
        ("7,1-3,2", [1, 2, 3, 7]),
        ("-3--1", [-3, -2, -1]),
        ("-2-2x2", [-2, 0, 2]),
        (" 1, 5 ,9-10\n", [1, 5, 9, 10]),
        ("1-3x20", [1]),
        ("0010-0012", [10, 11, 12]),
        ("1-3,2-4", [1, 2, 3, 4]),
    ],
)
def test_ranges_are_parsed(text, numbers):
    assert list(FrameRange.parse(text)) == numbers


NO_RANGES = (
    "1003.5", "1-2.5", "1-10x2.5", "1003-1008y2", "1003 1004", "1 - 5", "1- 5", "1-", "-", "--5", "1..5", "1…5", "1–5",
    "1-10x0", "1-10x-2", "1-10x", "1-10x2x3", "1-10X2", "1x2", "1-2-3", "1e3", "+5", ",5", "5,", "1,,2", ",", "", " ",
    "0x10", "1_000", "1;2", "1/2", "a-b", "all", "1-10%2", "1-10b", "#", "١٢", "１２", "²", "1\u00a02", "5\0",
    "1000000000", "99999999999999999999",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_RANGES)
def test_other_texts_are_refused_with_the_allowed_forms(text):
    with pytest.raises(FrameError, match=r"1001-1010, 1-20x2 or 1,5,9-12"):
        FrameRange.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1-10:3", "with x, as 1-10x3"),
        ("10-1", "write 1-10"),
        ("1001-110x2", "ends before it begins"),
        ("-1--3", "write -3--1"),
        ("5,1-999999999", "more than 1000000 frames"),
        ("1-600000,700000-1300000", "more than 1000000 frames"),
    ],
)
def test_implausible_ranges_are_refused(text, message):
    with pytest.raises(FrameError, match=message):
        FrameRange.parse(text)


def test_a_range_in_settings_is_read_before_anything_is_tracked(tmp_path):
    settings = Settings(target="none.exr", driver="none.mp4", output=str(tmp_path / "o.####.exr"), frames="1003.5")
    with pytest.raises(FrameError, match=r"1003\.5"):
        render_sequence(settings)


def test_range_round_trips_and_chunks():
    rng = np.random.default_rng(0)
    for _ in range(50):
        frames = FrameRange.of(rng.integers(1, 60, rng.integers(1, 30)))
        assert FrameRange.parse(str(frames)) == frames
        assert FrameRange.from_openjd(frames.to_openjd()) == frames
        chunks = frames.chunks(int(rng.integers(1, 9)))
        assert [n for chunk in chunks for n in chunk] == list(frames)


def test_ranges_of_open_job_description_are_parsed_as_strictly():
    for text in ("1-10:0", "10-1:-1", "1-10:2.5", "1-"):
        with pytest.raises(FrameError):
            FrameRange.from_openjd(text)


def test_range_step_in_open_job_description():
    assert FrameRange.parse("1-10x3").to_openjd() == "1-10:3"
