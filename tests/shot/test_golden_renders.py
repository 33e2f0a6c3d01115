"""Renders give the pixels that are written down."""

import json

import numpy as np
import pytest
from golden_renders import CASES, GOLDEN, machine, render_cases

WRITTEN = json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    return dict(render_cases(tmp_path_factory.mktemp("golden")))


@pytest.mark.parametrize("case", CASES)
def test_frames_have_the_pixels_that_are_written_down_bit_for_bit(rendered, case):
    digests = WRITTEN["sha256"].get(machine())
    if digests is None:
        pytest.skip(f"no digests are written down for {machine()}; the test below compares what frames look like")
    assert rendered[case]["sha256"] == digests[case]


@pytest.mark.parametrize("case", CASES)
def test_frames_look_as_they_did_on_any_machine(rendered, case):
    for channel, means in WRITTEN["means"][case].items():
        # Positions of an STMap are fractions of the picture: 1e-3 of 500 pixels is half a pixel on average.
        assert np.allclose(rendered[case]["means"][channel], means, rtol=2e-3, atol=1e-3), channel
