"""Teeth are drawn in all of a shot or in no frame of it: where no picture of the person shows their own."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import TARGET, rgb_channels, write_exr
from moving import make_plate, track_plate

from ofx_reenact.engine.loader import open_shot
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.landmarks import LIPS_INNER
from ofx_reenact.tracking.surface import measure_gap

# Frames of the demo's driver that open the mouth.
START, COUNT = 34, 5
# How much darker each frame is than the one before.
DARKER = 0.8


@pytest.fixture(scope="module")
def silent(tmp_path_factory) -> str:
    """A plate in which the light goes down on somebody who walks past and says nothing."""
    folder = tmp_path_factory.mktemp("silent")
    picture = cv2.imread(str(TARGET))[..., ::-1].astype(np.float32) / 255
    for number in range(COUNT):
        moved = cv2.warpAffine(picture, np.float32([[1, 0, 2 * number], [0, 1, number]]), picture.shape[1::-1])
        write_exr(folder / f"plate.{1001 + number}.exr", rgb_channels(moved**2.2 * DARKER**number))
    plate = str(folder / "plate.####.exr")
    track_plate(plate)
    return plate


@pytest.fixture(scope="module")
def asked(silent, performance_file) -> Settings:
    performance = str(Path(silent).parent / "plate.npz")
    return Settings(
        target=silent, target_performance=performance, performance=performance_file, driver_start=START
    )  # fmt: skip


@pytest.fixture(scope="module")
def shot(asked):
    return open_shot(asked)


def opened(shot) -> int:
    gaps = measure_gap(shot.motion.own + shot.motion.expression, LIPS_INNER)
    return {row: frame for frame, row in shot.motion.rows.items()}[int(np.argmax(gaps))]


def test_a_plate_that_never_shows_teeth_gets_a_row(shot):
    assert shot.teeth is not None
    frame = opened(shot)
    one, other = shot.render(frame), replace(shot, teeth=None).render(frame)
    apart = np.abs(one.colour - other.colour).max(-1)
    whole = tuple(slice(0, length) for length in apart.shape)
    assert (apart > 1e-3).sum() > 20 and not apart[one.carried.invented(whole) == 0].any()


def test_a_frame_alone_has_the_teeth_that_it_has_in_the_shot(shot, asked):
    frame = opened(shot)
    for other in shot.motion.rows:
        shot.render(other)
    assert np.array_equal(open_shot(asked).render(frame).colour, shot.render(frame).colour)


def test_their_light_goes_with_the_frames(shot):
    whites = [shot.teeth.in_light(shot.target.view(frame).skin).white for frame in sorted(shot.motion.rows)]
    ratios = np.array(whites[1:]) / np.array(whites[:-1])
    np.testing.assert_allclose(ratios, DARKER, rtol=0.03)


def test_a_plate_that_shows_teeth_keeps_its_own(performance_file, tmp_path):
    plate = make_plate(tmp_path, tuple(range(34, 40)))
    settings = Settings(target=plate, target_performance=track_plate(plate), performance=performance_file)
    assert open_shot(settings).teeth is None


def test_a_still_of_somebody_whose_teeth_another_picture_shows_gets_none(silent, performance_file, opened, tmp_path):
    still = Settings(target=silent, target_frame=1001, performance=performance_file)
    assert open_shot(still).teeth is not None
    smile = tmp_path / "smile.png"
    cv2.imwrite(str(smile), np.rint(np.clip(opened[0], 0, 1) * 255).astype(np.uint8)[..., ::-1])
    assert open_shot(replace(still, appearance=(str(smile),))).teeth is None
