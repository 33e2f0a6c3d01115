"""Who LD-Net is trained on: sets of tracks, synthetic people, swaps with a truth."""

import dataclasses

import numpy as np
import pytest
import torch
from heads import head_model
from trainings import landmark_set

from ofx_reenact.errors import ReenactError
from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.training.ldnet.data.people import LandmarkSet, SyntheticPeople
from ofx_reenact.training.ldnet.data.swaps import SwapSettings, draw_swaps
from ofx_reenact.training.ldnet.score import point_error, relative_motion


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
        ({"landmarks": np.full((12, 68, 2), np.nan)}, "landmarks has values that are not finite, in row 0"),
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
    drawing = SwapSettings("bbox", model.template(), plain=1.0, noise=0.0, same_rest=1.0)
    swaps = draw_swaps(same, drawing, 32, torch.Generator().manual_seed(0))
    # All people are alike; what is left is the camera's distance.
    assert point_error(swaps.truth, swaps.driver).mean() < 0.05 < point_error(swaps.target, swaps.driver).mean()
    assert point_error(swaps.target, swaps.rest).mean() < 0.05
    free = draw_swaps(model, dataclasses.replace(drawing, plain=0.0), 32, torch.Generator().manual_seed(0))
    plain = draw_swaps(model, drawing, 32, torch.Generator().manual_seed(0))
    assert point_error(free.truth, plain.truth).mean() > 0.01, "bends go beyond the model"


def test_only_swaps_from_the_same_rest_count_as_relative():
    drawing = SwapSettings("rigid", head_model().template(), same_rest=0.5)
    swaps = draw_swaps(head_model(), drawing, 64, torch.Generator().manual_seed(0))
    moved, true = relative_motion(LDNet(width=16, hidden=3), swaps)
    assert len(moved) == len(true) == int(swaps.same_rest.sum()) and 10 < len(moved) < 54
