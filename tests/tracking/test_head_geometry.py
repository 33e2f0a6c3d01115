"""The canonical face, head poses, and meshes made from landmarks."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ofx_reenact.tracking import landmarks as names
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.rigid import euler_degrees, fit_similarity, head_pose
from ofx_reenact.tracking.surface import FACE_POINTS, landmark_spread, openings


def test_indices_are_consistent():
    assert len(names.MESH68) == 68 == len(set(names.MESH68))
    assert sorted(i for region in names.REGIONS.values() for i in region) == list(range(68))
    assert len(names.FACE_OVAL) == 36
    assert set(names.RIGID) < set(range(FACE_POINTS))


def test_landmarks_are_symmetric_on_the_canonical_face():
    x, y, _ = canonical().points[list(names.MESH68)].T
    jaw = list(range(17))
    assert np.allclose(x[jaw], -x[jaw[::-1]], atol=1e-3)
    assert np.allclose(y[jaw], y[jaw[::-1]], atol=1e-3)
    assert np.allclose(x[36:40], -x[45:41:-1], atol=1e-3)


def test_canonical_face_looks_at_the_camera():
    points = canonical().points
    assert points.shape == (468, 3) and canonical().triangles.shape == (898, 3)
    nose, chin, brow = points[4], points[152], points[10]
    assert chin[1] > nose[1] > brow[1], "y points down"
    assert nose[2] < min(chin[2], brow[2]), "z points away from the camera"


def test_openings_are_eyes_and_mouth():
    assert openings(canonical().triangles).sum() == 46


def test_similarity_is_found_exactly():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 3))
    rotation = Rotation.from_euler("xyz", [20, -35, 10], degrees=True).as_matrix()
    moved = 3.5 * points @ rotation.T + [100, 50, 7]
    pose = fit_similarity(points, moved)
    assert np.allclose(pose.rotation, rotation)
    assert pose.scale == pytest.approx(3.5)
    assert np.allclose(pose.apply(points), moved)
    assert np.allclose(pose.invert(moved), points)


def test_euler_signs():
    points = canonical().points
    # A face that turns to the picture's left shows its nose left of where it was.
    for axis, index, coordinate, sign in (("Y", 1, 0, -1), ("X", 0, 1, 1)):
        for degrees in (-20, 20):
            rotation = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
            angle = euler_degrees(head_pose(points @ rotation.T).rotation)
            assert angle[index] == pytest.approx(degrees, abs=1e-6)
            nose = (points[4] @ rotation.T)[coordinate] - points[4][coordinate]
            assert np.sign(nose) == sign * np.sign(degrees)


def test_spread_keeps_landmarks_and_constants():
    spread = landmark_spread()
    assert np.allclose(spread @ np.ones(68), 1)
    values = np.random.default_rng(0).normal(size=68)
    assert np.allclose((spread @ values)[list(names.MESH68)], values)


def test_spread_is_cut_between_the_lips():
    lower = np.zeros(68)
    lower[[65, 66, 67]] = 1
    moved = landmark_spread() @ lower
    assert abs(moved[82]) < 1e-9 < 0.5 < moved[88], "a lower lip that moves does not move the upper lip"


def test_lift_fits_the_landmarks(demo_track):
    mesh = lift(demo_track.landmarks)
    assert mesh.shape == (478, 3)
    assert np.allclose(mesh[list(names.MESH68), :2], demo_track.landmarks, atol=1e-6)
    apart = np.linalg.norm(demo_track.landmarks[45] - demo_track.landmarks[36])
    assert np.linalg.norm(mesh[:FACE_POINTS, :2] - demo_track.mesh[:FACE_POINTS, :2], axis=1).mean() < 0.12 * apart
