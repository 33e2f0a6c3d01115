"""Cuts: where they are found, and that values do not cross them."""

import dataclasses

import cv2
import numpy as np
import pytest

from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.analyse import analyse
from ofx_reenact.tracking.cuts import extract_details, find_cuts
from ofx_reenact.tracking.derive import TrackedFrames, derive, fill, frame_states
from ofx_reenact.tracking.edit import landmarks_of, place
from ofx_reenact.tracking.light import measure_light
from ofx_reenact.tracking.performance import Performance, State, segments_of
from ofx_reenact.tracking.tracker import Track, Tracker


def scene(seed, level=128.0):
    """A picture full of details, wide enough to pan over."""
    rough = np.random.default_rng(seed).normal(level, 40, (30, 100)).astype(np.float32)
    return np.clip(cv2.resize(rough, (1000, 300)), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


A, B = scene(1), scene(2)


def shot(picture, count, speed=0.0, noise=4, start=0):
    """Frames 300 pixels wide of a camera that pans right by so many pixels a frame."""
    random = np.random.default_rng(0)
    for i in range(count):
        left = start + int(i * speed)
        yield np.clip(picture[:, left : left + 300] + random.normal(0, noise, (300, 300, 3)), 0, 255).astype(np.uint8)


def cuts_of(frames):
    return np.nonzero(find_cuts([None if frame is None else extract_details(frame) for frame in frames]))[0].tolist()


CASES = {
    "none": ([*shot(A, 12)], []),
    "one": ([*shot(A, 6), *shot(B, 6)], [6]),
    "the second frame": ([*shot(B, 1), *shot(A, 6)], [1]),
    "the last frame": ([*shot(A, 6), *shot(B, 1)], [6]),
    "two frames": ([*shot(A, 1), *shot(B, 1)], [1]),
    "two close together": ([*shot(A, 6), *shot(B, 2), *shot(scene(3), 6)], [6, 8]),
    "a fast pan": ([*shot(A, 14, speed=40)], []),
    "a pan of repeated frames": ([f for f in shot(A, 8, speed=60) for _ in range(2)], []),
    "between pans": ([*shot(A, 8, speed=3), *shot(B, 8, speed=3)], [8]),
    "a flash": ([*shot(A, 6), *shot(A // 8 + 215, 1), *shot(B, 1), *shot(A, 6)], []),
    "to black and back": ([*shot(A, 6), *shot(A * 0, 5, noise=0.2), *shot(B, 6)], [6, 11]),
    "black": ([*shot(A * 0, 9, noise=0.2)], []),
    "frames that are missing": ([*shot(A, 6), None, None, *shot(B, 6), None, *shot(B, 3)], [8]),
    "darker": ([*shot(A, 6), *shot(A // 3, 6)], []),
    "one frame": ([*shot(A, 1)], []),
    "no picture": ([None, None], []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_cuts_are_found(case):
    frames, wanted = CASES[case]
    assert cuts_of(frames) == wanted


def test_gaps_are_not_bridged_across_a_cut():
    cut = np.zeros(14, bool)
    cut[[4, 8, 11]] = True
    seen = np.array([2, 6, 13])
    assert frame_states(seen, cut).tolist() == [2, 2, 0, 2, 2, 2, 0, 2, 2, 2, 2, 2, 2, 0]
    filled = fill(np.array([[1.0], [2.0], [3.0]]), seen, cut)[:, 0]
    assert filled.tolist() == [1] * 4 + [2] * 4 + [2] * 3 + [3] * 3, "a shot without a face holds the one before"
    assert segments_of(cut) == [slice(0, 4), slice(4, 8), slice(8, 11), slice(11, 14)]


def derived(found, like):
    kept = {name: getattr(like, name) for name in ("size", "fps", "name", "tracker", "versions", "smoothing")}
    return derive(found, **kept, reference=None)


def test_smoothing_does_not_cross_a_cut(performance):
    found = TrackedFrames.of_performance(performance)
    cut = np.zeros(75, bool)
    cut[30] = True
    whole = derived(dataclasses.replace(found, cut=cut), performance)
    moved = found.mesh.copy()
    moved[30:] += [2, 1, 0]
    other = derived(dataclasses.replace(found, mesh=moved, cut=cut), performance)
    # The second shot affects the first one only through the mean of the person's rigid points.
    assert np.abs(other.translation[:30] - whole.translation[:30]).max() < 1e-6
    assert np.abs(other.frontal[:30] - whole.frontal[:30]).max() < 1e-6
    uncut = derived(dataclasses.replace(found, mesh=moved), performance)
    assert np.abs(uncut.translation[28:30] - other.translation[28:30]).max() > 1e-3, "without the cut it does"
    assert (whole.cut == cut).all() and not performance.cut.any()


class Fixed(Tracker):
    """A tracker that finds the given landmarks in all frames except some."""

    name, version = "fixed", "1"

    def __init__(self, landmarks, blind=()):
        self.landmarks, self.blind = landmarks, blind

    def track(self, image, frame):
        return None if frame in self.blind else Track(self.landmarks, 1.0)


@pytest.fixture(scope="module")
def two_shots(demo_track):
    """Three shots, the second without a face, with light of their own."""
    points = demo_track.landmarks / np.ptp(demo_track.landmarks, axis=0).max() * 150
    points += 170 - points.mean(axis=0)
    frames = [*shot(A, 6), *shot(B, 4), *shot(scene(3, 80), 6)]
    return analyse(enumerate(frames, 101), Fixed(points, blind=(103, 104, 107, 108, 109, 110)), name="t", fps=None)


def test_a_performance_knows_cuts_and_light(two_shots, tmp_path):
    p = two_shots
    assert np.nonzero(p.cut)[0].tolist() == [6, 10] and p.segments[1] == slice(6, 10)
    assert (p.light[:6] > 0.4).all() and not p.light[6:10].any() and (p.light[10:] < 0.4).all()
    assert p.light[10:].min() > 0.2
    assert p.state.tolist() == [0, 0, State.BRIDGED, State.BRIDGED, 0, 0] + [State.HELD] * 4 + [0] * 6
    p.save(tmp_path / "p.npz")
    again = Performance.load(tmp_path / "p.npz")
    assert np.array_equal(again.cut, p.cut) and np.array_equal(again.light, p.light)
    placed = place(again, landmarks_of(again, [103, 108]))
    assert np.array_equal(placed.cut, p.cut) and np.array_equal(placed.light, p.light)


def test_files_without_cuts_and_light_are_read(performance, tmp_path):
    performance.save(tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as file:
        old = {name: file[name] for name in file.files if name not in ("cut", "light")}
    np.savez(tmp_path / "old.npz", **old)
    again = Performance.load(tmp_path / "old.npz")
    assert again.cut.shape == again.light.shape == (75,) and not again.cut.any() and not again.light.any()
    assert again.cut.dtype == bool and again.light.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "value"),
    [("cut", np.full(75, 2)), ("cut", np.zeros(74, bool)), ("light", np.full(75, 1.5)), ("light", np.full(75, np.nan))],
)
def test_cuts_and_light_are_checked(performance, tmp_path, name, value):
    dataclasses.replace(performance, **{name: value}).save(tmp_path / "p.npz")
    with pytest.raises(TrackingError, match=name):
        Performance.load(tmp_path / "p.npz")


def test_light_is_luma_inside_the_face(demo_track):
    mesh = demo_track.mesh
    image = np.zeros((1024, 1024, 3), np.uint8)
    low, high = mesh[:, :2].min(axis=0).astype(int), mesh[:, :2].max(axis=0).astype(int)
    image[low[1] : high[1], low[0] : high[0]] = (0, 255, 0)
    assert measure_light(image, mesh) == pytest.approx(0.7152, abs=0.01)
    # Half of the face lies outside the picture, or all of it.
    assert measure_light(image[:, : (low[0] + high[0]) // 2], mesh) == pytest.approx(0.7152, abs=0.02)
    assert measure_light(image, mesh + 5000) == 0
