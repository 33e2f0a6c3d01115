"""A shot from end to end: the node in the stand-in for Nuke, the real engine in a process of its own."""

import json
import os
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import nuke_pixels
import numpy as np
import pytest
from conftest import DRIVER, TARGET, rgb_channels, write_exr
from farm_jobs import small_target
from nuke_session import begin, python_of, settle, wired

from ofx_reenact.cli.main import run
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="the engine's Python is a shell script here"),
]


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Begin a session with the engine of this checkout."""

    def begin_with(gui=True):
        environment = {"PYTHONPATH": str(ROOT), "HOME": os.environ["HOME"]}
        nuke = begin(monkeypatch, tmp_path, gui)
        monkeypatch.setenv(
            "OFX_REENACT_PYTHON", python_of(tmp_path / "python", sys.executable, environment=environment)
        )
        return nuke

    yield begin_with
    if "reenact_nuke.engine_session" in sys.modules:
        sys.modules["reenact_nuke.engine_session"].SESSION.stop()


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    """The demo target, smaller, as a scene-linear EXR."""
    folder = tmp_path_factory.mktemp("plate")
    rgb = Colour().convert(read_plate(small_target(folder)).rgb, Colour().srgb(), "Linear Rec.709 (sRGB)")
    return write_exr(folder / "plate.exr", rgb_channels(rgb), dict.fromkeys("RGB", "half"))


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    """Eight frames of the demo driver, numbered as in a shot."""
    folder, driver = tmp_path_factory.mktemp("take"), Sequence.open(DRIVER)
    for frame in range(36, 44):
        shown = np.rint(driver.read(frame).rgb * 255).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"take.{frame + 1000}.png"), shown[..., ::-1])
    return folder / "take.####.png"


def press(nuke, node, button):
    assert nuke.click(node, "reenact_do_" + button)
    settle(nuke)
    assert nuke.SESSION.messages == []


def test_a_shot(start, plate, take, tmp_path):
    nuke = start()
    folder = tmp_path / "the shot's ünïcode folder"
    node = wired(nuke, plate, take, folder / "face_v001.####.exr", (1036, 1043))
    node.input(1)["colorspace"].setValue("sRGB")
    for name, value in {"range": "custom", "first": 1040, "last": 1042, "device": "cpu"}.items():
        node["reenact_" + name].setValue(value)

    press(nuke, node, "analyse")
    assert node["reenact_status"].value().startswith("1036-1043 analysed, reference ")
    assert re.fullmatch(r"face\.Reenact_\w{8}\.performance\.npz", Path(node["reenact_performance"].value()).name)

    nuke.frame(1036)
    press(nuke, node, "set_reference")
    nuke.frame(1041)
    press(nuke, node, "preview")
    preview = nuke_pixels.evaluate(node, 1041)
    assert node["reenact_show"].value() == "preview"

    press(nuke, node, "render")
    assert "3 frames written" in node["reenact_status"].value()
    result = nuke_pixels.evaluate(node, 1041)
    for name in ("rgba.red", "stmap.u"):
        np.testing.assert_array_equal(result[name], preview[name])
    assert np.abs(result["rgba.red"] - nuke_pixels.evaluate(node.input(0), 1041)["rgba.red"]).max() > 0.05

    from reenact_nuke.read_job import read_job

    settings = read_job(node).settings
    again = dict(settings, output=str(tmp_path / "again.####.exr"))
    render_sequence(Settings.from_dict(again))
    for frame in (1040, 1041, 1042):
        one, other = (
            read_plate(Path(p), frame)
            for p in (folder / f"face_v001.{frame:04d}.exr", tmp_path / f"again.{frame:04d}.exr")
        )
        np.testing.assert_array_equal(one.rgb, other.rgb)

    nuke.click(node, "reenact_do_render")
    settle(nuke)
    assert "already exist" in nuke.SESSION.messages.pop()
    press(nuke, node, "next_version")
    press(nuke, node, "render")
    assert (folder / "face_v002.1042.exr").exists()
    assert nuke.SESSION.tasks[-1].messages[-1].startswith("Rendering")

    edit_landmarks(nuke, node)
    nuke.scriptSaveAs(tmp_path / "shot.nk")
    nuke.scriptOpen(tmp_path / "shot.nk")
    reopened = nuke.toNode("Reenact")
    assert read_job(reopened).settings["frames"] == "1040-1042"
    np.testing.assert_array_equal(nuke_pixels.evaluate(reopened, 1041)["rgba.red"], result["rgba.red"])
    log = Path(sys.modules["reenact_nuke.log"].path()).read_text()
    assert log.count("starting [") == 1


def edit_landmarks(nuke, node):
    """Move a landmark in a Tracker and look at the curves."""
    path = Path(node["reenact_performance"].value())
    before = Performance.load(path)
    node["reenact_landmark_frames"].setValue("1037,1038")
    press(nuke, node, "export_landmarks")
    tracker = nuke.toNode("Reenact_landmarks")
    x, y = before.raw_landmarks[1, 57].tolist()
    height = float(before.size[1])
    assert tracker["tracks"].getValueAt(1037, 31 * 57 + 2) == pytest.approx(x + 0.5, abs=0.01)
    tracker["tracks"].move(57, 1, 1037.0, height - y - 0.5 - 6)
    tracker.setSelected(True)
    press(nuke, node, "import_landmarks")
    assert np.array_equal(Performance.load(path).raw_landmarks, before.raw_landmarks), "whoever works from it goes on"
    after = Performance.load(Path(node["reenact_performance"].value()))
    assert np.flatnonzero(after.hand_made).tolist() == [1]
    assert after.raw_landmarks[1, 57] == pytest.approx([x, y + 6], abs=0.02)
    assert "by hand: 1037" in node["reenact_status"].value()
    press(nuke, node, "import_landmarks")
    assert "nothing to import" in node["reenact_status"].value()
    press(nuke, node, "show_curves")
    nuke.frame(1036)
    assert abs(node["reenact_curve_yaw"].value()) < 45
    assert node["reenact_curve_jawOpen"].animation(0).keys()[0].x == 1036


def test_in_a_terminal(start, plate, performance_file, tmp_path, capfd):
    nuke = start(gui=False)
    node = wired(nuke, plate, DRIVER, tmp_path / "o.####.exr", (1, 75))
    node["reenact_performance"].setValue(performance_file)
    for name, value in {"range": "custom", "first": 40, "last": 41, "repair": "off"}.items():
        node["reenact_" + name].setValue(value)
    from reenact_nuke import buttons

    buttons.render(node)
    assert (tmp_path / "o.0041.exr").exists()
    lines = capfd.readouterr().out.splitlines()
    assert any(line.startswith("Reenact: Render: Rendering frame 41, 2 of 2") for line in lines)
    with pytest.raises(RuntimeError, match="already exist"):
        buttons.render(node)
    assert nuke.SESSION.ui_calls == []


def test_a_job_that_nuke_wrote_is_done_task_by_task(start, plate, performance_file, tmp_path):
    nuke = start()
    node = wired(nuke, plate, DRIVER, tmp_path / "a shot_v002.####.exr", (1, 75))
    node["reenact_performance"].setValue(performance_file)
    for name, value in {"range": "custom", "first": 40, "last": 62, "repair": "off"}.items():
        node["reenact_" + name].setValue(value)
    from reenact_nuke import farm, node_files, read_job

    sent = []
    farm.register(sent.append)
    assert nuke.click(node, "reenact_do_farm")
    settle(nuke)
    assert nuke.SESSION.messages == ["Reenact was sent"] and node["reenact_status"].value() == "Reenact was sent"
    (job,) = sent
    file = node_files.path_beside(node, str(tmp_path / "a shot_v002.####.exr"), "job.json")
    assert (job["schema"], job["name"], job["file"]) == ("ofx-reenact/job/1", "Reenact", file)
    assert job["chunks"] == ["40-59", "60-62"] and json.loads(Path(file).read_text())["settings"] == job["settings"]
    wanted = Settings.from_dict(read_job.read_job(node).settings)
    shared = {"existing": "skip", "identity": job["settings"]["identity"]}
    assert Settings.from_dict(job["settings"]) == replace(wanted, **shared)

    sys.modules["reenact_nuke.engine_session"].SESSION.stop()
    assert job["command"][:2] == ["-m", "ofx_reenact"]
    render = job["command"][2:]
    assert render == ["job", "task", file, "render"]
    assert run([*render[:-1], "analyse"]) == 0
    assert run([*render, "--chunk=1"]) == 0
    assert sorted(path.name for path in tmp_path.glob("*.exr")) == [f"a shot_v002.{n:04d}.exr" for n in (60, 61, 62)]
    assert run([*render, "--frames=40-43"]) == 0
    assert run([*render[:-1], "verify"]) == 1, "frames are missing"
    assert run(render) == 0
    assert run([*render[:-1], "verify"]) == 0
    assert json.loads((tmp_path / "a shot_v002.reenact.json").read_text())["job"] == "Reenact"


def test_a_render_that_is_killed_and_cancelled_is_gone_on_with(start, performance_file, tmp_path):
    rgb = cv2.resize(read_plate(TARGET).rgb, (270, 270), interpolation=cv2.INTER_AREA)
    wide = np.full((270, 480, 3), 0.18, np.float32)
    wide[:, 105:375] = rgb
    write_exr(tmp_path / "plate.exr", rgb_channels(wide), dict.fromkeys("RGB", "half"))
    nuke = start()
    node = wired(nuke, tmp_path / "plate.exr", DRIVER, tmp_path / "o_v001.####.exr", (1, 75))
    node.input(0)["colorspace"].setValue("sRGB")
    node["reenact_performance"].setValue(performance_file)
    for name, value in {"range": "custom", "first": 1, "last": 75, "repair": "off", "layers_stmap": False}.items():
        node["reenact_" + name].setValue(value)
    engine = lambda: sys.modules["reenact_nuke.engine_session"].SESSION.engine  # noqa: E731
    frames = lambda: sorted(tmp_path.glob("o_v001.00[0-9][0-9].exr"))  # noqa: E731

    # Killed in the middle: a message is shown, and the next click continues from there.
    assert nuke.click(node, "reenact_do_render")
    nuke.pump(lambda: len(frames()) >= 2, 120)
    os.kill(engine()._process.pid, signal.SIGKILL)
    settle(nuke)
    assert "The engine died during 'render'" in nuke.SESSION.messages.pop()

    # Cancelled in the middle: within about a frame, and what is written is whole.
    node["reenact_existing"].setValue("skip")
    there = len(frames())
    assert nuke.click(node, "reenact_do_render")
    nuke.pump(lambda: len(frames()) >= there + 2, 120)
    nuke.click(node, "reenact_do_cancel")
    settle(nuke)
    assert node["reenact_status"].value().startswith("cancelled")
    assert engine().alive and there + 2 <= len(frames()) < 75

    press(nuke, node, "render")
    assert len(frames()) == 75
    assert json.loads((tmp_path / "o_v001.reenact.json").read_text())
    shapes = {nuke_pixels.evaluate(node, frame)["rgba.red"].shape for frame in (1, 75)}
    assert shapes == {(270, 480)}


@pytest.fixture(scope="module")
def footage(tmp_path_factory, take):
    """The take as a plate: scene-linear EXRs."""
    folder, colour = tmp_path_factory.mktemp("footage"), Colour()
    for frame in range(1036, 1044):
        rgb = colour.convert(Sequence.open(take).read(frame).rgb, colour.srgb(), "Linear Rec.709 (sRGB)")
        write_exr(folder / f"footage.{frame}.exr", rgb_channels(rgb), dict.fromkeys("RGB", "half"))
    return folder / "footage.####.exr"


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """Eight frames of the demo driver from elsewhere in it, as another performance."""
    folder, driver = tmp_path_factory.mktemp("line"), Sequence.open(DRIVER)
    for frame in range(1, 9):
        shown = np.rint(driver.read(frame + 8).rgb * 255).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"line.{frame:04d}.png"), shown[..., ::-1])
    return folder / "line.####.png"


def test_a_shot_that_moves(start, footage, line, tmp_path):
    """Another line in the mouth of a plate with a handle of two frames; nothing but the mouth and jaw changes."""
    nuke = start()
    node = wired(nuke, footage, line, tmp_path / "face_v001.####.exr", (1, 8), (1038, 1043))
    node.input(1)["colorspace"].setValue("sRGB")
    for name, value in {"regions": "dialogue", "device": "cpu", "repair": "off", "layers_parts": True}.items():
        node["reenact_" + name].setValue(value)

    press(nuke, node, "analyse")
    status = node["reenact_status"].value()
    assert status.startswith("driver 1-8 analysed, reference ") and "| target 1036-1043 analysed, reference " in status
    for name, knob in (("performance.npz", "performance"), ("target_performance.npz", "target_performance")):
        assert Path(node["reenact_" + knob].value()).name.endswith("." + name)
    before = sorted(path.name for path in tmp_path.glob("face.*"))
    assert [name.split(".", 2)[2] for name in before] == [
        "identity.safetensors", "parts.json", "performance.npz", "target_performance.npz"
    ]  # fmt: skip

    nuke.frame(1041)
    press(nuke, node, "preview")
    preview = nuke_pixels.evaluate(node, 1041)
    press(nuke, node, "render")
    assert "6 frames written" in node["reenact_status"].value()
    assert sorted(path.name for path in tmp_path.glob("face.*") if path.is_file()) == before
    result, plate = (nuke_pixels.evaluate(one, 1041) for one in (node, node.input(0)))
    for name in ("rgba.red", "stmap.u"):
        np.testing.assert_array_equal(result[name], preview[name])
    assert "parts.parts" in result
    changed = np.abs(result["rgba.red"] - plate["rgba.red"]) > 0.01
    assert 0 < changed.mean() < 0.2

    node["reenact_landmarks_of"].setValue("target")
    node["reenact_landmark_frames"].setValue("1040")
    press(nuke, node, "export_landmarks")
    tracker = nuke.toNode("Reenact_target_landmarks")
    y = tracker["tracks"].getValueAt(1040, 31 * 57 + 3)
    tracker["tracks"].move(57, 1, 1040.0, y - 6)
    tracker.setSelected(True)
    press(nuke, node, "import_landmarks")
    after = Performance.load(Path(node["reenact_target_performance"].value()))
    assert after.frames[after.hand_made].tolist() == [1040]
    press(nuke, node, "next_version")
    press(nuke, node, "render")
    again = nuke_pixels.evaluate(node, 1040)
    assert np.any(again["rgba.red"] != nuke_pixels.evaluate(node.input(0), 1040)["rgba.red"])
