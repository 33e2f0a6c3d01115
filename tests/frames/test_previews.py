"""Previews: an mp4 and a contact sheet."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from ofx_reenact.frames.movie import TALLEST, Mp4Writer
from ofx_reenact.frames.preview import contact_sheet, stack
from ofx_reenact.frames.sequence import Sequence


def test_a_preview_is_complete_or_not_there(tmp_path):
    path = tmp_path / "p.mp4"
    with Mp4Writer(path, Fraction(25), (33, 21)) as writer:
        writer.write(np.zeros((21, 33, 3), np.uint8))
        assert not path.exists()
    assert Sequence.open(str(path)).frames.last == 1
    with pytest.raises(RuntimeError), Mp4Writer(tmp_path / "q.mp4", Fraction(25), (32, 32)):
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["p.mp4"]


def test_two_pictures_are_stacked():
    plate, result = np.zeros((4, 6, 3), np.uint8), np.full((4, 6, 3), 255, np.uint8)
    assert stack(plate, result)[:, 0, 0].tolist() == [0] * 4 + [255] * 4


def test_a_tall_preview_is_reduced_in_proportion(tmp_path):
    with Mp4Writer(tmp_path / "p.mp4", Fraction(25), (1080, 2 * TALLEST)) as writer:
        writer.write(np.zeros((2 * TALLEST, 1080, 3), np.uint8))
    assert Sequence.open(tmp_path / "p.mp4").read(1).rgb.shape[:2] == (TALLEST, 540)


@pytest.mark.parametrize("name", ["take:2.mp4", "http:y.mp4", "file:x.mp4", "p%04d.mp4", "[#@]?.mp4", "-é.mp4"])
def test_a_preview_may_have_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with Mp4Writer(Path(name), Fraction(25), (32, 32)) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert len(Sequence.open(name).frames) == 1


def test_contact_sheet(tmp_path):
    cells = [np.full((20, 30, 3), 200, np.uint8), np.full((40, 20, 3), 100, np.uint8)]
    contact_sheet([cells, cells[:1]], tmp_path / "s.png", height=50)
    sheet = cv2.imread(str(tmp_path / "s.png"))
    assert sheet.shape == (100, 100, 3) and sheet[75, 90].sum() == 0
