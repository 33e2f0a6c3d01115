"""A performance corrected by hand, and written as curves."""

import dataclasses
import json

import numpy as np
import pytest

from ofx_reenact.cli.main import run
from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.blendshapes import BLENDSHAPES
from ofx_reenact.tracking.curves import curves
from ofx_reenact.tracking.derive import TrackedFrames, derive
from ofx_reenact.tracking.edit import landmarks_of, place
from ofx_reenact.tracking.landmarks import IRIS_LEFT, IRIS_RIGHT, MESH68
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.rigid import euler_degrees

KEPT = ("size", "fps", "name", "tracker", "versions", "smoothing")


def derived(found: TrackedFrames, like: Performance) -> Performance:
    again = derive(found, **{name: getattr(like, name) for name in KEPT}, reference=None)
    return dataclasses.replace(again, made_of=like.made_of, skin=like.skin)


def assert_same(one: Performance, other: Performance, but=()) -> None:
    for field in dataclasses.fields(Performance):
        if field.name not in but:
            assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name


@pytest.fixture(scope="module")
def gappy(performance) -> Performance:
    """The demo driver with two faces lost in a row, and one more at the end."""
    found = TrackedFrames.of_performance(performance)
    left = np.setdiff1d(found.seen, [9, 10, 74])
    names = ("landmarks", "mesh", "blendshapes", "confidence", "hand_made", "light")
    kept = dataclasses.replace(found, seen=left, **{name: getattr(found, name)[left] for name in names})
    return derived(dataclasses.replace(kept, absent=np.array([75])), performance)


def points_of(performance: Performance, frame: int) -> np.ndarray:
    return performance.raw_landmarks[frame - 1].astype(np.float64)


def test_deriving_a_file_again_gives_the_same_file(performance, performance_file, gappy):
    assert_same(derived(TrackedFrames.of_performance(performance), performance), performance)
    assert_same(place(Performance.load(performance_file), {}), performance)
    assert_same(place(gappy, {}), gappy)


def test_a_tracked_mesh_moves_to_the_placed_landmarks(performance):
    points = points_of(performance, 36)
    points[48:68] += [3, 2]
    made = place(performance, {36: points})
    assert_same(place(performance, {36: points}), made)
    assert np.array_equal(made.raw_landmarks[35], points.astype(np.float32))
    assert np.allclose(made.raw_mesh[35, list(MESH68), :2], points, atol=1e-4)
    moved = made.raw_mesh[35] - performance.raw_mesh[35]
    assert np.abs(moved[[152, 10, *IRIS_RIGHT, *IRIS_LEFT]]).max() < 0.05 and not moved[:, 2].any(), "lips alone"
    assert np.abs(moved[[0, 13, 14, 17]] - [3, 2, 0]).max() < 1e-3
    others = np.arange(75) != 35
    assert np.array_equal(made.raw_mesh[others], performance.raw_mesh[others])
    assert made.hand_made.tolist() == (~others).tolist() and made.confidence[35] == 1
    assert not np.array_equal(made.frontal[35], performance.frontal[35])


def test_irises_move_with_their_eye(performance):
    points = points_of(performance, 36)
    points[36:42] += [0, 2]
    moved = place(performance, {36: points}).raw_mesh[35] - performance.raw_mesh[35]
    assert np.allclose(moved[list(IRIS_RIGHT), :2], [0, 2], atol=0.2) and np.abs(moved[list(IRIS_LEFT)]).max() < 0.2


def test_placing_twice_equals_placing_once(performance, gappy):
    for made_of, frame, shift in ((performance, 36, 5), (gappy, 10, 5), (gappy, 10, 200)):
        points = points_of(performance, frame)
        points[8] += [0, 3]
        once, again = place(made_of, {frame: points}), place(place(made_of, {frame: points + shift}), {frame: points})
        assert np.allclose(again.raw_mesh, once.raw_mesh, atol=1e-3), (frame, shift)
        assert np.allclose(again.frontal, once.frontal, atol=1e-4), (frame, shift)


def test_a_lost_face_is_placed_as_the_file_tracker_would(gappy, performance):
    assert gappy.state[[9, 10, 74]].tolist() == [State.BRIDGED, State.BRIDGED, State.HELD]
    points = points_of(performance, 10)
    made = place(gappy, {10: points})
    assert np.allclose(made.raw_mesh[9], lift(points), atol=1e-3)
    assert made.state[[9, 10, 74]].tolist() == [State.TRACKED, State.BRIDGED, State.HELD]
    between = (made.raw_mesh[9].astype(float) + made.raw_mesh[11]) / 2
    assert np.allclose(made.raw_mesh[10], between, atol=1e-3), "bridged from the placed frame"


def test_a_mesh_tracked_elsewhere_is_not_used(performance):
    points = np.add(points_of(performance, 36), [150, 40])
    assert np.allclose(place(performance, {36: points}).raw_mesh[35], lift(points), atol=1e-3)


def test_expressions_of_placed_frames_are_their_neighbours(performance):
    busiest = int(np.argmax(performance.blendshapes[:, BLENDSHAPES.index("jawOpen")]))
    frame = int(performance.frames[busiest])
    made = place(performance, {frame: points_of(performance, frame)})
    around = performance.blendshapes[[busiest - 1, busiest + 1]].mean(0)
    assert np.allclose(made.blendshapes[busiest], around, atol=1e-6)
    everywhere = place(performance, {f: points_of(performance, f) for f in range(1, 76)})
    assert np.array_equal(everywhere.blendshapes, performance.blendshapes), "if there are no others, they do not change"


def test_the_reference_is_detected_again_unless_the_user_chose_it(performance):
    first = place(performance, {1: points_of(performance, 1)})
    at_rest = np.where(first.state == State.TRACKED, first.neutrality, np.inf)
    assert first.reference == first.frames[np.argmin(at_rest)] and not first.chosen
    chosen = place(dataclasses.replace(performance, reference=50, chosen=True), {1: points_of(performance, 1)})
    assert (chosen.reference, chosen.chosen) == (50, True)


def test_errors_name_the_frame(performance, gappy):
    points = points_of(performance, 1)
    with pytest.raises(TrackingError, match=r"no frames 76,80; the performance has 1-75"):
        place(performance, {76: points, 80: points})
    with pytest.raises(TrackingError, match="frames 75 have no picture"):
        place(gappy, {75: points})
    with pytest.raises(TrackingError, match="no frames 0"):
        landmarks_of(performance, [0, 1])


def test_curves(performance, gappy):
    found = curves(performance)
    assert found["frames"] == list(range(1, 76)) and list(found["blendshapes"]) == list(BLENDSHAPES)
    angles = euler_degrees(performance.rotation)
    for index, name in enumerate(("pitch", "yaw", "roll")):
        assert np.allclose(found["rotation"][name], angles[:, index], atol=1e-3)
    spin = np.radians(np.linspace(150, 260, 75))
    turning = np.zeros((75, 3, 3))
    turning[:, 0, 0] = turning[:, 1, 1] = np.cos(spin)
    turning[:, 1, 0], turning[:, 0, 1], turning[:, 2, 2] = np.sin(spin), -np.sin(spin), 1
    rolled = curves(dataclasses.replace(performance, rotation=turning))["rotation"]["roll"]
    assert np.allclose(rolled, np.degrees(spin), atol=1e-3), "no jump at 180"
    without = dataclasses.replace(performance, blendshapes=np.zeros_like(performance.blendshapes))
    assert curves(without)["blendshapes"] == {}


def test_on_the_command_line(performance_file, performance, tmp_path, capsys):
    landmarks, edited, written = (str(tmp_path / name) for name in ("l.json", "q.npz", "c.json"))
    line = ["performance", "landmarks", "--input", performance_file, "--frames", "36-37", "--output", landmarks]
    assert run(line) == 0
    content = json.loads((tmp_path / "l.json").read_text())
    assert np.array_equal(np.float32(content["frames"]["36"]), performance.raw_landmarks[35])
    line = ["performance", "place", "--input", performance_file, "--landmarks", landmarks, "--output", edited]
    assert run(line) == 0
    assert "placed by hand: 36-37" in capsys.readouterr().out
    assert Performance.load(tmp_path / "q.npz").hand_made.sum() == 2
    assert run(["performance", "curves", "--input", edited, "--output", written]) == 0
    assert len(json.loads((tmp_path / "c.json").read_text())["rotation"]["yaw"]) == 75
    content["frames"]["*"] = content["frames"]["36"]
    (tmp_path / "l.json").write_text(json.dumps(content))
    assert run(line) == 1
    assert "'*' cannot be placed" in capsys.readouterr().err
