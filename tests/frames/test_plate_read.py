"""Reading pictures: layers, parts, formats, and clear errors."""

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import rgb_channels, write_exr

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.channels import is_whole
from ofx_reenact.frames.plate import count_nonfinite, read_plate
from ofx_reenact.frames.sequence import Sequence


def test_multi_part_is_read_as_one(tmp_path):
    path = tmp_path / "parts.exr"
    specs = []
    for name, channels in (("rgba", ("R", "G", "B")), ("depth", ("Z",))):
        spec = oiio.ImageSpec(8, 6, len(channels), oiio.FLOAT)
        spec.channelnames = channels
        spec.attribute("name", name)
        specs.append(spec)
    sink = oiio.ImageOutput.create("openexr")
    assert sink.open(str(path), tuple(specs))
    sink.write_image(np.full((6, 8, 3), 0.5, np.float32))
    sink.open(str(path), specs[1], "AppendSubimage")
    sink.write_image(np.full((6, 8, 1), 9, np.float32))
    sink.close()
    plate = read_plate(path)
    assert plate.rgb[0, 0, 0] == 0.5
    assert plate.extra["Z"][0, 0] == 9


def test_layered_colour_is_found(tmp_path):
    channels = {f"beauty.{c}": np.full((4, 4), i, np.float32) for i, c in enumerate("RGB")}
    plate = read_plate(write_exr(tmp_path / "l.exr", channels))
    assert plate.rgb[0, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "dpx"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5)])
def test_formats_are_read(tmp_path, suffix, shape):
    path = tmp_path / f"a.{suffix}"
    spec = oiio.ImageSpec(shape[1], shape[0], 3, oiio.UINT8)
    sink = oiio.ImageOutput.create(str(path))
    assert sink.open(str(path), spec)
    sink.write_image(np.full((*shape, 3), 0.5, np.float32))
    sink.close()
    plate = read_plate(path)
    assert plate.rgb.shape == (*shape, 3)
    assert abs(plate.rgb.mean() - 0.5) < 0.01


def test_grey_and_alpha_pictures(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((5, 4), 128, np.uint8))
    grey = read_plate(tmp_path / "grey.png")
    assert grey.rgb.shape == (5, 4, 3) and grey.alpha is None
    assert np.ptp(grey.rgb) == 0
    cv2.imwrite(str(tmp_path / "rgba.png"), np.full((5, 4, 4), 128, np.uint8))
    assert read_plate(tmp_path / "rgba.png").alpha is not None


def test_exif_orientation_is_applied(tmp_path):
    spec = oiio.ImageSpec(6, 4, 3, oiio.UINT8)
    spec.attribute("Orientation", 6)
    pixels = np.zeros((4, 6, 3), np.float32)
    pixels[:, :3] = 1
    path = tmp_path / "turned.jpg"
    sink = oiio.ImageOutput.create(str(path))
    assert sink.open(str(path), spec)
    sink.write_image(pixels)
    sink.close()
    plate = read_plate(path)
    assert plate.rgb.shape == (6, 4, 3)
    assert plate.rgb[0, 1].mean() > 0.7 > 0.3 > plate.rgb[-1, 1].mean()


def test_very_wide_picture(tmp_path):
    rgb = np.zeros((2, 16384, 3), np.float32)
    rgb[1, 16383] = 5
    assert read_plate(write_exr(tmp_path / "wide.exr", rgb_channels(rgb))).rgb[1, 16383, 2] == 5


def test_read_errors_name_file_and_reason(tmp_path):
    with pytest.raises(FrameError, match=r"gone\.exr: no such file"):
        read_plate(tmp_path / "gone.exr")
    with pytest.raises(FrameError, match="a folder"):
        read_plate(tmp_path)
    (tmp_path / "empty.exr").touch()
    with pytest.raises(FrameError, match="empty"):
        read_plate(tmp_path / "empty.exr")
    (tmp_path / "text.exr").write_text("hello")
    with pytest.raises(FrameError, match="not a picture"):
        read_plate(tmp_path / "text.exr")


def test_truncated_exr_is_found(tmp_path):
    rng = np.random.default_rng(0)
    path = write_exr(tmp_path / "cut.1007.exr", rgb_channels(rng.normal(size=(200, 200, 3)).astype(np.float32)))
    assert is_whole(path)
    path.write_bytes(path.read_bytes()[:-5000])
    assert not is_whole(path)
    with pytest.raises(FrameError, match=r"cut\.1007\.exr: frame 1007: .*not complete"):
        Sequence.open(str(tmp_path / "cut.####.exr")).read(1007)


def test_deep_is_refused(tmp_path):
    spec = oiio.ImageSpec(2, 2, 4, oiio.FLOAT)
    spec.channelnames = ("R", "G", "B", "A")
    spec.deep = True
    data = oiio.DeepData()
    data.init(4, 4, tuple([oiio.TypeDesc("float")] * 4), spec.channelnames)
    path = tmp_path / "deep.exr"
    sink = oiio.ImageOutput.create("openexr")
    assert sink.open(str(path), spec), sink.geterror()
    sink.write_deep_image(data)
    sink.close()
    with pytest.raises(FrameError, match="deep"):
        read_plate(path)


def test_nan_and_infinity_are_counted(tmp_path):
    rgb = np.ones((4, 5, 3), np.float32)
    rgb[2, 3, 1], rgb[3, 0, 2] = np.nan, np.inf
    plate = read_plate(write_exr(tmp_path / "n.exr", rgb_channels(rgb)))
    assert count_nonfinite(plate) == (1, 1, (3, 2, "G"))
