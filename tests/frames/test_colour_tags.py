"""Colour tags of files other than names: ICC profiles, chromaticities, a PNG's chunks."""

import dataclasses
import struct
import zlib

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import rgb_channels, write_exr
from icc_profiles import ADOBE, P3, gamma, icc_profile, table

from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import read_picture
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.primaries import AP0, AP1, REC709, are_usable, decode_srgb, encode_srgb, to_xyz

RED = np.full((4, 4, 3), (255, 64, 0), np.uint8)
DCI = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.314, 0.351)


def with_profile(path, profile: bytes, pixels=RED):
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], oiio.UINT8)
    spec.attribute("ICCProfile", oiio.TypeDesc(f"uint8[{len(profile)}]"), np.frombuffer(profile, np.uint8))
    spec.attribute("jpeg:subsampling", "4:4:4")
    sink = oiio.ImageOutput.create(str(path))
    assert sink.open(str(path), spec) and sink.write_image(pixels) and sink.close()
    return path


def light_of(shown, chromaticities, curve=decode_srgb):
    """The ACEScg light of display values over those primaries."""
    return (curve(np.float32(shown) / 255) @ to_xyz(chromaticities).T) @ np.linalg.inv(to_xyz(AP1)).T


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "webp"])
def test_a_profile_is_read(suffix, tmp_path, colour):
    path = with_profile(tmp_path / f"a.{suffix}", icc_profile(P3))
    picture = read_picture(str(path), colour)
    shown = np.round(read_plate(path).rgb[1, 1] * 255)
    assert np.abs(picture.pixels[1, 1] - light_of(shown, P3)).max() < 2e-3
    assert "ICC profile Test" in picture.reason and picture.space == "ACEScg"


@pytest.mark.parametrize(
    ("chromaticities", "curve", "light"),
    [
        (ADOBE, gamma(2.19921875), lambda shown: shown**2.19921875),
        (P3, table(lambda value: value**2.2), lambda shown: shown**2.2),
        (REC709, gamma(1.8), lambda shown: shown**1.8),
    ],
)
def test_profiles_that_the_config_has_no_space_for_are_read(chromaticities, curve, light, tmp_path, colour):
    picture = read_picture(str(with_profile(tmp_path / "a.png", icc_profile(chromaticities, curve))), colour)
    assert np.abs(picture.pixels[0, 0] - light_of(RED[0, 0], chromaticities, light)).max() < 3e-3


def test_a_profile_that_is_srgb_changes_nothing(tmp_path, colour):
    from PIL import ImageCms

    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = cv2.imwrite(str(tmp_path / "plain.png"), RED[..., ::-1])
    plain = read_picture(str(tmp_path / "plain.png"), colour).pixels
    for profile in (made, icc_profile(), icc_profile(curve=table(lambda value: float(decode_srgb(np.float32(value)))))):
        plate = read_plate(with_profile(tmp_path / "a.png", profile))
        space, reason = colour.choose(plate, None)
        assert space == colour.srgb() and "which is sRGB" in reason
        assert np.array_equal(read_picture(str(plate.path), colour).pixels, plain)


@pytest.mark.parametrize(
    ("profile", "named"),
    [
        (icc_profile(model=b"GRAY", curve=gamma(1.8)), "grey ICC profile Test"),
        (icc_profile(model=b"CMYK"), "CMYK ICC profile Test"),
        (icc_profile()[:200], "ICC profile"),
        (b"nonsense" * 40, "ICC profile"),
    ],
)
def test_profiles_that_cannot_be_read_are_named(profile, named, tmp_path, colour):
    plate = read_plate(with_profile(tmp_path / "a.tif", profile))
    space, reason = colour.choose(plate, None)
    assert space == colour.srgb() and named in reason and "is not read" in reason


def test_a_space_named_by_the_user_overrides_a_profile(tmp_path, colour):
    plate = read_plate(with_profile(tmp_path / "a.png", icc_profile(P3)))
    assert colour.choose(plate, "ACEScg") == ("ACEScg", "named by the user")


def png(path, *chunks):
    data = cv2.imencode(".png", RED[..., ::-1])[1].tobytes()
    made = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    path.write_bytes(data[:33] + made + data[33:])
    return read_plate(path)


def test_colour_chunks_of_a_png_are_read(tmp_path, colour):
    cases = {
        bytes([12, 13, 0, 1]): "sRGB Encoded P3-D65", bytes([1, 13, 0, 1]): colour.srgb(),
        bytes([9, 16, 0, 1]): "Rec.2100-PQ - Display",
    }  # fmt: skip
    if oiio.VERSION >= 30100:
        for numbers, space in cases.items():
            assert colour.choose(png(tmp_path / "a.png", (b"cICP", numbers)), None)[0] == space
    linear, ordinary = (png(tmp_path / "a.png", (b"gAMA", struct.pack(">I", value))) for value in (100000, 45455))
    assert colour.choose(linear, None)[0] == "Linear Rec.709 (sRGB)"
    # Old ways to tag sRGB; pictures without a profile are read as sRGB, too.
    assert colour.choose(ordinary, None)[0] == colour.srgb()


def exr(path, chromaticities=None, **attributes):
    tags = {"chromaticities": (oiio.TypeDesc("float[8]"), chromaticities)} if chromaticities else {}
    return write_exr(path, rgb_channels(np.full((3, 3, 3), (0.5, 2, -0.1), np.float32)), None, {**tags, **attributes})


@pytest.mark.parametrize(
    ("chromaticities", "space"),
    [(REC709, "Linear Rec.709 (sRGB)"), (AP0, "ACES2065-1"), (AP1, "ACEScg"), (P3, "Linear P3-D65")],
)
def test_chromaticities_choose_the_linear_space_that_has_them(chromaticities, space, tmp_path, colour):
    picture = read_picture(str(exr(tmp_path / "a.exr", chromaticities)), colour)
    assert picture.space == space and "chromaticities" in picture.reason
    assert np.array_equal(picture.pixels, picture.plate.rgb)


def test_a_name_has_priority_over_chromaticities(tmp_path, colour):
    plate = read_plate(exr(tmp_path / "a.exr", REC709, colorInteropID="lin_ap1_scene"))
    assert colour.choose(plate, None)[0] == "ACEScg"


def test_chromaticities_of_no_space_are_kept(tmp_path, colour):
    """The values stay, networks see the right colours, and the frame has the same chromaticities, not another space."""
    picture = read_picture(str(exr(tmp_path / "a.exr", DCI)), colour)
    assert np.array_equal(picture.pixels, picture.plate.rgb) and colour.is_scene_linear(picture.space)
    assert "no space of the OCIO config" in picture.reason
    tags = colour.tags(picture.space)
    assert "oiio:ColorSpace" not in tags and tags["chromaticities"] == pytest.approx(DCI)
    light = colour.convert(picture.pixels, picture.space, "ACEScg")
    assert np.allclose(light[0, 0], picture.pixels[0, 0] @ to_xyz(DCI).T @ np.linalg.inv(to_xyz(AP1)).T, atol=1e-4)
    # Another process knows the space by its name.
    assert np.allclose(Colour().convert(light, "ACEScg", picture.space), picture.pixels, atol=1e-4)


@pytest.mark.parametrize("broken", [(0.0,) * 8, (np.nan,) * 8, (0.3, 0.3) * 4, (1e30,) * 8, (*REC709[:6], 0.3, 0.0)])
def test_invalid_chromaticities_are_ignored(broken, tmp_path, colour):
    assert not are_usable(broken)
    assert colour.choose(read_plate(exr(tmp_path / "a.exr", broken)), None)[0] == "ACEScg"


def test_a_tag_that_the_config_does_not_know_is_named(tmp_path, colour):
    plate = dataclasses.replace(read_plate(exr(tmp_path / "a.exr")), colour_space="ShowLog 7")
    space, reason = colour.choose(plate, None)
    assert space == "ACEScg" and "does not know the file's tag ShowLog 7" in reason


def test_the_srgb_curve_continues_below_0_and_above_1():
    shown = np.array([-0.5, 0, 0.04, 0.5, 1, 3], np.float32)
    assert np.allclose(encode_srgb(decode_srgb(shown)), shown, atol=1e-5)
