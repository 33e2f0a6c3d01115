"""One of several people is chosen once and followed past others, out of the picture and across cuts."""

import cv2
import numpy as np
import pytest
from two_people import HEIGHT, HER, HIM, clip, composed, middle, shot

from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.boxes import Follower
from ofx_reenact.tracking.chosen import LARGEST, Chosen, Portrait, nearest
from ofx_reenact.tracking.face_groups import find_faces
from ofx_reenact.tracking.face_look import FaceLook
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.same_person import SamePerson, SeenFace
from ofx_reenact.tracking.tracker import Options, Track, Tracker


class Landmarks(Tracker):
    """A tracker as a studio would write it: a network that finds all faces, and Follower."""

    name, version = "landmarks", "1"

    def __init__(self, options=None):
        self._network, self._follower = FaceMesh(), Follower(options.face if options else LARGEST, self.name)

    def track(self, image, frame):
        landmarks = self._follower.follow(image, self._find)
        return None if landmarks is None else Track(landmarks, 1.0)

    def _find(self, image):
        return [face.mesh[list(MESH68), :2] for face in self._network._find_all(image)]


@pytest.fixture(scope="module")
def plate():
    return shot(2)


def portrait(who, frame=20):
    picture = composed((clip(who)[frame], 500, 0.9), seed=9)
    return Portrait(picture, (middle(500, 0.9), HEIGHT - 130))


def places(tracker, frames):
    tracks = [tracker.track(frame, number) for number, frame in enumerate(frames)]
    return [None if track is None else float(track.landmarks[:, 0].mean()) for track in tracks]


def assert_follows(found, wanted, other):
    """Assert that the person is found where clearly visible, and that the other one is never mistaken for them."""
    for t, (place, own, others) in enumerate(zip(found, wanted, other, strict=True)):
        if place is None:
            assert own is None or not 100 < own < 860, f"lost in picture {t}"
        elif others is not None and (own is None or abs(own - others) > 80):
            assert abs(place - others) > 40, f"the other one in picture {t}"


@pytest.mark.parametrize(
    ("kind", "who", "chosen"),
    [
        pytest.param(FaceMesh, HIM, lambda: Chosen(2), id="him, second"),
        pytest.param(FaceMesh, HER, lambda: Chosen(1), id="her, largest", marks=pytest.mark.slow),
        pytest.param(FaceMesh, HIM, lambda: Chosen(place=(60.0, 150.0)), id="him, by place", marks=pytest.mark.slow),
        pytest.param(FaceMesh, HER, lambda: Chosen(portraits=(portrait(HER),)), id="her, by portrait"),
        pytest.param(Landmarks, HER, lambda: Chosen(place=(950.0, 10.0)), id="her, landmarks by place"),
        pytest.param(
            Landmarks, HIM, lambda: Chosen(portraits=(portrait(HIM),), others=(portrait(HER),)),
            id="him, landmarks by portrait", marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_a_chosen_face_is_followed_through_a_crossing_a_return_and_cuts(kind, who, chosen, plate):
    frames, truth = plate
    chosen = chosen()
    tracker = kind(Options(face=chosen))
    found = places(tracker, frames)
    assert_follows(found, truth[who], truth[HIM if who == HER else HER])
    assert sum(place is not None for place in found) > 12
    tracker.reset()
    assert places(tracker, frames[:4]) == found[:4], "the portraits are remembered after a reset"


def twin_of(picture, tracker):
    """Return a picture of somebody who looks much like him: heavier brows, a moustache."""
    drawn = picture.copy()
    tracker.reset()
    points = tracker.track(composed((picture, 0, 1.0)), 0).landmarks - (0, HEIGHT - len(picture))
    for first, last in ((17, 21), (22, 26)):
        cv2.line(drawn, points[first].astype(int), points[last].astype(int), (40, 30, 25), 5, cv2.LINE_AA)
    lip = ((points[51] + points[33]) / 2).astype(int).tolist()
    cv2.ellipse(drawn, lip, (16, 3), 0, 0, 360, (50, 35, 30), -1, cv2.LINE_AA)
    return drawn


def test_a_lookalike_is_not_mistaken_for_the_person_after_a_jump():
    him, tracker = clip(HIM), FaceMesh()
    twin = [twin_of(picture, tracker) for picture in him[:13]]
    both = [composed((him[i], 100, 0.9), (twin[i], 600, 0.88)) for i in range(8)]
    jumped = [composed((twin[i], 100, 0.9), (him[i], 600, 0.88)) for i in range(8, 11)]
    alone = [composed((twin[i], 600, 0.9)) for i in range(11, 13)]
    found = places(FaceMesh(Options(face=Chosen(place=(190.0, 180.0)))), [*both, *jumped, *alone])
    assert all(abs(place - middle(100, 0.9)) < 25 for place in found[:8])
    assert all(abs(place - middle(600, 0.88)) < 25 for place in found[8:11]), "same background, so no cut"
    assert found[11:] == [None, None]


def test_other_people_are_learnt_beside_the_person():
    random = np.random.default_rng(0)
    his, hers = random.normal(size=(2, 552))
    box = np.array([0.0, 0, 100, 100])

    def seen(alike, at):
        return SeenFace(box + at, FaceLook(alike * his + np.sqrt(1 - alike**2) * hers, np.ones(552), 1.0, 1.0))

    def person(*met):
        one = SamePerson()
        one.remember(seen(1.0, 0))
        for face in met:
            one.meet(face)
        return one

    assert person().choose([seen(0.7, 5)]) == 0, "a hand may lie over his face"
    assert person(seen(0.7, 300)).choose([seen(0.7, 5)]) is None
    assert person(seen(0.7, 300)).choose([seen(0.95, 5)]) == 0
    assert person(seen(0.95, 300)).choose([seen(0.7, 5)]) == 0, "a picture of him on the wall is not another person"
    assert person(seen(0.7, 20)).choose([seen(0.7, 5)]) == 0, "found twice where he is"
    unsure = person()
    unsure.remember(seen(0.7, 5))
    unsure.meet(seen(0.5, 300))
    assert unsure.choose([seen(0.65, 5)]) == 0, "nobody is learnt beside an uncertain face"


def test_the_nearest_box_contains_the_place():
    boxes = [np.array(box, float) for box in ([0, 0, 400, 400], [380, 100, 480, 200], [900, 0, 950, 50])]
    assert nearest(boxes, (100, 100)) == 0
    assert nearest(boxes, (395, 150)) == 1, "in both: the one whose middle is nearer"
    assert nearest(boxes, (600, 150)) == 1 and nearest(boxes, (2000, 0)) == 2
    assert nearest([], (0, 0)) is None
    assert Chosen(3).pick(boxes) == 2 and Chosen(4).pick(boxes) is None


def test_messages_about_an_absent_face():
    assert LARGEST.describe_absence(9) == "no face was found in any of 9 frames"
    assert "none of 9 frames shows 3 faces" in Chosen(3).describe_absence(9)
    assert "the chosen person" in Chosen(portraits=(portrait(HIM),)).describe_absence(9)


def test_a_portrait_without_a_face_is_refused():
    empty = Portrait(np.zeros((200, 200, 3), np.uint8), (100.0, 100.0))
    with pytest.raises(TrackingError, match="--tracker mesh finds no face, or one that is too dark"):
        FaceMesh(Options(face=Chosen(portraits=(empty,))))
    with pytest.raises(TrackingError, match="--tracker landmarks finds no face"):
        Landmarks(Options(face=Chosen(portraits=(empty,)))).track(clip(HIM)[0], 1)
    with pytest.raises(TrackingError, match="cannot follow a face that was chosen"):
        Follower(Chosen(portraits=(empty,)), "own").choose([lift_of(HIM)])


def lift_of(who):
    mesh = FaceMesh().track(clip(who)[0], 0).mesh
    return lift(mesh[list(MESH68), :2])[list(MESH68), :2]


def test_each_person_is_listed_once(plate):
    frames, truth = plate
    faces = find_faces(enumerate(frames, 1001), FaceMesh().faces)
    assert len(faces.people) == 2
    named = {faces.number(person): person for person in faces.people}
    for number, who in ((1, HER), (2, HIM)):
        for frame, box in named[number].boxes.items():
            own = truth[who][frame - 1001]
            assert own is None or abs(own - (box[0] + box[2]) / 2) < 40
        plain = [1001 + t for t, place in enumerate(truth[who]) if place is not None and 100 < place < 860]
        assert set(plain) <= named[number].boxes.keys()
    assert faces.beside(named[1]) == [named[2]]
    assert find_faces([(1, None), (2, np.zeros((90, 90, 3), np.uint8))], FaceMesh().faces).people == []


def test_number_n_refers_to_the_first_frame_with_n_faces():
    him, her = clip(HIM), clip(HER)
    frames = [composed((him[0], 100, 0.8)), composed((him[1], 120, 0.8), (her[1], 600, 0.95))]
    faces = find_faces(enumerate(frames), FaceMesh().faces)
    # He is the largest in the first frame and the second in the other, so no number selects her.
    assert [(faces.number(one), sorted(one.boxes)) for one in faces.people] == [(1, [0, 1]), (None, [1])]
