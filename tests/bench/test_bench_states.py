"""`bench compare`: two states of the package render the same shots in turn; their times and memory are compared."""

import json
from pathlib import Path

import pytest

from ofx_reenact.bench import states
from ofx_reenact.bench.plates import Shot
from ofx_reenact.bench.processes import Run
from ofx_reenact.bench.states import Samples, State, compare
from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError

ROOT = Path(__file__).parents[2]
# A stand-in for the package: it logs its tasks, takes a given time for each, and loads nothing heavy.
PACKAGE = {
    "__init__.py": "__version__ = '{name}'",
    "__main__.py": """
import sys
from ofx_reenact.settings import log
log('process', sys.argv[sys.argv.index('--output') + 1], sys.argv[sys.argv.index('--performance') + 1])
bytearray(b'x' * ({size} << 20))
""",
    "settings.py": """
import types
Settings = types.SimpleNamespace
def log(*words):
    with open({log!r}, 'a') as file:
        print('{name}', *words, file=file)
""",
    "engine/run.py": """
import time, types
from ofx_reenact.settings import log
def render_sequence(settings):
    log('render', settings.performance, settings.identity)
    time.sleep({pause})
    print('says something')
    return types.SimpleNamespace(written=(1, 2))
""",
    "engine/analyse.py": """
from ofx_reenact.settings import log
def analyse_inputs(settings, fresh=False):
    log('analyse', settings.performance, settings.target)
    return dict(first=1, last=2)
""",
    "stages.py": "import contextlib\nobserve_stages = contextlib.nullcontext",
    "bench/clock.py": "Clock = object",
    "bench/plates.py": "import types\nShot = types.SimpleNamespace",
    "bench/stages.py": """
class _Samples:
    def __init__(self):
        self.seconds = dict(read=[], write=[])
def _pass(shot, clock, samples, device, profile):
    samples.seconds['write'] += [{pause}, {pause}]
""",
}


def package(folder: Path, name: str, pause: float = 0.0, size: int = 1, **changed: str) -> Path:
    for file, text in {**PACKAGE, **changed}.items():
        path = folder / name / "ofx_reenact" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(name=name, pause=pause, size=size, log=str(folder / "log")), encoding="utf-8")
    return folder / name


def shot(folder: Path, moving: bool = False) -> Shot:
    (folder / "256").mkdir(exist_ok=True)
    return Shot("256", 2, folder / "t.exr", "d.####.exr", "o.####.exr", folder / "256" / "driver.npz", moving)


def compared(folder: Path, what: list[str], runs: int = 1, moving: bool = False, **changed: str) -> dict:
    """Compare a slow state that takes much memory with a quick one that takes little."""
    before, after = package(folder, "old", 0.3, 80, **changed), package(folder, "new", 0.02)
    with states.contextlib.ExitStack() as stack:
        pair = tuple(State(name, path) for name, path in (("before", before), ("after", after)))
        for state in pair:
            stack.callback(state.close)
        return compare(pair, [shot(folder, moving)], runs, "cpu", "plate", what)


def test_an_earlier_state_is_asked_by_its_own_names(tmp_path):
    text = """
import dataclasses
@dataclasses.dataclass
class Settings:
    profile: str = dataclasses.field(default='plate', metadata=dict(choices=('plate', 'paper')))
"""
    with states.contextlib.closing(State("before", package(tmp_path, "old", **{"settings.py": text}))) as state:
        assert [state.profile(name) for name in ("warp", "portrait", "plate")] == ["plate", "paper", "plate"]
    with states.contextlib.closing(State("after", ROOT)) as state:
        assert state.profile("warp") == "warp"


def test_states_take_turns_with_one_performance(tmp_path):
    result = compared(tmp_path, ["rendered"], runs=2)
    tracked = tmp_path / "256" / "driver.npz"
    first, *turns = (tmp_path / "log").read_text().splitlines()
    assert first.split() == ["old", "analyse", str(tracked)]
    assert [turn.split()[:3] for turn in turns] == [
        [name, "render", str(tracked)] for name in ("new", "old", "old", "new", "new", "old")
    ]
    # Each state has an identity file of its own.
    assert len({turn.split()[3] for turn in turns}) == 2
    (row,) = result["compared"]
    assert (row.what, row.per, row.samples, row.size, row.target) == ("rendered", "frame", 2, "256", "still")
    before, after = result["states"]
    assert (before.state, after.state) == ("before", "after")
    assert row.before_milliseconds == before.milliseconds >= 150 and row.after_milliseconds == after.milliseconds >= 10
    assert row.ratio == before.milliseconds / after.milliseconds > 1
    assert before.cpu_milliseconds < before.milliseconds, "it slept"


def test_each_state_analyses_again_into_its_own_files(tmp_path):
    (row,) = compared(tmp_path, ["analyse"], moving=True)["compared"]
    assert (row.what, row.per, row.target) == ("analyse", "frame", "moving")
    shared, *turns = (line.split() for line in (tmp_path / "log").read_text().splitlines())
    assert shared[2] == str(tmp_path / "256" / "driver.npz") and shared[3] == str(tmp_path / "t.exr")
    assert {(name, path) for name, _, path, _ in turns} == {
        (name, str(tmp_path / "256" / state / "moving" / "driver.npz"))
        for name, state in (("old", "before"), ("new", "after"))
    }


def test_memory_is_measured_in_a_new_process(tmp_path):
    result = compared(tmp_path, ["memory"])
    before, after = result["memory"]
    assert (before.state, after.state, before.frames, before.samples) == ("before", "after", 2, 1)
    # One fills 80 MiB, for a moment twice that; the other 1 MiB. The memory of this process does not count.
    assert 70 < before.mebibytes - after.mebibytes < 200
    (row,) = result["memory_compared"]
    assert (row.before_mebibytes, row.after_mebibytes) == (before.mebibytes, after.mebibytes)
    assert row.ratio == before.mebibytes / after.mebibytes
    turns = [line.split() for line in (tmp_path / "log").read_text().splitlines()[1:]]
    assert {(name, what, performance) for name, what, _, performance in turns} == {
        (name, "process", str(tmp_path / "256" / "driver.npz")) for name in ("old", "new")
    }
    assert len({output for _, _, output, _ in turns}) == 2


def test_each_stage_that_both_have_is_compared(tmp_path):
    more = PACKAGE["bench/stages.py"] + "    samples.seconds['read'] += [1.0]\n"
    result = compared(tmp_path, ["stages"], **{"bench/stages.py": more})
    assert [(row.state, row.what, row.samples) for row in result["states"]] == [
        ("before", "stage read", 1), ("before", "stage write", 2), ("after", "stage write", 2),
    ]  # fmt: skip
    (row,) = result["compared"]
    assert (row.what, row.samples, row.cpu_ratio) == ("stage write", 2, None)
    assert row.ratio == row.ratio_p5 == row.ratio_p95 == pytest.approx(15)
    assert not result["lacking"]


def test_a_state_that_cannot_time_its_stages_is_named(tmp_path):
    result = compared(tmp_path, ["stages", "rendered"], **{"bench/stages.py": ""})
    assert list(result["lacking"]) == ["before"] and "AttributeError" in result["lacking"]["before"]
    assert [row.what for row in result["compared"]] == ["rendered"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise ValueError('t.exr: no face')", "the state 'before' failed to render: ValueError: t.exr: no face"),
        ("import os, sys; print('error: killed', file=sys.stderr, flush=True); os._exit(9)", "to render: killed"),
    ],
)
def test_the_error_of_a_failed_render_is_reported(tmp_path, text, said):
    with pytest.raises(ReenactError) as caught:
        compared(tmp_path, ["rendered"], **{"engine/run.py": text})
    assert f"{tmp_path / 'old'}: " in str(caught.value) and said in str(caught.value)


def test_a_folder_whose_package_is_not_the_one_imported(tmp_path):
    before = package(tmp_path, "old", **{"__init__.py": "__version__ = ''\n__file__ = '/elsewhere/x/__init__.py'"})
    with pytest.raises(ReenactError, match=r"old: python imports /elsewhere/x instead"):
        State("before", before)


def test_the_number_of_threads_is_set_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with states.contextlib.closing(State("before", package(tmp_path, "old"), threads=3)) as state:
        assert state.environment["OMP_NUM_THREADS"] == "3"
        assert state.about == {"package": str(tmp_path / "old" / "ofx_reenact"), "version": "old"}


def test_ratios_are_of_medians_and_their_spread_is_over_passes():
    samples, of = Samples(), ("uhd", "still", "rendered", "frame")
    samples.passes[of].update(before=[[4.0], [8.0], [9.0]], after=[[1.0], [4.0], [2.0]])
    samples.cpu[of].update(before=[6.0, 6.0, 8.0], after=[3.0, 2.0, 4.0])
    samples.runs["uhd", "still", 6].update(before=[Run(9, 9, 900)], after=[Run(5, 5, 600)])
    result = states._make_rows(samples)
    (row,) = result["compared"]
    assert (row.before_milliseconds, row.after_milliseconds, row.ratio, row.cpu_ratio) == (8000, 2000, 4, 2)
    assert (row.ratio_p5, row.ratio_p95) == pytest.approx((2.2, 4.45))
    assert [row.cpu_milliseconds for row in result["states"]] == [6000, 3000]
    assert result["memory_compared"][0].ratio == 1.5 and result["memory"][0].milliseconds == 9000


@pytest.mark.slow
def test_a_state_compared_with_itself(capsys, tmp_path):
    line = ["bench", "compare", str(ROOT), "--size", "256", "--frames", "2", "--runs", "1", "--device", "cpu"]
    assert run([*line, "--moving", "--folder", str(tmp_path), "--json"]) == 0
    assert not list(tmp_path.iterdir())
    result = json.loads(capsys.readouterr().out)
    # The package that runs this test may be installed in another folder, but it has the same version.
    before, after = (result["packages"][state]["version"] for state in ("before", "after"))
    assert before == after and not result["lacking"]
    rows = {(row["target"], row["what"]): row for row in result["tables"]["compared"]}
    kinds = ("still", "moving")
    for kind in kinds:
        assert {(kind, "rendered"), (kind, "analyse"), (kind, "stage write"), (kind, "stage translate")} <= set(rows)
        assert rows[kind, "rendered"]["cpu_ratio"] > 0
    assert all(row["ratio"] > 0 for row in rows.values())
    memory = result["tables"]["memory_compared"]
    assert [row["target"] for row in memory] == list(kinds)
    # The same program with the same input takes the same memory, except that its threads start at other times.
    assert all(row["ratio"] == pytest.approx(1, abs=0.25) for row in memory)
