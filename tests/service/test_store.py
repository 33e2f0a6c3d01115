"""Frames of a host's clip as files: what is in them, and what they never replace."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import rgb_channels, write_exr
from hands import Local, make_still, rendered, same_bits
from jobs import job

from ofx_reenact.errors import FrameError, OutputError, ReenactError, SettingsError
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.service.shared_memory import make_mapping
from ofx_reenact.service.store_frame import STORED

WIDTH, HEIGHT = 37, 23


@pytest.fixture(scope="module")
def engine():
    return Local()


@pytest.fixture(scope="module")
def rgba() -> np.ndarray:
    values = np.random.default_rng(3).normal(0.5, 2, (HEIGHT, WIDTH, 4)).astype(np.float32)
    values[..., 3] = np.clip(values[..., 3], 0, 1)
    return values


def store(engine, pattern, rgba, frame=12, alpha="premultiplied", **more) -> Path:
    height, width = rgba.shape[:2]
    stride = width * 4 * rgba.itemsize
    memory = make_mapping(rgba.nbytes)
    try:
        memory.write(0, stride, np.ascontiguousarray(rgba).view(np.uint8).reshape(height, -1))
        pixels = {
            "mapping": memory.name, "size": rgba.nbytes, "width": width, "height": height,
            "depth": "float" if rgba.dtype == np.float32 else "half", "alpha": alpha, "scale": [1, 1],
            "source": {"offset": 0, "stride": stride},
        }  # fmt: skip
        done = engine.ask("store", file=str(pattern), frame=frame, pixels=pixels, **more)
    finally:
        memory.close()
    return Path(done["file"])


def test_a_frame_is_in_its_file_to_the_bit(engine, rgba, tmp_path):
    path = store(engine, tmp_path / "deep" / "plate.####.exr", rgba)
    assert path == tmp_path / "deep" / "plate.0012.exr"
    plate = read_plate(path)
    assert same_bits(np.dstack([plate.rgb, plate.alpha]), rgba) and plate.depth == "float"
    assert plate.data_window == plate.display_window and plate.data_window.width == WIDTH
    assert plate.fps is None and Squeeze.of_plate(plate).is_square and plate.colour_space is None
    half = store(engine, tmp_path / "h.####.exr", rgba.astype(np.float16), -3)
    found = read_plate(half)
    assert half.name == "h.-003.exr" and found.depth == "half"
    assert same_bits(np.dstack([found.rgb, found.alpha]).astype(np.float16), rgba.astype(np.float16))


def test_straight_colour_is_associated_and_opaque_has_no_alpha(engine, rgba, tmp_path):
    straight = read_plate(store(engine, tmp_path / "s.####.exr", rgba, alpha="straight"))
    assert np.array_equal(straight.rgb, rgba[..., :3] * rgba[..., 3:])
    opaque = read_plate(store(engine, tmp_path / "o.####.exr", rgba, alpha="opaque"))
    assert opaque.alpha is None and same_bits(opaque.rgb, rgba[..., :3].copy())


@pytest.mark.parametrize("space", ["ACEScg", "srgb_rec709_scene", "lin_rec2020_scene"])
def test_the_file_says_its_space_rate_and_aspect(engine, rgba, colour, tmp_path, space):
    path = store(engine, tmp_path / "p.####.exr", rgba, space=space, fps=23.976, aspect=2)
    plate = read_plate(path)
    assert colour.choose(plate, None)[0] == colour.resolve(space)
    assert plate.fps == Fraction(24000, 1001) and Squeeze.of_plate(plate) == Squeeze(2.0, 1.0)


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(24, 24), (25.0, 25), (29.97, Fraction(30000, 1001)), (59.94, Fraction(60000, 1001)), ("24000/1001", None),
     (12.5, Fraction(25, 2)), (23.98, Fraction(24000, 1001))],
)  # fmt: skip
def test_rates_are_those_that_a_host_rounds(engine, rgba, tmp_path, fps, rate):
    assert read_plate(store(engine, tmp_path / "p.####.exr", rgba, fps=fps)).fps == (rate or Fraction(fps))


def test_it_is_stored_anew_over_what_was_stored_and_over_nothing_else(engine, rgba, linear, performance_file, tmp_path):
    path = store(engine, tmp_path / "p.####.exr", rgba)
    again = rgba * np.float32(2)
    store(engine, tmp_path / "p.####.exr", again)
    assert same_bits(read_plate(path).rgb, again[..., :3].copy())
    plain = write_exr(tmp_path / "p.0013.exr", rgb_channels(rgba))
    text = tmp_path / "p.0014.exr"
    text.write_text("notes")
    # A frame that was rendered of one that was stored has all of its header.
    target = tmp_path / "still.exr"
    make_still(target, linear, attributes={STORED: ("int", 1)})
    settings = job(tmp_path / "out", performance_file, target=str(target), repair="off")
    made = rendered(settings, 36).path
    assert oiio.ImageInput.open(str(made)).spec().getattribute(STORED) == 1
    before = {one: one.read_bytes() for one in (plain, text, made)}
    for one in before:
        with pytest.raises(OutputError, match=f"{one.name}: already exists and was not stored for a host"):
            store(engine, one.with_name(one.name[:-8] + "####.exr"), rgba, int(one.stem[-4:]))
    assert {one: one.read_bytes() for one in before} == before


def test_a_disk_that_does_not_take_it_keeps_what_was_there(engine, rgba, tmp_path, monkeypatch):
    path = store(engine, tmp_path / "p.####.exr", rgba)
    before = path.read_bytes()
    monkeypatch.setattr("ofx_reenact.frames.write.find_damage", lambda *arguments: "cut short")
    with pytest.raises(OutputError, match="cannot be written whole"):
        store(engine, tmp_path / "p.####.exr", rgba * np.float32(2))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        ({"pattern": "p.exr"}, SettingsError, "put #### where the frame number goes"),
        ({"pattern": "p.####.png"}, SettingsError, "written as .exr"), ({"frame": "12"}, SettingsError, "frame '12'"),
        ({"frame": 10**12}, SettingsError, "frame '1000000000000'"), ({"space": "none such"}, FrameError, "none such"),
        ({"fps": 0}, SettingsError, "fps 0"), ({"fps": "a"}, SettingsError, "fps a"),
        ({"fps": True}, SettingsError, "fps True"),
        ({"fps": float("nan")}, SettingsError, "fps nan"), ({"fps": "1/0"}, SettingsError, "fps 1/0"),
        ({"aspect": 0}, SettingsError, "aspect 0"), ({"aspect": "2"}, SettingsError, "aspect 2"),
        ({"alpha": "none"}, SettingsError, "pixels: alpha 'none'"),
    ],
)  # fmt: skip
def test_what_cannot_be_stored(engine, rgba, tmp_path, wrong, kind, said):
    asked = {"pattern": "p.####.exr", **wrong}
    with pytest.raises(kind, match=said):
        store(engine, tmp_path / asked.pop("pattern"), rgba, **asked)
    assert not list(tmp_path.iterdir())


def test_memory_that_is_gone(engine, tmp_path):
    pixels = {
        "mapping": str(tmp_path / "gone"), "size": 64, "width": 2, "height": 2, "depth": "float", "alpha": "opaque",
        "scale": [1, 1], "source": {"offset": 0, "stride": 32},
    }  # fmt: skip
    with pytest.raises(ReenactError, match="cannot be opened"):
        engine.ask("store", file=str(tmp_path / "p.####.exr"), frame=1, pixels=pixels)
