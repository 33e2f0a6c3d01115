"""Training of the portrait network: views of a face, equations 10 to 12, the defaults, the command."""

import cv2
import numpy as np
import pytest
import torch
from conftest import TARGET, make_shot
from narrow import narrow

from ofx_reenact.cli.main import run
from ofx_reenact.engine.make_identity import identify, make_painter
from ofx_reenact.errors import ReenactError
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.weights import load_portrait
from ofx_reenact.settings import Settings
from ofx_reenact.training.cuda_graph import GraphedStep
from ofx_reenact.training.fdgan.data.cut_crops import build_crops
from ofx_reenact.training.fdgan.data.face_set import FaceBatch, Faces, build_faces
from ofx_reenact.training.fdgan.portrait import (
    STEPS,
    PortraitRecipe,
    PortraitSettings,
    critics_losses,
    network_losses,
)

pytestmark = pytest.mark.usefixtures("backbone")


def test_views_are_of_one_person_with_landmarks_where_the_face_is(faces_file):
    faces = Faces(faces_file)
    batch = faces.draw(6, np.random.default_rng(0))
    assert batch.target.shape == (6, 3, 64, 64) and faces.people() >= 2
    eyes, chin = batch.landmarks[:, 36:48].mean(1), batch.landmarks[:, 8]
    assert (eyes > 10).all() and (eyes < 54).all() and (chin[:, 1] > eyes[:, 1]).all()
    assert not torch.equal(batch.target, batch.truth)


def test_faces_are_drawn_at_a_smaller_size(faces_file):
    whole, half = (Faces(faces_file, size).validation(1) for size in (0, 32))
    assert half.truth.shape == (1, 3, 32, 32)
    assert torch.allclose(half.truth, torch.nn.functional.avg_pool2d(whole.truth, 2))
    # The middle of the picture stays the middle.
    assert torch.allclose((half.landmarks - 15.5) * 2, whole.landmarks - 31.5, atol=1e-4)
    for size in (48, 128, 8):
        with pytest.raises(ReenactError, match="faces of 64 pixels"):
            Faces(faces_file, size)


def test_equations_10_to_12_are_the_papers():
    made, truth = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    batch = FaceBatch(truth, torch.zeros(2, 68, 2), truth, torch.zeros(2, 68, 2), torch.tensor([2, 0]))
    verdict = lambda x: x.mean((1, 2, 3), keepdim=True)  # noqa: E731
    likely = lambda x: torch.log_softmax(torch.arange(3.0)[None, :, None, None] * verdict(x), 1)  # noqa: E731
    found = critics_losses(verdict, likely, batch, made)
    found |= network_losses(PortraitSettings(), verdict, likely, batch, made)
    p = {name: likely(x)[[0, 1], [2, 0], 0, 0].exp() for name, x in (("truth", truth), ("made", made))}
    real, fake = verdict(truth), verdict(made)
    assert found["D"] == pytest.approx((((real - 1) ** 2).mean() + ((fake + 1) ** 2).mean()).item(), rel=1e-5)
    assert found["C"] == pytest.approx((-p["truth"].log().mean() - (1 - p["made"]).log().mean()).item(), rel=1e-4)
    assert found["reconstruction"] == pytest.approx(50 * ((made - truth) ** 2).mean().item(), rel=1e-5)
    assert found["adversary"] == pytest.approx((fake**2).mean().item(), rel=1e-5)
    assert found["identity"] == pytest.approx(-p["made"].log().mean().item(), rel=1e-5)


def test_portrait_defaults_are_the_papers():
    settings = PortraitSettings()
    assert (settings.batch, settings.learning_rate, STEPS) == (4, 2e-5, 1_000_000)
    assert (settings.reconstruction, settings.adversary, settings.identity) == (50, 1, 1)


def test_portrait_recipe_trains_resumes_and_renders(
    faces_file, target, colour, weights, performance, tmp_path, monkeypatch
):
    monkeypatch.setattr("ofx_reenact.training.loop.draw_curves", lambda out: None)
    monkeypatch.setattr(PortraitNetwork, "ablation", lambda name: PortraitNetwork(*narrow(3, 6, 3)))
    out = tmp_path / "run"
    arguments = ["train", "fdgan", "--recipe", "portrait", "--data", str(faces_file), "--out", str(out)]
    arguments += ["--device", "cpu"]
    assert run([*arguments, "--steps", "1", "--batch", "2"]) == 0
    assert run([*arguments, "--steps", "2", "--batch", "2", "--resume"]) == 0
    fdgan = load_portrait(out / "fdgan_portrait.safetensors")
    further = ["--start", str(fdgan.path), "--critics", str(out / "critics.safetensors"), "--variant", "fdgan"]
    go_on = [*arguments[:-3], str(tmp_path / "on"), "--device", "cpu", "--steps", "1", "--batch", "2"]
    assert run([*go_on, *further]) == 0
    assert fdgan.sha256[:12] in load_portrait(tmp_path / "on" / "fdgan_portrait.safetensors").metadata["recipe"]
    assert fdgan.size == 64 and "2 steps of 2 at 64²" in fdgan.metadata["recipe"]
    identity = identify(Settings(target=str(TARGET)), target, colour, weights, fdgan)
    made = make_shot(identity, target, performance, weights, painter=make_painter(fdgan, "cpu"))
    frame = made.render(36)
    assert frame.matte.max() == pytest.approx(1, abs=0.02) and frame.matte[:5].max() == 0
    untouched = frame.matte == 0
    assert np.array_equal(frame.colour[untouched], target.pixels[untouched])
    assert np.abs(frame.colour - target.pixels)[frame.matte > 0.9].mean() > 0.01
    assert np.array_equal(made.render(36).colour, frame.colour)


def test_one_person_cannot_train_the_classifier(smiling, tmp_path):
    for take in "ab":
        picture = np.rint(np.clip(smiling, 0, 1) * 255).astype(np.uint8)[..., ::-1]
        cv2.imwrite(str(tmp_path / f"ann_{take}.png"), picture)
    build_crops([str(tmp_path)], tmp_path / "crops.npz", size=256)
    with pytest.raises(ReenactError, match="one person only"):
        build_faces(tmp_path / "crops.npz", tmp_path / "faces.npz")


def test_making_of_faces_goes_on_where_it_was_interrupted(crops_file, faces_file, tmp_path):
    out = tmp_path / "faces.npz"

    def end(done, count):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_faces(crops_file, out, size=64, views=2, observe=end)
    assert not out.exists()
    seen = []
    build_faces(crops_file, out, size=64, views=2, jobs=2, observe=lambda done, count: seen.append(done))
    assert seen[0] == 3 and not (tmp_path / ".faces.npz.parts").exists()
    one, other = np.load(faces_file), np.load(out)
    assert all(np.array_equal(one[name], other[name]) for name in one.files), "processes and breaks change nothing"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_recorded_step_gives_the_losses_of_a_step_kernel_by_kernel(faces_file, tmp_path, monkeypatch):
    """Both draw the same random numbers; the rate is so low that the order of a GPU's sums hardly matters."""

    def losses(on):
        graphed = "ofx_reenact.training.fdgan.portrait.GraphedStep"
        monkeypatch.setattr(graphed, lambda function, on: GraphedStep(function, on=on and recording))
        recording = on
        settings = PortraitSettings(batch=2, device="cuda", learning_rate=1e-6, bf16=False)
        recipe = PortraitRecipe(settings, Faces(faces_file), tmp_path)
        return [{name: float(value) for name, value in recipe.step(n, 24).items()} for n in range(24)]

    eager, recorded = losses(False), losses(True)
    for a, b in zip(eager, recorded, strict=True):
        assert all(b[name] == pytest.approx(a[name], rel=0.03, abs=1e-3) for name in a), (a, b)
