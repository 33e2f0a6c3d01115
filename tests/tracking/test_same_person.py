"""One person is followed: nobody else is mistaken for him, wherever, however large and for however long."""

import cv2
import numpy as np
import pytest
from conftest import DRIVER

from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.tracking.analyse import analyse
from ofx_reenact.tracking.boxes import Follower
from ofx_reenact.tracking.face_look import FaceLook, describe_look, likeness
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.performance import State
from ofx_reenact.tracking.same_person import SamePerson, SeenFace
from ofx_reenact.tracking.tracker import Track, Tracker

WIDTH, HEIGHT = 800, 250


@pytest.fixture(scope="module")
def man(colour):
    """The demo driver's frames, cut around his head."""
    driver = Sequence.open(DRIVER)
    return [colour.show(driver.read(frame), None)[:, 80:280] for frame in list(driver.frames)[:24]]


@pytest.fixture(scope="module")
def woman(demo_picture):
    """The demo target, with a smaller face than his, and noise, so that no two of her frames are equal."""
    small = cv2.resize(demo_picture, (170, 170), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0)
    return [np.clip(small + noise.normal(0, 3, small.shape), 0, 255).astype(np.uint8) for _ in range(24)]


def shown(*people):
    """A frame composed of (picture, left, scale), each at the lower edge, the last one in front."""
    frame = np.full((HEIGHT, WIDTH, 3), (70, 80, 95), np.uint8)
    for picture, left, scale in people:
        one = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:HEIGHT]
        from_, to = max(left, 0), min(left + one.shape[1], WIDTH)
        if from_ < to:
            frame[-one.shape[0] :, from_:to] = one[:, from_ - left : to - left]
    return frame


class Landmarks(Tracker):
    """A tracker as a studio would write it: a network that finds all faces, and Follower."""

    name = "landmarks"
    version = "1"

    def __init__(self):
        self._network, self._follower = FaceMesh(), Follower()

    def reset(self):
        self._follower.reset()

    def _find(self, image):
        faces = []
        for _, region in self._network._detector.detect(image):
            mesh, presence = self._network._run_mesh(image, region)
            faces += [self._network._run_mesh(image, region.of_mesh(mesh))[0]] if presence > 0.9 else []
        return [mesh[list(MESH68), :2] for mesh in faces]

    def track(self, image, frame):
        landmarks = self._follower.follow(image, self._find)
        return None if landmarks is None else Track(landmarks, 1.0)


TRACKERS = pytest.mark.parametrize("kind", [FaceMesh, Landmarks])


def places(tracker, frames):
    """The followed face's horizontal position in each frame; None without a face."""
    tracks = [tracker.track(frame, number) for number, frame in enumerate(frames)]
    return [None if track is None else round(float(track.landmarks[:, 0].mean())) for track in tracks]


def near(place, wanted):
    return place is not None and abs(place - wanted) < 30


@TRACKERS
def test_a_stranger_who_stays_is_not_the_person_who_left(kind, man, woman):
    both = [shown((woman[i], 520, 1.0), (man[i], 60, 1.1)) for i in range(3)]
    her = [shown((woman[i], 520, 1.0)) for i in range(3, 9)]
    larger = [shown((woman[i], 300, 1.8)) for i in range(9, 11)]
    back = [shown((woman[i], 100, 1.0), (man[i], 500, 1.0)) for i in range(11, 13)]
    found = places(kind(), both + her + larger + back)
    assert all(near(place, 60 + 112) for place in found[:3])
    assert found[3:11] == [None] * 8
    assert all(near(place, 500 + 102) for place in found[11:]), "he came back on the other side"


@TRACKERS
def test_a_cut_begins_a_search_for_the_same_person(kind, man, woman):
    him = [shown((man[i], 300, 1.0)) for i in range(2)]
    her = [shown((woman[i], 315, 1.1)) for i in range(2, 5)]
    elsewhere = [shown((man[i], 60, 0.75)) for i in range(5, 7)]
    nobody = [shown()]
    found = places(kind(), him + her + elsewhere + nobody + her + him)
    assert found[2:5] == [None] * 3, "she is where he was, and as large"
    assert all(near(place, 60 + 76) for place in found[5:7])
    assert found[7:11] == [None] * 4
    assert all(near(place, 300 + 102) for place in found[11:])


def test_a_stranger_who_passes_in_front_is_not_followed(man, woman):
    frames = [shown((man[i], 300, 1.0), (woman[i], -200 + 55 * i, 1.3)) for i in range(20)]
    found = places(FaceMesh(), frames)
    assert all(place is None or near(place, 402) for place in found)
    assert all(near(place, 402) for place in (*found[:4], *found[-4:]))
    assert None in found, "she hides him"


def test_frames_of_a_stranger_are_missing_and_give_no_reference(man, woman):
    frames = [shown((man[i], 60, 1.1), (woman[i], 520, 1.0)) for i in range(4)]
    frames += [shown((woman[i], 520, 1.0)) for i in range(4, 9)]
    performance = analyse(enumerate(frames, 1001), FaceMesh(), name="two", fps=None)
    assert (performance.state[:4] == State.TRACKED).all() and (performance.state[4:] == State.HELD).all()
    assert not performance.confidence[4:].any() and performance.reference < 1005
    assert np.ptp(performance.raw_landmarks[..., 0].mean(axis=1)) < 10


def test_two_equal_faces_are_told_apart_by_position(demo_picture):
    small = cv2.resize(demo_picture, (250, 250), interpolation=cv2.INTER_AREA)
    frames = [shown((small, 500, 1.0), (small, 60 + i, 1.04)) for i in range(3)]
    found = places(FaceMesh(), [*frames, shown(), shown((small, 500, 1.0), (small, 80, 1.0))])
    assert all(near(place, 60 + 130) for place in found[:3]) and near(found[4], 80 + 125)


def test_without_a_picture_position_and_size_decide(demo_track):
    face, follower = demo_track.landmarks, Follower()
    assert follower.choose([face * 0.5, face]) is not None
    moved = face + 20
    assert np.array_equal(follower.choose([face + 900, moved]), moved)
    assert follower.choose([face + 900]) is None
    assert follower.choose([]) is None
    assert follower.choose([moved]) is not None
    follower.reset()
    assert follower.choose([face + 900]) is not None


def test_a_face_in_the_dark_is_followed_where_it_is(man):
    dark = [shown((man[i], 300, 1.0)) // 60 + np.uint8(20) for i in range(3)]
    look = describe_look(dark[0], FaceMesh().track(shown((man[0], 300, 1.0)), 0).mesh)
    assert not look.is_usable
    mesh, person = FaceMesh().track(shown((man[0], 300, 1.0)), 0).mesh, SamePerson()
    person.begin(dark[0])
    person.remember(SeenFace.of_mesh(mesh, dark[0]))
    person.begin(dark[1])
    aside = SeenFace.of_mesh(mesh + np.array([400, 0, 0]), dark[1])
    assert person.choose([aside, SeenFace.of_mesh(mesh, dark[1])]) == 1
    assert person.choose([aside]) is None


def test_looks_tell_people_apart_in_any_smooth_light(man, demo_picture, demo_track):
    frames = [shown((man[i], 300, 1.0)) for i in (0, 8, 16, 23)]
    meshes = [FaceMesh().track(frame, 0).mesh for frame in frames]
    looks = [describe_look(frame, mesh) for frame, mesh in zip(frames, meshes, strict=True)]
    assert min(likeness(look, looks[:1]) for look in looks) > 0.85
    assert likeness(describe_look(demo_picture, demo_track.mesh), looks) < 0.4
    across = np.linspace(0.5, 1.2, WIDTH)[None, :, None]
    lit = np.clip(frames[0] * across, 0, 255).astype(np.uint8)
    assert likeness(describe_look(lit, meshes[0]), looks[:1]) > 0.9
    assert likeness(looks[0], []) == -1


def test_a_refused_person_is_recognised_again():
    random = np.random.default_rng(0)
    his, hers = random.normal(size=(2, 552))
    ones = np.ones(552)
    box = np.array([0.0, 0, 100, 100])

    def seen(share, at=500.0):
        values = share * his + np.sqrt(1 - share**2) * hers
        return SeenFace(box + at, FaceLook(values, ones, 1.0, 1.0))

    person = SamePerson()
    person.remember(seen(1.0, 0))
    assert person.choose([seen(0.82)]) == 0
    assert person.choose([seen(0.7)]) is None
    assert person.choose([seen(0.82)]) is None, "more like the one who was refused"
    assert person.choose([seen(0.7), seen(0.95)]) == 1
