"""Landmarks and curves in Nuke: Trackers made and read, files, knobs to look at."""

import numpy as np
import pytest
from nuke_session import begin, wired_shot

from ofx_reenact.tracking import landmarks as engine_landmarks


@pytest.fixture
def nuke(monkeypatch, tmp_path):
    return begin(monkeypatch, tmp_path)


@pytest.fixture
def node(nuke):
    return wired_shot(nuke)


def test_names_of_landmarks_are_the_engines(nuke):
    from reenact_nuke import landmarks

    assert tuple((name, len(of)) for name, of in engine_landmarks.REGIONS.items()) == landmarks.REGIONS


def test_landmarks_to_a_tracker_and_back(nuke, node):
    from reenact_nuke import landmarks, tracked_inputs, tracker_node

    rng = np.random.default_rng(1)
    known = {"size": [640, 480], "frames": {str(f): (rng.random((68, 2)) * 400).tolist() for f in (1001, 1002, 1004)}}
    made = landmarks.make_tracker(node, tracked_inputs.DRIVER, known)
    assert made.input(0) is node.input(1)
    assert landmarks.moved_frames(known, landmarks.read_source(made, tracked_inputs.DRIVER)) == {}
    x, y = known["frames"]["1002"][67]
    assert tracker_node.read_tracks(made)["mouth 19"][1002] == pytest.approx((x + 0.5, 479.5 - y), abs=1e-3)
    # Two pixels up in Nuke is two pixels less in the picture's own rows.
    made["tracks"].move(67, 1, 1002, 479.5 - y + 2)
    moved = landmarks.moved_frames(known, landmarks.read_source(made, tracked_inputs.DRIVER))
    assert list(moved) == ["1002"]
    assert moved["1002"][67] == pytest.approx([x, y - 2], abs=1e-3)
    assert moved["1002"][:67] == known["frames"]["1002"][:67]
    # A key where the performance was not exported moves that frame alone; other points stay the performance's.
    known["frames"]["1003"] = [[10.0, 20.0]] * 68
    made["tracks"].move(0, 0, 1003, 110.5)
    made["tracks"].move(0, 1, 1003, 459.5)
    moved = landmarks.moved_frames(known, landmarks.read_source(made, tracked_inputs.DRIVER))
    assert moved["1003"] == [[110.0, 20.0]] + [[10.0, 20.0]] * 67


def test_a_tracker_that_is_another_ones(nuke, node):
    from reenact_nuke import landmarks, tracked_inputs, tracker_node
    from reenact_nuke.errors import ReenactError

    other = nuke.nodes.Tracker4()
    other["tracks"].fromScript(tracker_node.tracks_script(["track 1"], {1: [(3.0, 4.0)]}))
    with pytest.raises(ReenactError, match="no track with a landmark's name"):
        landmarks.read_source(other, tracked_inputs.DRIVER)
    other["tracks"].fromScript("nothing")
    with pytest.raises(ReenactError, match="have a form that this node cannot read"):
        landmarks.read_source(other, tracked_inputs.DRIVER)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as landmarks"),
        ('{"frames": {}}', "expected"),
        ('{"schema": "ofx-reenact/landmarks/1", "frames": {"1": [[1, 2]]}}', "frame 1 has 1 points, not 68"),
        ('{"schema": "ofx-reenact/landmarks/1", "frames": {"1": [[1, "a"]]}}', "frame 1: expected a frame number"),
    ],
)
def test_landmark_files_that_are_none(nuke, tmp_path, content, message):
    from reenact_nuke import landmarks, tracked_inputs
    from reenact_nuke.errors import ReenactError

    (tmp_path / "l.json").write_text(content)
    with pytest.raises(ReenactError, match=message):
        landmarks.read_source(str(tmp_path / "l.json"), tracked_inputs.DRIVER)


def test_curves_are_knobs_to_look_at(nuke, node):
    from reenact_nuke import performance_curves

    found = {"frames": [1001, 1003], "rotation": {"yaw": [0.0, 10.0]}, "blendshapes": {"jawOpen": [0.1, 0.5]}}
    for _ in range(2):
        assert performance_curves.show(node, found) == "2 curves of 2 frames are on the tab Curves"
    nuke.frame(1002)
    assert node["reenact_curve_yaw"].value() == 5.0
    assert [k for k in node.knobs() if k.startswith("reenact_curve_")] == ["reenact_curve_yaw", "reenact_curve_jawOpen"]
