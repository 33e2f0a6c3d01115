"""An engine among other users and programs of its machine: who may be let in, what is followed, who waits for whom.

The engine loads nothing and its one job waits, so that each test takes a moment.
"""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from ofx_reenact import launch
from ofx_reenact.cli.main import run
from ofx_reenact.errors import EngineLost, ReenactError
from ofx_reenact.progress import Progress
from ofx_reenact.service import admission, client, server, session_engine
from ofx_reenact.service.keeper_process import is_alive, name_process
from ofx_reenact.service.session import Session, open_own

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes of files are POSIX")


@pytest.fixture
def job(monkeypatch):
    """The engine's render, which waits until it is cancelled."""
    begun = threading.Event()

    def render(service, request, watch):
        begun.set()
        while True:
            watch(Progress("render", 0, 1, 1))
            time.sleep(0.02)

    monkeypatch.setitem(server.JOBS, "render", render)
    monkeypatch.setattr(session_engine, "load_engine", lambda: None)
    monkeypatch.setattr(session_engine, "_POLL", 0.1)
    return begun


@pytest.fixture
def engine(tmp_path, job):
    """An engine in a thread; returns its session file."""
    path = tmp_path / "session.json"
    begin(path)
    yield path
    client.stop(path)


def begin(path: Path, keeper: str = "") -> threading.Thread:
    """Start an engine in a thread, as a command that hangs up at once does."""
    thread = threading.Thread(target=session_engine.listen, args=(path, 300.0, keeper), daemon=True)
    thread.start()
    while not path.exists():
        time.sleep(0.01)
    client.connect(path).close()
    return thread


def silent(address: str, count: int) -> list[socket.socket]:
    return [admission.connect_to(address, 10) for _ in range(count)]


def test_nobody_else_can_reach_the_socket(engine):
    address = Path(Session.load(engine).address)
    assert stat.S_ISSOCK(address.stat().st_mode) and stat.S_IMODE(address.parent.stat().st_mode) == 0o700
    client.stop(engine)
    until = time.monotonic() + 20
    while address.parent.exists():
        assert time.monotonic() < until, "the folder of the socket goes with the engine"
        time.sleep(0.01)


@pytest.mark.parametrize("unix", [True, False], ids=["socket", "port"])
def test_connections_that_say_nothing_keep_nobody_waiting(tmp_path, job, monkeypatch, unix):
    if not unix:
        monkeypatch.delattr(socket, "AF_UNIX")
    monkeypatch.setattr(admission, "_MOST", 20)
    path = tmp_path / "session.json"
    begin(path)
    address = Session.load(path).address
    assert Path(address).is_absolute() == unix
    crowd = silent(address, 60)
    crowd[-1].sendall(b"half a tok")
    started = time.monotonic()
    link = client.connect(path)
    assert link is not None and time.monotonic() - started < admission._ADMISSION * 5
    link.close()
    # While a job runs, too, and those that are turned away leave nothing behind.
    with client.linked(path) as link:
        link.send("render")
        assert job.wait(20)
        crowd += silent(address, 60)
    assert client.stop(path) and not path.exists()
    for one in crowd:
        one.close()


def test_a_temporary_folder_too_long_for_a_socket_is_no_obstacle(tmp_path, job, monkeypatch):
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    path = tmp_path / "session.json"
    begin(path)
    assert Session.load(path).address.startswith("127.0.0.1:") and not list(deep.iterdir())
    assert client.stop(path)


def test_another_program_at_the_dead_engines_port_is_not_taken_for_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as thief:
        path = tmp_path / "session.json"
        Session(f"127.0.0.1:{thief.getsockname()[1]}", os.getpid()).save(path)
        hello = json.dumps({"event": "hello", "protocol": 1}).encode() + b"\n"
        threading.Thread(target=lambda: thief.accept()[0].sendall(hello + hello), daemon=True).start()
        assert client.connect(path) is None


def test_a_folder_that_another_could_listen_in_is_not_connected_to(tmp_path):
    folder = Path(tempfile.mkdtemp(prefix="s"))
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "engine"))
        other.listen()
        folder.chmod(0o755)
        with pytest.raises(PermissionError, match="another user"):
            admission.connect_to(str(folder / "engine"), 1)
    admission.remove_socket(str(folder / "engine"))
    assert (folder / "engine").exists(), "only what an engine has made is removed"
    (folder / "engine").unlink()
    folder.rmdir()


def write_session(path: Path) -> None:
    Session("127.0.0.1:1", os.getpid()).save(path)


def case_link(path):
    write_session(path.with_name("theirs.json"))
    path.symlink_to(path.with_name("theirs.json"))


def case_dangling_link(path):
    path.symlink_to(path.with_name("nothing.json"))


def case_pipe(path):
    os.mkfifo(path)


def case_writable(path):
    write_session(path)
    path.chmod(0o622)


def case_folder(path):
    write_session(path)
    path.parent.chmod(0o777)


def case_endless(path):
    path.write_bytes(b"[" * 1_000_000)


def case_another_user(path):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    write_session(path)
    os.chown(path, 12345, 12345)


CASES = {name[5:]: call for name, call in list(globals().items()) if name.startswith("case_")}


@pytest.mark.parametrize("name", CASES)
def test_session_files_of_others_are_refused(tmp_path, capsys, name):
    path = tmp_path / "shot" / "session.json"
    path.parent.mkdir()
    CASES[name](path)
    for command in (["run", "--target=t", "--performance=p", f"--output={tmp_path}/o.####.exr"], ["start"], ["stop"]):
        assert run(["engine", command[0], f"--session={path}", *command[1:]]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "session.json: " in said, said
    assert not list(tmp_path.glob("*.exr"))


@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to, lambda path, _: os.mkfifo(path)])
def test_a_log_that_somebody_planted_is_not_written(tmp_path, monkeypatch, plant):
    mine = tmp_path / "mine.txt"
    mine.write_text("as it was")
    plant(tmp_path / "session.json.log", mine)
    if plant is Path.hardlink_to:
        mine.chmod(0o666)
    monkeypatch.setattr(client, "command", lambda *words: [sys.executable, "-c", "print('a log')"])
    with pytest.raises(ReenactError, match=r"session\.json\.log: "):
        client.start(tmp_path / "session.json")
    assert mine.read_text() == "as it was"


def test_ones_own_files_are_opened(tmp_path):
    os.close(open_own(tmp_path / "mine", os.O_WRONLY | os.O_CREAT))
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o600
    tmp_path.chmod(0o777 | stat.S_ISVTX)
    write_session(tmp_path / "s.json")
    assert Session.load(tmp_path / "s.json") is not None, "in a folder such as /tmp"


def engine_process(path: Path, job: str) -> subprocess.Popen:
    """An engine in a process of its own whose render is an expression."""
    code = (
        "import os, signal, sys, time\n"
        "from ofx_reenact.cli.main import run\n"
        "from ofx_reenact.service import session_engine, server\n"
        "session_engine.load_engine = lambda: None\n"
        f"server.JOBS['render'] = lambda service, request, watch: {job}\n"
        f"sys.exit(run(['engine', 'listen', '--session', {str(path)!r}]))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    return process


@pytest.fixture
def stopped(tmp_path):
    """The session file of an engine that greets its client and stops in the middle of its job."""
    path = tmp_path / "session.json"
    with engine_process(path, "os.kill(os.getpid(), signal.SIGSTOP)") as process:
        yield path
        process.kill()


@pytest.mark.parametrize(
    ("signum", "at_work"), [(signal.SIGTERM, True), (signal.SIGTERM, False), (signal.SIGINT, True)]
)
def test_an_engine_that_is_told_to_end_leaves_nothing(tmp_path, signum, at_work):
    path = tmp_path / "session.json"
    job = f"open({str(tmp_path / 'begun')!r}, 'w').close() or time.sleep(100)"
    with engine_process(path, job) as process, client.linked(path) as link:
        address = Path(Session.load(path).address)
        if at_work:
            link.send("render")
            while not (tmp_path / "begun").exists():
                time.sleep(0.02)
        process.send_signal(signum)
        assert process.wait(60) == 130
        assert "interrupted" in process.stderr.read()
    assert not path.exists() and not address.parent.exists()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_an_engine_at_the_end_of_pipes_ends_when_told_to(signum):
    with subprocess.Popen(launch.command("engine", "serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert b"hello" in process.stdout.readline()
        process.send_signal(signum)
        assert process.wait(60) == 130


def test_how_a_process_is_started_can_stand_in_double_quotes():
    assert not set(launch.CODE) & set('"$`\\\n!')


def test_an_engine_that_is_stopped_is_given_up(stopped, monkeypatch):
    monkeypatch.setattr(client, "_SILENCE", 0.5)
    with pytest.raises(EngineLost, match="no sign of life for"), client.linked(stopped) as link:
        list(link.events(link.send("render")))
    monkeypatch.setattr(client, "_ANSWER", 0.5)
    assert client.stop(stopped) is False and not stopped.exists(), "it ends when it goes on"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_client_of_a_stopped_engine_ends_when_told_to(stopped, tmp_path, monkeypatch, capsys, signum):
    monkeypatch.setattr(client, "_SILENCE_AFTER_CANCEL", 0.2)
    send = client.Link.send

    def send_and_be_told(link, do, **fields):
        if do == "render":
            threading.Timer(1.0, os.kill, (os.getpid(), signum)).start()
        return send(link, do, **fields)

    monkeypatch.setattr(client.Link, "send", send_and_be_told)
    line = ["--target=t", "--performance=p", f"--output={tmp_path}/o.####.exr"]
    assert run(["engine", "run", f"--session={stopped}", *line]) == 130
    assert "interrupted; the engine gave no sign of life" in capsys.readouterr().err


def test_a_job_that_says_nothing_is_not_taken_for_a_stopped_engine(engine, job, monkeypatch):
    monkeypatch.setattr(client, "_ALIVE", 0.1)
    enough = threading.Event()
    monkeypatch.setitem(server.JOBS, "curves", lambda *job: {"slept": enough.wait(60)})
    with client.linked(engine) as link:
        number = link.send("curves")
        assert [link._event() for _ in range(3)] == [{"event": "alive", "id": number}] * 3
        enough.set()
        assert [event["slept"] for event in link.events(number)] == [True], "and its caller hears of the end alone"


def test_an_engine_ends_with_its_keeper_in_the_middle_of_a_job(tmp_path, job):
    keeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = name_process(keeper.pid)
    assert is_alive(name)
    path = tmp_path / "session.json"
    engine = begin(path, name)
    with client.linked(path) as link:
        number = link.send("render")
        assert job.wait(20)
        keeper.kill()
        assert [event["event"] for event in link.events(number)][-1] == "cancelled"
        keeper.wait()
        engine.join(30)
    assert not engine.is_alive() and not path.exists() and not is_alive(name)


def test_a_keeper_that_ended_with_the_command_that_started_the_engine_is_none(tmp_path, job):
    keeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    path = tmp_path / "session.json"
    engine = begin(path, name_process(keeper.pid))
    keeper.kill()
    keeper.wait()
    for _ in range(2):
        time.sleep(0.3)
        link = client.connect(path)
        assert link is not None
        link.close()
    assert engine.is_alive() and client.stop(path)


@pytest.mark.parametrize("name", ["", "x", "99999999", "{own}:1", "1:1"])
def test_names_of_processes_that_are_gone(name):
    assert not is_alive(name.format(own=os.getpid()))


def test_a_session_command_starts_an_engine_that_ends_with_its_caller(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(client, "start", lambda *given: asked.append(given) or True)
    for more, keeper in ((["--with-parent"], name_process(os.getppid())), ([], "")):
        assert run(["engine", "start", f"--session={tmp_path / 's'}", *more]) == 0
        assert asked.pop() == (tmp_path / "s", client.IDLE, keeper)


def test_modules_of_the_working_directory_are_not_imported(tmp_path):
    for name in ("safetensors", "typer", "json", "runpy", "signal", "numpy"):
        (tmp_path / f"{name}.py").write_text("open('was_imported', 'w').close(); raise SystemExit(9)")
    environment = {**os.environ, "PYTHONPATH": str(Path(launch.__file__).parents[1])}
    words = launch.command("--version")
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    # Typed by hand, all but what Python itself imports before the package.
    (tmp_path / "runpy.py").unlink()
    for name in ("json", "signal"):
        (tmp_path / f"{name}.py").unlink()
    line = [sys.executable, "-m", "ofx_reenact", "--version"]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "was_imported").exists()
