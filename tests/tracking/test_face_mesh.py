"""Face Mesh with the installed OpenCV: faces found, followed, numbered and lost."""

import cv2
import numpy as np
import pytest
from conftest import DRIVER

from ofx_reenact.tracking import landmarks as names
from ofx_reenact.tracking.blendshapes import BLENDSHAPES
from ofx_reenact.tracking.chosen import Chosen
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.overlay import draw_overlay
from ofx_reenact.tracking.tracker import Options


def test_finds_the_face_precisely(demo_track):
    assert demo_track.confidence > 0.999
    assert demo_track.mesh.shape == (478, 3)
    # Eye corners, nose tip and mouth corners, measured in the picture, within 2 % of the distance between the eyes.
    seen = {36: (197, 283), 45: (399, 278), 30: (278, 339), 48: (231, 440), 54: (347, 439)}
    apart = np.linalg.norm(demo_track.landmarks[45] - demo_track.landmarks[36])
    for index, place in seen.items():
        assert np.linalg.norm(demo_track.landmarks[index] - place) < 0.02 * apart + 3, index


def test_irises_lie_in_their_own_eyes(demo_track):
    for contour, iris in ((names.EYE_RIGHT, names.IRIS_RIGHT), (names.EYE_LEFT, names.IRIS_LEFT)):
        first, last = demo_track.mesh[contour[0][0], 0], demo_track.mesh[contour[0][-1], 0]
        assert first < demo_track.mesh[iris[0], 0] < last


@pytest.mark.parametrize("angle", [-40, 25])
def test_turned_pictures_give_turned_meshes(demo_picture, demo_track, angle):
    height, width = demo_picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 0.8)
    turned = FaceMesh().track(cv2.warpAffine(demo_picture, matrix, (width, height)), 1)
    expected = demo_track.landmarks @ matrix[:, :2].T + matrix[:, 2]
    apart = np.linalg.norm(demo_track.landmarks[45] - demo_track.landmarks[36])
    assert np.linalg.norm(turned.landmarks - expected, axis=1).mean() < 0.035 * apart


def test_small_face_in_a_large_picture_is_found(demo_picture):
    large = np.full((1500, 2600, 3), 90, np.uint8)
    small = cv2.resize(demo_picture, (150, 150), interpolation=cv2.INTER_AREA)
    large[1200:1350, 2000:2150] = small
    found = FaceMesh().track(large, 1)
    assert found is not None
    assert 2000 < found.landmarks[:, 0].mean() < 2150


def test_several_faces_are_numbered_by_size(demo_picture):
    both = np.full((600, 1200, 3), 90, np.uint8)
    both[:593, :593] = demo_picture
    both[100:500, 700:1100] = cv2.resize(demo_picture, (400, 400), interpolation=cv2.INTER_AREA)
    assert FaceMesh(Options(face=Chosen(1))).track(both, 1).landmarks[:, 0].mean() < 600
    assert FaceMesh(Options(face=Chosen(2))).track(both, 1).landmarks[:, 0].mean() > 700
    assert FaceMesh(Options(face=Chosen(3))).track(both, 1) is None


def test_pictures_without_a_face_give_none():
    rng, tracker = np.random.default_rng(0), FaceMesh()
    y, x = np.mgrid[:300, :400]
    for image in (
        np.zeros((300, 400, 3), np.uint8),
        rng.integers(0, 255, (300, 400, 3)).astype(np.uint8),
        np.stack([x % 256, y % 256, (x + y) % 256], -1).astype(np.uint8),
        np.zeros((1, 1, 3), np.uint8),
    ):
        assert tracker.track(image, 1) is None


def test_lost_face_is_found_again(demo_picture):
    tracker = FaceMesh()
    before = tracker.track(demo_picture, 1)
    assert tracker.track(np.zeros_like(demo_picture), 2) is None
    again = tracker.track(demo_picture, 3)
    assert np.abs(again.landmarks - before.landmarks).max() < 0.5


def test_held_picture_gives_the_same_track(demo_picture):
    tracker = FaceMesh()
    assert tracker.track(demo_picture, 1) is tracker.track(demo_picture.copy(), 2)


def test_blendshapes_follow_a_real_performance(performance):
    value = {name: performance.blendshapes[:, BLENDSHAPES.index(name)] for name in ("jawOpen", "eyeBlinkLeft")}
    # He speaks in the middle and blinks twice towards the end.
    assert value["jawOpen"][:8].max() < 0.05 < 0.25 < value["jawOpen"][12:55].max()
    assert value["eyeBlinkLeft"][:20].max() < 0.3 < 0.6 < value["eyeBlinkLeft"][40:56].max()


def test_scale_does_not_follow_the_mouth(performance):
    assert performance.blendshapes[:, BLENDSHAPES.index("jawOpen")].max() > 0.25
    assert performance.scale.max() / performance.scale.min() < 1.04


def test_driver_is_the_shipped_clip(performance):
    assert performance.name == str(DRIVER)
    assert len(performance.frames) == 75 and not performance.state.any()


def test_overlay_draws_on_a_copy(demo_picture, demo_track):
    before = demo_picture.copy()
    drawn = draw_overlay(demo_picture, demo_track.landmarks, demo_track.mesh, "1001")
    assert drawn.shape == demo_picture.shape and np.array_equal(demo_picture, before)
    assert (drawn != demo_picture).any()
