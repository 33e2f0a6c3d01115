"""The driver's position for each frame of a target that moves."""

import numpy as np
import pytest

from ofx_reenact.errors import SettingsError
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.retime import driver_positions

OWN, DRIVER = np.arange(993, 1003), np.arange(1, 6)


@pytest.mark.parametrize(
    ("start", "speed", "first", "last"),
    [(None, 1.0, 1, 10), (3, 0.5, 3, 7.5), (-7, 1.0, -7, 2), (-8, 1.0, -8, 1), (5, 2.0, 5, 23)],
)
def test_a_target_with_handles_may_begin_before_its_driver(start, speed, first, last):
    positions = driver_positions(OWN, DRIVER, Settings(driver_start=start, driver_speed=speed))
    assert (positions[0], positions[-1], len(positions)) == (first, last, 10)


@pytest.mark.parametrize("start", [-9, 6])
def test_a_driver_without_a_frame_for_the_target_is_refused(start):
    with pytest.raises(SettingsError, match=rf"--driver-start {start}: no frame .* the driver's 1-5"):
        driver_positions(OWN, DRIVER, Settings(driver_start=start))
