"""Renders have the recorded pixels."""

import json

import numpy as np
import pytest
from golden_renders import CASES, GOLDEN, Inputs, machine

WRITTEN = json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return Inputs.make(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module", params=CASES)
def case(request, inputs):
    return request.param, inputs.render(request.param)


def test_means_of_channels_are_as_recorded_on_any_machine(case):
    name, kept = case
    for channel, means in WRITTEN["means"][name].items():
        assert np.allclose(kept["means"][channel], means, rtol=2e-3, atol=1e-3), channel


def test_pixels_are_as_recorded_bit_for_bit(case):
    name, kept = case
    digests = WRITTEN["sha256"].get(machine())
    if digests is None:
        pytest.skip(f"no digests are recorded for {machine()}; the means of its channels are tested")
    assert kept["sha256"] == digests[name]
