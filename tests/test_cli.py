"""The command line: real processes, exit codes, messages, nothing heavy before it is needed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import DRIVER, TARGET, rgb_channels, write_exr

from ofx_reenact import __version__
from ofx_reenact.cli import doctor
from ofx_reenact.cli.main import run
from ofx_reenact.errors import SettingsError
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ofx_reenact", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environment},
    )


def render_line(folder: Path, performance_file: str, *more: str) -> list[str]:
    return [
        "render", "--target", str(TARGET), "--performance", performance_file, "--output", str(folder / "o.####.exr"),
        *more,
    ]  # fmt: skip


def test_help_is_light_and_complete():
    code = (
        "import sys; sys.argv = ['ofx-reenact', 'render', '--help']\n"
        "from ofx_reenact.cli.main import run\n"
        "code = run(sys.argv[1:])\n"
        "heavy = {'torch', 'cv2', 'OpenImageIO', 'scipy', 'numpy', 'numba'} & set(sys.modules)\n"
        "assert code == 0 and not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"}
    )
    assert done.returncode == 0, done.stderr
    for name in Settings().as_dict():
        assert "--" + name.replace("_", "-") in done.stdout, name


def test_track_keeps_the_chosen_reference(tmp_path):
    frames = tmp_path / "d.####.jpg"
    for frame in (1, 2, 3):
        Path(str(frames).replace("####", f"{frame:04d}")).write_bytes(TARGET.read_bytes())
    chosen = tmp_path / "p.npz"
    assert run(["track", "--input", str(frames), "--output", str(chosen), "--reference", "3"]) == 0
    assert (Performance.load(chosen).reference, Performance.load(chosen).chosen) == (3, True)
    other = tmp_path / "q.npz"
    line = ["render", "-t", str(TARGET), "-d", str(frames), "-o", str(tmp_path / "o.####.exr"), "-f", "2"]
    assert run([*line, "--reference", "3", "--performance", str(other)]) == 0
    assert not Performance.load(other).chosen, "a render's reference is that render's alone"


def test_settings_as_json_are_what_nuke_reads(capsys):
    assert run(["settings", "--json"]) == 0
    said = capsys.readouterr().out
    kept = Path(__file__).resolve().parents[1] / "nuke" / "reenact_nuke" / "settings.json"
    assert kept.read_text(encoding="utf-8") == said, "ofx-reenact settings --json > nuke/reenact_nuke/settings.json"
    described = json.loads(said)
    assert (described["schema"], described["version"]) == ("ofx-reenact/settings/1", __version__)
    options = {option["name"]: option for option in described["options"]}
    assert list(options) == list(Settings().as_dict())
    assert Settings.from_dict({name: option["default"] for name, option in options.items()}) == Settings()
    kinds = {name: option["type"] for name, option in options.items()}
    assert (kinds["target"], kinds["reference"], kinds["neck"], kinds["motion"]) == ("text", "int", "float", "choice")
    assert (kinds["layers"], kinds["appearance"]) == ("choices", "paths")


def test_settings_for_people(capsys):
    assert run(["settings"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in Settings().as_dict())
    assert "relative [relative|absolute|locked]" in said and "0.35 [0.05 to 2]" in said and "1 [1 or more]" in said


@pytest.mark.parametrize(
    "values", [{"face": 1.5}, {"neck": "wide"}, {"target": 3}, {"layers": "rgba"}, {"appearance": [1]}, {"face": True}]
)
def test_settings_of_another_type_are_refused(values):
    with pytest.raises(SettingsError, match=f"--{next(iter(values))} .*give"):
        Settings.from_dict(values)


def test_nuke_path_is_a_folder_that_bears_no_package_itself(capsys):
    assert run(["nuke-path"]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert (folder / "reenact_nuke" / "settings.json").is_file() and not (folder / "__init__.py").exists()


def test_version():
    done = command("--version")
    assert done.returncode == 0 and done.stdout.strip() == f"ofx-reenact {__version__}"


def test_render_says_what_it_did(performance_file, tmp_path):
    done = command(*render_line(tmp_path, performance_file, "--frames", "36-37", "--layers", "rgba,matte"))
    assert done.returncode == 0, done.stderr
    assert "2 frames written" in done.stdout and "o.reenact.json" in done.stdout and "ACEScg" in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o.0036.exr", "o.0037.exr", "o.reenact.json"]


def test_progress_as_json_lines(performance_file, tmp_path):
    done = command(*render_line(tmp_path, performance_file, "--frames", "36-37", "--progress", "json"))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    steps = [event for event in events if event["event"] == "progress" and event["stage"] == "render"]
    assert [(step["frame"], step["done"], step["total"]) for step in steps] == [(None, 0, 2), (36, 1, 2), (37, 2, 2)]
    assert events[-1]["event"] == "report" and events[-1]["written"] == [36, 37]


def test_errors_are_one_line_without_traceback(performance_file, tmp_path):
    done = command(*render_line(tmp_path, performance_file, "--frames", "900", "--progress", "json"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: --frames 900: the driver has frames 1-75")
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "error"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["render", "--motion", "sideways"],
        ["render", "--weight-mouth", "7"],
        ["render", "--layers", "rgba,nonsense"],
        ["render", "--no-such-option"],
        ["render"],
        ["render", "--target", "t.exr", "--output", "o.exr"],
        ["render", "--target", "t.exr", "--output", "o.####.exr", "--progress", "loud"],
        ["track", "--input", "d.mp4"],
        ["nonsense"],
    ],
)
def test_wrong_options_exit_with_2(arguments, capsys):
    assert run(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_defects_leave_a_log_and_no_traceback(monkeypatch, capsys, tmp_path):
    def broken(*_, **__):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("ofx_reenact.engine.run.render_sequence", broken)
    assert run(["render", "--target", "t", "--output", "o.####.exr"]) == 70
    said = capsys.readouterr().err
    log = next(tmp_path.glob("ofx-reenact-*.log"))
    assert str(log) in said and "Traceback" not in said and "ZeroDivisionError" in log.read_text()


def test_interrupt(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ofx_reenact.engine.run.render_sequence", interrupted)
    assert run(["render", "--target", "t", "--output", "o.####.exr"]) == 130


def test_some_frames_failed_is_3(performance_file, tmp_path):
    (tmp_path / "o.0037.exr").mkdir()
    (tmp_path / "o.0037.exr" / "x").touch()
    done = command(*render_line(tmp_path, performance_file, "--frames", "36-38", "--existing", "overwrite"))
    assert done.returncode == 3
    assert "frame 37 failed" in done.stdout and "2 frames written" in done.stdout


def clip(folder: Path) -> str:
    capture = cv2.VideoCapture(str(DRIVER))
    for frame in range(1, 9):
        picture = capture.read()[1]
        cv2.imwrite(str(folder / f"d.{frame:04d}.png"), picture * (frame != 4))
    return str(folder / "d.####.png")


def test_track_writes_a_performance_and_overlays(tmp_path):
    out = tmp_path / "p.npz"
    done = command(
        "track", "--input", clip(tmp_path), "--output", str(out), "--overlay", str(tmp_path / "seen" / "s.####.png")
    )
    assert done.returncode == 0, done.stderr
    assert "bridged: 4" in done.stdout
    assert len(Performance.load(out).frames) == 8
    drawn = cv2.imread(str(tmp_path / "seen" / "s.0002.png"))
    assert drawn.shape == (288, 360, 3) and (drawn != cv2.imread(str(tmp_path / "d.0002.png"))).any()


def test_track_without_a_face(tmp_path):
    write_exr(tmp_path / "d.0001.exr", rgb_channels(np.zeros((90, 90, 3))))
    done = command("track", "--input", str(tmp_path / "d.####.exr"), "--output", str(tmp_path / "p.npz"))
    assert done.returncode == 1 and "no face was found in any of 1 frames" in done.stderr
    assert not (tmp_path / "p.npz").exists()


def test_doctor(capsys):
    assert run(["doctor", "--json"]) == 0
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert findings["models/face_landmarker.task"]["status"] == "ok"
    assert findings["weights/ldnet.safetensors"]["status"] == "ok"
    assert "commercially" in findings["tracker dlib"]["detail"]


def test_doctor_finds_what_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(doctor.SHIPPED, ("weights", "gone.safetensors"), "")
    monkeypatch.setenv("OCIO", "/nowhere.ocio")
    assert run(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "gone.safetensors is missing" in said and "unset it" in said


def test_paths_of_every_kind(performance_file, tmp_path):
    folder = tmp_path / 'it\'s a "földer" $(x); 顔'
    folder.mkdir()
    target = folder / "a b.jpg"
    target.write_bytes(TARGET.read_bytes())
    done = command(
        "render", "--target", str(target), "--performance", performance_file, "--frames", "36",
        "--output", str(folder / "o ü.####.exr"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (folder / "o ü.0036.exr").is_file()


@pytest.mark.slow
def test_demo(tmp_path):
    done = command("demo", "--out", str(tmp_path / "demo"))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "demo").glob("demo.*.exr"))) == 75
    assert (tmp_path / "demo" / "demo.mp4").stat().st_size > 10_000
    sheet = cv2.imread(str(tmp_path / "demo" / "contact_sheet.png"))
    assert sheet is not None and sheet.shape[1] > 8 * 200
    assert command("demo", "--out", str(tmp_path / "demo")).returncode == 0, "again, over its own files"
