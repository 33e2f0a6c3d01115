"""Jobs whose target is an EXR of several layers, in primaries that no config has a space for."""

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import TARGET, write_exr
from jobs import job

from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.errors import FrameError
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.verify.checked_sequence import inspect_sequence
from ofx_reenact.verify.checks import CHECKS

DCI = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.314, 0.351)


@pytest.fixture
def layered(linear, tmp_path):
    """An occlusion beside the picture, called ``fill``, and a copy of it in the plain channels."""
    occlusion = np.random.default_rng(0).random(linear.shape).astype(np.float32)
    pictures = {"AO": occlusion, "fill": linear, "": np.ascontiguousarray(linear[..., ::-1])}
    channels = {
        f"{name}.{c}" if name else c: picture[..., i]
        for name, picture in pictures.items()
        for i, c in enumerate("RGB")
    }
    return write_exr(tmp_path / "target.exr", channels, None, {"chromaticities": (oiio.TypeDesc("float[8]"), DCI)})


def test_a_layer_is_rendered_and_verified(layered, performance_file, tmp_path):
    report = render_sequence(job(tmp_path, performance_file, target=str(layered), frames="31", layer="fill"))
    plate, frame = read_plate(layered, layer="fill"), read_plate(tmp_path / "o.0031.exr")
    assert frame.layer == "fill" and not np.array_equal(frame.rgb, plate.rgb)
    assert np.array_equal(frame.rgb[:100, :100], plate.rgb[:100, :100])  # where nothing moves, to the bit
    assert set(frame.extra) == set(plate.extra)
    assert all(np.array_equal(frame.extra[name], pixels) for name, pixels in plate.extra.items())
    assert frame.tags.chromaticities == pytest.approx(DCI) and frame.colour_space is None
    assert report.colour_space.startswith("primaries") and "kept" in report.colour_reason
    subject = inspect_sequence(str(tmp_path / "o.####.exr"))
    assert CHECKS["plate"](subject).problems == () and CHECKS["colour"](subject).problems == ()


def test_an_unknown_layer_is_an_error_before_anything_is_tracked(layered, tmp_path):
    with pytest.raises(FrameError, match="no layer 'beauty'; its layers are rgba, AO, fill"):
        render_sequence(job(tmp_path, target=str(layered), driver=str(TARGET), layer="beauty"))
    assert not list(tmp_path.glob("o.*"))


def test_a_drivers_layer_is_tracked(colour, demo_picture, tmp_path):
    from ofx_reenact.engine.inputs import driver_images
    from ofx_reenact.frames.ranges import FrameRange
    from ofx_reenact.frames.sequence import Sequence
    from ofx_reenact.settings import Settings

    shown = cv2.resize(demo_picture, (64, 64)).astype(np.float32) / 255
    channels = {f"{name}.{c}": shown[..., i] * (name == "face") for name in ("AO", "face") for i, c in enumerate("RGB")}
    driver = Sequence.open(write_exr(tmp_path / "d.exr", channels))
    for layer, lit in (("", False), ("face", True)):
        ((_, image),) = driver_images(driver, FrameRange.of([1]), Settings(driver_layer=layer), colour)
        assert image.any() == lit
    with pytest.raises(FrameError, match="its layers are AO, face"):
        list(driver_images(driver, FrameRange.of([1]), Settings(driver_layer="C"), colour))
    movie = Sequence.open(TARGET.with_name("driver.mpg"))
    with pytest.raises(FrameError, match="a video has none"):
        list(driver_images(movie, FrameRange.of([1]), Settings(driver_layer="C"), colour))


def test_what_is_to_know_of_a_driver_is_in_the_report(demo_picture, tmp_path):
    shown = demo_picture.astype(np.float32) / 255
    channels = {f"{name}.{c}": shown[..., i] * (name == "C") for name in ("AO", "C") for i, c in enumerate("RGB")}
    driver = write_exr(tmp_path / "d.exr", channels)
    report = render_sequence(job(tmp_path, driver=str(driver), repair="off"))
    assert any("d.exr" in note and "layer C" in note for note in report.warnings), report.warnings
