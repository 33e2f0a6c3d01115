"""Conversion to 8 bits for trackers, in one pass: equal to OpenColorIO's, for all types and layouts of files."""

import numpy as np
import pytest
from conftest import write_exr

from ofx_reenact.errors import FrameError
from ofx_reenact.frames import display_table as module
from ofx_reenact.frames.channels import read_channels
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.display_table import ROUNDING_TABLE, DisplayTable
from ofx_reenact.frames.ocio_config import CONFIG, Config
from ofx_reenact.frames.picture import read_shown
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.frames.transform import Transform

SRGB = "sRGB Encoded Rec.709 (sRGB)"


def rounded(encoded):
    with np.errstate(invalid="ignore"):
        return np.rint(np.nan_to_num(np.clip(encoded, 0, 1), nan=0.0) * 255).astype(np.uint8)


def compare(one, other):
    """Return the largest difference of two pictures, and the fraction of values that differ."""
    difference = np.abs(one.astype(int) - other.astype(int))
    return difference.max(), (difference > 0).mean()


@pytest.fixture(scope="module")
def every_half():
    """Return all halfs, NaN and infinite ones too, each beside others."""
    halfs = np.arange(2**16, dtype=np.uint16).view(np.float16)
    return np.stack([halfs, np.roll(halfs, 5), np.roll(halfs, 999)], axis=-1).reshape(256, 256, 3)


@pytest.mark.parametrize("space", ["ACEScg", "ACES2065-1", "Linear Rec.709 (sRGB)", SRGB])
def test_every_half_is_converted_as_by_opencolorio(space, every_half):
    config = Config(CONFIG)
    found = config.display_table(space, SRGB)
    floats = every_half.astype(np.float32)
    finite = np.isfinite(floats).all(axis=-1)
    wanted = rounded(config.convert(floats, space, SRGB))
    assert found.apply(every_half)[finite].tobytes() == wanted[finite].tobytes()
    assert found.apply(every_half).tobytes() == found.apply(floats).tobytes()


def test_display_encoded_values_are_only_rounded(every_half):
    steps = (np.arange(-2, 512, dtype=np.float32) / 510)[:, None, None].repeat(3, axis=2)
    beside = np.concatenate([steps, np.nextafter(steps, np.float32(9)), np.nextafter(steps, np.float32(-9))])
    for given in (beside, every_half.astype(np.float32)):
        assert ROUNDING_TABLE.apply(given).tobytes() == rounded(given).tobytes()


def test_nan_becomes_black_and_infinity_white():
    given = np.array([[[np.nan, np.inf, -np.inf]]], np.float16)
    assert ROUNDING_TABLE.apply(given).tolist() == [[[0, 255, 0]]]
    # A matrix mixes NaN into all three channels.
    assert Config(CONFIG).display_table("ACEScg", SRGB).apply(given).tolist() == [[[0, 0, 0]]]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_threads_and_memory_layout_change_no_bit(workers, monkeypatch):
    picture = np.exp(np.random.default_rng(0).uniform(-9, 2, (500, 400, 4))).astype(np.float32)
    found = Config(CONFIG).display_table("ACEScg", SRGB)
    rows = np.concatenate([found.apply(picture[row : row + 1, :, :3]) for row in range(len(picture))])
    monkeypatch.setattr(module, "cores", lambda: workers)
    assert found.apply(picture[..., :3]).tobytes() == rows.tobytes()
    assert found.apply(np.ascontiguousarray(picture[..., :3], np.float64)).tobytes() == rows.tobytes()
    out = np.zeros((600, 400, 3), np.uint8)
    assert found.apply(picture[..., :3], out[50:550]).tobytes() == rows.tobytes() == out[50:550].tobytes()
    assert not out[:50].any() and not out[550:].any()


def test_other_conversions_are_left_to_opencolorio(monkeypatch):
    assert DisplayTable.of_curve(lambda rgb: rgb + 0.1) is None
    assert DisplayTable.of_curve(lambda rgb: -rgb) is None
    crossed = DisplayTable.of_curve(lambda rgb: rgb)
    assert crossed.agrees_with(lambda rgb: rgb) and not crossed.agrees_with(lambda rgb: rgb[..., ::-1])
    colour = Colour()
    picture = np.random.default_rng(0).uniform(0, 1, (8, 9, 3)).astype(np.float32)
    wanted = colour.to_display(picture, "ACEScg")
    monkeypatch.setattr(Transform, "display_table", None)
    assert compare(colour.to_display(picture, "ACEScg"), wanted)[0] <= 1
    assert colour.to_display(picture.astype(np.float16), "ACEScg").dtype == np.uint8


def layouts():
    """Yield files of many kinds: types, compressions, windows, layers, and some that cannot be read in strips."""
    halfs, floats = dict.fromkeys("RGB", "half"), dict.fromkeys("RGB", "float")
    yield "halfs", halfs, {"compression": "zip"}, {}
    yield "floats", floats, {"compression": "zip"}, {}
    yield "packed", halfs, {"compression": "dwab"}, {}
    yield "offset", halfs, {"compression": "piz"}, {"window": (-7, 30), "display": (0, 0, 40, 700)}
    yield "mixed", {"R": "half", "G": "float", "B": "half"}, {}, {}
    yield "alpha", {**halfs, "A": "half"}, {}, {}
    yield "layers", {**halfs, "Z": "float", "AO.R": "half", "AO.G": "half", "AO.B": "half"}, {}, {}
    yield "grey", {"Y": "half"}, {}, {}


@pytest.mark.parametrize(("formats", "attributes", "windows"), [pytest.param(*x, id=i) for i, *x in layouts()])
def test_strips_give_the_same_picture_as_the_whole_plate(formats, attributes, windows, tmp_path, colour):
    rng = np.random.default_rng(0)
    channels = {name: np.exp(rng.uniform(-8, 1, (601, 33))).astype(np.float32) for name in formats}
    path = write_exr(tmp_path / "a.0001.exr", channels, formats, attributes, **windows)
    sequence = Sequence.open(path)
    shown = read_shown(sequence, 1, colour)
    assert shown.tobytes() == colour.show(sequence.read(1)).tobytes()
    assert shown.std() > 30


def test_the_layer_and_the_pixel_aspect_are_used(tmp_path, colour):
    channels = {f"{layer}.{c}": np.full((300, 20), value, np.float32) for layer, value in (("AO", 0), ("C", 1))
                for c in "RGB"}  # fmt: skip
    path = write_exr(tmp_path / "a.exr", channels, None, {"PixelAspectRatio": 2.0})
    for layer, value in (("AO", 0), ("C", 255)):
        shown = read_shown(Sequence.open(path), 1, colour, layer=layer)
        assert shown.shape == (300, 40, 3) and (shown == value).all()


@pytest.mark.parametrize("part", [0.1, 0.4, 0.6, 0.95])
def test_the_error_of_a_truncated_frame_names_it(part, tmp_path, colour):
    rng = np.random.default_rng(0)
    channels = {name: rng.random((900, 64)).astype(np.float32) for name in "RGB"}
    path = write_exr(tmp_path / "a.0007.exr", channels, dict.fromkeys("RGB", "half"), {"compression": "zip"})
    sequence, whole = Sequence.open(path), path.read_bytes()
    assert read_channels(path)[1]
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(FrameError, match=r"a\.0007\.exr: frame 7: the file is damaged or not complete") as error:
        read_shown(sequence, 7, colour)
    assert "\n" not in str(error.value)
