"""Evaluation of LD-Net: Table 1, point errors, real people, reports."""

import json
import sys
from functools import partial

import numpy as np
import pytest
import torch
from heads import head_model, heads_file

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.networks import ldnet as evaluation
from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.ldnet.weights import load_ldnet, save_ldnet
from ofx_reenact.training.ldnet.data import anny_head_model
from ofx_reenact.training.ldnet.data.head_model import draw_grid


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / "w.safetensors"
    torch.manual_seed(0)
    save_ldnet(path, LDNet(width=16, hidden=3), head_model().template(), "rigid", {"data": "none"})
    return load_ldnet(path)


@pytest.fixture(scope="module")
def grid():
    return draw_grid(head_model(), 6, 20, seed=1)


@pytest.fixture
def quick(monkeypatch):
    """Fewer pairs and swaps than the command takes."""
    monkeypatch.setattr(evaluation, "table1", partial(evaluation.table1, pairs=2000))
    monkeypatch.setattr(evaluation, "draw_swaps", partial(evaluation.draw_swaps, count=500))


def test_table_1_of_perfect_codes():
    generator = torch.Generator().manual_seed(0)
    who, what = (torch.randn(count, size, generator=generator) for count, size in ((10, 128), (30, 64)))
    codes = evaluation.Codes(who[:, None].expand(10, 30, 128), what[None].expand(10, 30, 64))
    table = evaluation.table1(codes, pairs=2000)
    assert table["E_I"]["same identity"] == pytest.approx(0, abs=1e-5)
    assert table["E_P"]["same pose"] == pytest.approx(0, abs=1e-5)
    ratios = evaluation.ratios(table)
    assert ratios["E_I"]["same pose"] == pytest.approx(1, abs=0.1)
    assert ratios["E_P"]["same identity"] == pytest.approx(1, abs=0.1)


def test_paper_ratios_are_those_printed():
    ratios = evaluation.ratios(evaluation.PAPER)
    assert ratios["E_I"]["same identity"] == pytest.approx(0.534, abs=5e-4)
    assert ratios["E_P"]["same pose"] == pytest.approx(0.346, abs=5e-4)


def test_principal_components_keep_distances_of_few_dimensions():
    codes = torch.zeros(5, 7, 40)
    codes[..., :3] = torch.randn(5, 7, 3)
    reduced = evaluation.principal_components(codes)
    assert torch.allclose(torch.pdist(reduced.flatten(0, 1)), torch.pdist(codes.flatten(0, 1)).double(), atol=1e-4)


def test_point_errors(small, grid):
    swaps, yaw = evaluation.draw_swaps(small, grid, count=200)
    errors = evaluation.mean_by_region(evaluation.point_errors(small, swaps))
    assert errors["unmoved anchored"]["all"] == 0 < errors["unmoved direct"]["all"]
    assert errors["oracle"]["all"] < min(errors["copied"]["all"], errors["random"]["all"])
    assert len(yaw) == 200 and set(errors["direct"]) >= {"all", "jaw", "mouth", "eye_left"}


def tracks(path, people=4, takes=("neutral", "smiling")):
    rng = np.random.default_rng(0)
    faces = head_model().template().numpy() + rng.normal(size=(people, 1, 68, 2)) * 0.05
    smile = np.zeros((1, 2, 68, 2))
    smile[0, 1, 48:] = rng.normal(size=(20, 2)) * 0.1
    rows = [(who, take) for who in range(people) for take in takes]
    np.savez(
        path, landmarks=(faces + smile).reshape(-1, 68, 2)[: len(rows)], identity=[who for who, _ in rows],
        take=np.array([take for _, take in rows]),
    )  # fmt: skip
    return path


def test_real_pairs(small, tmp_path):
    scores = evaluation.real_pairs(small, tracks(tmp_path / "t.npz"))
    assert scores["people"] == 4
    assert scores["copied change"] < 0.01 < scores["still"], "here all smile alike"
    with pytest.raises(ReenactError, match="0 people have both takes"):
        evaluation.real_pairs(small, tracks(tmp_path / "t.npz", takes=("a", "b")))
    with pytest.raises(ReenactError, match=r"gone\.npz"):
        evaluation.real_pairs(small, tmp_path / "gone.npz")


def test_evaluate_from_the_command_line(small, quick, tmp_path, capsys):
    data = heads_file(tmp_path / "h.npz", people=9, poses=30)
    pairs = str(tracks(tmp_path / "t.npz"))
    code = run([
        "evaluate", "ldnet", "--data", data, "--weights", str(small.path), "--pairs", pairs,
        "--json", str(tmp_path / "r.json"), "--report", str(tmp_path / "report"),
    ])  # fmt: skip
    out = capsys.readouterr().out
    assert code == 0 and "Table 1" in out and "Real people" in out
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["data"]["grid"] == [9, 30] and result["weights"]["sha256"] == small.sha256
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"codes.png", "yaw.png", "landmarks.png"}
    assert run(["evaluate", "ldnet", "--data", str(tmp_path / "gone.npz")]) == 1
    assert "gone.npz" in capsys.readouterr().err


def test_without_data_a_small_lmtest_is_drawn_once_and_kept(small, quick, tmp_path, monkeypatch, capsys):
    drawn = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(anny_head_model, "installed", lambda: True)
    monkeypatch.setattr(anny_head_model, "anny_model", lambda: drawn.append(1) or head_model())
    line = ["evaluate", "ldnet", "--weights", str(small.path), "--json", str(tmp_path / "r.json")]
    assert run(line) == 0 and "a small LMTest is drawn from anny's heads" in capsys.readouterr().out
    assert run(line) == 0 and "LMTest" not in capsys.readouterr().out and drawn == [1]
    data = json.loads((tmp_path / "r.json").read_text())["data"]
    assert data["grid"] == [100, 200] and data["file"].startswith(str(tmp_path / "ofx-reenact"))


def test_without_data_and_anny_the_error_says_how_to_get_one(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "anny", None)
    assert run(["evaluate", "ldnet", "--weights", str(small.path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: without --data") and "pip install 'ofx-reenact[train]'" in error
    assert "data heads" in error and not list(tmp_path.iterdir())


def test_a_report_without_matplotlib_is_refused_before_anything_is_measured(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(["evaluate", "ldnet", "--data", "gone.npz", "--report", str(tmp_path / "report")]) == 2
    captured = capsys.readouterr()
    assert "pip install 'ofx-reenact[eval]'" in captured.err and not captured.out
