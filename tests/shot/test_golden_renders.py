"""Renders give the pixels that are written down."""

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


def test_frames_look_as_they_did_on_any_machine(case):
    name, kept = case
    for channel, means in WRITTEN["means"][name].items():
        assert np.allclose(kept["means"][channel], means, rtol=2e-3, atol=1e-3), channel


def test_frames_have_the_pixels_that_are_written_down_bit_for_bit(case):
    name, kept = case
    digests = WRITTEN["sha256"].get(machine())
    if digests is None:
        pytest.skip(f"no digests are written down for {machine()}; what frames look like is tested all the same")
    assert kept["sha256"] == digests[name]
