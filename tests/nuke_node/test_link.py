"""The link between Nuke and the engine where it breaks: engines that are dead, mute, deaf, of another version."""

import json
import os
import sys
from pathlib import Path

import pytest
from nuke_session import python_of, scripted, settle, wired

from ofx_reenact import __version__

SCRIPT = Path(__file__).parents[1] / "scripted_engine.py"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the engine's Python is a shell script here")


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Begin a session whose engine behaves in one way; returns Nuke and a node that is ready to render."""

    def begin_with(mode, version=__version__, gui=True):
        nuke = scripted(monkeypatch, tmp_path, mode, version, gui)
        (tmp_path / "take.npz").touch()
        node = wired(nuke, "/none.exr", "/none.####.exr", tmp_path / "o.####.exr")
        node["reenact_performance"].setValue(str(tmp_path / "take.npz"))
        return nuke, node

    yield begin_with
    if "reenact_nuke.engine_session" in sys.modules:
        sys.modules["reenact_nuke.engine_session"].SESSION.stop()


def render(nuke, node):
    assert nuke.click(node, "reenact_do_render")
    settle(nuke)
    assert node["reenact_do_render"].enabled()


def test_a_render_shows_progress_and_result(start):
    nuke, node = start("fine")
    assert nuke.click(node, "reenact_do_render")
    assert not node["reenact_do_render"].enabled()
    assert not nuke.click(node, "reenact_do_render")
    settle(nuke)
    assert node["reenact_do_render"].enabled()
    assert nuke.SESSION.messages == []
    assert node["reenact_status"].value().startswith("1 frames written in 0.1 s; lowest confidence 0.90 at 1")
    bar = nuke.SESSION.tasks[0]
    assert bar.progress == [25]
    assert bar.messages[-1] == "Rendering frame 1, 1 of 4, 2 a second, 2 s left"
    assert node.node("Result")["file"].value() == "/o.%04d.exr"
    assert node["reenact_show"].value() == "result"


def test_one_engine_serves_a_session(start):
    nuke, node = start("fine")
    from reenact_nuke import engine_session

    render(nuke, node)
    first = engine_session.SESSION.engine
    render(nuke, node)
    assert engine_session.SESSION.engine is first
    engine_session.SESSION.stop()
    assert not first.alive


def test_another_colour_config_is_another_engine(start):
    nuke, node = start("fine")
    from reenact_nuke import engine_session

    render(nuke, node)
    first = engine_session.SESSION.engine
    nuke.root()["colorManagement"].setValue("OCIO")
    nuke.root()["OCIO_config"].setValue("custom")
    nuke.root()["customOCIOConfigPath"].setValue("/show/config.ocio")
    render(nuke, node)
    assert engine_session.SESSION.engine is not first and not first.alive


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("dead", "The engine ended at once: is ofx-reenact installed in "),
        ("mute", "The engine did not answer in 1 seconds: is ofx-reenact installed in "),
        ("protocol", "with protocol 2, but this node has protocol 1: install ofx-reenact " + __version__),
        ("refuse", "/none.exr: no such file"),
        ("fall", "The engine died during 'render' (exit code 9); press the button again to start a new one. Log: "),
        ("deaf", "The engine did not answer for too long during 'render' and was ended; press the button again"),
    ],
)
@pytest.mark.parametrize("gui", [True, False])
def test_a_failure_is_shown_and_the_next_click_works(start, monkeypatch, tmp_path, mode, message, gui):
    monkeypatch.setenv("OFX_REENACT_HELLO_SECONDS", "1")
    monkeypatch.setenv("OFX_REENACT_SILENCE_SECONDS", "1")
    nuke, node = start(mode, gui=gui)
    if gui:
        render(nuke, node)
        shown = nuke.SESSION.messages.pop()
    else:
        with pytest.raises(RuntimeError) as caught:
            nuke.click(node, "reenact_do_render")
        shown = str(caught.value)
    assert message in shown and "\n" not in shown
    assert node["reenact_status"].value() == shown
    if "Log: " in shown:
        log = Path(shown.split("Log: ")[1]).read_text()
        assert "a library that talks" in log
    python_of(tmp_path / "python", sys.executable, str(SCRIPT), "fine", __version__)
    monkeypatch.setenv("OFX_REENACT_HELLO_SECONDS", "60")
    if mode == "refuse":
        sys.modules["reenact_nuke.engine_session"].SESSION.stop()
    nuke.click(node, "reenact_do_render")
    if gui:
        settle(nuke)
    assert node["reenact_status"].value().startswith("1 frames written")
    assert nuke.SESSION.ui_calls == []


def test_another_version_is_used_and_shown_once(start):
    nuke, node = start("fine", version="9.9.9")
    render(nuke, node)
    assert "is ofx-reenact 9.9.9, but this node is of " + __version__ in nuke.SESSION.messages.pop()
    render(nuke, node)
    assert nuke.SESSION.messages == []


@pytest.mark.parametrize("way", ["bar", "button"])
def test_cancel_leaves_complete_frames(start, way):
    nuke, node = start("cancellable")
    if way == "bar":
        nuke.SESSION.cancel_after = 1
    assert nuke.click(node, "reenact_do_render")
    if way == "button":
        nuke.click(node, "reenact_do_cancel")
    settle(nuke)
    assert nuke.SESSION.messages == []
    assert node["reenact_status"].value().startswith("cancelled; 2 frames are complete: set existing to skip")
    assert node["reenact_show"].value() == "target"


@pytest.mark.parametrize("mode", ["deaf", "chatty"])
def test_an_engine_that_ignores_a_cancel_is_killed(start, mode):
    nuke, node = start(mode)
    from reenact_nuke import engine_process, engine_session

    call = engine_process.Engine.call
    engine_process.Engine.call = lambda self, *args: call(self, *args, grace=0.5)
    assert nuke.click(node, "reenact_do_render")
    nuke.click(node, "reenact_do_cancel")
    settle(nuke)
    assert node["reenact_status"].value() == "cancelled"
    assert not engine_session.SESSION.engine.alive


def test_a_node_deleted_during_a_task_does_no_harm(start):
    nuke, node = start("fine")
    assert nuke.click(node, "reenact_do_render")
    nuke.delete(node)
    settle(nuke)
    assert "the result could not be put into the script" in nuke.SESSION.messages.pop()
    again = wired(nuke, "/none.exr", "/none.####.exr", "/o.####.exr")
    again["reenact_performance"].setValue(str(SCRIPT))
    render(nuke, again)
    assert again["reenact_status"].value().startswith("1 frames written")


def test_a_second_node_waits_for_the_first(start):
    nuke, node = start("cancellable")
    other = wired(nuke, "/none.exr", "/none.####.exr", "/o.####.exr")
    other["reenact_performance"].setValue(str(SCRIPT))
    assert nuke.click(node, "reenact_do_render")
    nuke.click(other, "reenact_do_render")
    assert nuke.SESSION.messages.pop() == "Reenact is busy (Render): wait for it or press Cancel"
    nuke.click(other, "reenact_do_cancel")
    settle(nuke)


def test_edits_by_hand_are_not_lost_without_a_question(start, tmp_path):
    nuke, node = start("fine")
    node["reenact_performance"].setValue("")
    render(nuke, node)
    path = node["reenact_performance"].value()
    from reenact_nuke.performance_files import read_memory, remember
    from reenact_nuke.tracked_inputs import DRIVER

    known = read_memory(node, DRIVER)
    assert known["performance"] == path and known["hand_made"] == ""
    analysed = {"performance": path, "first": 1, "last": 1, "reference": 1, "confidence": 1.0}
    analysed.update(dict.fromkeys(("bridged", "held", "absent"), ""))
    assert "by hand: 1" in remember(node, DRIVER, known, {**analysed, "hand_made": "1"})
    node["reenact_smoothing"].setValue(2.0)
    nuke.click(node, "reenact_do_render")
    assert "landmarks were placed by hand (frames 1)" in nuke.SESSION.messages.pop()
    nuke.SESSION.answers.append(False)
    nuke.click(node, "reenact_do_analyse")
    assert read_memory(node, DRIVER)["hand_made"] == "1"
    nuke.SESSION.answers.append(True)
    nuke.click(node, "reenact_do_analyse")
    settle(nuke)
    assert read_memory(node, DRIVER)["hand_made"] == ""
    assert read_memory(node, DRIVER)["settings"]["smoothing"] == 2.0


def test_a_driver_that_changes_is_tracked_again_even_after_a_cancelled_render(start):
    nuke, node = start("analyses")
    node["reenact_performance"].setValue("")
    assert nuke.click(node, "reenact_do_render")
    nuke.pump(node["reenact_performance"].value)
    nuke.click(node, "reenact_do_cancel")
    settle(nuke)
    assert node["reenact_status"].value().startswith("cancelled")
    from reenact_nuke.performance_files import needs_tracking
    from reenact_nuke.read_job import read_job
    from reenact_nuke.tracked_inputs import DRIVER

    assert not needs_tracking(node, read_job(node), DRIVER)
    node.input(1)["file"].setValue("/another.####.exr")
    assert needs_tracking(node, read_job(node), DRIVER)


def test_failed_frames_are_reported(start):
    nuke, node = start("fails")
    render(nuke, node)
    assert nuke.SESSION.messages.pop() == node["reenact_status"].value()
    assert "1 failed, the first is frame 2: the disk is full" in node["reenact_status"].value()
    assert node["reenact_show"].value() == "result"


def test_a_script_saved_during_a_task_reopens_with_its_buttons(start, tmp_path):
    nuke, node = start("cancellable")
    assert nuke.click(node, "reenact_do_render")
    nuke.scriptSaveAs(tmp_path / "shot.nk")
    nuke.click(node, "reenact_do_cancel")
    settle(nuke)
    nuke.scriptOpen(tmp_path / "shot.nk")
    again = nuke.toNode("Reenact")
    assert not again["reenact_do_render"].enabled()
    again.showControlPanel()
    assert again["reenact_do_render"].enabled()


def test_a_job_goes_to_the_studio_s_function_or_its_command_is_shown(start, tmp_path):
    nuke, node = start("fine")
    from reenact_nuke import farm

    node["reenact_performance"].setValue(str(tmp_path / "none.npz"))
    nuke.click(node, "reenact_do_farm")
    assert "press Analyse first" in nuke.SESSION.messages.pop()
    node["reenact_performance"].setValue(str(tmp_path / "take.npz"))
    send(nuke, node)
    from reenact_nuke import node_files

    file = node_files.path_beside(node, str(tmp_path / "o.####.exr"), "job.json")
    command = ["-m", "ofx_reenact", "job", "task", file, "render"]
    message = nuke.SESSION.messages.pop()
    assert json.dumps(["python", *command]) in message and "farm.register" in message
    assert node["reenact_status"].value() == f"The job file is written: {file}"
    sent = []
    farm.register(lambda job: sent.append(job) or "job 7 was sent")
    send(nuke, node)
    file = file.replace(".job.json", ".job.2.json")
    assert sent == [{"name": "Reenact", "file": file, "command": [*command[:4], file, "render"]}]
    assert nuke.SESSION.messages == ["job 7 was sent"] and node["reenact_status"].value() == "job 7 was sent"


def test_a_studio_s_function_that_fails_is_reported(start, tmp_path):
    nuke, node = start("fine")
    from reenact_nuke import farm, log

    farm.register(lambda job: 1 / 0)
    send(nuke, node)
    shown = nuke.SESSION.messages.pop()
    assert "The job file is written, but the studio's own function did not send it: ZeroDivisionError" in shown
    assert str(tmp_path / "o.Reenact_") in shown and "ZeroDivisionError" in Path(log.path()).read_text()


def send(nuke, node):
    assert nuke.click(node, "reenact_do_farm")
    settle(nuke)
    assert node["reenact_do_farm"].enabled()
