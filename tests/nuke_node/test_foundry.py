"""What Foundry documents and a script may contain: Tcl, views, groups, file name filters, undo, consoles."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from nuke_session import begin, python_of, set_root, wired, wired_shot


@pytest.fixture
def nuke(monkeypatch, tmp_path):
    return begin(monkeypatch, tmp_path)


@pytest.fixture
def node(nuke):
    return wired_shot(nuke)


def settings_of(node):
    from reenact_nuke.read_job import read_job

    return read_job(node).settings


def test_nodes_in_groups_are_published_too(nuke, node):
    group = nuke.nodes.Group(name="Shot")
    with group:
        inner = nuke.nodes.Group(name="Faces")
        with inner:
            wired(nuke, "/a.exr", "/b.####.exr", "/shots/b/face.####.exr")
    with nuke.nodes.Precomp(name="Other"):
        wired(nuke, "/a.exr", "/b.####.exr", "/shots/another_script_s/face.####.exr")
    from reenact_nuke.publish import sequences

    wanted = {"/shots/a/out/face_v001.%04d.exr": "Reenact", "/shots/b/face.%04d.exr": "Shot.Faces.Reenact"}
    assert sequences() == wanted
    with inner:
        assert sequences() == wanted, "whatever group the artist is in"


def test_one_view_of_a_stereo_script_is_rendered(nuke, tmp_path):
    from reenact_nuke.analysis import prepare
    from reenact_nuke.tracked_inputs import BOTH

    nuke.SESSION.views[:] = ["left", "right"]
    set_root(nuke, first_frame=11, last_frame=12)
    node = wired(nuke, "/none.exr", "/none.####.exr", tmp_path / "%V" / "o_%v.####.exr")
    for index in (0, 1):
        node.setInput(index, nuke.nodes.Constant(color=[0.5, 0.5, 0.5, 1]))
    from reenact_nuke.read_job import read_job

    found = read_job(node)
    prepare(node, found, BOTH, found.first, found.last)
    assert [(frame, view) for _, frame, view in nuke.SESSION.executed] == [(11, "left"), (11, "left"), (12, "left")]
    assert found.settings["output"] == f"{tmp_path}/left/o_l.%04d.exr"


def test_a_rendered_input_leaves_nothing_to_undo(nuke, tmp_path):
    from reenact_nuke.analysis import prepare
    from reenact_nuke.read_job import read_job

    node = wired(nuke, "/none.exr", "/none.####.exr", tmp_path / "o.####.exr")
    node.setInput(0, nuke.nodes.Constant(color=[0.5, 0.5, 0.5, 1]))
    before = list(nuke.SESSION.undo)
    assert before[-1] == "create Constant"
    prepare(node, read_job(node), (), 1, 1)
    nuke.delete(node.input(0))
    assert nuke.SESSION.undo == [*before, "delete Constant1"]


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("[file dirname [value root.name]]/face.####.exr", "/shots/a/nuke/face.%04d.exr"),
        ("[python {nuke.root().name()}].####.exr", "/shots/a/nuke/shot_v003.nk.%04d.exr"),
        ("[getenv SHOT_OUT]/face_v001.%04d.exr", "/elsewhere/face_v001.%04d.exr"),
        ("face.####.exr", "/shots/a/project/face.%04d.exr"),
    ],
)
def test_tcl_in_file_names_is_evaluated(nuke, node, monkeypatch, text, file):
    monkeypatch.setenv("SHOT_OUT", "/elsewhere")
    nuke.SESSION.script = "/shots/a/nuke/shot_v003.nk"
    nuke.root()["project_directory"].setValue("[file dirname [file dirname [value root.name]]]/project")
    node["reenact_output"].setValue(text)
    node.input(0)["file"].setValue(text)
    node.input(1)["file"].setValue(text)
    found = settings_of(node)
    assert (found["output"], found["target"], found["driver"]) == (file, file, file)
    from reenact_nuke.publish import sequences

    assert sequences() == {file: "Reenact"}


def test_a_read_whose_tcl_names_views_is_rendered(nuke, node, monkeypatch):
    monkeypatch.setenv("EYE", "%V")
    node.input(1)["file"].setValue("/shots/a/[getenv EYE]/take.####.exr")
    assert settings_of(node)["driver"].endswith(".inputs/driver.####.exr")


def test_tcl_that_cannot_be_evaluated_is_reported(nuke, node):
    node["reenact_output"].setValue("[nonsense]/o.####.exr")
    nuke.click(node, "reenact_do_render")
    message = "Reenact, reenact_output: '[nonsense]/o.%04d.exr' cannot be evaluated: invalid command name 'nonsense'"
    assert nuke.SESSION.messages.pop() == message


def test_every_path_goes_through_the_studio_s_filters(nuke, node):
    nuke.addFilenameFilter(lambda name: name.replace("W:/", "/mnt/w/") if name.startswith("W:/") else None)
    nuke.addFilenameFilter(lambda name: name.replace("$W/", "W:/"))
    node.input(0)["file"].setValue("W:/plate.exr")
    node.input(1)["file"].setValue("$W/take.####.exr")
    for name in ("output", "performance", "target_landmarks", "appearance"):
        node["reenact_" + name].setValue(f"W:/{name}.####.exr")
    node["reenact_appearance"].setValue("W:/smile.exr, /local/teeth.exr")
    found = settings_of(node)
    names = ("target", "driver", "output", "performance", "target_landmarks")
    assert [found[name] for name in names] == [
        "/mnt/w/plate.exr", "/mnt/w/take.%04d.exr", "/mnt/w/output.%04d.exr", "/mnt/w/performance.%04d.exr",
        "/mnt/w/target_landmarks.%04d.exr",
    ]  # fmt: skip
    assert found["appearance"] == ["/mnt/w/smile.exr", "/local/teeth.exr"]
    from reenact_nuke.publish import sequences

    assert sequences() == {"/mnt/w/output.%04d.exr": "Reenact"}


def test_a_performance_tracked_on_another_system_is_recognised(nuke, node, tmp_path):
    from reenact_nuke.performance_files import needs_tracking, remember, tracking_sources
    from reenact_nuke.read_job import read_job
    from reenact_nuke.tracked_inputs import DRIVER

    for frame in range(1001, 1025):
        (tmp_path / f"take.{frame}.exr").write_text("a frame")
    (tmp_path / "p.npz").write_text("a performance")
    node.input(1)["file"].setValue("W:/take.####.exr")
    nuke.addFilenameFilter(lambda name: name.replace("W:", str(tmp_path)))
    done = {"first": 1, "last": 2, "reference": 1, "confidence": 1.0, "performance": f"{tmp_path}/p.npz"}
    done.update(dict.fromkeys(("bridged", "held", "absent", "hand_made"), ""))
    remember(node, DRIVER, tracking_sources(read_job(node), DRIVER), done)
    # As Windows would have written it.
    for name in ("reenact_tracked", "reenact_performance"):
        node[name].setValue(node[name].value().replace(str(tmp_path), "W:"))
    assert not needs_tracking(node, read_job(node), DRIVER)


def test_a_tracker_s_columns_are_headed_as_nuke_writes_them(nuke):
    from reenact_nuke import tracker_node

    head = tracker_node.tracks_script(["a"], {1: [(3.0, 4.0)]}).splitlines()[1]
    assert head.startswith("{ { 5 1 20 enable e 1 } { 3 1 75 name name 1 } { 2 1 58 track_x track_x 1 }")


def test_processes_open_no_console_and_end_in_time(nuke, monkeypatch, tmp_path):
    from reenact_nuke import engine_command, publish
    from reenact_nuke.errors import EngineError

    monkeypatch.setenv("OFX_REENACT_PYTHON", python_of(tmp_path / "python", "sleep", "60"))
    python_of(tmp_path / "python", "sh", "-c", "exec sleep 60")
    monkeypatch.setenv("OFX_REENACT_PUBLISH_SECONDS", "0.3")
    with pytest.raises(EngineError, match=r"publish: 'collect' took more than 0\.3 s and was ended: raise OFX_"):
        publish.call("collect", "/o.####.exr", {})
    given = []
    monkeypatch.setattr(engine_command, "FLAGS", 0x08000000)
    monkeypatch.setattr(subprocess, "run", lambda *words, **options: given.append(options) or 1 / 0)
    monkeypatch.setattr(subprocess, "Popen", lambda *words, **options: given.append(options) or 1 / 0)
    from reenact_nuke.engine_process import Engine

    for start in (lambda: publish.call("collect", "/o.####.exr", {}), lambda: Engine(sys.executable)):
        with pytest.raises(ZeroDivisionError):
            start()
    assert [options["creationflags"] for options in given] == [0x08000000] * 2


def test_a_python_that_cannot_be_started_is_reported(nuke, monkeypatch, tmp_path):
    from reenact_nuke import publish
    from reenact_nuke.errors import EngineError

    (tmp_path / "python").write_text("no program")
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(tmp_path / "python"))
    with pytest.raises(EngineError, match="cannot be started"):
        publish.call("collect", "/o.####.exr", {})


def test_modules_of_nuke_s_working_directory_are_not_imported(nuke, tmp_path):
    from reenact_nuke import engine_command

    for name in ("json", "runpy", "argparse"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)")
    words = engine_command.module_command(sys.executable, "json.tool")
    done = subprocess.run(words, cwd=tmp_path, input="{}", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "{}"), done.stderr


@pytest.mark.skipif(os.name != "posix", reason="links and modes of files are POSIX")
def test_a_log_is_not_written_to_a_planted_link(nuke, tmp_path, monkeypatch):
    from reenact_nuke import log

    shared, mine = tmp_path / "shared", tmp_path / "mine.txt"
    shared.mkdir()
    mine.write_text("as it was")
    monkeypatch.delenv("OFX_REENACT_LOG_DIR")
    monkeypatch.setenv("NUKE_TEMP_DIR", str(shared))
    monkeypatch.setenv("LOGNAME", "../some/body")
    (shared / f"reenact-nuke-.._some_body-{os.getpid()}.log").symlink_to(mine)
    log.write("one")
    path = Path(log.path())
    assert path.parent == shared and stat.S_IMODE(path.stat().st_mode) == 0o600
    # A cleaner took it away, and somebody who knows its name by now made a link of it.
    path.unlink()
    path.symlink_to(mine)
    log.write("two")
    with log.sink() as sink:
        subprocess.run([sys.executable, "-c", "print(3)"], stdout=sink, check=True)
    assert mine.read_text() == "as it was" and log.path() == str(path)


def test_a_studio_reads_its_logs(nuke, tmp_path):
    from reenact_nuke import log

    log.write("one")
    assert Path(log.path()).parent == tmp_path and stat.S_IMODE(Path(log.path()).stat().st_mode) == 0o644
    assert log.tail().endswith(" one\n")


def test_a_log_that_cannot_be_written_stops_nothing(nuke, tmp_path, monkeypatch):
    from reenact_nuke import log

    (tmp_path / "file").touch()
    monkeypatch.setenv("OFX_REENACT_LOG_DIR", str(tmp_path / "file"))
    log.write("one")
    with log.sink() as sink:
        assert subprocess.run([sys.executable, "-c", "print(3)"], stdout=sink, check=True).returncode == 0
    assert "cannot be written" in log.path() and log.tail() == ""
