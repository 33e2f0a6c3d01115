"""Engines that are not there, are others, die, hang or talk nonsense: the host goes on, and the user is told why."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ofx_reenact import __version__
from openfx.bad_engine import TALE
from openfx.host import FILTER, GENERAL, ActionFailed, Status

PLATE = np.random.default_rng(1).random((30, 50, 4), np.float32)


@pytest.fixture
def shm(tmp_path, monkeypatch) -> Path:
    """The folder of shared memory, in which nothing else lies."""
    folder = tmp_path / "shm"
    folder.mkdir()
    monkeypatch.setenv("OFX_REENACT_SHM", str(folder))
    return folder


def instance_of(host, python: str, plate=PLATE, context=FILTER, **values):
    """Make an instance that an engine has to make frames of; nothing is analysed, bad engines do not look."""
    asked = {"python": python, "performance": "/kept/p.npz", "target": "/t.exr", **values}
    instance = host.describe(context).create(asked, size=plate.shape[1::-1])
    instance.connect("Source", lambda time: plate)
    return instance


def turned(plate: np.ndarray) -> np.ndarray:
    """What a good engine gives back."""
    return (255 - plate.view(np.uint8)).view(plate.dtype)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Compare bits: turned around, some are no numbers."""
    return np.array_equal(one.view(np.uint8), other.view(np.uint8))


def fails(instance, time: float = 5, **options) -> str:
    """Render a frame that cannot be made; returns what the user is told of it, empty for nothing."""
    told = len(instance.host.messages)
    with pytest.raises(ActionFailed) as failed:
        instance.render(time, **options)
    assert failed.value.status is Status.FAILED
    return " ".join(instance.host.messages[told:])


def wait_until(holds) -> None:
    """Wait for what another process does."""
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def passes(instance) -> None:
    """See that the plate comes through where the user wants that of a failure."""
    instance.set("on_error", "plate")
    assert same(instance.render(6), PLATE)
    instance.set("on_error", "fail")


def test_a_good_engine(open_host, engine):
    host, good = open_host(), engine("good")
    instance = instance_of(host, good.python)
    for layout in ({}, {"window": (3, 4, 20, 30)}):
        result, (x1, y1, x2, y2) = instance.render(5, **layout), layout.get("window", (0, 0, 50, 30))
        assert same(result[30 - y2 : 30 - y1, x1:x2].copy(), turned(PLATE)[30 - y2 : 30 - y1, x1:x2].copy())
    assert len(good.starts) == 1 and not host.messages
    host.unload()
    assert good.is_alive() == [False]


@pytest.mark.parametrize("python", ["/none/python", "", "/", "/etc/passwd", "x" * 5000])
def test_no_engine(open_host, monkeypatch, python):
    monkeypatch.setenv("OFX_REENACT_PYTHON", "/named/by/environment")
    instance = instance_of(open_host(), python)
    said = fails(instance)
    assert said.startswith("Reenact, frame 5: The engine cannot be started: ")
    assert (python or "/named/by/environment") in said and "Name the Python that ofx-reenact is installed in" in said
    assert fails(instance) == "", "the same of the next frame is said once"
    passes(instance)


@pytest.mark.parametrize(("mode", "wanted"), [
    ("version", f"is ofx-reenact 9.9; this plug-in is of {__version__}"),
    ("protocol", f"is ofx-reenact {__version__}, of another protocol; this plug-in is of {__version__}"),
    ("dead", "The engine ended at once, or is none"),
    ("garbage", "The engine ended at once, or is none"),
    ("binary", "The engine ended at once, or is none"),
    ("dies", "The engine ended in the middle of its work"),
    ("cut", "The engine ended in the middle of its work"),
    ("long", "The engine ended in the middle of its work"),
    ("refuses", TALE), ("no reason", "The engine gave no reason."), ("null", "The engine gave no reason."),
    ("empty", "The engine gave no reason."), ("wrong id", "not a request: it has no id"),
])  # fmt: skip
def test_bad_engines(open_host, engine, mode, wanted):
    host, bad = open_host(), engine(mode)
    instance = instance_of(host, bad.python)
    said = fails(instance)
    assert wanted in said, said
    passes(instance)
    # It answers no better the next time, and is asked no more than it has to be.
    again = fails(instance, 7)
    assert again == "" or wanted in again
    host.unload()
    assert not any(bad.is_alive())


@pytest.mark.parametrize("mode", ["strange", "bytes", "noise", "deep", "late", "half done"])
def test_odd_engines_that_answer(open_host, engine, mode):
    host, odd = open_host(), engine(mode)
    instance = instance_of(host, odd.python)
    for time_ in range(3):
        assert same(instance.render(time_), turned(PLATE))
    assert len(odd.starts) == 1 and not host.messages


def test_one_that_died_is_started_anew(open_host, engine):
    host, bad = open_host(), engine("dies once")
    instance = instance_of(host, bad.python)
    assert "the next frame" in fails(instance) and instance in host.record.standing
    assert same(instance.render(6), turned(PLATE)) and instance not in host.record.standing
    assert len(bad.starts) == 2 and bad.is_alive() == [False, True]


@pytest.mark.parametrize("mode", ["mute", "hangs"])
def test_a_wait_without_end_is_ended(open_host, engine, mode):
    """The user is heard while the engine starts, and while it works; of the next frame as well."""
    host, bad = open_host(), engine(mode)
    instance = instance_of(host, bad.python)
    started = time.monotonic()
    for after in (1, 5, 0):
        assert fails(instance, abort_after=after) == ""
    assert time.monotonic() - started < 20, "long before it would be given up"
    assert len(bad.starts) == 1 and bad.is_alive() == [True]
    host.unload()
    assert bad.is_alive() == [False]


def test_an_aborted_frame_leaves_the_engine_warm(open_host, engine):
    host, bad = open_host(), engine("waits once")
    instance = instance_of(host, bad.python)
    instance.abort = lambda: len(bad.requests) > 0
    assert fails(instance) == ""
    instance.abort = None
    assert same(instance.render(5), turned(PLATE)) and not host.messages
    assert len(bad.starts) == 1 and [one["do"] for one in bad.requests] == ["frame", "cancel", "frame"]
    assert bad.requests[1]["job"] == bad.requests[0]["id"] < bad.requests[1]["id"] < bad.requests[2]["id"]


def test_what_the_engine_is_asked(open_host, engine):
    host, good = open_host(), engine("good")
    odd = 'a "quote" \\ and \x01 \t, an ä, 日本, a lone \udcff'
    instance = instance_of(
        host, good.python, context=GENERAL, appearance=" /a.png, /b c.exr,, ", layer=odd, reference="  12",
        motion="locked", neck=0.1, weight_jaw=99.0, clip_offset=1000.4, clip_speed=2.0, source_colorspace="ACEScg",
    )  # fmt: skip
    instance.key("strength", {5: 0.5, 7: 1.5})
    instance.connect("Holdout", lambda time: PLATE[..., 3:].copy(), components="OfxImageComponentAlpha")
    instance.render(6, scale=(0.5, 0.25))
    request = good.requests[0]
    assert request.pop("settings") == {
        "target": "/t.exr", "performance": "/kept/p.npz", "appearance": ["/a.png", "/b c.exr"], "reference": 12,
        "layer": odd.replace("\udcff", "\ufffd"), "motion": "locked", "neck": 0.1, "weight_jaw": 2.0,
    }  # fmt: skip
    frames = request.pop("curves")
    assert frames == {"strength": {"interpolation": "linear", "frames": {"1010": 0.5, "1012": 1.0, "1014": 1.5}}}
    pixels, bytes_ = request.pop("pixels"), 25 * 8 * 16
    mapping = pixels.pop("mapping")
    assert Path(mapping).is_absolute() and pixels.pop("size") >= bytes_ + 25 * 8 * 4
    assert pixels == {
        "width": 25, "height": 8, "depth": "float", "alpha": "premultiplied", "scale": [0.5, 0.25],
        "source": {"offset": 0, "stride": 25 * 16}, "result": {"offset": 0, "stride": 25 * 16},
        "holdout": {"offset": bytes_, "stride": 25 * 4, "channels": 1},
    }  # fmt: skip
    assert request == {"id": 1, "do": "frame", "alive": 1.0, "frame": 1012, "space": "ACEScg"}


def test_where_the_engine_runs(open_host, engine, monkeypatch):
    for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH"):
        monkeypatch.setenv(name, "/the/hosts/own")
    monkeypatch.setenv("OCIO", "/studio/config.ocio")
    good = engine("good")
    host = open_host()
    instance_of(host, good.python).render(5)
    start = good.starts[0]
    environment = start["environment"]
    assert not {"PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH"} & set(environment)
    assert environment["OCIO"] == "/studio/config.ocio"
    assert start["arguments"][-2:] == ["engine", "serve"] and start["arguments"][0] == "-c"
    # Not a word of the host's folder: what lies there is nobody's to import.
    assert "sys.path[:] = [p for p in sys.path if p]" in start["arguments"][1]


def test_a_numbers_decimal_point_is_none_of_the_users_language(open_host, engine):
    import locale

    before = locale.setlocale(locale.LC_NUMERIC)
    try:
        locale.setlocale(locale.LC_NUMERIC, "de_DE.UTF-8")
    except locale.Error:
        pytest.skip("this machine has no language with a decimal comma")
    try:
        good = engine("good")
        instance_of(open_host(), good.python, neck=0.125).render(5)
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)
    assert good.requests[0]["settings"]["neck"] == 0.125


def test_instances_that_name_one_python_share_an_engine(open_host, engine):
    host, one, other = open_host(), engine("good"), engine("late")
    instances = [instance_of(host, found.python) for found in (one, one, other)]
    for instance in instances:
        assert same(instance.render(5), turned(PLATE))
    assert len(one.starts) == len(other.starts) == 1
    instances[0].destroy()
    assert same(instances[1].render(5), turned(PLATE)) and one.is_alive() == [True]


def test_shared_memory_that_is_full(open_host, engine, shm, monkeypatch):
    host, good = open_host(), engine("good")
    instance = instance_of(host, good.python)
    assert same(instance.render(5), turned(PLATE))
    larger = np.tile(PLATE, (4, 4, 1))
    other = instance_of(host, good.python, larger)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (larger.nbytes // 2, before[1]))
    try:
        said = fails(other)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert f"MiB of shared memory in {shm}: " in said and not list(shm.iterdir())
    assert same(other.render(5), turned(larger)) and len(good.starts) == 1
    monkeypatch.setenv("OFX_REENACT_SHM", "/none/shm")
    third = instance_of(host, good.python, np.tile(PLATE, (8, 8, 1)))
    assert "/none/shm: No such file or directory" in fails(third)
    host.unload()


def test_shared_memory_is_removed(open_host, engine, shm):
    host, good = open_host(), engine("good")
    instance_of(host, good.python).render(5)
    files = list(shm.iterdir())
    assert len(files) == 1 and files[0].stat().st_mode & 0o777 == 0o600
    host.unload()
    assert not list(shm.iterdir())


KILLED = """
import sys, time
import numpy as np
from openfx.host import FILTER, Host
instance = Host(sys.argv[1]).describe(FILTER).create({"python": sys.argv[2], "performance": "p"}, size=(8, 4))
instance.connect("Source", lambda time: np.ones((4, 8, 4), np.float32))
instance.render(1)
print("rendered", flush=True)
time.sleep(900)
"""


def test_what_a_killed_host_leaves_is_removed_by_the_next(library, open_host, engine, shm):
    good = engine("good")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED, str(library), good.python]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None and killed.stdout.readline() == "rendered\n"
        left = list(shm.iterdir())
        assert len(left) == 1
        killed.send_signal(signal.SIGKILL)
    other = shm / "reenact-1-other"
    other.touch()
    host = open_host()
    assert same(instance_of(host, good.python).render(5), turned(PLATE))
    found = set(shm.iterdir())
    assert not left[0].exists() and other in found and len(found) == 2
    host.unload()
    assert set(shm.iterdir()) == {other}


@pytest.mark.parametrize(("left_out", "persistent", "count"), [
    ((), True, 1), (("OfxMessageSuite 2",), False, 1), (("OfxMessageSuite 1", "OfxMessageSuite 2"), None, 0),
])  # fmt: skip
def test_hosts_with_messages_of_each_kind(open_host, engine, left_out, persistent, count):
    host = open_host(leaves_out=left_out)
    instance = instance_of(host, engine("refuses").python)
    with pytest.raises(ActionFailed):
        instance.render(5)
    assert len(host.messages) == count
    for message in host.record.messages:
        assert message.text == f"Reenact, frame 5: {TALE}" and message.persistent == persistent
        assert message.type == "OfxMessageError" and message.effect is instance


def test_pictures_that_the_host_does_not_have(open_host, engine):
    host, good = open_host(), engine("good")
    instance = instance_of(host, good.python)
    instance.inputs["Source"].source = lambda time: PLATE if time < 10 else None
    assert same(instance.render(9), turned(PLATE))
    assert "the host has no picture at this time" in fails(instance, 10)
    instance.set("on_error", "plate")
    # There is none to come through.
    with pytest.raises(ActionFailed):
        instance.render(11)
    assert len(good.requests) == 1


def test_buttons_that_fail_say_so(open_host, engine):
    host, bad = open_host(), engine("refuses")
    instance = instance_of(host, bad.python, driver="/d.mov", performance="")
    for button in ("analyse", "page"):
        told = len(host.messages)
        instance.press(button)
        assert [TALE in said for said in host.messages[told:]] == [True], button
    assert instance.get("status") == TALE and instance.get("performance") == ""


def test_an_analysis_is_cancelled(open_host, engine):
    host, bad = open_host(), engine("waits")
    instance = instance_of(host, bad.python, driver="/d.mov", performance="")
    instance.cancel = lambda: len(bad.requests) > 0
    instance.press("analyse")
    assert instance.get("status") == "The analysis was cancelled." and not host.messages
    assert instance.get("performance") == "" and not instance.shows_progress
    # It is told so at once, and hears of it when it will.
    wait_until(lambda: [one["do"] for one in bad.requests] == ["analyse", "cancel"])


def test_nothing_reaches_the_terminal(library, engine):
    bad = engine("refuses")
    code = KILLED.replace("instance.render(1)", "instance.set('on_error', 'plate'); instance.render(1)")
    code = code.replace("time.sleep(900)", "instance.host.unload()")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, str(library), bad.python], env=environment, capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert (done.stdout, done.stderr) == ("rendered\n", "")
    assert json.loads((bad.folder / "starts").read_text().splitlines()[0])["pid"]
