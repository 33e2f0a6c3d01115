"""Heads: models, grids, files, ICT-FaceKit, anny, and `data heads`."""

import numpy as np
import pytest
import torch
from heads import head_model, ict_folder

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.training.ldnet.data import head_model as module
from ofx_reenact.training.ldnet.data.head_model import Poses, draw_grid, load_heads, rotation, save_heads
from ofx_reenact.training.ldnet.data.ict_head_model import ict_model


def test_heads_turn_as_labelled():
    model = head_model()
    nobody = torch.zeros(1, len(model.identity))
    turned = Poses(torch.zeros(1, len(model.units)), torch.tensor([[0.0, 0.5, 0.0]]))
    seen = model.landmarks(nobody, turned, torch.tensor([1e6]))[0]
    expected = model.mean @ rotation(turned.angles)[0].T
    assert torch.allclose(seen, expected[:, :2] * torch.tensor([1.0, -1.0]), atol=1e-3)


def test_grid_is_the_same_from_a_seed_and_begins_neutral(monkeypatch):
    model = head_model()
    grid = draw_grid(model, 4, 7, seed=5)
    monkeypatch.setattr(module, "_CHUNK", 5)
    again = draw_grid(model, 4, 7, seed=5)
    assert torch.allclose(grid.landmarks, again.landmarks, atol=1e-5)
    assert not torch.allclose(grid.landmarks, draw_grid(model, 4, 7, seed=6).landmarks)
    assert grid.poses.expression[0].any() == 0 == grid.poses.angles[0].any()


def test_heads_file_round_trips(tmp_path):
    model = head_model()
    grid = draw_grid(model, 3, 5, seed=1)
    save_heads(tmp_path / "h.npz", model, grid)
    back, landmarks = load_heads(tmp_path / "h.npz")
    assert back.units == model.units and back.source == model.source
    assert torch.equal(back.identity, model.identity) and torch.equal(landmarks.landmarks, grid.landmarks)
    assert torch.equal(landmarks.poses.angles, grid.poses.angles)


@pytest.mark.parametrize(
    ("content", "says"), [(None, "no such"), (b"nothing", "not a whole heads file"), ("other", "not a heads file")]
)
def test_heads_errors_name_the_file(tmp_path, content, says):
    path = tmp_path / "bad.npz"
    if content == "other":
        np.savez(path, landmarks=np.zeros(3))
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ReenactError, match=rf"bad\.npz: .*{says}"):
        load_heads(path)


def test_ict_facekit_is_read_from_its_repository(tmp_path):
    folder, shapes = ict_folder(tmp_path / "ICT-FaceKit")
    for given in (folder, folder / "FaceXModel"):
        model = ict_model(given)
        assert model.units == ("jawOpen", "eyeBlink_L") and "MIT" in model.source
        assert np.allclose(model.mean, shapes[0], atol=1e-6)
        assert np.allclose(model.identity, shapes[1:3] - shapes[0], atol=1e-6)
        assert np.allclose(model.expression, shapes[3:] - shapes[0], atol=1e-6)
    (folder / "FaceXModel" / "jawOpen.obj").unlink()
    with pytest.raises(ReenactError, match=r"jawOpen\.obj"):
        ict_model(folder)
    with pytest.raises(ReenactError, match=r"vertex_indices\.json"):
        ict_model(tmp_path)


@pytest.mark.slow
def test_anny_is_a_source_of_heads():
    pytest.importorskip("anny")
    from ofx_reenact.training.ldnet.data.anny_head_model import anny_model

    model = anny_model(people=32)
    assert len(model.units) == 52 and model.mean.shape == (68, 3)
    jaw = model.expression[model.units.index("jawOpen")]
    assert jaw[8, 1] < -1 and abs(jaw[30, 1]) < 0.1, "the chin drops by more than a centimetre, the nose stays"
    eyes = (model.mean[36] - model.mean[45]).norm()
    assert 7 < eyes < 11
    left, right = model.mean[:17, 0], -model.mean[:17, 0].flip(0)
    assert torch.allclose(left, right, atol=0.3), "people are symmetric on average"


def test_heads_from_the_command_line(tmp_path, capsys):
    folder, _ = ict_folder(tmp_path / "ict")
    out = tmp_path / "h.npz"
    made = ["data", "heads", "--source", "ict", "--from", str(folder), "--out", str(out), "--identities", "3"]
    assert run([*made, "--poses", "4"]) == 0
    assert load_heads(out)[1].landmarks.shape == (3, 4, 68, 2)
    assert run(["data", "heads", "--source", "ict", "--out", str(out)]) == 2
    assert "--from" in capsys.readouterr().err
