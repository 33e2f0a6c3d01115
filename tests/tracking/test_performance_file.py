"""From tracks to a performance: smoothing, gaps, the reference, and the file."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ofx_reenact.errors import OutputError, TrackingError
from ofx_reenact.tracking.analyse import analyse
from ofx_reenact.tracking.blendshapes import BLENDSHAPES
from ofx_reenact.tracking.derive import BRIDGE, fill, frame_states
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.smooth import smooth, smooth_poses
from ofx_reenact.tracking.tracker import Track, Tracker


def test_smoothing_removes_noise_and_keeps_a_blink():
    rng = np.random.default_rng(0)
    clean = np.zeros((80, 1, 2))
    clean[40:43, 0, 1] = [6, 10, 6]
    noisy = clean + rng.normal(scale=0.1, size=clean.shape)
    smoothed = smooth(noisy, 1.0)
    still = np.r_[5:30, 55:75]
    assert np.abs(np.diff(smoothed[still], 2, axis=0)).mean() < 0.4 * np.abs(np.diff(noisy[still], 2, axis=0)).mean()
    assert smoothed[41, 0, 1] > 0.95 * 10


def test_smoothing_returns_constants_bit_for_bit():
    values = np.repeat(np.random.default_rng(0).normal(size=(1, 5, 3)), 20, axis=0)
    assert np.array_equal(smooth(values, 1.0), values)
    rotation = np.repeat(Rotation.from_euler("y", 20, degrees=True).as_matrix()[None], 20, axis=0)
    turned, scale, _ = smooth_poses(rotation, np.full(20, 1.7), np.ones((20, 3)), 1.0)
    assert np.array_equal(turned, rotation) and (scale == 1.7).all()


def test_smoothing_can_be_off():
    values = np.random.default_rng(0).normal(size=(9, 2, 3))
    assert np.array_equal(smooth(values, 0), values)


def test_gaps_are_bridged_or_held():
    seen = np.array([2, 3, 7, 7 + BRIDGE + 2])
    no_cut = np.zeros(7 + BRIDGE + 4, bool)
    state = frame_states(seen, no_cut)
    assert state[:2].tolist() == [State.HELD] * 2
    assert state[4:7].tolist() == [State.BRIDGED] * 3
    assert set(state[8 : 7 + BRIDGE + 2].tolist()) == {State.HELD}
    filled = fill(np.array([[0.0], [1.0], [5.0], [9.0]]), seen, no_cut)[:, 0]
    assert filled[0] == 0 and filled[5] == 3 and filled[8] == 5 and filled[-1] == 9
    assert (np.diff(filled[3:8]) > 0).all()


class Still(Tracker):
    """A tracker that finds the given landmarks, or nothing."""

    name, version = "still", "1"

    def __init__(self, landmarks, blind=()):
        self.landmarks, self.blind = landmarks, blind

    def track(self, image, frame):
        return None if frame in self.blind else Track(self.landmarks, 1.0)


def blank(frames, absent=()):
    return ((f, None if f in absent else np.zeros((20, 30, 3), np.uint8)) for f in frames)


def test_analyse_names_gaps(demo_track):
    made = analyse(
        blank(range(10, 40), absent=[20]), Still(demo_track.landmarks, blind=[21, 22]), name="d.####.exr", fps=None
    )
    assert [int(f) for f, s in zip(made.frames, made.state, strict=True) if s == State.BRIDGED] == [20, 21, 22]
    assert made.absent.tolist() == [20]
    assert made.confidence[11] == 0
    assert (made.frontal == made.frontal[0]).all(), "a face that does not move gives identical rows"


def test_analyse_without_any_face(demo_track):
    with pytest.raises(TrackingError, match=r"d\.mp4: no face was found in any of 5 frames"):
        analyse(blank(range(5)), Still(demo_track.landmarks, blind=range(5)), name="d.mp4", fps=None)


def test_reference_must_have_a_face(demo_track):
    with pytest.raises(TrackingError, match="frame 3 cannot be the reference"):
        analyse(blank(range(5)), Still(demo_track.landmarks, blind=[3]), name="d", fps=None, reference=3)


def test_reference_is_at_rest_and_near_the_targets_rotation(performance):
    frontal = performance.choose_reference(np.eye(3))
    row = int(np.nonzero(performance.frames == frontal)[0][0])
    assert performance.blendshapes[row, BLENDSHAPES.index("jawOpen")] < 0.05
    assert performance.blendshapes[row, BLENDSHAPES.index("eyeBlinkLeft")] < 0.3
    chosen = dataclasses.replace(performance, reference=7, chosen=True)
    assert chosen.choose_reference(np.eye(3)) == 7


def test_performance_round_trip(performance, tmp_path):
    performance.save(tmp_path / "p.npz")
    again = Performance.load(tmp_path / "p.npz")
    for field in dataclasses.fields(Performance):
        assert np.array_equal(getattr(again, field.name), getattr(performance, field.name)), field.name
    assert again.rate == 25
    assert [p.name for p in tmp_path.iterdir()] == ["p.npz"]


def test_performance_errors(performance, tmp_path):
    path = tmp_path / "p.npz"
    with pytest.raises(TrackingError, match="no such"):
        Performance.load(path)
    np.savez(path, schema="other")
    with pytest.raises(TrackingError, match="of this version"):
        Performance.load(path)
    np.savez(path, schema=np.array([{"a": 1}], dtype=object))
    with pytest.raises(TrackingError, match="not a whole performance"):
        Performance.load(path)
    performance.save(path)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(TrackingError, match="not a whole performance"):
        Performance.load(path)
    dataclasses.replace(performance, scale=performance.scale[:-1]).save(path)
    with pytest.raises(TrackingError, match="array scale"):
        Performance.load(path)
    dataclasses.replace(performance, scale=performance.scale * np.nan).save(path)
    with pytest.raises(TrackingError, match="array scale"):
        Performance.load(path)
    with pytest.raises(OutputError, match="cannot be written"):
        performance.save(path / "below" / "p.npz")
