"""Gain and correlation of synthetic curves and landmarks: groups, regions."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ofx_reenact.evaluate.metrics import gain, landmark_gain
from ofx_reenact.tracking.blendshapes import BLENDSHAPES
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import MESH68, MESH_POINTS

FRAMES = 40


def wave(count=FRAMES, turns=1.1):
    return np.sin(np.linspace(0, 2 * np.pi * turns, count))


def across(driver, size, seed=0):
    """Noise of this size relative to the driver's motion, orthogonal to it and to a constant."""
    noise = np.random.default_rng(seed).normal(size=len(driver))
    noise -= np.polyval(np.polyfit(driver, noise, 1), driver)
    return noise * size * np.linalg.norm(driver - driver.mean()) / np.linalg.norm(noise)


def shapes(**moved):
    """Blendshapes (N, 52) that rest at 0.3, except those named."""
    found = np.full((FRAMES, 52), 0.3)
    for name, curve in moved.items():
        found[:, BLENDSHAPES.index(name)] += curve
    return found


def by_name(scores):
    return {score.metric.name: score.values.item() for score in scores}


@pytest.mark.parametrize("slope", [1.0, 0.5, -0.4])
@pytest.mark.parametrize("off", [0.0, 0.5])
def test_gain_and_correlation_are_those_that_were_put_in(slope, off):
    driver = wave()
    found, correlation = gain.gain_and_correlation(3 + slope * driver + across(driver, off), driver)
    assert found == pytest.approx(slope)
    assert correlation == pytest.approx(slope / np.hypot(slope, off))


def test_frames_without_a_number_do_not_count():
    driver = wave()
    made, spoilt = 0.8 * driver, driver.copy()
    made[::7], spoilt[3] = np.nan, np.nan
    assert gain.gain_and_correlation(made, spoilt) == pytest.approx((0.8, 1))
    assert np.isnan(gain.gain_and_correlation(made[:3], driver[:3])).all()
    assert np.isnan(gain.gain_and_correlation(made[1:7], driver[1:7], fewest=8)).all()


def test_a_curve_that_does_not_move_has_gain_0_and_as_driver_none():
    still = np.full(FRAMES, 0.3)
    assert gain.gain_and_correlation(still, wave()) == pytest.approx((0, 0))
    assert np.isnan(gain.gain_and_correlation(wave(), still)).all()
    together = gain.gain_and_correlation(np.stack([wave(), still, wave()], 1), np.stack([wave(), wave(), still], 1))
    assert np.array(together) == pytest.approx(np.array([[1, 0, np.nan]] * 2), nan_ok=True)


def test_half_a_performance_has_half_the_gain():
    driver = shapes(mouthSmileLeft=0.2 * wave(), jawOpen=0.1 * wave(turns=2))
    # The rest of another face does not count.
    scores, alone = gain.compare_blendshapes(0.2 + 0.5 * driver, driver, gain.used_deviations(driver))
    found = by_name(scores)
    assert [found[name] for name in ("gain", "gain smile", "gain jaw")] == pytest.approx([0.5] * 3)
    assert [found[name] for name in ("correlation", "correlation smile")] == pytest.approx([1, 1])
    assert list(alone) == ["jawOpen", "mouthSmileLeft"]
    assert alone["jawOpen"] == pytest.approx([0.5, 1])
    assert {score.metric.best for score in scores} == {"1"}


def test_what_the_driver_uses_more_counts_for_more():
    driver = shapes(mouthSmileLeft=0.3 * wave(), jawOpen=0.1 * wave())
    made = shapes(mouthSmileLeft=0.3 * wave(), jawOpen=0 * wave())
    found = by_name(gain.compare_blendshapes(made, driver, gain.used_deviations(driver))[0])
    assert found["gain"] == pytest.approx(0.75)


def test_noise_takes_correlation_and_not_gain():
    driver = shapes(mouthPucker=0.2 * wave())
    made = shapes(mouthPucker=0.2 * (wave() + across(wave(), 1)))
    found = by_name(gain.compare_blendshapes(made, driver, gain.used_deviations(driver))[0])
    assert found["gain mouth"] == pytest.approx(1)
    assert found["correlation mouth"] == pytest.approx(np.sqrt(0.5))


def test_a_group_that_the_driver_does_not_use_has_no_value():
    driver = shapes(mouthSmileLeft=0.2 * wave(), browInnerUp=0.01 * wave(), cheekPuff=0.2 * wave())
    scores, alone = gain.compare_blendshapes(driver, driver, gain.used_deviations(driver))
    found = by_name(scores)
    assert found["gain"] == pytest.approx(1) and np.isnan(found["gain brows"]) and np.isnan(found["correlation gaze"])
    # Cheeks are in no group.
    assert list(alone) == ["mouthSmileLeft"] == list(gain.weights_by_name(gain.used_deviations(driver)))
    # Used in the clip, but not in the frames that are measured.
    whole = gain.used_deviations(shapes(mouthSmileLeft=0.2 * wave(), eyeBlinkLeft=0.4 * wave()))
    scores, alone = gain.compare_blendshapes(driver, driver, whole)
    assert np.isnan(by_name(scores)["gain blink"]) and list(alone) == ["mouthSmileLeft"]


def test_frames_without_a_face_do_not_count():
    driver = shapes(jawOpen=0.2 * wave())
    weights = gain.used_deviations(driver)
    made = 0.5 * driver
    made[::3], driver[1] = np.nan, np.nan
    found = by_name(gain.compare_blendshapes(made, driver, weights)[0])
    assert (found["gain jaw"], found["correlation jaw"]) == pytest.approx((0.5, 1))
    nothing, alone = gain.compare_blendshapes(np.full_like(made, np.nan), driver, weights)
    assert np.isnan(list(by_name(nothing).values())).all() and np.isnan(alone["jawOpen"]).all()
    assert not gain.used_deviations(np.full_like(made, np.nan)).any()


def test_single_blendshapes_are_averaged_by_how_much_they_are_used():
    pairs = [{"jawOpen": np.array(values)} for values in ((1.0, 1), (0.2, 0.6), (np.nan, np.nan))] + [{}]
    weights = [{"jawOpen": 0.1}, {"jawOpen": 0.3}, {"jawOpen": 0.5}, {"jawOpen": 0.5}]
    assert list(gain.average_blendshapes(pairs, weights)) == ["jawOpen"]
    assert gain.average_blendshapes(pairs, weights)["jawOpen"] == pytest.approx([0.4, 0.7])


def faces(moved):
    """Frontal meshes (N, 478, 3) of the canonical face, whose 68 landmarks move by (N, 68, 2)."""
    points = np.zeros((MESH_POINTS, 3))
    points[: len(canonical().points)] = canonical().points
    mesh = np.repeat(points[None], len(moved), axis=0)
    mesh[:, list(MESH68), :2] += moved
    return mesh


def moving(*regions, by=0.5):
    """Landmarks (N, 68, 2) of which the regions go up and down, canonical units."""
    moved = np.zeros((FRAMES, 68, 2))
    for region in regions:
        moved[:, list(landmark_gain.REGIONS[region]), 1] = by * wave()[:, None]
    return moved


def test_regions_say_what_is_asked_and_what_of_it_is_rendered():
    meshes = (faces(moving("mouth", by=by)) for by in (0.8, 0.4, 0.3))
    driver, asked, rendered = map(landmark_gain.landmarks_of_frontal, meshes)
    found = by_name(landmark_gain.compare_regions(driver, 0.2 + asked, rendered))
    assert found["gain asked mouth"] == pytest.approx(0.5)
    assert found["gain rendered mouth"] == pytest.approx(0.75)
    assert found["correlation rendered upper lip"] == pytest.approx(1)
    # The driver's brows and eyes stay where they are.
    still = [found[f"gain {way} {region}"] for region in ("brows", "eyes") for way in ("asked", "rendered")]
    assert np.isnan(still).all()


def test_one_line_is_laid_through_all_landmarks_of_a_region():
    driver = moving("brows")
    half = driver.copy()
    half[:, 17:22] = 0
    gain_of, correlation = landmark_gain.compare_region(half[:, 17:27], driver[:, 17:27])
    assert (gain_of, correlation) == pytest.approx((0.5, np.sqrt(0.5)))


def test_landmarks_are_over_the_width_of_the_face_and_without_the_heads_pose():
    mesh = faces(moving("mouth"))
    turn = Rotation.from_euler("ZXY", np.random.default_rng(1).normal(0, 4, (FRAMES, 3)), degrees=True).as_matrix()
    shown = 20 * np.einsum("tij,tnj->tni", turn, mesh) + np.array([90, 80, 0])
    shown[5] = np.nan
    found, wanted = landmark_gain.landmarks_of_tracks(shown), landmark_gain.landmarks_of_frontal(mesh)
    assert np.isnan(found[5]).all()
    known = np.arange(FRAMES) != 5
    assert found[known] - found[0] == pytest.approx(wanted[known] - wanted[0], abs=1e-6)
    assert not any(landmark_gain.used_regions(np.full((FRAMES, 68, 2), np.nan)).values())
