"""Whether the machine is idle: what counts as work of other processes, what is printed, what is refused."""

import json
import subprocess
import sys
import types

import pytest

from ofx_reenact.bench import idle, machine
from ofx_reenact.bench.idle import Load, OtherProcesses, measure_load
from ofx_reenact.cli import bench_tables as tables
from ofx_reenact.cli.main import run

# Columns of /proc/stat: user nice system idle iowait irq softirq steal guest guest_nice, in hundredths of a second.
BEFORE = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 100 0 0 50 0 0 0 0 0 0\ncpu1 100 0 0 0 0 0 0 0 0 0\ncpu2 7 0 0 0 0 0 0 0 0 0\n"


@pytest.fixture
def stat(tmp_path, monkeypatch):
    """A function that lets time pass on a machine of three cores, of which this process may use 0 and 2."""
    path, now = tmp_path / "stat", [0.0]
    path.write_text(BEFORE, encoding="ascii")
    monkeypatch.setattr(idle, "_STAT", path)
    monkeypatch.setattr(idle.os, "sched_getaffinity", lambda process: {0, 2}, raising=False)
    monkeypatch.setattr(idle.os, "sysconf", lambda name: 100, raising=False)
    own = [0.0]
    monkeypatch.setattr(idle, "_own_seconds", lambda: own[0])
    monkeypatch.setattr(idle, "time", types.SimpleNamespace(perf_counter=lambda: now[0]))

    def let_pass(seconds: float, text: str, ours: float = 0.0) -> None:
        now[0] += seconds
        own[0] += ours
        path.write_text(text, encoding="ascii")

    return let_pass


def test_busy_cores_count_other_processes_on_our_cores_only(stat):
    others = OtherProcesses()
    # Core 0: 0.5 s of programs (0.1 s of them nice), 0.2 s of the system, 0.3 s of other guests; 9 s idle. Core 1 is
    # not ours. Core 2: 1 s, of which 0.6 s are our own.
    stat(2, "cpu0 140 10 15 450 500 2 3 30 40 0\ncpu1 900 0 0 0 0 0 0 0 0 0\ncpu2 107 0 0 0 0 0 0 0 0 0\n", ours=0.6)
    assert others.busy_cores() == pytest.approx((0.5 + 0.2 + 0.3 + 1 - 0.6) / 2)


def test_our_own_time_is_not_counted_as_others(stat):
    others = OtherProcesses()
    stat(1, BEFORE.replace("cpu2 7 ", "cpu2 87 "), ours=0.9)
    assert others.busy_cores() == 0


def test_time_of_ended_child_processes_is_ours():
    before = idle._own_seconds()
    work = "import time\nwhile time.process_time() < 0.3: pass"
    # Started through another process, as renders are whose memory is measured.
    through = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    subprocess.run([sys.executable, "-c", through], check=True)
    assert idle._own_seconds() - before > 0.25


def test_a_system_that_does_not_report_the_use_of_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(idle, "_STAT", tmp_path / "none")
    assert OtherProcesses().busy_cores() is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports how busy single cores are")
def test_a_busy_process_is_noticed_within_half_a_second():
    burn = "import time\nuntil = time.monotonic() + 60\nwhile time.monotonic() < until: pass"
    with subprocess.Popen([sys.executable, "-c", burn]) as process:
        seen = measure_load(0.5)
        process.kill()
    assert seen.busy_cores > 0.2


@pytest.mark.parametrize(
    ("seen", "quiet"),
    [
        # The load average of the last minute does not count where the present use of the cores is known.
        (Load(6.0, 0.1), True), (Load(0.0, 0.99), False), (Load(0.9, None), True), (Load(1.4, None), False),
        (Load(None, None), None),
    ],
)  # fmt: skip
def test_idle(seen, quiet):
    assert seen.idle is quiet


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Load(3.0, 1.5), "the machine is not idle, other processes keep 1.50 cores busy (load 3.0); end other"),
        (Load(3.0, None), "the machine is not idle, its load is 3.0"),
        (Load(None, None), "this system does not report how busy it is"),
    ],
)
@pytest.mark.parametrize(
    "line", [["fdgan"], ["ldnet"], ["stages"], ["memory"], ["scaling"], ["peers", "."], ["compare", "."], ["start"]]
)
def test_require_idle_refuses_a_busy_machine(line, seen, said, capsys, monkeypatch):
    monkeypatch.setattr(idle, "measure_load", lambda: seen)
    monkeypatch.setattr("ofx_reenact.bench.states.check_state", lambda folder: None)
    assert run(["bench", *line, "--require-idle"]) == 1
    assert f"error: --require-idle: {said}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "during", "quiet", "said"),
    [
        (Load(0.2, 0.05), 0.1, True, None),
        (Load(2.2, 1.5), 0.1, False, "NOT IDLE: other processes kept 1.50 cores busy before, 0.10 while this was"),
        (Load(0.2, 0.05), 1.25, False, "NOT IDLE: other processes kept 0.05 cores busy before, 1.25 while this was"),
        (Load(2.2, None), None, False, "NOT IDLE: the load was high before"),
        (Load(None, None), None, None, "NOT KNOWN TO BE IDLE"),
    ],
)
def test_a_record_has_whether_the_machine_was_idle(before, during, quiet, said, capsys, monkeypatch):
    monkeypatch.setattr(machine.OtherProcesses, "busy_cores", lambda self: during)
    record = machine.make_record("start", "cpu", {}, before, lambda: {"starts": []})
    assert record["idle"] is quiet
    assert record["load"]["before"] == {"load_average": before.load_average, "busy_cores": before.busy_cores}
    assert record["load"]["during"] == {"busy_cores": during} and "load_average" in record["load"]["after"]
    tables.show(record, False, [("starts", tables.STARTS)])
    shown = capsys.readouterr().out
    assert said in shown if said else "NOT" not in shown


def test_a_record_has_its_command_settings_and_machine(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ofx-reenact", "bench", "start", "--json"])
    record = machine.make_record("start", "cpu", {"runs": 1}, Load(0.0, 0.0), lambda: {"starts": [], "figure": 3})
    assert json.loads(json.dumps(record)) == record
    assert (record["schema"], record["kind"], record["settings"]) == ("ofx-reenact/bench/2", "start", {"runs": 1})
    assert record["command"] == ["ofx-reenact", "bench", "start", "--json"]
    assert record["figure"] == 3 and record["tables"] == {"starts": []}
    assert {"name", "processor", "cores", "torch_threads", "opencv_threads", "device"} <= set(record["machine"])
    assert record["versions"]["torch"]
