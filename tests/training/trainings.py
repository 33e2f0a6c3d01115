"""Small trainings of LD-Net that several tests run."""

from pathlib import Path

import numpy as np
import torch
from heads import head_model, heads_file

from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.training.ldnet.adversarial import AdversarialSettings, Stage1, Stage2
from ofx_reenact.training.ldnet.data.people import SyntheticPeople
from ofx_reenact.training.ldnet.supervised import SupervisedRecipe, SupervisedSettings

NOTHING = lambda network: {}  # noqa: E731


def landmark_set(path: Path, landmarks=None, identity=None) -> Path:
    rng = np.random.default_rng(0)
    landmarks = rng.normal(size=(12, 68, 2)) if landmarks is None else landmarks
    np.savez(path, landmarks=landmarks, identity=np.repeat([7, 3, 9], 4) if identity is None else identity)
    return path


def adversarial(stage: int, **changes) -> Stage1 | Stage2:
    settings = AdversarialSettings(stage=stage, batch=4, width=16, **changes)
    people, template = SyntheticPeople.of([head_model()], 5, 1), head_model().template()
    if stage == 1:
        return Stage1(settings, people, template)
    torch.manual_seed(0)
    return Stage2(settings, people, template, LDNet(width=16), NOTHING)


def supervised(**changes) -> SupervisedRecipe:
    models = [head_model(0), head_model(1)]
    return SupervisedRecipe(SupervisedSettings(batch=4, width=16, **changes), models, models[0].template(), NOTHING)


def weights_of(recipe) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in recipe.network.state_dict().items()}


def stop_at(recipe, number: int) -> None:
    step = recipe.step

    def interrupted(at: int, steps: int):
        if at == number:
            raise KeyboardInterrupt
        return step(at, steps)

    recipe.step = interrupted


def line(tmp_path, *more: str) -> list[str]:
    return [
        "train", "ldnet", "--data", heads_file(tmp_path / "h.npz"), "--out", str(tmp_path / "run"), "--width", "16",
        "--batch", "4", "--save-every", "2", "--device", "cpu", *more,
    ]  # fmt: skip
