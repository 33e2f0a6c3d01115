"""Training of LD-Net: heads, people, both recipes, the loop, and bad input."""

import dataclasses
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from heads import head_model, heads_file, ict_folder
from ofx_reenact.training.loop.ldnet import heads as module

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError, SettingsError, WeightsError
from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.ldnet.weights import load_ldnet
from ofx_reenact.training.ldnet.heads import Poses, draw_grid, load_heads, rotation, save_heads
from ofx_reenact.training.ldnet.ict import ict_model
from ofx_reenact.training.ldnet.paper import PaperSettings, Stage1, Stage2, adversary, not_picked, picked
from ofx_reenact.training.ldnet.people import LandmarkSet, SyntheticPeople
from ofx_reenact.training.ldnet.plate import PlateRecipe, PlateSettings, cycle
from ofx_reenact.training.ldnet.score import point_error, relative_motion, score
from ofx_reenact.training.ldnet.swaps import Drawing, draw_swaps
from ofx_reenact.training.loop import loop as training

NOTHING = lambda network: {}  # noqa: E731


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
    ("content", "says"), [(None, "no such"), (b"nothing", "not a heads file"), ("other", "not a heads file")]
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
    from ofx_reenact.training.ldnet.anny_heads import anny_model

    model = anny_model(people=32)
    assert len(model.units) == 52 and model.mean.shape == (68, 3)
    jaw = model.expression[model.units.index("jawOpen")]
    assert jaw[8, 1] < -1 and abs(jaw[30, 1]) < 0.1, "the chin drops by more than a centimetre, the nose stays"
    eyes = (model.mean[36] - model.mean[45]).norm()
    assert 7 < eyes < 11
    left, right = model.mean[:17, 0], -model.mean[:17, 0].flip(0)
    assert torch.allclose(left, right, atol=0.3), "people are symmetric on average"


def landmark_set(path: Path, landmarks=None, identity=None) -> Path:
    rng = np.random.default_rng(0)
    landmarks = rng.normal(size=(12, 68, 2)) if landmarks is None else landmarks
    np.savez(path, landmarks=landmarks, identity=np.repeat([7, 3, 9], 4) if identity is None else identity)
    return path


def test_landmark_set_draws_of_the_person_named(tmp_path):
    people = LandmarkSet(landmark_set(tmp_path / "s.npz"))
    with np.load(tmp_path / "s.npz") as data:
        of_third = data["landmarks"][data["identity"] == 9].astype(np.float32)
    drawn = people.draw(torch.full((40,), 2), torch.Generator().manual_seed(0)).numpy()
    assert people.count == 3
    assert {row.tobytes() for row in drawn} == {row.tobytes() for row in of_third}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"landmarks": np.full((12, 68, 2), np.nan)}, "row 0 has landmarks that are not finite"),
        ({"landmarks": np.zeros((12, 5, 2))}, "expected"),
        ({"identity": np.zeros(12, int)}, "1 people"),
    ],
)
def test_landmark_set_errors(tmp_path, changes, says):
    with pytest.raises(ReenactError, match=rf"s\.npz: .*{says}"):
        LandmarkSet(landmark_set(tmp_path / "s.npz", **changes))


def test_people_of_two_models_are_numbered_one_after_the_other():
    models = (head_model(0), head_model(1))
    people = SyntheticPeople.of(models, 5, seed=0)
    assert people.count == 10
    still = [dataclasses.replace(model, expression=model.expression * 0) for model in models]
    people = SyntheticPeople(tuple(still), people.shapes)
    drawn = people.draw(torch.tensor([2, 7]), torch.Generator().manual_seed(0))
    assert torch.isfinite(drawn).all() and not torch.allclose(drawn[0], drawn[1])


def test_truth_of_a_swap_is_the_target_doing_what_the_driver_does():
    model = head_model()
    same = dataclasses.replace(model, identity=model.identity * 0)
    drawing = Drawing("bbox", model.template(), plain=1.0, noise=0.0, like=1.0)
    swaps = draw_swaps(same, drawing, 32, torch.Generator().manual_seed(0))
    # All people are alike; what is left is the camera's distance.
    assert point_error(swaps.truth, swaps.driver).mean() < 0.05 < point_error(swaps.target, swaps.driver).mean()
    assert point_error(swaps.target, swaps.rest).mean() < 0.05
    free = draw_swaps(model, dataclasses.replace(drawing, plain=0.0), 32, torch.Generator().manual_seed(0))
    plain = draw_swaps(model, drawing, 32, torch.Generator().manual_seed(0))
    assert point_error(free.truth, plain.truth).mean() > 0.01, "bends go beyond the model"


def test_only_swaps_that_are_alike_count_as_relative():
    drawing = Drawing("rigid", head_model().template(), like=0.5)
    swaps = draw_swaps(head_model(), drawing, 64, torch.Generator().manual_seed(0))
    moved, true = relative_motion(LDNet(width=16, hidden=3), swaps)
    assert len(moved) == len(true) == int(swaps.like.sum()) and 10 < len(moved) < 54


def test_adversaries():
    log_p = torch.tensor([-20.0, math.log(0.01), math.log(0.5)])
    assert torch.equal(adversary(log_p, 100, "ll"), log_p)
    assert torch.allclose(adversary(log_p, 100, "ll_clamp"), torch.tensor([math.log(0.01)] * 2 + [math.log(0.5)]))
    assert torch.allclose(adversary(log_p, 100, "nlu")[2], torch.tensor(99 * math.log(2)))
    probabilities = torch.tensor([[0.2, 0.8], [0.5, 0.5]]).log()
    assert torch.allclose(picked(probabilities, torch.tensor([1, 0])).exp(), torch.tensor([0.8, 0.5]))
    assert torch.allclose(not_picked(probabilities, torch.tensor([1, 0])).exp(), torch.tensor([0.2, 0.5]))


def paper(stage: int, **changes) -> Stage1 | Stage2:
    settings = PaperSettings(stage=stage, batch=4, width=16, **changes)
    people, template = SyntheticPeople.of([head_model()], 5, 1), head_model().template()
    if stage == 1:
        return Stage1(settings, people, template)
    torch.manual_seed(0)
    return Stage2(settings, people, template, LDNet(width=16), NOTHING)


def plate(**changes) -> PlateRecipe:
    models = [head_model(0), head_model(1)]
    return PlateRecipe(PlateSettings(batch=4, width=16, **changes), models, models[0].template(), NOTHING)


def weights_of(recipe) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in recipe.network.state_dict().items()}


def test_stage_1_trains_pose_and_generator_and_stage_2_leaves_the_pose_alone():
    first = paper(1)
    before = weights_of(first)
    losses = first.step(0, 10)
    changed = {name.split(".")[0] for name, value in weights_of(first).items() if not torch.equal(value, before[name])}
    assert changed == {"pose_encoder", "generator"} and set(losses) == {"C", "rec", "adv"}

    second = paper(2)
    before = weights_of(second)
    losses = second.step(0, 10)
    changed = {name.split(".")[0] for name, value in weights_of(second).items() if not torch.equal(value, before[name])}
    assert changed == {"identity_encoder", "generator"}
    assert set(losses) == {"D", "C", "cont", "rec", "adv_D", "adv_C"}


def test_pairs_never_have_one_person_twice():
    recipe = paper(1)
    for _ in range(50):
        driver, target = recipe._pairs()
        assert (driver != target).all() and driver.max() < 5 and target.max() < 5


def test_losses_fall():
    recipe = plate(learning_rate=3e-3)
    errors = [recipe.step(number, 100)["swap"] for number in range(100)]
    assert np.mean(errors[-20:]) < 0.7 * np.mean(errors[:20])


def test_cycle_is_zero_when_the_code_survives():
    network = LDNet(width=16, hidden=3)
    faces = torch.randn(6, 68, 2)
    assert cycle(network, faces, faces) > 0
    with torch.no_grad():
        for layer in network.identity_encoder:
            if hasattr(layer, "weight"):
                layer.weight.zero_()
    assert cycle(network, faces, faces) == 0


@pytest.mark.parametrize("make", [lambda: paper(1), lambda: paper(2), plate], ids=["stage 1", "stage 2", "plate"])
def test_a_run_that_was_broken_off_gives_the_numbers_of_an_unbroken_one(tmp_path, make):
    whole, broken, resumed = make(), make(), make()
    training.run(whole, tmp_path / "whole", 4, save_every=2)
    stop_at(broken, 3)
    with pytest.raises(KeyboardInterrupt):
        training.run(broken, tmp_path / "broken", 4, save_every=2)
    points = []
    training.run(resumed, tmp_path / "broken", 4, save_every=2, resume=True, observe=points.append)
    assert [point.step for point in points] == [4]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def stop_at(recipe, number: int) -> None:
    step = recipe.step

    def interrupted(at: int, steps: int):
        if at == number:
            raise KeyboardInterrupt
        return step(at, steps)

    recipe.step = interrupted


def test_a_run_is_not_begun_over_another(tmp_path):
    training.run(plate(), tmp_path / "run", 2, save_every=1)
    with pytest.raises(SettingsError, match="--resume"):
        training.run(plate(), tmp_path / "run", 4, save_every=1)
    with pytest.raises(SettingsError, match=r"other settings \(seed\)"):
        training.run(plate(seed=2), tmp_path / "run", 4, save_every=1, resume=True)
    with pytest.raises(SettingsError, match="other settings"):
        training.run(paper(1), tmp_path / "run", 4, save_every=1, resume=True)
    (tmp_path / "run" / training.CHECKPOINT).write_bytes(b"half a checkpoint")
    with pytest.raises(WeightsError, match="not a whole checkpoint"):
        training.run(plate(), tmp_path / "run", 4, save_every=1, resume=True)


def test_scores_name_their_source():
    drawing = Drawing("rigid", head_model().template())
    scores = score(LDNet(width=16, hidden=3), {"made": head_model()}, drawing, count=64)
    assert set(scores) == {f"made {name}" for name in ("copied", "direct", "anchored", "relative", "gain")}
    assert 0 < scores["made copied"] < 1


def line(tmp_path, *more: str) -> list[str]:
    return [
        "train", "ldnet", "--data", heads_file(tmp_path / "h.npz"), "--out", str(tmp_path / "run"), "--width", "16",
        "--batch", "4", "--save-every", "2", "--device", "cpu", *more,
    ]  # fmt: skip


def test_train_from_the_command_line(tmp_path, capsys):
    assert run(line(tmp_path, "--recipe", "plate", "--steps", "4")) == 0
    assert "weights:" in capsys.readouterr().out
    loaded = load_ldnet(tmp_path / "run" / "ldnet.safetensors")
    assert loaded.norm == "rigid" and "made0" in loaded.metadata["data"] and "relative" in loaded.metadata["errors"]
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000
    assert training.read_curves(tmp_path / "run")["swap"][0] == [2, 4]
    assert list((tmp_path / "run").glob("events.out.tfevents*"))
    start = str(tmp_path / "run" / "ldnet.safetensors")
    more = line(tmp_path, "--recipe", "plate", "--steps", "2", "--start", start)
    more = [*more[:5], str(tmp_path / "more"), *more[6:]]
    assert run(more) == 0
    assert run([*more[:-2], "--resume"]) == 2, "without --start the normalisation could be another"
    assert "other settings (start)" in capsys.readouterr().err


@pytest.mark.slow
def test_both_stages_from_the_command_line(tmp_path, capsys):
    tracks = str(landmark_set(tmp_path / "s.npz"))
    stages = line(tmp_path, "--recipe", "paper", "--steps", "2")
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
        (["--recipe", "magic"], 2, "choose from plate, paper"),
        (["--recipe", "paper", "--stage", "3"], 2, "choose from 1, 2, all"),
        (["--data", "gone.npz"], 1, r"gone.npz: no such"),
        (["--start", "gone.safetensors"], 1, "gone.safetensors"),
        (["--tracks", "gone-tracks.npz"], 1, "gone-tracks.npz"),
    ],
)
def test_train_errors(tmp_path, capsys, more, code, says):
    assert run(line(tmp_path, "--steps", "2", *more)) == code
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error


@pytest.mark.slow
def test_killed_while_saving_leaves_the_last_checkpoint_usable(tmp_path):
    command = [sys.executable, "-m", "ofx_reenact", *line(tmp_path, "--steps", "100000", "--save-every", "1")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    checkpoint = tmp_path / "run" / training.CHECKPOINT
    patience = time.monotonic() + 90
    while not checkpoint.exists() and time.monotonic() < patience:
        time.sleep(0.05)
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    step = torch.load(checkpoint, weights_only=True)["step"]
    assert run(line(tmp_path, "--steps", str(step + 2), "--save-every", "1", "--resume")) == 0


def test_heads_from_the_command_line(tmp_path, capsys):
    folder, _ = ict_folder(tmp_path / "ict")
    out = tmp_path / "h.npz"
    made = ["data", "heads", "--source", "ict", "--from", str(folder), "--out", str(out), "--identities", "3"]
    assert run([*made, "--poses", "4"]) == 0
    assert load_heads(out)[1].landmarks.shape == (3, 4, 68, 2)
    assert run(["data", "heads", "--source", "ict", "--out", str(out)]) == 2
    assert "--from" in capsys.readouterr().err
