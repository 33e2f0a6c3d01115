"""Proxies: the same framing at a half or a quarter of the resolution, from what was tracked at the whole."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import TARGET, rgb_channels, write_exr
from jobs import job, pixels
from moving import FIRST, START, make_plate, moving_job, track_plate

from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.proxy import Proxy
from ofx_reenact.engine.render_job import Job, render_sequence
from ofx_reenact.frames.picture import Picture
from ofx_reenact.frames.plate import Window, read_plate
from ofx_reenact.progress import Watch, ignore
from ofx_reenact.provenance.attributes import PROXY, read_provenance
from ofx_reenact.publish.checks import resolution
from ofx_reenact.settings import Settings
from ofx_reenact.verify.checked_sequence import inspect_sequence
from ofx_reenact.verify.checks import plate as check_plate
from ofx_reenact.weights import read_safetensors

DATA, DISPLAY = (3, 5), (-6, 2, 345, 331)


@pytest.fixture(scope="module")
def odd(target, tmp_path_factory) -> str:
    """A plate of odd size whose data window begins within a block, with alpha and a channel of whole numbers."""
    picture = cv2.resize(target.pixels, (331, 317), interpolation=cv2.INTER_AREA)
    alpha = np.ones(picture.shape[:2], np.float32)
    alpha[:30] = 0.5
    channels = {**rgb_channels(picture * alpha[..., None]), "A": alpha, "id": np.arange(331 * 317.0).reshape(317, 331)}
    path = tmp_path_factory.mktemp("odd") / "odd.exr"
    return str(write_exr(path, channels, window=DATA, display=DISPLAY))


@pytest.fixture(scope="module")
def shot(odd, performance_file, tmp_path_factory):
    """Frames of the odd plate, whole and as proxies, which share an identity."""
    folder = tmp_path_factory.mktemp("frames")
    for factor in (1, 2, 4):
        render_sequence(still(folder / str(factor), odd, performance_file, folder, proxy=factor))
    return folder


def still(folder: Path, odd: str, performance_file: str, kept: Path, **options) -> Settings:
    usual = {
        "target": odd, "identity": str(kept / "i.safetensors"), "frames": "36,40", "layers": ("rgba", "matte", "stmap")
    }  # fmt: skip
    return job(folder, performance_file, **{**usual, **options})


def reduced(planes: np.ndarray, factor: int, left: int = 0, top: int = 0) -> np.ndarray:
    """Means over blocks that pixels fill, the slow way; blocks begin so many pixels before them."""
    height, width = (-(-(n + before) // factor) for n, before in zip(planes.shape[:2], (top, left), strict=True))
    after = (height * factor - planes.shape[0] - top, width * factor - planes.shape[1] - left)
    filled = np.pad(planes, ((top, after[0]), (left, after[1]), (0, 0)), mode="edge")
    return filled.reshape(height, factor, width, factor, -1).mean((1, 3))


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Of pictures whose white is 1."""
    return float(-10 * np.log10(np.mean((np.clip(one, 0, 1) - np.clip(other, 0, 1)) ** 2)))


@pytest.mark.parametrize(("factor", "least"), [(2, 41), (4, 34)])
def test_a_proxy_is_the_frame_reduced(shot, factor, least):
    # Measured: 45 and 37 dB; a pixel beside, 31 and 27.
    for frame, small in pixels(shot / str(factor)).items():
        whole = pixels(shot / "1")[frame]
        wanted = reduced(whole, factor, *((DATA[i] - DISPLAY[i]) % factor for i in (0, 1)))
        assert small.shape == wanted.shape and psnr(small, wanted) > least
        assert psnr(small, np.roll(wanted, 1, 1)) < least - 5, "the framing is not told by this picture"


@pytest.mark.parametrize("factor", [2, 4])
def test_windows_frame_the_same_and_other_channels_keep_their_numbers(shot, odd, factor):
    source, small = read_plate(odd), read_plate(shot / str(factor) / "o.0036.exr")
    shown, data = small.display_window, small.data_window
    assert (shown.x, shown.y) == (-6 // factor, 2 // factor)
    assert (shown.width, shown.height) == (-(-345 // factor), -(-331 // factor))
    # The first block is the one in which the data window begins, seen from the display window's corner.
    assert (data.x - shown.x, data.y - shown.y) == (9 // factor, 3 // factor)
    assert set(small.extra["id"].ravel().tolist()) <= set(source.extra["id"].ravel().tolist())
    assert small.alpha is not None and np.isclose(small.alpha[2, 5], 0.5)


def test_points_and_blocks_agree():
    """A ramp's value at a point is its place, whole and reduced."""
    y, x = np.mgrid[:21, :27].astype(np.float32)
    rgb = np.stack([x, y, x], -1)
    windows = {"data_window": Window(3, 5, 27, 21), "display_window": Window(0, 0, 40, 40)}
    plate = dataclasses.replace(read_plate(TARGET), rgb=rgb, **windows)
    proxy = Proxy.of(plate, 4)
    small = proxy.picture(Picture(plate, 1, rgb, "ACEScg", "")).pixels
    at = proxy._points(np.array([[9.0, 10.0, 8.0]]))[0]
    found = cv2.remap(small, np.float32([[at[0]]]), np.float32([[at[1]]]), cv2.INTER_LINEAR)[0, 0]
    assert np.allclose(found[:2], (9, 10), atol=1e-3) and at[2] == 2


def test_files_of_the_analysis_serve_both(shot, odd, performance_file, tmp_path):
    """The identity that a proxy makes is the one that a whole render makes."""
    render_sequence(still(tmp_path, odd, performance_file, tmp_path, proxy=4, frames="36"))
    (mine, about), (theirs, said) = (read_safetensors(folder / "i.safetensors") for folder in (tmp_path, shot))
    assert about == said and mine.keys() == theirs.keys()
    assert all(np.array_equal(mine[name].numpy(), theirs[name].numpy()) for name in mine)


def test_what_moves_little_moves_in_the_proxy_too(odd, performance_file, tmp_path):
    """A motion of a pixel is a quarter of one in the proxy, and counts as much."""
    moves = {}
    for factor in (1, 4):
        asked = still(tmp_path, odd, performance_file, tmp_path, proxy=factor, strength=0.1, weight_pose=0.0)
        loader = Loader(dataclasses.replace(asked, weight_position=0.0), JobCache(), ignore)
        moves[factor] = [loader.shot.pose(frame).gate for frame in (30, 36, 40, 44)]
    assert np.allclose(moves[1], moves[4], atol=1e-6) and max(moves[1]) > 0


def test_a_chunk_gives_the_same_pixels(shot, odd, performance_file, tmp_path):
    render_sequence(still(tmp_path, odd, performance_file, shot, proxy=2, frames="40"))
    assert np.array_equal(pixels(tmp_path)[40], pixels(shot / "2")[40])


def test_a_warm_engine_tells_proxies_apart(shot, odd, performance_file, tmp_path):
    warm = JobCache()
    for factor in (2, 1, 2):
        asked = still(tmp_path, odd, performance_file, shot, proxy=factor, frames="36", existing="overwrite")
        Job(asked, Watch(), warm).run()
        assert np.array_equal(pixels(tmp_path)[36], pixels(shot / str(factor))[36])


def test_where_nothing_is_asked_the_reduced_plate_stays(odd, performance_file, shot, tmp_path):
    render_sequence(still(tmp_path, odd, performance_file, shot, proxy=2, strength=0, head="plate", frames="36"))
    loader = Loader(still(tmp_path, odd, performance_file, shot, proxy=2), JobCache(), ignore)
    assert np.array_equal(pixels(tmp_path)[36], loader.plates.picture(1).pixels[..., :3])


def test_a_holdout_of_the_whole_plate_is_reduced(odd, performance_file, shot, tmp_path):
    matte = np.zeros((331, 345), np.float32)
    matte[:, 170:] = 1
    write_exr(tmp_path / "m.exr", {"matte": matte}, window=DISPLAY[:2], display=DISPLAY)
    options = {"holdout": str(tmp_path / "m.exr"), "proxy": 4, "frames": "36"}
    render_sequence(still(tmp_path, odd, performance_file, shot, **options))
    loader = Loader(still(tmp_path, odd, performance_file, shot, proxy=4), JobCache(), ignore)
    held, plain, plate = pixels(tmp_path)[36], pixels(shot / "4")[36], loader.plates.picture(1).pixels[..., :3]
    # Column 170 of the display window lies in block 42 of it, the data window begins with block 2.
    assert np.array_equal(held[:, 41:], plate[:, 41:]) and np.array_equal(held[:, :40], plain[:, :40])
    assert not np.array_equal(plain[:, 41:], plate[:, 41:])


def test_frames_say_that_they_are_proxies_and_publish_refuses_them(shot):
    assert PROXY.removeprefix("reenact:") not in read_provenance(shot / "1" / "o.0036.exr")
    assert read_provenance(shot / "4" / "o.0036.exr")["proxy"] == 4
    subject = inspect_sequence(str(shot / "4" / "o.####.exr"))
    answer = check_plate(subject)
    assert answer.good and "frames 36,40: a proxy, 1/4 of the plate's resolution" in answer.notes
    assert "--proxy 1" in resolution(subject).problems[0]
    assert resolution(inspect_sequence(str(shot / "1" / "o.####.exr"))).good


def test_proxies_of_a_plate_that_moves(performance_file, tmp_path):
    plate = make_plate(tmp_path / "plate")
    track_plate(plate)
    options = {"frames": f"{FIRST}-{FIRST + 2}", "repair": "on", "preview": ""}
    for factor in (1, 2):
        render_sequence(moving_job(tmp_path / str(factor), plate, performance_file, proxy=factor, **options))
    alone = {**options, "frames": str(FIRST + 2), "driver_start": START}
    render_sequence(moving_job(tmp_path / "alone", plate, performance_file, proxy=2, **alone))
    whole, small = pixels(tmp_path / "1"), pixels(tmp_path / "2")
    for frame, made in small.items():
        # Measured: 58 dB.
        assert psnr(made, reduced(whole[frame], 2)) > 52
    assert np.array_equal(pixels(tmp_path / "alone")[FIRST + 2], small[FIRST + 2])


def test_pixels_that_are_not_square_stay_so(target, performance_file, tmp_path):
    wide = cv2.resize(target.pixels, (170, 320), interpolation=cv2.INTER_AREA)
    write_exr(tmp_path / "wide.exr", rgb_channels(wide), attributes={"PixelAspectRatio": 2.0})
    for factor in (1, 2):
        options = {"proxy": factor, "frames": "36", "target": str(tmp_path / "wide.exr")}
        render_sequence(still(tmp_path / str(factor), "", performance_file, tmp_path, **options))
    made = read_plate(tmp_path / "2" / "o.0036.exr")
    assert made.attributes.get_float_attribute("PixelAspectRatio") == 2
    # Measured: 42 dB.
    assert psnr(made.rgb, reduced(pixels(tmp_path / "1")[36], 2)) > 39
