"""Frame ranges: what is read, refused and written."""

import numpy as np
import pytest

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.ranges import FrameRange


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5", [5]),
        ("1001-1004", [1001, 1002, 1003, 1004]),
        ("1-10x3", [1, 4, 7, 10]),
        ("7,1-3,2", [1, 2, 3, 7]),
        ("-3--1", [-3, -2, -1]),
    ],
)
def test_range_reads(text, numbers):
    assert list(FrameRange.parse(text)) == numbers


@pytest.mark.parametrize("text", ["1-10:3", "a-b", "", "1..5"])
def test_range_refuses(text):
    with pytest.raises(FrameError):
        FrameRange.parse(text)


def test_range_round_trips_and_chunks():
    rng = np.random.default_rng(0)
    for _ in range(50):
        frames = FrameRange.of(rng.integers(1, 60, rng.integers(1, 30)))
        assert FrameRange.parse(str(frames)) == frames
        assert FrameRange.from_openjd(frames.to_openjd()) == frames
        chunks = frames.chunks(int(rng.integers(1, 9)))
        assert [n for chunk in chunks for n in chunk] == list(frames)


def test_range_step_in_open_job_description():
    assert FrameRange.parse("1-10x3").to_openjd() == "1-10:3"
