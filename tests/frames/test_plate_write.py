"""Writing frames: everything of the plate is kept, and files are complete or not there."""

import dataclasses
import subprocess
import sys
from fractions import Fraction

import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import rgb_channels, write_exr

from ofx_reenact.errors import OutputError
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.write import write_frame

FULL = {
    "FramesPerSecond": (oiio.TypeDesc("rational"), (24000, 1001)),
    "smpte:TimeCode": (oiio.TypeDesc("timecode"), (0x01020304, 0)),
    "chromaticities": (oiio.TypeDesc("float[8]"), (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)),
    "nuke/node_hash": "abc123",
    "nuke/version": "15.1v2",
    "studio:take": 7,
    "studio:gain": 1.5,
    "worldToCamera": (oiio.TypeDesc("matrix"), tuple(float(i) for i in range(16))),
}


@pytest.fixture
def full_plate(tmp_path):
    """Return a plate with a small data window, mixed types, cryptomatte, timecode and unknown attributes."""
    rng = np.random.default_rng(1)
    shape = (40, 60)
    channels = {name: rng.normal(size=shape).astype(np.float16).astype(np.float32) * 4 for name in "RGBA"}
    channels["Z"] = rng.normal(size=shape).astype(np.float32) * 1e6
    channels["Z"][0, 0] = np.inf
    channels["crypto00.R"] = rng.integers(0, 2**32, shape, dtype=np.uint32).view(np.float32)
    channels["crypto00.R"][~np.isfinite(channels["crypto00.R"])] = 0
    channels["id"] = rng.integers(0, 2**20, shape).astype(np.float64) / (2**32 - 1)
    formats = dict.fromkeys("RGBA", "half") | {"id": "uint"}
    path = tmp_path / "plate.1001.exr"
    return write_exr(path, channels, formats, FULL, window=(100, 50), display=(0, 0, 1920, 1080)), channels


def test_plate_survives_a_round_trip(full_plate, tmp_path):
    path, channels = full_plate
    plate = read_plate(path)
    assert plate.depth == "half"
    assert plate.fps == Fraction(24000, 1001)
    assert (plate.data_window.x, plate.data_window.y, plate.display_window.width) == (100, 50, 1920)
    out = tmp_path / "out.1001.exr"
    names = {name: plate.rgb[..., i] for i, name in enumerate("RGB")} | {"A": plate.alpha}
    write_frame(out, plate, names, formats=dict.fromkeys(names, "half"), attributes={"reenact:version": "1"})
    again = read_plate(out)
    assert again.data_window == plate.data_window
    assert again.display_window == plate.display_window
    assert np.array_equal(again.rgb, plate.rgb)
    assert np.array_equal(again.alpha, plate.alpha)
    assert set(again.extra) == {"Z", "crypto00.R", "id"}
    for name, pixels in plate.extra.items():
        assert pixels.dtype == again.extra[name].dtype
        assert np.array_equal(pixels.view(np.uint32), again.extra[name].view(np.uint32)), name
    assert np.array_equal(again.extra["crypto00.R"].view(np.uint32), channels["crypto00.R"].view(np.uint32))
    source = oiio.ImageInput.open(str(out))
    spec = source.spec()
    formats = dict(zip(spec.channelnames, map(str, spec.channelformats), strict=True))
    assert formats["R"] == "half" and formats["Z"] == "float" and formats["id"] == "uint"
    for name, value in FULL.items():
        expected = value[1] if isinstance(value, tuple) else value
        if name not in ("chromaticities", "nuke/node_hash"):
            assert spec.getattribute(name) == pytest.approx(expected), name
    assert spec.get_string_attribute("reenact:version") == "1"
    assert spec.getattribute("nuke/node_hash") is None  # of the tree that made the plate, not of this frame
    source.close()


@pytest.mark.parametrize("depth", ["half", "float"])
def test_channels_of_one_type_are_written_in_that_type(full_plate, tmp_path, depth):
    plate = dataclasses.replace(read_plate(full_plate[0]), extra={})
    names = {name: plate.rgb[..., i] for i, name in enumerate("RGB")}
    write_frame(tmp_path / "out.1001.exr", plate, names, formats=dict.fromkeys(names, depth), attributes={})
    spec = oiio.ImageInput.open(str(tmp_path / "out.1001.exr")).spec()
    assert {str(kind) for kind in spec.channelformats or (spec.format,)} == {depth}
    assert read_plate(tmp_path / "out.1001.exr").depth == depth


@pytest.fixture
def small_plate(tmp_path):
    rng = np.random.default_rng(0)
    return read_plate(write_exr(tmp_path / "s.exr", rgb_channels(rng.normal(size=(300, 300, 3)).astype(np.float32))))


def write(path, plate):
    channels = rgb_channels(plate.rgb)
    write_frame(path, plate, channels, formats=dict.fromkeys(channels, "float"), attributes={})


def test_write_leaves_nothing_behind_on_failure(small_plate, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write(small_plate.path / "no" / "a.exr", small_plate)
    (tmp_path / "dir.exr").mkdir()
    (tmp_path / "dir.exr" / "x").touch()
    with pytest.raises(OutputError, match=r"dir\.exr"):
        write(tmp_path / "dir.exr", small_plate)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dir.exr", "s.exr"]


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from pathlib import Path
from ofx_reenact.errors import OutputError
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.write import write_frame
plate = read_plate({plate!r})
channels = {{name: plate.rgb[..., index] for index, name in enumerate("RGB")}}
try:
    write_frame(Path({out!r}), plate, channels, formats=dict.fromkeys(channels, "float"), attributes={{}})
except OutputError as error:
    print(error)
    sys.exit(7)
"""


def test_a_full_disk_leaves_the_earlier_frame_unchanged(small_plate, tmp_path):
    out = tmp_path / "o.1001.exr"
    write(out, small_plate)
    before = out.read_bytes()
    code = LIMITED.format(out=str(out), plate=str(small_plate.path))
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert child.returncode == 7, child.stderr
    assert "o.1001.exr" in child.stdout and "full or the file size" in child.stdout
    assert out.read_bytes() == before
    assert not list(tmp_path.glob("*tmp*")) and not list(tmp_path.glob("*probe*"))
