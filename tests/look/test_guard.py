"""Nobody but the page itself is answered, and it reaches nothing but the folders that were named."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from conftest import TARGET

pytest.importorskip("starlette", reason="starlette is not installed: pip install 'ofx-reenact[look]'")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'ofx-reenact[look]'")

from pages import served

from ofx_reenact.cli.main import run


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shots")
    (folder / "inside.json").write_text("{}")
    (folder.parent / "secret").mkdir(exist_ok=True)
    (folder.parent / "secret" / "face.jpg").write_bytes(TARGET.read_bytes())
    (folder / "out.jpg").symlink_to(folder.parent / "secret" / "face.jpg")
    (folder / "away").symlink_to(folder.parent / "secret")
    for frame in (1, 2):
        (folder / f"s.{frame:04d}.jpg").symlink_to(folder.parent / "secret" / "face.jpg")
    return folder


@pytest.fixture(scope="module")
def page(shots, tmp_path_factory):
    with served(tmp_path_factory.mktemp("own") / "page", shots) as page:
        yield page


def test_the_page_and_its_files_come_with_a_policy_that_lets_in_nothing_else(page):
    for path in ("", "page/main.js", "page/style.css", "about"):
        status, body, headers = page.ask("GET", page.guard.path + path)
        assert status == 200 and body
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert headers["referrer-policy"] == "no-referrer" and headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers and "server" not in headers
    assert b"http" not in page.ask("GET", page.guard.path + "page/style.css")[1], "nothing from elsewhere"
    for name in ("page/../app.py", "page/%2e%2e/app.py", "page/none.js"):
        assert page.ask("GET", page.guard.path + name)[0] == 404


@pytest.mark.parametrize(
    "path", ["/", "/about", "/x/about", "/page/main.js", "//about", "/%00/about", "/once/", "/once/x"]
)
def test_no_token_is_403(page, path):
    for method in ("GET", "POST"):
        assert page.ask(method, path)[0] == 403
    wrong = page.guard.path[:-2] + "x/"
    assert page.ask("GET", wrong)[0] == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", ""]
)
def test_another_host_is_403(page, host):
    assert page.ask("GET", page.guard.path, Host=host.format(port=page.port))[0] == 403
    assert page.ask("GET", page.guard.path, Host=f"localhost:{page.port}")[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1"])
def test_another_origin_is_403(page, origin):
    path = page.guard.path + "cancel"
    assert page.ask("POST", path, b'{"what": "view"}', Origin=origin)[0] == 403
    assert page.ask("POST", path, b'{"what": "view"}', Sec_Fetch_Site="cross-site")[0] == 403
    own = f"http://127.0.0.1:{page.port}"
    assert page.ask("POST", path, b'{"what": "view"}', Origin=own, Sec_Fetch_Site="same-origin")[0] == 200


def test_the_browser_s_address_leads_there_once(page):
    once = page.guard.once
    status, _, headers = page.ask("GET", once)
    assert (status, headers["location"]) == (303, page.guard.path)
    assert page.ask("GET", once)[0] == 403


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret/face.jpg", "out.jpg", "away/face.jpg", "s.####.jpg", "/"])
def test_a_path_outside_the_folders_is_refused(page, shots, name):
    path = name if name.startswith("/") else str(shots / name)
    for values in ({"target": path}, {"target": str(shots / "inside.json"), "holdout": path}, {"appearance": [path]}):
        status, said = page.post("view", {"do": "open", "tab": "t", "settings": values})
        assert status == 422 and "outside the folders" in said["message"]
    for asked in (f"media?name={path}", f"files?folder={path}"):
        status, said = page.get(asked.replace("#", "%23"))
        assert status == 422 and "outside the folders" in said["message"]


@pytest.mark.parametrize("folder", ["/etc", "../secret", "away"])
def test_nothing_is_written_outside_the_folders(page, shots, folder):
    settings = {"target": str(shots / "inside.json"), "driver": str(shots / "inside.json")}
    for option, name in (("output", "o.####.exr"), ("performance", "p.npz")):
        values = {**settings, "output": str(shots / "o.####.exr"), option: str(shots / folder / name)}
        status, said = page.post("render", {"settings": values})
        assert status == 422 and "outside the folders" in said["message"]
    assert page.post("curves", {"path": str(shots / folder / "x.curves.json"), "curves": {}})[0] == 422
    assert [path.name for path in (shots.parent / "secret").iterdir()] == ["face.jpg"]


def test_what_links_lead_to_outside_is_not_listed(page, shots):
    status, said = page.get("files?folder=")
    assert status == 200 and said["folder"] == str(shots) and said["parent"] == ""
    assert [one["name"] for one in said["files"]] == ["inside.json"] and said["folders"] == []


def test_a_body_that_is_too_long_or_none_is_refused(page):
    status, body, _ = page.ask("POST", page.guard.path + "view", b'{"x": "' + b"x" * (1 << 20) + b'"}')
    assert status == 413 and b"MiB" in body
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 10_000):
        status, said, _ = page.ask("POST", page.guard.path + "view", body)
        assert status == 422 and json.loads(said)["message"].startswith("not a request")
    for said in ({"do": "quit"}, {"do": "render"}, {"do": "show"}, {"do": "show", "tab": "t", "settings": []}):
        assert page.post("view", said)[0] == 422


def test_curves_are_kept_under_their_own_kind_of_name_alone(page, shots):
    curves = {"weight_mouth": {"interpolation": "linear", "frames": {"1": 0.0, "5": 1.5}}}
    assert page.post("curves", {"path": str(shots / "inside.json"), "curves": curves, "replace": True})[0] == 422
    path = str(shots / "new.curves.json")
    assert page.post("curves", {"path": path, "curves": curves})[0] == 200
    status, said = page.post("curves", {"path": path, "curves": {}})
    assert status == 422 and "already exists" in said["message"]
    assert page.post("read-curves", {"path": path}) == (200, {"curves": curves})


def test_it_listens_on_this_machine_alone(page):
    with pytest.raises(OSError), socket.create_connection((socket.gethostbyname(socket.gethostname()), page.port), 2):
        own = socket.gethostbyname(socket.gethostname())
        raise ConnectionRefusedError if own.startswith("127.") else AssertionError(own)
    assert run(["look", "--host", "0.0.0.0"]) == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(["look", "--no-browser", f"--port={taken.getsockname()[1]}"]) == 1


def test_ctrl_c_ends_it_with_all_that_it_started(shots, tmp_path):
    line = [sys.executable, "-m", "ofx_reenact", "look", "--no-browser", f"--folder={shots}"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        address = process.stdout.readline().strip()
        with urllib.request.urlopen(address + "about", timeout=60) as answer:
            assert json.load(answer)["roots"] == [str(shots)]
        own = next(tmp_path.glob("ofx-reenact-look-*"))
        assert own.stat().st_mode & 0o077 == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0 and process.stderr.read() == ""
    assert not own.exists()


def test_errors_of_the_command_line(tmp_path, capsys):
    assert run(["look", str(tmp_path / "no" / "t.exr"), "--no-browser"]) == 1
    assert "no such folder" in capsys.readouterr().err
    code = "import sys; sys.modules['uvicorn'] = None\nfrom ofx_reenact.cli.main import run\nsys.exit(run(['look']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "pip install 'ofx-reenact[look]'" in done.stderr
