"""Frames that cannot be made: requests that nobody means, shared memory that is gone, no one's, or cut short."""

import copy
import json
import os
import stat
from dataclasses import replace
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest
from hands import Local, hand, make_still, rgba_of, same_bits
from jobs import job

from ofx_reenact.errors import FrameError, OutputError, ReenactError, SettingsError
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.progress import Cancelled, Watch
from ofx_reenact.service import host_frame
from ofx_reenact.service import shared_memory as mapping
from ofx_reenact.service.request_curves import RequestCurves
from ofx_reenact.service.shared_memory import make_mapping, open_mapping
from ofx_reenact.service.shared_pixels import SharedPixels
from ofx_reenact.settings import Settings
from ofx_reenact.shot.curves import read_curves

WIDE = 36
PLANE = {"offset": 0, "stride": 64}
GOOD = {
    "mapping": "/dev/shm/none", "size": 4 * 3 * 16 + 4 * 3 * 4, "width": 4, "height": 3, "depth": "float",
    "alpha": "straight", "scale": [1, 1], "source": PLANE, "result": PLANE,
    "holdout": {"offset": 192, "stride": 16, "channels": 1},
}  # fmt: skip
NO_PIXELS = (
    ("mapping", "", "name the shared memory"), ("mapping", 7, "mapping '7'"), ("mapping", None, "name the shared"),
    ("size", 0, "size 0"), ("size", 1 << 50, "whole number from 1"), ("size", 48.0, "size 48.0"),
    ("size", True, "True"),
    ("width", 0, "width 0"), ("width", 65537, "to 65536"), ("height", -3, "height -3"), ("height", "3", "height 3"),
    ("depth", "double", "choose from float, half"), ("depth", ["float"], "depth"), ("alpha", None, "premultiplied"),
    ("scale", 1, "scale 1: give two numbers"), ("scale", [1], "scale"), ("scale", [0, 1], "scale"),
    ("scale", [1, float("nan")], "scale"), ("scale", [1, float("inf")], "scale"), ("scale", [True, 1], "scale"),
    ("scale", ["1", 1], "scale"), ("more", 1, "'more' is not known"),
    ("source", None, "source is needed"), ("source", [0, 64], "source is needed"),
    ("source", {"offset": 0}, "source stride None"), ("source", {**PLANE, "offset": -1}, "source offset -1"),
    ("source", {**PLANE, "stride": 63}, "stride 63: give a whole number from 64"), ("source", {**PLANE, "a": 1}, "'a'"),
    ("source", {**PLANE, "stride": -64}, "stride -64"), ("source", {**PLANE, "offset": 49}, "ends at byte 241"),
    ("result", {"offset": 1 << 63, "stride": 64}, "result offset"), ("result", {**PLANE, "stride": 97}, "ends at byte"),
    ("result", {"offset": 0, "stride": 1 << 70}, "result stride"),
    ("holdout", {"offset": 192, "stride": 16}, "holdout channels None"), ("holdout", 3, "holdout is needed"),
    ("holdout", {"offset": 192, "stride": 16, "channels": 3}, "channels 3: give 1 or 4"),
    ("holdout", {"offset": 192, "stride": 16, "channels": 4}, "holdout stride 16"),
    ("holdout", {"offset": 193, "stride": 16, "channels": 1}, "holdout ends at byte 241"),
)  # fmt: skip


@pytest.fixture(scope="module")
def engine():
    return Local()


@pytest.fixture(scope="module")
def still(tmp_path_factory, linear, performance_file) -> Settings:
    folder = tmp_path_factory.mktemp("asked")
    target = make_still(folder / "still.exr", linear)
    return job(folder, performance_file, target=target, repair="off")


def test_pixels_as_they_are_meant():
    read = SharedPixels.of(GOOD, result=True)
    assert read.holdout.channels == 1 and read.source.stride == 64 and read.scale == (1, 1)
    for without in ({**GOOD, "holdout": None}, {name: said for name, said in GOOD.items() if name != "holdout"}):
        assert SharedPixels.of(without, result=True).holdout is None
    alone = {name: said for name, said in GOOD.items() if name not in ("holdout", "result")}
    assert SharedPixels.of(alone, result=False).result is None
    with pytest.raises(SettingsError, match="'holdout' is not known"):
        SharedPixels.of(GOOD, result=False)


@pytest.mark.parametrize(("name", "value", "said"), NO_PIXELS)
def test_pixels_that_cannot_be(engine, still, name, value, said):
    request = copy.deepcopy(GOOD) | {name: value}
    with pytest.raises(SettingsError, match="pixels") as error:
        engine.ask("frame", settings=still.as_dict(), frame=WIDE, pixels=request)
    assert said in str(error.value)
    for missing in ("pixels", "frame", "settings"):
        fields = {"settings": still.as_dict(), "frame": WIDE, "pixels": GOOD}
        del fields[missing]
        with pytest.raises(SettingsError, match=missing):
            engine.ask("frame", **fields)


def test_settings_that_a_frame_cannot_have(engine, still):
    own = rgba_of(read_plate(still.target))
    for changes, said in (
        ({"target": ""}, "--target is needed"), ({"cast": "c.json", "target": still.target}, "--cast: a host"),
        ({"performance": ""}, "--driver is needed"),
    ):  # fmt: skip
        settings = {**still.as_dict(), "output": "", **changes}
        with pytest.raises(SettingsError, match=said):
            hand(engine, Settings(**{**settings, "layers": ("rgba",), "appearance": ()}), WIDE, own)
    with pytest.raises(FrameError, match="source_colorspace: colour space 'nonsense'"):
        hand(engine, still, WIDE, own, space="nonsense")
    with pytest.raises(SettingsError, match="space 3"):
        engine.ask("frame", settings=still.as_dict(), frame=WIDE, pixels=GOOD, space=3)


@pytest.mark.parametrize(
    ("curves", "said"),
    [
        ({"strength": {"frames": {"1": 9}}}, "curves: frame 1: --strength 9"), ([], "curves"), ("x", "curves"),
        ({"driver_speed": {"frames": {"1": 1}}}, "'driver_speed' has no curve"), ({"neck": {}}, "neck: give keys"),
        ({"neck": {"frames": {"one": 1}}}, "neck: frame 'one' is no whole number"),
        ({"neck": {"frames": {"1": "a"}}}, "neck"),
        ({"neck": {"frames": {"1": 1}, "interpolation": "x"}}, "neck: inter"),
    ],
)  # fmt: skip
def test_curves_that_cannot_be_name_the_option(engine, still, curves, said):
    with pytest.raises(SettingsError) as error:
        engine.ask("frame", settings=still.as_dict(), frame=WIDE, pixels=GOOD, curves=curves)
    assert said in str(error.value)


def test_files_of_curves_are_private_kept_by_what_they_say_and_removed(still, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    request_curves = RequestCurves()
    drawn = {"neck": {"frames": {"1": 0.5}}}
    one, same = (request_curves.apply(still, drawn).curves for _ in range(2))
    assert one == same and read_curves(Path(one))["neck"].values.tolist() == [0.5]
    if os.name == "posix":
        assert stat.S_IMODE(Path(one).parent.stat().st_mode) == 0o700
    others = {request_curves.apply(still, {"neck": {"frames": {"1": 0.5 + n / 100}}}).curves for n in range(1, 40)}
    assert len(others) == 39 and sum(Path(other).exists() for other in others) == 16 and not Path(one).exists()
    assert Path(request_curves.apply(still, drawn).curves).exists()
    request_curves.remove()
    assert not list(Path(one).parent.iterdir())


@pytest.mark.parametrize(("value", "channel"), [(np.nan, 0), (np.inf, 1), (-np.inf, 2), (np.nan, 3)])
def test_pixels_that_are_no_numbers_are_counted_and_placed(engine, still, value, channel):
    own = rgba_of(read_plate(still.target))
    own[100, 50, channel] = own[110, 7, 2] = value
    what = "2 NaN and 0 infinite" if np.isnan(value) else "0 NaN and 2 infinite"
    said = rf"frame 36: .* has {what} values, the first in channel {'RGBA'[min(channel, 3)]} at \(50, 100\), y down"
    for pixels in (own, own.astype(np.float16)):
        with pytest.raises(FrameError, match=said if channel != 3 else what):
            hand(engine, still, WIDE, pixels)


def test_a_matte_that_is_no_number(engine, still):
    own = rgba_of(read_plate(still.target))
    kept = np.zeros(own.shape[:2], np.float32)
    kept[3, 4] = np.nan
    with pytest.raises(FrameError, match="1 values of the holdout are NaN"):
        hand(engine, still, WIDE, own, holdout=kept)


def test_arrays_that_are_no_picture(engine, still):
    for pixels in (np.ones((4, 4, 3), np.float32), np.ones((4, 4, 4)), np.ones((4, 4), np.float32),
                   np.ones((0, 4, 4), np.float32)):  # fmt: skip
        with pytest.raises(FrameError, match=r"give \(height, width, 4\)"):
            hand(engine, still, WIDE, pixels)
    with pytest.raises(FrameError, match="holdout"):
        hand(engine, still, WIDE, np.ones((4, 4, 4), np.float32), holdout=np.ones((4, 5), np.float32))


posix = pytest.mark.skipif(os.name != "posix", reason="shared memory is a file where there are modes and links")


def ask(engine, still, name: str, size: int = 0, **more) -> None:
    height, width = read_plate(still.target).rgb.shape[:2]
    plane = {"offset": 0, "stride": width * 16}
    said = {
        "mapping": name, "size": size or width * height * 16, "width": width, "height": height, "depth": "float",
        "alpha": "opaque", "scale": [1, 1], "source": plane, "result": plane, **more,
    }  # fmt: skip
    engine.ask("frame", settings={**still.as_dict(), "output": ""}, frame=WIDE, pixels=said)


@posix
def test_shared_memory_that_is_not_trusted(engine, still, tmp_path):
    size = read_plate(still.target).rgb.nbytes // 3 * 4
    file = tmp_path / "memory"
    file.write_bytes(bytes(size))
    file.chmod(0o600)
    ask(engine, still, str(file))
    assert any(file.read_bytes())
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(file)
    os.mkfifo(pipe, 0o600)
    for name, said in (
        (str(tmp_path / "gone"), "cannot be opened (No such file"), (str(link), "a link or a pipe"),
        (str(pipe), "not trusted"), (str(tmp_path), "cannot be opened"),
        ("memory", "by its absolute path"), (f"{file}\0", "cannot be opened"),
    ):  # fmt: skip
        with pytest.raises(ReenactError) as error:
            ask(engine, still, name)
        assert said in str(error.value), error.value
    for mode, said in ((0o640, "has the mode 0640"), (0o666, "which is not trusted"), (0o604, "give it 0600")):
        file.chmod(mode)
        with pytest.raises(ReenactError, match=said):
            ask(engine, still, str(file))
    file.chmod(0o600)
    os.truncate(file, size - 1)
    with pytest.raises(ReenactError, match=f"has {size - 1} bytes, not the {size} that the request names"):
        ask(engine, still, str(file))
    if os.geteuid() == 0:
        os.truncate(file, size)
        os.chown(file, 12345, 12345)
        with pytest.raises(ReenactError, match="the file of another user"):
            ask(engine, still, str(file))


@posix
@pytest.mark.parametrize("moment", ["before it is read", "before it is written"])
def test_memory_that_is_cut_short_meanwhile_is_an_error_and_stays_short(engine, still, moment, monkeypatch):
    own = rgba_of(read_plate(still.target))
    made = []
    seen = mapping.make_mapping

    def make(size):
        made.append(seen(size))
        return made[-1]

    monkeypatch.setattr("ofx_reenact.service.frame_client.make_mapping", make)
    name = "_plan" if moment == "before it is read" else "render_one"
    whole = getattr(host_frame, name)

    def cut(*arguments, **more):
        os.truncate(made[-1].name, 100)
        return whole(*arguments, **more)

    monkeypatch.setattr(host_frame, name, cut)
    with pytest.raises(ReenactError, match="the shared memory has become smaller"):
        hand(engine, still, WIDE, own)
    assert not Path(made[-1].name).exists()


@posix
def test_rows_may_lie_apart_and_results_elsewhere(engine, still):
    own = rgba_of(read_plate(still.target))
    height, width = own.shape[:2]
    wanted = hand(engine, still, WIDE, own, alpha="opaque").pixels
    row, stride = width * 16, width * 16 + 52
    memory = make_mapping(7 + 2 * stride * height)
    try:
        memory.write(0, 7 + 2 * stride * height, np.full((1, 7 + 2 * stride * height), 0xAB, np.uint8))
        memory.write(7, stride, own.view(np.uint8).reshape(height, -1))
        offsets = {"source": 7, "result": 7 + stride * height}
        planes = {name: {"offset": offset, "stride": stride} for name, offset in offsets.items()}
        ask(engine, still, memory.name, 7 + 2 * stride * height, **planes)
        whole = np.empty((1, 7 + 2 * stride * height), np.uint8)
        memory.read(0, whole.shape[1], whole)
    finally:
        memory.close()
    rows = whole[0, 7:].reshape(2, height, stride)
    assert same_bits(np.ascontiguousarray(rows[1, :, :row]).view(np.float32).reshape(own.shape), wanted)
    assert same_bits(np.ascontiguousarray(rows[0, :, :row]).view(np.float32).reshape(own.shape), own)
    assert (whole[0, :7] == 0xAB).all() and (rows[:, :, row:] == 0xAB).all()


def test_a_cancelled_frame_leaves_the_memory_alone(engine, still, monkeypatch):
    own = rgba_of(read_plate(still.target))
    stopped = Local()
    stopped.service = engine.service
    kept = []
    monkeypatch.setattr(SharedPixels, "write", lambda *arguments: kept.append(arguments))
    made = host_frame.render_one

    def cancel(*arguments, **more):
        stopped.watch.cancel()
        return made(*arguments, **more)

    monkeypatch.setattr(host_frame, "render_one", cancel)
    with pytest.raises(Cancelled):
        hand(stopped, still, WIDE, own)
    assert not kept


def test_memory_goes_whatever_becomes_of_the_frame(still, monkeypatch):
    names = []

    class Deaf:
        def ask(self, do, **fields):
            names.append(fields["pixels"]["mapping"])
            assert json.dumps(fields) and open_mapping(names[-1], fields["pixels"]["size"]).close() is None
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hand(Deaf(), still, WIDE, np.ones((4, 4, 4), np.float32))
    with pytest.raises(ReenactError, match="cannot be opened"):
        open_mapping(names[0], 1)


@posix
def test_memory_that_has_no_room_is_an_error(monkeypatch, tmp_path):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mapping, "_MEMORY", tmp_path)
    monkeypatch.setattr("os.truncate", full)
    with pytest.raises(OutputError, match=r"5 MiB of shared memory cannot be made \(No space left"):
        make_mapping(5 << 20)
    assert not list(tmp_path.iterdir())


def test_a_named_mapping_is_read_and_written_as_a_file_is():
    """As on Windows, with the memory that Python shares here."""
    made = mapping._Named(SharedMemory(create=True, size=64), made=True)
    try:
        rows = np.arange(12, dtype=np.uint8).reshape(3, 4)
        made.write(5, 9, rows)
        other = mapping._open_named(made.name, 64)
        again = np.zeros_like(rows)
        other.read(5, 9, again)
        other.close()
        assert (again == rows).all()
        with pytest.raises(ReenactError, match="bytes, not the 1000000 that the request names"):
            mapping._open_named(made.name, 1000000)
    finally:
        made.close()
    with pytest.raises(ReenactError, match="cannot be opened"):
        mapping._open_named(made.name, 64)


@posix
def test_what_a_killed_client_left_is_removed_by_the_next(tmp_path, monkeypatch):
    mapping.remove_leftovers_once.cache_clear()
    monkeypatch.setattr(mapping, "_MEMORY", tmp_path)
    made = make_mapping(16)
    assert stat.S_IMODE(Path(made.name).stat().st_mode) == 0o600 and Path(made.name).stat().st_size == 16
    left = Path(made.name).with_name(Path(made.name).name.replace(f"-{os.getpid()}-", "-999999999-"))
    left.write_bytes(b"1")
    mapping.remove_leftovers_once.cache_clear()
    other = make_mapping(16)
    assert not left.exists() and Path(made.name).exists()
    made.close()
    other.close()
    assert not list(tmp_path.iterdir())


def test_a_watch_is_heeded_before_the_frame_is_made(engine, still):
    stopped = Local()
    stopped.watch = Watch()
    stopped.watch.cancel()
    with pytest.raises(Cancelled):
        hand(stopped, replace(still, missing="black"), WIDE, rgba_of(read_plate(still.target)))
