"""Faces on their side and upside down are found; other things are not found as faces."""

import math

import cv2
import numpy as np
import pytest
from conftest import DRIVER

from ofx_reenact.engine.inputs import read_target
from ofx_reenact.engine.make_identity import find_identity
from ofx_reenact.errors import TrackingError
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.boxes import Follower
from ofx_reenact.tracking.chosen import Chosen
from ofx_reenact.tracking.dlib68 import model_file
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.tracker import Options
from ofx_reenact.tracking.trackers import make_tracker


@pytest.fixture(scope="module")
def small(demo_picture):
    """The demo target, small, so that turning and tracking are quick."""
    return cv2.resize(demo_picture, (300, 300), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def upright(small):
    return FaceMesh().track(small, 1).landmarks


@pytest.fixture(scope="module")
def tracker():
    return FaceMesh()


def turned(image, degrees):
    """Turn a picture anticlockwise in a frame that holds all of it; return it and the matrix of the turn."""
    height, width = image.shape[:2]
    side = math.ceil(math.hypot(height, width))
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    return cv2.warpAffine(image, matrix, (side, side), borderValue=(110, 110, 110)), matrix


def error(landmarks, expected, matrix):
    """Return the mean distance from the turned upright landmarks, over the distance between the eyes."""
    apart = np.linalg.norm(expected[45] - expected[36])
    return np.linalg.norm(landmarks - expected @ matrix[:, :2].T - matrix[:, 2], axis=1).mean() / apart


@pytest.mark.parametrize("degrees", [*range(0, 360, 30), 45, 135])
def test_a_turned_picture_gives_turned_landmarks(tracker, small, upright, degrees):
    picture, matrix = turned(small, degrees)
    tracker.reset()
    assert error(tracker.track(picture, 1).landmarks, upright, matrix) < 0.03


def test_a_mirrored_picture_upside_down_gives_mirrored_landmarks(tracker, small):
    tracker.reset()
    mirrored = tracker.track(np.ascontiguousarray(small[:, ::-1]), 1).landmarks
    tracker.reset()
    found = tracker.track(np.ascontiguousarray(small[::-1]), 1).landmarks
    assert error(found, mirrored, np.array([[-1.0, 0, 299], [0, -1, 299]])) < 0.03


def test_a_driver_that_rolls_over_is_followed(tracker, colour):
    driver = Sequence.open(DRIVER)
    frames = [colour.show(driver.read(frame), None) for frame in list(driver.frames)[:14]]
    expected = []
    for angles in ([0] * 14, [25 * i for i in range(14)], [0, 0, 180, 180, 180, 0, 90, 90, 270, 0, 135, 135, 0, 0]):
        tracker.reset()
        for number, (frame, angle) in enumerate(zip(frames, angles, strict=True)):
            picture, matrix = turned(frame, angle)
            landmarks = tracker.track(picture, number).landmarks
            if len(expected) < 14:
                expected.append(landmarks - matrix[:, 2])
            assert error(landmarks, expected[number], matrix) < 0.1, (number, angle)


def test_one_of_two_people_may_be_upside_down(tracker, small):
    both = np.full((330, 660, 3), 110, np.uint8)
    both[10:310, 10:310] = small[::-1, ::-1]
    both[50:250, 400:600] = cv2.resize(small, (200, 200), interpolation=cv2.INTER_AREA)
    tracker.reset()
    largest = tracker.track(both, 1).landmarks
    assert largest[8, 1] < largest[27, 1] and largest[:, 0].mean() < 330, "the chin is above the nose"
    second = FaceMesh(Options(face=Chosen(2))).track(both, 1).landmarks
    assert second[8, 1] > second[27, 1] and second[:, 0].mean() > 330


def test_a_small_face_upside_down_is_found_correctly_or_not_at_all(tracker, small):
    large = np.full((700, 1200, 3), 90, np.uint8)
    large[500:600, 800:900] = cv2.resize(small, (100, 100), interpolation=cv2.INTER_AREA)[::-1, ::-1]
    tracker.reset()
    found = tracker.track(large, 1)
    assert found is None or found.landmarks[8, 1] < found.landmarks[27, 1]


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_the_target_may_be_turned(tmp_path, demo_picture, demo_track, colour, weights, quarter):
    path = tmp_path / "turned.png"
    cv2.imwrite(str(path), np.rot90(demo_picture, quarter)[..., ::-1])
    settings = Settings(target=str(path))
    mesh = find_identity(settings, read_target(settings, colour), colour, weights).face.mesh
    side = len(demo_picture) - 1
    matrix = {1: [[0, 1, 0], [-1, 0, side]], 2: [[-1, 0, side], [0, -1, side]], 3: [[0, -1, side], [1, 0, 0]]}[quarter]
    matrix = np.array(matrix, float)
    expected = demo_track.mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    apart = np.linalg.norm(demo_track.landmarks[45] - demo_track.landmarks[36])
    assert np.linalg.norm(mesh[:, :2] - expected, axis=1).mean() < 0.03 * apart


def only_upright(image):
    """A network that finds any face but assumes that it is upright, as FAN does."""
    track = FaceMesh().track(image, 1)
    if track is None:
        return []
    low, high = track.landmarks.min(0), track.landmarks.max(0)
    level = track.landmarks[45, 0] - track.landmarks[36, 0] > abs(track.landmarks[45, 1] - track.landmarks[36, 1])
    return [track.landmarks if level else low + np.random.default_rng(0).random((68, 2)) * (high - low)]


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 150, 180, 270])
def test_follower_turns_faces_upright_for_its_network(small, upright, degrees):
    picture, matrix = turned(small, degrees)
    assert error(Follower().follow(picture, only_upright), upright, matrix) < 0.03


def test_follower_turns_landmarks_back_in_any_frame(small, upright):
    wide = np.pad(small, ((40, 10), (0, 170), (0, 0)), mode="edge")
    follower = Follower()
    for quarter, shape in ((1, (470, 350)), (2, (350, 470)), (3, (470, 350)), (0, (350, 470))):
        picture = np.ascontiguousarray(np.rot90(wide, quarter))
        found = follower.follow(picture, only_upright)
        assert picture.shape[:2] == shape and found is not None
        for _ in range(quarter):
            found = np.stack([picture.shape[0] - 1 - found[:, 1], found[:, 0]], axis=1)
            picture = np.rot90(picture, -1)
        assert error(found, upright + np.array([0, 40]), np.eye(2, 3)) < 0.03


@pytest.mark.skipif(model_file() is None, reason="dlib's model file is not installed here")
@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 150])
def test_dlib_finds_turned_faces(small, degrees):
    expected = make_tracker("dlib").track(small, 1).landmarks
    picture, matrix = turned(small, degrees)
    assert error(make_tracker("dlib").track(picture, 1).landmarks, expected, matrix) < 0.06


def hide(picture, track, content):
    """Put something where the face is."""
    middle, size = track.landmarks.mean(0), np.ptp(track.landmarks, axis=0)
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.ellipse(mask, [int(v) for v in middle], [int(v * 0.75) for v in size], 0, 0, 360, 1, -1)
    return np.where(mask[..., None] > 0, content, picture).astype(np.uint8)


def test_things_without_a_face_give_none(tracker, demo_picture, demo_track):
    noise = np.random.default_rng(0)
    flat = np.full_like(demo_picture, (200, 160, 140))
    car = np.full((300, 300, 3), 200, np.uint8)
    cv2.rectangle(car, (50, 110), (250, 200), (90, 90, 100), -1)
    for x in (95, 205):
        cv2.circle(car, (x, 200), 30, (20, 20, 20), -1)
        cv2.rectangle(car, (x - 20, 120), (x + 20, 150), (220, 230, 255), -1)
    smile = np.full((300, 300, 3), 255, np.uint8)
    cv2.circle(smile, (150, 150), 110, (255, 220, 0), -1)
    for x in (115, 185):
        cv2.circle(smile, (x, 120), 13, (0, 0, 0), -1)
    cv2.ellipse(smile, (150, 170), (60, 45), 0, 10, 170, (0, 0, 0), 8)
    pictures = {
        "a head without a face": hide(demo_picture, demo_track, flat),
        "a head with noise": hide(demo_picture, demo_track, noise.integers(0, 255, demo_picture.shape)),
        "a blurred face": hide(demo_picture, demo_track, cv2.GaussianBlur(demo_picture, (0, 0), 45)),
        "a car": car, "a car upside down": car[::-1], "a smiley": smile, "a smiley upside down": smile[::-1],
        "a wall": flat,
    }  # fmt: skip
    for size in (6, 12, 25):
        clouds = cv2.GaussianBlur(noise.normal(128, 900, (250, 330, 3)), (0, 0), size)
        pictures[f"clouds of {size}"] = clouds.clip(0, 255)
    for name, picture in pictures.items():
        tracker.reset()
        assert tracker.track(np.ascontiguousarray(picture, np.uint8), 1) is None, name


def test_a_target_without_a_face_is_refused(tmp_path, demo_picture, demo_track, colour, weights):
    path = tmp_path / "nobody.png"
    cv2.imwrite(str(path), hide(demo_picture, demo_track, np.full_like(demo_picture, (140, 160, 200)))[..., ::-1])
    settings = Settings(target=str(path))
    with pytest.raises(TrackingError, match="no face was found"):
        find_identity(settings, read_target(settings, colour), colour, weights)


def test_half_a_face_and_a_very_small_one_are_tracked_as_before(tracker, demo_picture, demo_track):
    half = np.ascontiguousarray(demo_picture[:, : int(demo_track.landmarks[30, 0]) + 60])
    tracker.reset()
    found = tracker.track(half, 1)
    left = [36, 37, 38, 39, 48, 17, 18, 19]
    apart = np.linalg.norm(demo_track.landmarks[45] - demo_track.landmarks[36])
    assert np.linalg.norm(found.landmarks[left] - demo_track.landmarks[left], axis=1).mean() < 0.1 * apart
    tracker.reset()
    tiny = np.full((120, 160, 3), 90, np.uint8)
    tiny[40:80, 60:100] = cv2.resize(demo_picture, (40, 40), interpolation=cv2.INTER_AREA)
    for number in range(3):
        tiny[0, 0] = number
        face = tracker.track(tiny, number)
        assert 60 < face.landmarks[:, 0].min() < face.landmarks[:, 0].max() < 100 and np.ptp(face.landmarks[:, 0]) < 30
