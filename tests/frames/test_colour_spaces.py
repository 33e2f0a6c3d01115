"""Colour spaces: how they are chosen and converted."""

import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import TARGET, rgb_channels, write_exr

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.plate import read_plate


def test_colour_rules(colour, tmp_path):
    srgb = colour.srgb()
    assert colour.choose(read_plate(TARGET), None)[0] == srgb
    half = write_exr(tmp_path / "h.exr", rgb_channels(np.ones((2, 2, 3))), dict.fromkeys("RGB", "half"))
    assert colour.choose(read_plate(half), None) == ("ACEScg", "rule for half .exr without a tag")
    tagged = write_exr(
        tmp_path / "t.exr", rgb_channels(np.ones((2, 2, 3))), attributes={"colorInteropID": "lin_rec709_scene"}
    )
    space, why = colour.choose(read_plate(tagged), None)
    assert "Rec.709" in space and "tag" in why
    assert colour.choose(read_plate(TARGET), "ACEScg") == ("ACEScg", "named by the user")
    with pytest.raises(FrameError, match="similar names are ACEScg"):
        colour.resolve("ACEScgg")


def test_the_space_of_a_dpx_must_be_named(colour, tmp_path):
    path = tmp_path / "a.dpx"
    sink = oiio.ImageOutput.create(str(path))
    assert sink.open(str(path), oiio.ImageSpec(4, 4, 3, oiio.UINT16))
    sink.write_image(np.zeros((4, 4, 3), np.float32))
    sink.close()
    with pytest.raises(FrameError, match="--colorspace"):
        colour.choose(read_plate(path), None)


def test_colour_keeps_hdr_and_comes_back(colour):
    rgb = np.array([[[-0.5, 0.18, 1.0], [4.0, 60.0, 0.0]]], np.float32)
    assert colour.convert(rgb, "ACEScg", "ACEScg") is rgb
    there = colour.convert(rgb, "ACEScg", "Linear Rec.709 (sRGB)")
    assert there.max() > 50
    assert np.allclose(colour.convert(there, "Linear Rec.709 (sRGB)", "ACEScg"), rgb, atol=1e-4)


def test_nan_and_infinity_can_be_displayed(colour):
    shown = colour.to_display(np.array([[[np.nan, np.inf, -np.inf]]], np.float32), colour.srgb())
    assert shown.dtype == np.uint8 and shown.tolist() == [[[0, 255, 0]]]


def test_unknown_config(monkeypatch):
    from ofx_reenact.frames.colour import Colour

    with pytest.raises(FrameError, match="nowhere"):
        Colour("/nowhere/config.ocio")
