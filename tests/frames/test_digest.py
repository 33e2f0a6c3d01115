"""The digest of pixels: computed as documented, equal for equal decoded pixels, different for all others."""

import hashlib
import struct

import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import rgb_channels, write_exr

from ofx_reenact.frames.channels import read_channels
from ofx_reenact.frames.digest import pixels_sha256
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.write import write_frame

NAME = "reenact:pixels_sha256"
# Values that a half cannot hold exactly, or at all.
ODD = (1e6, -1e6, 65519, 65520, 1e-8, 5.9e-8, np.inf, -np.inf, -0.0, 1.00048828125, 1.0014648, 2.0**-25, 0.1)


def test_the_digest_is_computed_as_documented():
    channels = {"b": np.array([[1, -2]], np.float16), "Z": np.array([[0.5], [np.nan]], np.float32),
                "id": np.array([[7]], np.uint32)}  # fmt: skip
    data = b"Z float 1x2\n" + struct.pack("<fI", 0.5, 0x7FC00000) + b"b half 2x1\n" + struct.pack("<ee", 1, -2)
    data += b"id uint 1x1\n" + struct.pack("<I", 7)
    assert pixels_sha256(channels) == hashlib.sha256(data).hexdigest()
    # Memory layout, order of channels and the bits of a NaN do not matter.
    other = np.array([[0.5], [0]], np.float32)
    other.view(np.uint32)[1] = 0xFFC00001
    again = {"id": channels["id"], "b": np.asfortranarray(channels["b"]).astype(">f2"), "Z": other}
    assert pixels_sha256(again) == pixels_sha256(channels)


def test_every_change_changes_the_digest():
    channels = rgb_channels(np.linspace(0, 1, 60, dtype=np.float32).reshape(4, 5, 3))
    changed = [dict(channels) for _ in range(6)]
    changed[0]["R"] = channels["R"].copy()
    changed[0]["R"][3, 4] = np.nextafter(channels["R"][3, 4], np.float32(2))
    changed[1]["R"], changed[1]["G"] = channels["G"], channels["R"]
    changed[2]["R"] = channels["R"].reshape(5, 4)
    changed[3]["R"] = channels["R"].astype(np.float16)
    changed[4]["A"] = channels["R"]
    del changed[5]["B"]
    assert len({pixels_sha256(one) for one in (channels, *changed)}) == 7


@pytest.fixture
def plate(tmp_path):
    """A plate with channels of every type."""
    rng = np.random.default_rng(3)
    channels = {name: rng.normal(size=(40, 60)).astype(np.float32) for name in (*"RGBA", "Z", "depth.back")}
    channels["Z"][0, :2] = np.nan, np.inf
    channels["id"] = rng.integers(0, 2**20, (40, 60)).astype(np.float64) / (2**32 - 1)
    formats = dict.fromkeys("RGBA", "half") | {"id": "uint"}
    return read_plate(write_exr(tmp_path / "p.exr", channels, formats))


@pytest.mark.parametrize("compression", ["none", "rle", "zips", "zip", "piz", "dwaa", "dwab"])
@pytest.mark.parametrize("depth", ["half", "float"])
@pytest.mark.parametrize("alone", [False, True])
def test_a_file_has_the_digest_of_its_decoded_pixels(plate, tmp_path, depth, compression, alone):
    rgb = plate.rgb.copy()
    rgb[0, : len(ODD)] = np.array(ODD, np.float32)[:, None]
    rgb[1, 0] = np.nan
    source = oiio.ImageSpec(60, 40, 3, oiio.HALF) if alone else plate.attributes
    plate = read_plate(plate.path) if not alone else plate.__class__(**{**vars(plate), "extra": {}})
    plate = plate.__class__(**{**vars(plate), "attributes": source})
    path = tmp_path / "o.exr"
    write_frame(
        path, plate, rgb_channels(rgb), formats=dict.fromkeys("RGB", depth), attributes={}, digest=NAME,
        compression=compression,
    )  # fmt: skip
    spec, channels = read_channels(path)
    stored = spec.get_string_attribute(NAME)
    assert stored == ("" if compression in ("dwaa", "dwab") else pixels_sha256(channels))
    if depth == "float" and stored:
        assert np.array_equal(channels["R"], rgb[..., 0], equal_nan=True)


def test_the_digest_of_a_plate_is_not_kept(plate, tmp_path):
    """A target may itself be a rendered frame."""
    plate.attributes.attribute(NAME, "0" * 64)
    for compression in ("zip", "dwaa"):
        path = tmp_path / f"{compression}.exr"
        write_frame(
            path, plate, rgb_channels(plate.rgb), formats=dict.fromkeys("RGB", "half"), attributes={}, digest=NAME,
            compression=compression,
        )  # fmt: skip
        assert read_channels(path)[0].get_string_attribute(NAME) != "0" * 64
