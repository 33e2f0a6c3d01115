"""A page that an engine opens for its client: it is there, and goes with the engine, however that ends."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from conftest import TARGET
from hands import Local

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.progress import Cancelled
from ofx_reenact.service import browser_pages
from ofx_reenact.settings import Settings

pytest.importorskip("starlette", reason="starlette is not installed: pip install 'ofx-reenact[look]'")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'ofx-reenact[look]'")


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def gone(address: str) -> bool:
    until = time.monotonic() + 60
    while answers(address) and time.monotonic() < until:
        time.sleep(0.1)
    return not answers(address)


def test_a_page_begins_with_target_and_driver_and_ends_with_the_engine():
    engine = Local()
    settings = {"target": str(TARGET), "driver": "", "output": "/tmp/not.####.exr"}
    address = engine.ask("page", settings=settings, browser=False)["address"]
    assert answers(address)
    with urllib.request.urlopen(f"{address}about") as answer:
        assert json.loads(answer.read())["start"] == {"target": str(TARGET)}
    engine.service._pages.close()
    assert gone(address)


@pytest.mark.skipif(os.name != "posix", reason="processes are killed by a signal")
def test_a_page_goes_when_its_engine_is_killed():
    process = subprocess.Popen(
        [sys.executable, "-m", "ofx_reenact", "engine", "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    request = {"id": 1, "do": "page", "settings": {"target": str(TARGET)}, "browser": False}
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    _, done = (json.loads(process.stdout.readline()) for _ in range(2))
    assert done["event"] == "done" and answers(done["address"])
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert gone(done["address"])


def test_of_many_pages_the_last_stay(monkeypatch):
    ended = []
    monkeypatch.setattr(browser_pages, "command", lambda *words: [sys.executable, "-c", SERVER])
    end = browser_pages._end
    monkeypatch.setattr(browser_pages, "_end", lambda process: (ended.append(process), end(process)))
    engine = Local()
    found = [engine.ask("page", settings={}, browser=False)["address"] for _ in range(browser_pages._MOST + 2)]
    assert len(set(found)) == browser_pages._MOST + 2 and len(ended) == 2
    engine.service._pages.close()
    assert len(ended) == browser_pages._MOST + 2 and all(process.poll() is not None for process in ended)


SERVER = "import os, sys; print(f'http://127.0.0.1/{os.getpid()}/', flush=True); sys.stdin.read()"


def test_a_page_that_does_not_start_says_why(monkeypatch, tmp_path):
    engine = Local()
    with pytest.raises(ReenactError, match=r"the page did not start: .*no such folder"):
        engine.ask("page", settings={"target": str(tmp_path / "none" / "t.exr")}, browser=False)
    with pytest.raises(SettingsError, match="browser 1"):
        engine.ask("page", settings={}, browser=1)
    monkeypatch.setattr(browser_pages, "command", lambda *words: [sys.executable, "-c", "import sys; sys.exit(3)"])
    with pytest.raises(ReenactError, match="the page did not start: it ended with code 3"):
        engine.ask("page", settings={}, browser=False)
    monkeypatch.setattr(browser_pages, "command", lambda *words: [sys.executable, "-c", "import sys; sys.stdin.read()"])
    engine.watch.cancel()
    with pytest.raises(Cancelled):
        engine.ask("page", settings={}, browser=False)
    engine.watch = type(engine.watch)()
    monkeypatch.setattr(browser_pages, "_START", 0.3)
    with pytest.raises(ReenactError, match="did not start in 0 s"):
        engine.ask("page", settings={}, browser=False)


def test_names_that_look_like_options_are_none(tmp_path):
    words = browser_pages._options(Settings(target=str(tmp_path / "t.exr"), performance="p.npz"), browser=True)
    assert words[0] == "--until-input-ends" and words[words.index("--") + 1 :] == [str(tmp_path / "t.exr"), ""]
    assert next(word for word in words if word.startswith("--folder")) == f"--folder={tmp_path}"
