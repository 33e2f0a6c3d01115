"""Pixel aspect: anamorphic plates and drivers are processed in square pixels, and results have the file's pixels."""

import dataclasses
import json

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import DRIVER, rgb_channels, write_exr
from jobs import assert_stmap_remakes, job

from ofx_reenact.engine.inputs import track_driver
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.export.windows import corners
from ofx_reenact.fdgan.window import Window
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.edit import landmarks_of, place
from ofx_reenact.tracking.landmark_file import write_landmarks

MOUTH_OPEN = 36


def squeeze(picture: np.ndarray, aspect: float) -> np.ndarray:
    """Return a picture of square pixels as a file of that pixel aspect has it."""
    height, width = picture.shape[:2]
    size = (round(width / aspect), height) if aspect > 1 else (width, round(height * aspect))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def plate(folder, picture: np.ndarray, aspect: float) -> str:
    path = folder / f"t{aspect:g}.exr"
    channels = rgb_channels(squeeze(picture, aspect))
    return str(write_exr(path, channels, attributes={"PixelAspectRatio": float(aspect)}))


@pytest.fixture(scope="module")
def square(linear, performance_file, tmp_path_factory) -> np.ndarray:
    """The frame of a target with square pixels."""
    folder = tmp_path_factory.mktemp("square")
    render_sequence(job(folder, performance_file, target=plate(folder, linear, 1), frames=str(MOUTH_OPEN)))
    return read_plate(folder / f"o.{MOUTH_OPEN:04d}.exr").rgb


def test_points_and_sizes_go_both_ways():
    for aspect in (2.0, 1.5, 0.9, 1.0):
        squeeze = Squeeze.of_aspect(aspect)
        points = np.array([[0.0, 0.0], [10.5, 3.25]])
        assert np.allclose(squeeze.to_file(squeeze.to_square(points)), points)
        assert squeeze.aspect == pytest.approx(aspect)
    assert Squeeze.of_aspect(2).size(100, 50) == (200, 50) and Squeeze.of_aspect(0.5).size(100, 50) == (100, 100)
    # The picture's edges are mapped to its edges.
    edges = np.array([[-0.5, -0.5], [99.5, 49.5]])
    assert np.allclose(Squeeze.of_aspect(2).to_square(edges), [[-0.5, -0.5], [199.5, 49.5]])


@pytest.mark.parametrize("aspect", [0.0, -1.0, float("nan"), float("inf"), 100.0, 1.001])
def test_an_aspect_that_no_format_has_counts_as_square(aspect):
    assert Squeeze.of_aspect(aspect).is_square


@pytest.mark.parametrize("aspect", [2.0, 1.33, 0.9])
def test_a_squeezed_target_performs_as_a_square_one(linear, square, aspect, performance_file, tmp_path):
    target = plate(tmp_path, linear, aspect)
    layers = ("rgba", "stmap", "matte", "confidence", "motion")
    movie = tmp_path / "o.mp4"
    settings = job(
        tmp_path, performance_file, target=target, frames=str(MOUTH_OPEN), layers=layers, preview=str(movie)
    )
    render_sequence(settings)
    source, frame = read_plate(target), read_plate(tmp_path / f"o.{MOUTH_OPEN:04d}.exr")
    assert frame.rgb.shape == source.rgb.shape
    assert frame.attributes.get_float_attribute("PixelAspectRatio") == pytest.approx(aspect)
    # The change of the face is the same in square pixels, up to a small fraction of it.
    wanted, before = squeeze(square, aspect), source.rgb
    face = np.abs(wanted - before).max(-1) > 0.05
    assert face.sum() > 500
    assert np.abs(frame.rgb - wanted)[face].mean() < 0.25 * np.abs(before - wanted)[face].mean()
    still = frame.extra["matte"] == 0
    assert still.mean() > 0.2 and np.array_equal(frame.rgb[still], source.rgb[still])
    assert_stmap_remakes(frame, source)
    capture = cv2.VideoCapture(str(movie))
    width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    assert width / height == pytest.approx(linear.shape[1] / linear.shape[0], rel=0.02)


def test_a_black_frame_has_the_files_size(linear, performance, tmp_path):
    gone = performance.state.copy()
    gone[5:] = 2
    dataclasses.replace(performance, state=gone).save(tmp_path / "gap.npz")
    target = plate(tmp_path, linear, 2)
    options = {"target": target, "frames": "9", "missing": "black", "layers": ("rgba", "stmap", "matte")}
    render_sequence(job(tmp_path, str(tmp_path / "gap.npz"), **options))
    assert not read_plate(tmp_path / "o.0009.exr").rgb.any()


def test_a_portrait_is_pasted_in_the_files_pixels(linear, performance_file, tmp_path):
    target = plate(tmp_path, linear, 2)
    options = {"target": target, "frames": str(MOUTH_OPEN), "profile": "portrait", "layers": ("rgba", "matte")}
    render_sequence(job(tmp_path, performance_file, **options))
    source, frame = read_plate(target), read_plate(tmp_path / f"o.{MOUTH_OPEN:04d}.exr")
    still = frame.extra["matte"] == 0
    assert np.array_equal(frame.rgb[still], source.rgb[still]) and (frame.rgb != source.rgb).any()


@pytest.fixture(scope="module")
def squeezed_driver(tmp_path_factory) -> str:
    """A few frames of the demo driver with pixels twice as wide as high."""
    folder, colour = tmp_path_factory.mktemp("driver"), Colour()
    for frame, number in enumerate((1, 20, MOUTH_OPEN), start=1):
        shown = squeeze(colour.show(Sequence.open(DRIVER).read(number)), 2)
        sink = oiio.ImageOutput.create("tiff")
        spec = oiio.ImageSpec(shown.shape[1], shown.shape[0], 3, oiio.UINT8)
        spec.attribute("PixelAspectRatio", 2.0)
        path = folder / f"d.{frame:04d}.tif"
        assert sink.open(str(path), spec) and sink.write_image(np.ascontiguousarray(shown)) and sink.close()
    return str(folder / "d.####.tif")


def test_a_squeezed_driver_is_tracked_in_square_pixels(squeezed_driver, performance, colour):
    tracked = track_driver(Settings(driver=squeezed_driver), Sequence.open(squeezed_driver), colour, lambda step: None)
    assert tracked.size == performance.size and tracked.aspect == pytest.approx(2, rel=1e-3)
    for row, number in enumerate((1, 20, MOUTH_OPEN)):
        whole = performance.raw_landmarks[number - 1]
        assert np.abs(tracked.raw_landmarks[row] - whole).mean() < 0.03 * np.ptp(whole, axis=0).max()
    points = landmarks_of(tracked)[1]
    assert np.allclose((points[:, 0] + 0.5) * tracked.aspect - 0.5, tracked.raw_landmarks[0][:, 0], atol=1e-3)
    assert tracked.file_size == (round(performance.size[0] / 2), performance.size[1])
    again = place(tracked, {1: points.astype(np.float64)})
    assert np.allclose(again.raw_landmarks[0], tracked.raw_landmarks[0], atol=1e-3) and again.aspect == tracked.aspect


def test_landmarks_placed_by_hand_are_in_the_files_pixels(squeezed_driver, colour, tmp_path):
    driver = Sequence.open(squeezed_driver)
    points = np.random.default_rng(1).uniform(20, 60, (68, 2))
    write_landmarks(tmp_path / "l.json", {1: points, 2: points, 3: points})
    assert json.loads((tmp_path / "l.json").read_text())["frames"]["1"]
    settings = Settings(driver=squeezed_driver, tracker="file", landmarks=str(tmp_path / "l.json"))
    tracked = track_driver(settings, driver, colour, lambda step: None)
    assert np.allclose(landmarks_of(tracked)[2], points, atol=1e-3)
    assert np.allclose(tracked.raw_landmarks[1, :, 0], (points[:, 0] + 0.5) * tracked.aspect - 0.5, atol=1e-2)


def test_a_window_for_another_program_lies_in_the_files_pixels(linear, tmp_path):
    window = Window((64, 48), np.array([[2.0, 0.1, 150.0], [-0.1, 2.0, 180.0]]))
    square, squeezed = (corners(window, read_plate(plate(tmp_path, linear, aspect))) for aspect in (1, 2))
    assert np.allclose(squeezed, square / [2, 1])
