"""The display encoding that networks see: it can be inverted, and is exposed for the face."""

import numpy as np
import pytest

from ofx_reenact.frames.colour import FaceDisplay


def test_display_goes_both_ways_and_exposes_for_the_face(colour):
    light = np.random.default_rng(0).uniform(0.1, 0.9, (4, 5, 1)).astype(np.float32) * np.array([1, 0.9, 0.8], "f4")
    space = colour.resolve("scene_linear")
    display = FaceDisplay(colour, space)
    assert np.allclose(display.decode(display.encode(light)), light, atol=1e-4)
    dark = FaceDisplay(colour, space, np.full((9, 3), 0.006, np.float32))
    assert dark.exposure == pytest.approx(10, rel=1e-3)
    assert np.allclose(dark.decode(dark.encode(light / 20)), light / 20, atol=1e-4)
