"""LD-Net's recipes: losses, what each stage trains, scores."""

import math

import numpy as np
import torch
from heads import head_model
from trainings import adversarial, supervised, weights_of

from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.training.ldnet.adversarial import adversary_loss, log_not_p, log_p
from ofx_reenact.training.ldnet.data.swaps import SwapSettings
from ofx_reenact.training.ldnet.score import score
from ofx_reenact.training.ldnet.supervised import cycle_loss


def test_adversaries():
    values = torch.tensor([-20.0, math.log(0.01), math.log(0.5)])
    assert torch.equal(adversary_loss(values, 100, "ll"), values)
    assert torch.allclose(adversary_loss(values, 100, "ll_clamp"), torch.tensor([math.log(0.01)] * 2 + [math.log(0.5)]))
    assert torch.allclose(adversary_loss(values, 100, "nlu")[2], torch.tensor(99 * math.log(2)))
    probabilities = torch.tensor([[0.2, 0.8], [0.5, 0.5]]).log()
    assert torch.allclose(log_p(probabilities, torch.tensor([1, 0])).exp(), torch.tensor([0.8, 0.5]))
    assert torch.allclose(log_not_p(probabilities, torch.tensor([1, 0])).exp(), torch.tensor([0.2, 0.5]))


def test_stage_1_trains_pose_and_generator_and_stage_2_leaves_the_pose_alone():
    first = adversarial(1)
    before = weights_of(first)
    losses = first.step(0, 10)
    changed = {name.split(".")[0] for name, value in weights_of(first).items() if not torch.equal(value, before[name])}
    assert changed == {"pose_encoder", "generator"} and set(losses) == {"C", "rec", "adv"}

    second = adversarial(2)
    before = weights_of(second)
    losses = second.step(0, 10)
    changed = {name.split(".")[0] for name, value in weights_of(second).items() if not torch.equal(value, before[name])}
    assert changed == {"identity_encoder", "generator"}
    assert set(losses) == {"D", "C", "cont", "rec", "adv_D", "adv_C"}


def test_pairs_never_have_one_person_twice():
    recipe = adversarial(1)
    for _ in range(50):
        driver, target = recipe._draw_pairs()
        assert (driver != target).all() and driver.max() < 5 and target.max() < 5


def test_losses_fall():
    recipe = supervised(learning_rate=3e-3)
    errors = [recipe.step(number, 100)["swap"] for number in range(100)]
    assert np.mean(errors[-20:]) < 0.7 * np.mean(errors[:20])


def test_cycle_is_zero_when_the_code_survives():
    network = LDNet(width=16, hidden=3)
    faces = torch.randn(6, 68, 2)
    assert cycle_loss(network, faces, faces) > 0
    with torch.no_grad():
        for layer in network.identity_encoder:
            if hasattr(layer, "weight"):
                layer.weight.zero_()
    assert cycle_loss(network, faces, faces) == 0


def test_scores_name_their_source():
    drawing = SwapSettings("rigid", head_model().template())
    scores = score(LDNet(width=16, hidden=3), {"made": head_model()}, drawing, count=64)
    assert set(scores) == {f"made {name}" for name in ("copied", "direct", "anchored", "relative", "gain")}
    assert 0 < scores["made copied"] < 1
