"""Grain: measured, and made again."""

import numpy as np
import pytest

from ofx_reenact.compose.grain import make_grain, measure_grain


def test_made_grain_measures_as_it_should():
    y, x = np.mgrid[:200, :300] / 300
    smooth = np.dstack([0.3 + 0.4 * x, 0.2 + 0.3 * y * x, 0.5 - 0.2 * y]).astype(np.float32)
    assert measure_grain(smooth) < 1e-4
    for deviation in (0.005, 0.02, 0.05):
        box = (slice(40, 240), slice(900, 1200))
        assert measure_grain(smooth + make_grain(box, deviation)) == pytest.approx(deviation, rel=0.1)
    whole, part = make_grain((slice(0, 50), slice(0, 60)), 0.1), make_grain((slice(20, 30), slice(40, 60)), 0.1)
    assert np.array_equal(whole[20:30, 40:60], part)
