"""`bench start`: the times from launch to the first frame and to the end."""

import json
import sys

import pytest

from ofx_reenact.bench import start
from ofx_reenact.bench.start import BEGUN, END, ENGINE, HELP, RENDER, time_launch
from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError

# Prints a render's events: target, first frame begun, that frame done, report.
EVENTS = """
import json, time
for stage, done in (("target", 0), ("render", 0), ("render", 1)):
    time.sleep(0.1)
    print(json.dumps({"event": "progress", "stage": stage, "done": done}), flush=True)
time.sleep(0.2)
print(json.dumps({"event": "report", "stage": ""}))
"""


def script(text: str, monkeypatch) -> None:
    monkeypatch.setattr(start, "command", lambda *words: [sys.executable, "-c", text])


def test_a_first_frame_begins_before_the_end(monkeypatch):
    script(EVENTS, monkeypatch)
    took = time_launch(["render"])
    assert 0.2 <= took[BEGUN] <= took[END] - 0.3


def test_a_command_without_frames_has_only_an_end(monkeypatch):
    script("print('Usage: {')", monkeypatch)
    assert list(time_launch(["--help"])) == [END]


def test_a_command_that_fails_is_not_timed(monkeypatch):
    script("import sys; sys.exit('error: t.exr: no such file')", monkeypatch)
    with pytest.raises(ReenactError, match=r"render, which was being timed, failed: t\.exr: no such file"):
        time_launch(["render"])


def test_an_engine_that_does_not_start(tmp_path, monkeypatch):
    script("import sys; sys.exit('error: no memory')", monkeypatch)
    with pytest.raises(ReenactError, match="the engine did not start: no memory"), start._engine(tmp_path / "session"):
        pass


@pytest.mark.slow
def test_starts(capsys, tmp_path):
    line = ["bench", "start", "--size", "256", "--runs", "1", "--device", "cpu", "--folder", str(tmp_path), "--json"]
    assert run(line) == 0
    assert not list(tmp_path.iterdir())
    result = json.loads(capsys.readouterr().out)
    took = {(row["what"], row["until"]): row["milliseconds"] for row in result["tables"]["starts"]}
    assert list(took) == [(HELP, END), (RENDER, BEGUN), (RENDER, END), (ENGINE, BEGUN), (ENGINE, END)]
    assert took[RENDER, BEGUN] < took[RENDER, END] and took[ENGINE, BEGUN] < took[ENGINE, END]
    # ``render`` loads torch and the weights; the engine has loaded them.
    assert took[ENGINE, END] < took[RENDER, END]
