"""Mattes: which channel is used, where it is placed, and what is refused before anything is rendered."""

import cv2
import numpy as np
import pytest
from conftest import write_exr
from videos import HEIGHT, WIDTH, write_video

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.matte import HOLDOUT, MASK, Matte, Protection, choose_matte
from ofx_reenact.frames.plate import Window

SIZE = Window(0, 0, 12, 8)


def ramp(scale: float = 1.0) -> np.ndarray:
    return np.linspace(0, scale, 96, dtype=np.float32).reshape(8, 12)


def mattes(folder, frames, channels=None, **more) -> str:
    for frame in frames:
        write_exr(folder / f"m.{frame:04d}.exr", channels or {"A": ramp() * np.float32(frame / 2000)}, **more)
    return str(folder / "m.####.exr")


def test_each_frame_has_its_own_matte(tmp_path):
    holdout = Matte.open(HOLDOUT, mattes(tmp_path, range(1001, 1005)), [1001, 1003], SIZE, SIZE)
    for frame in (1001, 1003):
        assert np.array_equal(holdout.read(frame), ramp() * np.float32(frame / 2000))
        assert holdout.read(frame).dtype == np.float32


@pytest.mark.parametrize("suffix", ["exr", "png"])
def test_one_picture_is_used_for_all_frames(tmp_path, suffix):
    path = tmp_path / f"still.{suffix}"
    if suffix == "exr":
        write_exr(path, {"Y": ramp()})
    else:
        cv2.imwrite(str(path), np.rint(ramp() * 65535).astype(np.uint16))
    holdout = Matte.open(HOLDOUT, str(path), [7, 1003, -2], SIZE, SIZE)
    assert np.allclose(holdout.read(1003), ramp(), atol=1e-5)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["R", "G", "B", "A"], "A"),
        (["R", "G", "B"], "R"),
        (["Y"], "Y"),
        (["Y", "A"], "A"),
        (["Z"], "Z"),
        (["B", "G", "R", "matte"], "matte"),
        (["R", "G", "B", "A", "mask.a"], "mask.a"),
        (["R", "G", "B", "matte", "occlusion"], "occlusion"),
        (["A", "Holdout.red", "Holdout.green"], "Holdout.red"),
        (["A", "matte.custom"], "matte.custom"),
        (["red", "green", "blue", "alpha"], "alpha"),
        (["beauty.R", "beauty.G", "beauty.B", "beauty.A"], "beauty.A"),
        (["beauty.R", "beauty.G", "beauty.B"], "beauty.R"),
        (["depth.Z", "Y"], "Y"),
    ],
)
def test_the_matte_is_chosen_by_channel_names(names, chosen):
    assert choose_matte(names, "m.exr") == chosen


def test_a_file_without_a_matte_is_refused(tmp_path):
    name = mattes(tmp_path, [1], {"depth.Z": ramp(), "motion.u": ramp()})
    with pytest.raises(FrameError, match=r"m\.0001\.exr: frame 1: none of its channels is a matte \(.*depth\.Z"):
        Matte.open(HOLDOUT, name, [1], SIZE, SIZE)


def test_a_matte_is_placed_by_its_data_window_and_is_0_outside(tmp_path):
    display = Window(0, 0, 20, 16)
    name = mattes(tmp_path, [5], {"A": np.ones((8, 12), np.float32)}, window=(6, 4), display=(0, 0, 20, 16))
    holdout = Matte.open(HOLDOUT, name, [5], display, Window(2, 2, 10, 12))
    wanted = np.zeros((12, 10), np.float32)
    wanted[2:10, 4:] = 1
    assert np.array_equal(holdout.read(5), wanted)
    assert Matte.open(HOLDOUT, name, [5], display, Window(6, 4, 12, 8)).read(5).all()
    # The matte does not overlap this window.
    assert not Matte.open(HOLDOUT, name, [5], display, Window(0, 0, 5, 4)).read(5).any()


def test_a_format_without_windows_fills_the_display_window(tmp_path):
    cv2.imwrite(str(tmp_path / "m.png"), np.rint(ramp() * 255).astype(np.uint8))
    holdout = Matte.open(HOLDOUT, str(tmp_path / "m.png"), [1], Window(100, 50, 12, 8), Window(104, 50, 8, 8))
    assert np.allclose(holdout.read(1), ramp()[:, 4:], atol=0.003)


def test_masks_and_holdouts_are_chosen_by_their_own_names():
    names = ["A", "holdout", "mask", "matte"]
    assert choose_matte(names, "m.exr", MASK) == "mask" and choose_matte(names, "m.exr") == "holdout"
    assert choose_matte(["A", "holdout"], "m.exr", MASK) == "A"


def test_holdout_or_mask_keep_the_plate_and_a_mask_does_outside_its_window(tmp_path):
    display = Window(0, 0, 20, 16)
    hold = mattes(tmp_path, [5], {"A": ramp()}, window=(6, 4), display=(0, 0, 20, 16))
    write_exr(tmp_path / "mask.exr", {"A": ramp()[::-1]}, window=(6, 4), display=(0, 0, 20, 16))
    mask = str(tmp_path / "mask.exr")
    inside = slice(4, 12), slice(6, 18)
    held, masked = np.zeros((16, 20), np.float32), np.ones((16, 20), np.float32)
    held[inside], masked[inside] = ramp(), 1 - ramp()[::-1]
    for names, wanted in (((hold, ""), held), (("", mask), masked), ((hold, mask), np.maximum(held, masked))):
        kept = Protection.open(*names, [5], display, display).read(5)
        assert kept.dtype == np.float32 and np.array_equal(kept, wanted)
    assert Protection.open("", "", [5], display, display) is None


def test_errors_of_a_mask_name_it(tmp_path):
    name = mattes(tmp_path, [1])
    with pytest.raises(FrameError, match="no matte for frame 2; a mask needs one"):
        Protection.open("", name, [1, 2], SIZE, SIZE)
    with pytest.raises(FrameError, match="the mask is 12 x 8 pixels, the target 9 x 8"):
        Protection.open("", name, [1], Window(0, 0, 9, 8), Window(0, 0, 9, 8))


def test_values_beyond_0_and_1_are_clamped(tmp_path):
    matte = ramp(3.0) - 1
    matte[0, :2] = (np.inf, -np.inf)
    holdout = Matte.open(HOLDOUT, mattes(tmp_path, [1], {"A": matte}), [1], SIZE, SIZE)
    assert np.array_equal(holdout.read(1), np.clip(matte, 0, 1))


def test_missing_frames_are_named(tmp_path):
    name = mattes(tmp_path, [1001, 1004])
    with pytest.raises(FrameError, match=r"m\.####\.exr: no matte for frames 1002-1003"):
        Matte.open(HOLDOUT, name, range(1001, 1005), SIZE, SIZE)
    with pytest.raises(FrameError, match="no frames of this name"):
        Matte.open(HOLDOUT, str(tmp_path / "n.####.exr"), [1001], SIZE, SIZE)
    with pytest.raises(FrameError, match="no such file"):
        Matte.open(HOLDOUT, str(tmp_path / "n.exr"), [1001], SIZE, SIZE)


def test_the_error_for_another_size_names_both_sizes(tmp_path):
    name = mattes(tmp_path, [1001, 1002])
    write_exr(tmp_path / "m.1002.exr", {"A": np.ones((4, 6), np.float32)})
    message = r"m\.1002\.exr: frame 1002: the holdout is 6 x 4 pixels, the target 12 x 8"
    with pytest.raises(FrameError, match=message):
        Matte.open(HOLDOUT, name, [1001, 1002], SIZE, SIZE)
    assert Matte.open(HOLDOUT, name, [1001], SIZE, SIZE).read(1001).shape == (8, 12)
    # The file may change after it was opened.
    opened = Matte.open(HOLDOUT, name, [1001], SIZE, SIZE)
    write_exr(tmp_path / "m.1001.exr", {"A": np.ones((4, 6), np.float32)})
    with pytest.raises(FrameError, match="6 x 4"):
        opened.read(1001)


def test_nan_and_damaged_mattes_are_refused(tmp_path):
    matte = ramp()
    matte[3, 4] = np.nan
    name = mattes(tmp_path, [1], {"A": matte})
    with pytest.raises(FrameError, match=r"m\.0001\.exr: frame 1: 1 values of the holdout are NaN"):
        Matte.open(HOLDOUT, name, [1], SIZE, SIZE).read(1)
    (tmp_path / "m.0001.exr").write_bytes(b"")
    with pytest.raises(FrameError, match="empty"):
        Matte.open(HOLDOUT, name, [1], SIZE, SIZE)
    cut = tmp_path / "c.0001.exr"
    write_exr(cut, {"A": ramp()})
    cut.write_bytes(cut.read_bytes()[:-40])
    with pytest.raises(FrameError, match="damaged"):
        Matte.open(HOLDOUT, str(tmp_path / "c.####.exr"), [1], SIZE, SIZE).read(1)


def test_a_holdout_may_be_a_video(tmp_path):
    path = tmp_path / "m.mkv"
    write_video(path, [np.full((HEIGHT, WIDTH, 3), value, np.uint8) for value in (0, 255, 128)])
    window = Window(0, 0, WIDTH, HEIGHT)
    holdout = Matte.open(HOLDOUT, str(path), [1, 3], window, window)
    assert np.allclose([holdout.read(n).mean() for n in (1, 2, 3)], [0, 1, 0.5], atol=0.02)
    with pytest.raises(FrameError, match=r"m\.mkv: no matte for frame 4"):
        Matte.open(HOLDOUT, str(path), [1, 4], window, window)
    with pytest.raises(FrameError, match=r"m\.mkv: the holdout is 64 x 48 pixels, the target 12 x 8"):
        Matte.open(HOLDOUT, str(path), [1], SIZE, SIZE)


def test_only_headers_are_read_on_opening(tmp_path, monkeypatch):
    from ofx_reenact.frames import channels

    name = mattes(tmp_path, range(1, 6), {"A": ramp(), "R": ramp()})
    monkeypatch.setattr(channels, "_read_pixels", lambda *_: pytest.fail("pixels were read"))
    Matte.open(HOLDOUT, name, range(1, 6), SIZE, SIZE)
