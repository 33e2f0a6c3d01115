"""Impossible values in a performance file are refused, whoever wrote it."""

import dataclasses

import numpy as np
import pytest

from ofx_reenact.cli.main import run
from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.performance import Performance


def changed(array, value, row=5):
    made = np.array(array, np.result_type(array, np.float64) if array.dtype.kind == "f" else array.dtype)
    made[row] = value
    return made


CASES = {
    "scale": [0, -1, 1e30, 1e-9, np.nan],
    "rotation": [np.zeros((3, 3)), np.diag([1, 1, -1]), 2 * np.eye(3), np.ones((3, 3)), np.inf],
    "translation": [1e30, -1e7],
    "raw_landmarks": [1e30, 0],
    "raw_mesh": [1e30, 7],
    "frontal": [0, 1e5],
    "confidence": [-0.1, 1.5, np.nan],
    "neutrality": [-1, 1e30],
    "blendshapes": [50, -2],
    "state": [3, 255],
    "frames": [3, 10**12],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in CASES.items() for value in values])
def test_impossible_values_are_refused(performance, tmp_path, name, value):
    path = tmp_path / "p.npz"
    dataclasses.replace(performance, **{name: changed(getattr(performance, name), value)}).save(path)
    with pytest.raises(TrackingError, match=rf"p\.npz: .*{name}.*; track the driver again"):
        Performance.load(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("reference", 500, "reference frame 500 is not among its frames"),
        ("absent", np.array([1000]), "absent has numbers that are not in frames"),
        ("absent", np.array([1.5]), "array absent"),
        ("state", np.full(75, 2, np.uint8), "no frame has a face"),
        ("size", (0, 10), "not the width and height of a picture"),
        ("size", (10**9, 10), "not the width and height of a picture"),
        ("fps", "1/0", "not a rate"),
        ("fps", "fast", "not a rate"),
        ("fps", 25, "fps is int64"),
        ("name", 3, "name is int64"),
        ("name", "a\0b", "zero byte"),
        ("tracker", ["mesh", "mesh"], "expected text"),
        ("versions", "\ud800", "surrogates"),
        ("smoothing", -1.0, "smoothing is -1"),
        ("chosen", 7, "chosen is 7"),
        ("hand_made", np.full(75, 2), "hand_made of frame"),
    ],
)
def test_wrong_fields_are_refused(performance, tmp_path, name, value, message):
    path = tmp_path / "p.npz"
    dataclasses.replace(performance, **{name: value}).save(path)
    with pytest.raises(TrackingError, match=rf"p\.npz: .*{message}"):
        Performance.load(path)


def test_frames_must_be_consecutive(performance, tmp_path):
    path = tmp_path / "p.npz"
    for frames in (performance.frames[::-1], performance.frames * 2, np.zeros_like(performance.frames)):
        dataclasses.replace(performance, frames=frames).save(path)
        with pytest.raises(TrackingError, match="frames are not consecutive"):
            Performance.load(path)


def test_a_damaged_file_is_not_reported_as_a_defect(performance, tmp_path, capsys):
    path = tmp_path / "p.npz"
    dataclasses.replace(performance, scale=performance.scale * 0).save(path)
    arguments = ["render", "--target", "t.png", "--output", str(tmp_path / "o.####.exr"), "--performance", str(path)]
    assert run(["performance", "curves", str(path), "--json", str(tmp_path / "c.json")]) in (1, 2)
    output = capsys.readouterr().err
    assert "defect" not in output
    assert run(arguments) == 1 and "defect" not in capsys.readouterr().err
