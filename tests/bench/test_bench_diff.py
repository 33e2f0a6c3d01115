"""`bench diff`: compares two records of the same command."""

import json
from pathlib import Path

import pytest

from ofx_reenact.bench.diff import diff, read_record
from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError


def stage(name: str, milliseconds: float, **more) -> dict:
    times = {"samples": 3, "milliseconds": milliseconds, "milliseconds_p5": 0, "milliseconds_p95": 99}
    return {**times, "size": "256", "target": "still", "stage": name, "per": "frame", **more}


def record(processor: str, rows: list[dict], **more) -> dict:
    return {
        "schema": "ofx-reenact/bench/2",
        "kind": "stages",
        "settings": {"size": ["256"], "runs": 3},
        "machine": {"processor": processor, "cores": 2, "torch_threads": 2, "device": "cpu"},
        "versions": {"torch": "2.13.0"},
        "idle": True,
        "load": {
            "before": {"load_average": 0.1, "busy_cores": 0.0}, "during": {"busy_cores": 0.0},
            "after": {"load_average": 1.1},
        },
        "tables": {"stages": rows, "moving": [{"what": "rendered", "still_milliseconds": 1, "samples": 3}]},
        **more,
    }  # fmt: skip


SLOW = record("Slow", [stage("read", 30), stage("write", 8), stage("plate", 5)])
FAST = record("Fast", [stage("write", 2), stage("read", 15), stage("read", 7, size="uhd")])


@pytest.fixture
def files(tmp_path):
    paths = []
    for name, content in (("a", SLOW), ("b", FAST)):
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps(content), encoding="utf-8")
    return [str(path) for path in paths]


def test_rows_with_the_same_names_are_compared():
    found = diff(SLOW, FAST)
    rows = [(row["table"], row["row"], row["unit"], row["a"], row["b"], row["ratio"]) for row in found["diff"]]
    assert rows == [
        ("stages", "256, still, read, frame", "milliseconds", 30, 15, 2),
        ("stages", "256, still, write, frame", "milliseconds", 8, 2, 4),
    ]
    assert found["only_a"] == ["stages 256, still, plate, frame"]
    assert found["only_b"] == ["stages uhd, still, read, frame"]
    assert found["settings"] == {}


def test_each_unit_and_number_of_frames_has_its_own_row():
    a, b = (
        record("", [{"state": "after", "frames": n, "mebibytes": m * n, "cpu_milliseconds": None} for n in (2, 3)])
        for m in (6, 3)
    )
    assert [(row["row"], row["unit"], row["ratio"]) for row in diff(a, b)["diff"]] == [
        ("after, 2 frames", "mebibytes", 2), ("after, 3 frames", "mebibytes", 2),
    ]  # fmt: skip


def test_different_settings_and_a_busy_machine_are_named(files, capsys):
    changed = {**FAST, "idle": False, "settings": {"size": ["256"], "runs": 5}}
    changed["load"] = {**changed["load"], "during": {"busy_cores": 1.5}}
    Path(files[1]).write_text(json.dumps(changed), encoding="utf-8")
    assert run(["bench", "diff", *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("A: Slow, 2 cores") and lines[1].startswith("B: Fast, 2 cores")
    assert lines[2].startswith("B: NOT IDLE: other processes kept 0.00 cores busy before, 1.50")
    assert lines[3] == "measured with another runs: 3 and 5"
    assert [cell.strip() for cell in lines[7].split("|")[1:-1]] == [
        "stages", "256, still, read, frame", "milliseconds", "30.0", "15.0", "2.00",
    ]  # fmt: skip
    assert lines[-2:] == ["only in A: stages 256, still, plate, frame", "only in B: stages uhd, still, read, frame"]


def test_diff_as_json(files, capsys):
    assert run(["bench", "diff", *files, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["a"]["machine"]["processor"], found["b"]["machine"]["processor"]) == ("Slow", "Fast")
    assert [row["ratio"] for row in found["diff"]] == [2, 4]


def test_records_of_different_commands_are_refused(files, capsys):
    Path(files[1]).write_text(json.dumps({**FAST, "kind": "start"}), encoding="utf-8")
    assert run(["bench", "diff", *files]) == 1
    assert "one record is of bench stages, the other of bench start" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[1]", 'expected "schema": "ofx-reenact/bench/2", found null'),
        ('{"schema": "ofx-reenact/bench/1"}', 'found "ofx-reenact/bench/1"; measure again'),
        (json.dumps({**SLOW, "tables": {"stages": [3]}}), "damaged; measure again"),
        (json.dumps({**SLOW, "tables": {"stages": [{"milliseconds": "fast"}]}}), "damaged; measure again"),
        (json.dumps({**SLOW, "load": None}), "damaged; measure again"),
    ],
)
def test_files_that_are_not_records_are_refused(tmp_path, text, said):
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReenactError, match=r"a\.json") as caught:
        read_record(path)
    assert said in str(caught.value)


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(ReenactError, match=r"none\.json: cannot be read \(No such file"):
        read_record(tmp_path / "none.json")
