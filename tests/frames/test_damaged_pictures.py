"""Incomplete and damaged pictures, and wrong headers, are errors of the file, whatever bytes are in it."""

import io

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import rgb_channels, write_exr
from exr_bytes import EVERY_TYPE, exr_bytes

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.channels import is_whole
from ofx_reenact.frames.media import images
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import existing_frames

FORMATS = (
    "jpg", "png", "tif", "gif", "bmp", "tga", "webp", "jp2", "hdr", "iff", "sgi", "dpx", "ppm", "ico", "rla", "exr",
)  # fmt: skip


@pytest.fixture(scope="module")
def photograph():
    """Return a picture (H, W, 3) uint8 that compresses like a photograph."""
    y, x = np.mgrid[:160, :160] / 160
    grain = np.random.default_rng(0).normal(0, 0.05, (160, 160, 3))
    return (255 * np.clip(np.dstack([x, y, 1 - x]) + grain, 0, 1)).astype(np.uint8)


def write(path, picture):
    sink = oiio.ImageOutput.create(str(path))
    assert sink.open(str(path), oiio.ImageSpec(160, 160, 3, oiio.UINT8)), sink.geterror()
    assert sink.write_image(picture) and sink.close()
    return path


def assert_damaged(path):
    assert not is_whole(path)
    with pytest.raises(FrameError, match=path.name) as error:
        read_plate(path, 7)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", FORMATS)
def test_truncated_files_are_not_read(suffix, photograph, tmp_path):
    path = write(tmp_path / f"a.{suffix}", photograph)
    assert is_whole(path) and read_plate(path).rgb.shape == (160, 160, 3)
    whole = path.read_bytes()
    for part in (0.1, 0.6, 0.95):
        path.write_bytes(whole[: int(part * len(whole))])
        assert_damaged(path)


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)])
def test_jpegs_with_missing_parts_are_not_read(options, photograph, tmp_path):
    encoded = cv2.imencode(".jpg", photograph, options)[1].tobytes()
    path, middle = tmp_path / "a.jpg", len(encoded) // 2
    for damaged in (encoded[:middle], encoded[:middle] + bytes(500), encoded[:middle] + encoded[middle + 900 :]):
        path.write_bytes(damaged)
        assert_damaged(path)
    path.write_bytes(encoded)
    assert is_whole(path)


def test_complete_jpegs_in_grey_or_with_a_profile_are_read(photograph, tmp_path):
    from PIL import Image, ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for mode in ("L", "RGB"):
        Image.fromarray(photograph).convert(mode).save(tmp_path / f"{mode}.jpg", icc_profile=profile)
        assert read_plate(tmp_path / f"{mode}.jpg").rgb.shape == (160, 160, 3)


def test_truncated_media_of_data_sets_are_not_read(photograph, tmp_path, colour):
    path = write(tmp_path / "ann_a.jpg", photograph)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(FrameError, match=r"ann_a\.jpg: .*damaged"):
        list(images(path, 1, colour))


def test_a_flipped_bit_of_a_header_is_never_a_defect_of_the_program(tmp_path):
    """Names, types and sizes then differ or are not text: the file is complete or not, read or refused."""
    whole = exr_bytes(EVERY_TYPE)
    path = tmp_path / "o.1001.exr"
    refused = 0
    for number in range(0, len(whole) * 8, 173):
        damaged = bytearray(whole)
        damaged[number // 8] ^= 1 << number % 8
        path.write_bytes(damaged)
        there = existing_frames(str(tmp_path / "o.####.exr"), FrameRange.of([1001]))
        assert bool(there) == is_whole(path)
        try:
            read_plate(path)
        except FrameError as error:
            refused += 1
            str(error).encode()
    assert refused > 10


def test_a_channel_name_that_is_not_text_is_damage(tmp_path):
    path = tmp_path / "o.1001.exr"
    path.write_bytes(exr_bytes(channels=["AO.R", "B", "G", "R"]).replace(b"AO.R\0", b"\xcfO.R\0"))
    assert not existing_frames(str(tmp_path / "o.####.exr"), FrameRange.of([1001]))


@pytest.mark.parametrize("channels", [["B", "G", "R", "\udcff"], ["B", "G", "R", "x" * 300]])
def test_channel_names_may_be_any_text(channels, tmp_path):
    path = tmp_path / "a.exr"
    path.write_bytes(_bytes_of(channels))
    try:
        assert read_plate(path).rgb[0, 0, 0] == 0.25
    except FrameError as error:
        assert "a.exr" in str(error)


def _bytes_of(channels):
    marked = exr_bytes(channels=[name.replace("\udcff", "~") for name in channels])
    return marked.replace(b"~\0", b"\xff\0") if "\udcff" in channels else marked


@pytest.mark.parametrize(
    "window",
    [(0, 0, 2**31 - 1, 2**31 - 1), (-(2**31), -(2**31), 2**31 - 1, 2**31 - 1), (0, 0, 59999, 59999), (9, 9, 0, 0)],
)
def test_impossible_sizes_take_no_memory(window, tmp_path):
    import resource

    path = tmp_path / "a.exr"
    path.write_bytes(exr_bytes(window=window))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert_damaged(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # KiB


def test_pictures_have_a_largest_size(tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.frames.channels.MAX_PIXELS", 99)
    path = write_exr(tmp_path / "a.exr", rgb_channels(np.zeros((10, 10, 3), np.float32)))
    with pytest.raises(FrameError, match=r"a\.exr: 10 x 10 pixels of 3 channels, more than the limits of 99 pixels"):
        read_plate(path)


def test_cmyk_and_lab_are_refused(photograph, tmp_path):
    from PIL import Image

    for mode, suffix in (("CMYK", "jpg"), ("CMYK", "tif"), ("LAB", "tif")):
        stream = io.BytesIO()
        Image.fromarray(photograph).convert(mode).save(stream, "JPEG" if suffix == "jpg" else "TIFF")
        path = tmp_path / f"{mode}.{suffix}"
        path.write_bytes(stream.getvalue())
        with pytest.raises(FrameError, match="convert it to RGB"):
            read_plate(path)
