"""What trackers see of colours: 8 bits in one pass, as OpenColorIO shows them, whatever is read and however."""

import numpy as np
import pytest
from conftest import write_exr

from ofx_reenact.errors import FrameError
from ofx_reenact.frames import shown as module
from ofx_reenact.frames.channels import read_channels
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.config import CONFIG, Config
from ofx_reenact.frames.picture import read_shown
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.frames.shown import AS_IT_IS, Shown
from ofx_reenact.frames.transform import Transform

SRGB = "sRGB Encoded Rec.709 (sRGB)"


def rounded(shown):
    with np.errstate(invalid="ignore"):
        return np.rint(np.nan_to_num(np.clip(shown, 0, 1), nan=0.0) * 255).astype(np.uint8)


def apart(one, other):
    """How far two pictures are apart at most, and how many of their values are."""
    difference = np.abs(one.astype(int) - other.astype(int))
    return difference.max(), (difference > 0).mean()


@pytest.fixture(scope="module")
def every_half():
    """All halfs there are, NaN and infinite ones too, each beside others."""
    halfs = np.arange(2**16, dtype=np.uint16).view(np.float16)
    return np.stack([halfs, np.roll(halfs, 5), np.roll(halfs, 999)], axis=-1).reshape(256, 256, 3)


@pytest.mark.parametrize("space", ["ACEScg", "ACES2065-1", "Linear Rec.709 (sRGB)", SRGB])
def test_every_half_is_shown_as_opencolorio_shows_it(space, every_half):
    config = Config(CONFIG)
    found = config.shown(space, SRGB)
    floats = every_half.astype(np.float32)
    finite = np.isfinite(floats).all(axis=-1)
    wanted = rounded(config.convert(floats, space, SRGB))
    assert found.apply(every_half)[finite].tobytes() == wanted[finite].tobytes()
    assert found.apply(every_half).tobytes() == found.apply(floats).tobytes()


def test_what_is_display_encoded_is_only_rounded(every_half):
    steps = (np.arange(-2, 512, dtype=np.float32) / 510)[:, None, None].repeat(3, axis=2)
    beside = np.concatenate([steps, np.nextafter(steps, np.float32(9)), np.nextafter(steps, np.float32(-9))])
    for given in (beside, every_half.astype(np.float32)):
        assert AS_IT_IS.apply(given).tobytes() == rounded(given).tobytes()


def test_no_number_shows_black_and_infinite_light_white():
    given = np.array([[[np.nan, np.inf, -np.inf]]], np.float16)
    assert AS_IT_IS.apply(given).tolist() == [[[0, 255, 0]]]
    # A matrix mixes what is no number into all three.
    assert Config(CONFIG).shown("ACEScg", SRGB).apply(given).tolist() == [[[0, 0, 0]]]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_threads_and_layout_change_no_bit(workers, monkeypatch):
    picture = np.exp(np.random.default_rng(0).uniform(-9, 2, (500, 400, 4))).astype(np.float32)
    found = Config(CONFIG).shown("ACEScg", SRGB)
    rows = np.concatenate([found.apply(picture[row : row + 1, :, :3]) for row in range(len(picture))])
    monkeypatch.setattr(module, "cores", lambda: workers)
    assert found.apply(picture[..., :3]).tobytes() == rows.tobytes()
    assert found.apply(np.ascontiguousarray(picture[..., :3], np.float64)).tobytes() == rows.tobytes()
    out = np.zeros((600, 400, 3), np.uint8)
    assert found.apply(picture[..., :3], out[50:550]).tobytes() == rows.tobytes() == out[50:550].tobytes()
    assert not out[:50].any() and not out[550:].any()


def test_what_is_no_matrix_and_curve_is_left_to_opencolorio(monkeypatch):
    assert Shown.of_curve(lambda rgb: rgb + 0.1) is None
    assert Shown.of_curve(lambda rgb: -rgb) is None
    crossed = Shown.of_curve(lambda rgb: rgb)
    assert crossed.is_like(lambda rgb: rgb) and not crossed.is_like(lambda rgb: rgb[..., ::-1])
    colour = Colour()
    picture = np.random.default_rng(0).uniform(0, 1, (8, 9, 3)).astype(np.float32)
    wanted = colour.to_display(picture, "ACEScg")
    monkeypatch.setattr(Transform, "shown", None)
    assert apart(colour.to_display(picture, "ACEScg"), wanted)[0] <= 1
    assert colour.to_display(picture.astype(np.float16), "ACEScg").dtype == np.uint8


def layouts():
    """Files as they come: types, compressions, windows, layers, and what has no strips."""
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
def test_strips_show_what_the_whole_plate_does(formats, attributes, windows, tmp_path, colour):
    rng = np.random.default_rng(0)
    channels = {name: np.exp(rng.uniform(-8, 1, (601, 33))).astype(np.float32) for name in formats}
    path = write_exr(tmp_path / "a.0001.exr", channels, formats, attributes, **windows)
    sequence = Sequence.open(path)
    shown = read_shown(sequence, 1, colour)
    assert shown.tobytes() == colour.show(sequence.read(1)).tobytes()
    assert shown.std() > 30


def test_a_layer_and_a_wide_pixel_are_heeded(tmp_path, colour):
    channels = {f"{layer}.{c}": np.full((300, 20), value, np.float32) for layer, value in (("AO", 0), ("C", 1))
                for c in "RGB"}  # fmt: skip
    path = write_exr(tmp_path / "a.exr", channels, None, {"PixelAspectRatio": 2.0})
    for layer, value in (("AO", 0), ("C", 255)):
        shown = read_shown(Sequence.open(path), 1, colour, layer=layer)
        assert shown.shape == (300, 40, 3) and (shown == value).all()


@pytest.mark.parametrize("part", [0.1, 0.4, 0.6, 0.95])
def test_a_truncated_frame_is_an_error_that_names_it(part, tmp_path, colour):
    rng = np.random.default_rng(0)
    channels = {name: rng.random((900, 64)).astype(np.float32) for name in "RGB"}
    path = write_exr(tmp_path / "a.0007.exr", channels, dict.fromkeys("RGB", "half"), {"compression": "zip"})
    sequence, whole = Sequence.open(path), path.read_bytes()
    assert read_channels(path)[1]
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(FrameError, match=r"a\.0007\.exr: frame 7: the file is damaged or not complete") as error:
        read_shown(sequence, 7, colour)
    assert "\n" not in str(error.value)
