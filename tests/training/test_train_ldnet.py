"""`train ldnet`: both recipes, and bad input."""

import sys

import pytest
from trainings import landmark_set, line

from ofx_reenact.cli.main import run
from ofx_reenact.ldnet.weights import load_ldnet
from ofx_reenact.training import loop as training


def test_train_from_the_command_line(tmp_path, monkeypatch, capsys):
    assert run(line(tmp_path, "--recipe", "supervised", "--steps", "4")) == 0
    assert "weights:" in capsys.readouterr().out
    loaded = load_ldnet(tmp_path / "run" / "ldnet.safetensors")
    assert loaded.norm == "rigid" and "made0" in loaded.metadata["data"] and "relative" in loaded.metadata["errors"]
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000
    assert training.read_curves(tmp_path / "run")["swap"][0] == [2, 4]
    assert list((tmp_path / "run").glob("events.out.tfevents*"))
    monkeypatch.setattr("ofx_reenact.training.loop.draw_curves", lambda out: None)
    start = str(tmp_path / "run" / "ldnet.safetensors")
    more = line(tmp_path, "--recipe", "supervised", "--steps", "2", "--start", start)
    more = [*more[:5], str(tmp_path / "more"), *more[6:]]
    assert run(more) == 0
    assert run([*more[:-2], "--resume"]) == 2, "without --start the normalisation could be another"
    assert "other settings (start)" in capsys.readouterr().err


@pytest.mark.slow
def test_both_stages_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ofx_reenact.training.loop.draw_curves", lambda out: None)
    tracks = str(landmark_set(tmp_path / "s.npz"))
    stages = line(tmp_path, "--recipe", "adversarial", "--steps", "2")
    assert run([*stages, "--stage", "2"]) == 2 and "train --stage 1 first" in capsys.readouterr().err
    assert run([*stages, "--stage", "1"]) == 0 and "--stage 2 goes on" in capsys.readouterr().out
    assert run([*stages, "--stage", "2", "--people", "1000"]) == 0
    assert load_ldnet(tmp_path / "run" / "ldnet.safetensors").norm == "bbox"
    more = ["--stage", "2", "--resume", "--learning-rate", "1e-3"]
    assert run([*stages, *more]) == 2 and "other settings (learning_rate)" in capsys.readouterr().err
    (tmp_path / "run" / "stage2" / training.CHECKPOINT).unlink()
    assert run([*stages, *more]) == 0, "stage 2 has a rate of its own"
    capsys.readouterr()
    assert run([*stages, "--stage", "2", "--width", "32"]) == 2
    assert "trained with width 16, not 32" in capsys.readouterr().err
    on_tracks = [*stages[:3], tracks, "--out", str(tmp_path / "real"), *stages[6:]]
    assert run([*on_tracks[:2], "--data", *on_tracks[3:]]) == 0


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--recipe", "magic"], 2, "choose from supervised, adversarial"),
        (["--recipe", "adversarial", "--stage", "3"], 2, "choose from 1, 2, all"),
        (["--data", "gone.npz"], 1, r"gone.npz: no such"),
        (["--start", "gone.safetensors"], 1, "gone.safetensors"),
        (["--tracks", "gone-tracks.npz"], 1, "gone-tracks.npz"),
    ],
)
def test_train_errors(tmp_path, capsys, more, code, says):
    assert run(line(tmp_path, "--steps", "2", *more)) == code
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error


@pytest.mark.parametrize("package", ["matplotlib", "tensorboard"])
def test_missing_packages_for_curves_are_an_error_before_training(package, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    assert run(line(tmp_path, "--steps", "2")) == 2
    assert "pip install 'ofx-reenact[train]'" in capsys.readouterr().err and not (tmp_path / "run").exists()
