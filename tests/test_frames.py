"""Frames: ranges, sequences, plates that keep everything, whole writes, clear errors."""

import dataclasses
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import DRIVER, TARGET, rgb_channels, write_exr

from ofx_reenact.errors import FrameError, OutputError, SettingsError
from ofx_reenact.frames.plate import count_nonfinite, is_whole, read_plate, write_frame
from ofx_reenact.frames.preview import Mp4Writer, contact_sheet
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence, existing_frames, files_of, frame_path, standard_rate


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5", [5]),
        ("1001-1004", [1001, 1002, 1003, 1004]),
        ("1-10x3", [1, 4, 7, 10]),
        ("7,1-3,2", [1, 2, 3, 7]),
        ("-3--1", [-3, -2, -1]),
    ],
)
def test_range_reads(text, numbers):
    assert list(FrameRange.parse(text)) == numbers


@pytest.mark.parametrize("text", ["1-10:3", "a-b", "", "1..5"])
def test_range_refuses(text):
    with pytest.raises(FrameError):
        FrameRange.parse(text)


def test_range_round_trips_and_chunks():
    rng = np.random.default_rng(0)
    for _ in range(50):
        frames = FrameRange.of(rng.integers(1, 60, rng.integers(1, 30)))
        assert FrameRange.parse(str(frames)) == frames
        assert FrameRange.from_openjd(frames.to_openjd()) == frames
        chunks = frames.chunks(int(rng.integers(1, 9)))
        assert [n for chunk in chunks for n in chunk] == list(frames)


def test_range_step_in_open_job_description():
    assert FrameRange.parse("1-10x3").to_openjd() == "1-10:3"


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
    """Data window smaller than the display window, mixed types, cryptomatte, timecode, unknown attributes."""
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
        if name != "chromaticities":
            assert spec.getattribute(name) == pytest.approx(expected), name
    assert spec.get_string_attribute("reenact:version") == "1"
    source.close()


@pytest.mark.parametrize("depth", ["half", "float"])
def test_channels_of_one_type_are_written_in_it(full_plate, tmp_path, depth):
    plate = dataclasses.replace(read_plate(full_plate[0]), extra={})
    names = {name: plate.rgb[..., i] for i, name in enumerate("RGB")}
    write_frame(tmp_path / "out.1001.exr", plate, names, formats=dict.fromkeys(names, depth), attributes={})
    spec = oiio.ImageInput.open(str(tmp_path / "out.1001.exr")).spec()
    assert {str(kind) for kind in spec.channelformats or (spec.format,)} == {depth}
    assert read_plate(tmp_path / "out.1001.exr").depth == depth


def test_multi_part_is_read_as_one(tmp_path):
    path = tmp_path / "parts.exr"
    specs = []
    for name, channels in (("rgba", ("R", "G", "B")), ("depth", ("Z",))):
        spec = oiio.ImageSpec(8, 6, len(channels), oiio.FLOAT)
        spec.channelnames = channels
        spec.attribute("name", name)
        specs.append(spec)
    sink = oiio.ImageOutput.create("openexr")
    assert sink.open(str(path), tuple(specs))
    sink.write_image(np.full((6, 8, 3), 0.5, np.float32))
    sink.open(str(path), specs[1], "AppendSubimage")
    sink.write_image(np.full((6, 8, 1), 9, np.float32))
    sink.close()
    plate = read_plate(path)
    assert plate.rgb[0, 0, 0] == 0.5
    assert plate.extra["Z"][0, 0] == 9


def test_layered_colour_is_found(tmp_path):
    channels = {f"beauty.{c}": np.full((4, 4), i, np.float32) for i, c in enumerate("RGB")}
    plate = read_plate(write_exr(tmp_path / "l.exr", channels))
    assert plate.rgb[0, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "dpx"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5)])
def test_formats_are_read(tmp_path, suffix, shape):
    path = tmp_path / f"a.{suffix}"
    spec = oiio.ImageSpec(shape[1], shape[0], 3, oiio.UINT8)
    sink = oiio.ImageOutput.create(str(path))
    assert sink.open(str(path), spec)
    sink.write_image(np.full((*shape, 3), 0.5, np.float32))
    sink.close()
    plate = read_plate(path)
    assert plate.rgb.shape == (*shape, 3)
    assert abs(plate.rgb.mean() - 0.5) < 0.01


def test_grey_and_alpha_pictures(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((5, 4), 128, np.uint8))
    grey = read_plate(tmp_path / "grey.png")
    assert grey.rgb.shape == (5, 4, 3) and grey.alpha is None
    assert np.ptp(grey.rgb) == 0
    cv2.imwrite(str(tmp_path / "rgba.png"), np.full((5, 4, 4), 128, np.uint8))
    assert read_plate(tmp_path / "rgba.png").alpha is not None


def test_exif_orientation_is_applied(tmp_path):
    spec = oiio.ImageSpec(6, 4, 3, oiio.UINT8)
    spec.attribute("Orientation", 6)
    pixels = np.zeros((4, 6, 3), np.float32)
    pixels[:, :3] = 1
    path = tmp_path / "turned.jpg"
    sink = oiio.ImageOutput.create(str(path))
    assert sink.open(str(path), spec)
    sink.write_image(pixels)
    sink.close()
    plate = read_plate(path)
    assert plate.rgb.shape == (6, 4, 3)
    assert plate.rgb[0, 1].mean() > 0.7 > 0.3 > plate.rgb[-1, 1].mean()


def test_very_wide_picture(tmp_path):
    rgb = np.zeros((2, 16384, 3), np.float32)
    rgb[1, 16383] = 5
    assert read_plate(write_exr(tmp_path / "wide.exr", rgb_channels(rgb))).rgb[1, 16383, 2] == 5


def test_read_errors_name_file_and_reason(tmp_path):
    with pytest.raises(FrameError, match=r"gone\.exr: no such file"):
        read_plate(tmp_path / "gone.exr")
    with pytest.raises(FrameError, match="a folder"):
        read_plate(tmp_path)
    (tmp_path / "empty.exr").touch()
    with pytest.raises(FrameError, match="empty"):
        read_plate(tmp_path / "empty.exr")
    (tmp_path / "text.exr").write_text("hello")
    with pytest.raises(FrameError, match="not a picture"):
        read_plate(tmp_path / "text.exr")


def test_truncated_exr_is_found(tmp_path):
    rng = np.random.default_rng(0)
    path = write_exr(tmp_path / "cut.1007.exr", rgb_channels(rng.normal(size=(200, 200, 3)).astype(np.float32)))
    assert is_whole(path)
    path.write_bytes(path.read_bytes()[:-5000])
    assert not is_whole(path)
    with pytest.raises(FrameError, match=r"cut\.1007\.exr: frame 1007: .*not complete"):
        Sequence.open(str(tmp_path / "cut.####.exr")).read(1007)


def test_deep_is_refused(tmp_path):
    spec = oiio.ImageSpec(2, 2, 4, oiio.FLOAT)
    spec.channelnames = ("R", "G", "B", "A")
    spec.deep = True
    data = oiio.DeepData()
    data.init(4, 4, tuple([oiio.TypeDesc("float")] * 4), spec.channelnames)
    path = tmp_path / "deep.exr"
    sink = oiio.ImageOutput.create("openexr")
    assert sink.open(str(path), spec), sink.geterror()
    sink.write_deep_image(data)
    sink.close()
    with pytest.raises(FrameError, match="deep"):
        read_plate(path)


def test_nonfinite_is_counted(tmp_path):
    rgb = np.ones((4, 5, 3), np.float32)
    rgb[2, 3, 1], rgb[3, 0, 2] = np.nan, np.inf
    plate = read_plate(write_exr(tmp_path / "n.exr", rgb_channels(rgb)))
    assert count_nonfinite(plate) == (1, 1, (3, 2, "G"))


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
sys.path.insert(0, {tests!r})
from pathlib import Path
from ofx_reenact.errors import OutputError
from ofx_reenact.frames.plate import read_plate
from test_frames import write
try:
    write(Path({out!r}), read_plate({plate!r}))
except OutputError as error:
    print(error)
    sys.exit(7)
"""


def test_full_disk_leaves_the_old_frame_whole(small_plate, tmp_path):
    out = tmp_path / "o.1001.exr"
    write(out, small_plate)
    before = out.read_bytes()
    code = LIMITED.format(tests=os.path.dirname(__file__), out=str(out), plate=str(small_plate.path))
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert child.returncode == 7, child.stderr
    assert "o.1001.exr" in child.stdout and "full or the file size" in child.stdout
    assert out.read_bytes() == before
    assert not list(tmp_path.glob("*tmp*")) and not list(tmp_path.glob("*probe*"))


def numbered(folder, frames):
    for frame in frames:
        write_exr(folder / f"d.{frame:04d}.exr", rgb_channels(np.full((4, 6, 3), frame, np.float32)))
    return folder


@pytest.mark.parametrize("pattern", ["d.####.exr", "d.%04d.exr", "d.@@@@.exr"])
def test_sequence_patterns_and_holes(tmp_path, pattern):
    sequence = Sequence.open(str(numbered(tmp_path, [1001, 1002, 1004]) / pattern))
    assert str(sequence.frames) == "1001-1002,1004"
    assert list(sequence.missing) == [1003]
    assert sequence.read(1004).rgb[0, 0, 0] == 1004
    with pytest.raises(FrameError, match="no frame 1003"):
        sequence.read(1003)


def test_sequence_errors(tmp_path):
    with pytest.raises(FrameError, match="no frames of this name"):
        Sequence.open(str(tmp_path / "x.####.exr"))
    numbered(tmp_path, [1])
    with pytest.raises(FrameError, match="no frames of this name"):
        Sequence.open(str(tmp_path / "d.######.exr"))
    with pytest.raises(FrameError, match="no such file"):
        Sequence.open(str(tmp_path / "gone.mp4"))
    (tmp_path / "bad.mp4").write_bytes(b"not a video")
    with pytest.raises(FrameError, match="not a video"):
        Sequence.open(str(tmp_path / "bad.mp4"))


def test_still_takes_its_number(tmp_path):
    still = Sequence.open(str(numbered(tmp_path, [1001]) / "d.1001.exr"))
    assert still.kind == "still" and list(still.frames) == [1001]
    assert list(Sequence.open(str(TARGET)).frames) == [1]


def test_video_frames_do_not_depend_on_the_way_there():
    video = Sequence.open(str(DRIVER))
    assert len(video.frames) == 75 and video.fps == 25
    forward = {frame: video.read(frame).rgb for frame in (1, 2, 40, 75)}
    for frame in (75, 2, 40, 1):
        assert np.array_equal(video.read(frame).rgb, forward[frame])


@pytest.mark.parametrize(
    ("value", "rate"),
    [(23.976023976, Fraction(24000, 1001)), (29.97, Fraction(30000, 1001)), (25.0, Fraction(25)), (0.0, None)],
)
def test_rates_are_the_fractions_they_stand_for(value, rate):
    assert standard_rate(value) == rate


def test_frame_path(tmp_path):
    assert frame_path("a/o.####.exr", 7).name == "o.0007.exr"
    with pytest.raises(SettingsError, match="####"):
        frame_path("a/o.exr", 7)
    with pytest.raises(SettingsError, match=r"\.exr"):
        frame_path("a/o.####.png", 7)


def test_existing_counts_only_whole_frames(tmp_path):
    numbered(tmp_path, [1, 2, 3])
    cut = tmp_path / "d.0002.exr"
    cut.write_bytes(cut.read_bytes()[:-20])
    assert list(existing_frames(str(tmp_path / "d.####.exr"), FrameRange.parse("1-5"))) == [1, 3]


def test_colour_rules(colour, tmp_path, full_plate):
    srgb = colour.srgb()
    assert colour.choose(read_plate(TARGET), None)[0] == srgb
    assert colour.choose(read_plate(full_plate[0]), None) == ("ACEScg", "rule for half .exr without a tag")
    tagged = write_exr(
        tmp_path / "t.exr", rgb_channels(np.ones((2, 2, 3))), attributes={"colorInteropID": "lin_rec709_scene"}
    )
    space, why = colour.choose(read_plate(tagged), None)
    assert "Rec.709" in space and "tag" in why
    assert colour.choose(read_plate(TARGET), "ACEScg") == ("ACEScg", "named by the user")
    with pytest.raises(FrameError, match="near are ACEScg"):
        colour.resolve("ACEScgg")


def test_dpx_must_be_named(colour, tmp_path):
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


def test_display_handles_the_unshowable(colour):
    shown = colour.to_display(np.array([[[np.nan, np.inf, -np.inf]]], np.float32), colour.srgb())
    assert shown.dtype == np.uint8 and shown.tolist() == [[[0, 255, 0]]]


def test_unknown_config(monkeypatch):
    from ofx_reenact.frames.colour import Colour

    with pytest.raises(FrameError, match="nowhere"):
        Colour("/nowhere/config.ocio")


def test_preview_is_whole_or_not_there(tmp_path):
    path = tmp_path / "p.mp4"
    with Mp4Writer(path, Fraction(25), (33, 21)) as writer:
        writer.write(np.zeros((21, 33, 3), np.uint8))
        assert not path.exists()
    assert Sequence.open(str(path)).frames.last == 1
    with pytest.raises(RuntimeError), Mp4Writer(tmp_path / "q.mp4", None, (32, 32)):
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["p.mp4"]


def test_contact_sheet(tmp_path):
    cells = [np.full((20, 30, 3), 200, np.uint8), np.full((40, 20, 3), 100, np.uint8)]
    contact_sheet([cells, cells[:1]], tmp_path / "s.png", height=50)
    sheet = cv2.imread(str(tmp_path / "s.png"))
    assert sheet.shape == (100, 100, 3) and sheet[75, 90].sum() == 0


def test_a_name_with_two_places_for_the_number_is_refused():
    with pytest.raises(SettingsError, match="two places"):
        frame_path("/a/take#2.####.exr", 7)


def test_a_percent_sign_is_no_place_for_the_number(tmp_path):
    path = write_exr(tmp_path / "100% %s.exr", {name: np.ones((4, 4), np.float32) for name in "RGB"})
    assert Sequence.open(path).kind == "still" and files_of(str(path)) == (path,)
    assert frame_path("/a/100%.####.exr", 7) == Path("/a/100%.0007.exr")
