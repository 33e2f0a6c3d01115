"""The window that FD-GAN sees: there and back, and where the mouth lies in it."""

import dataclasses

import cv2
import numpy as np
import pytest

from ofx_reenact.fdgan.window import Window
from ofx_reenact.tracking.landmarks import LIPS_INNER


def test_window_sees_a_smooth_picture_and_brings_it_back(identity):
    y, x = np.mgrid[:500, :400].astype(np.float32)
    picture = np.dstack([np.sin(x / 40), np.cos(y / 50), x * y / 2e5])
    window = Window.around(np.array([200.0, 250.0]), np.array([1.9, 0.4]), (128, 96))
    box = window.box((400, 500))
    back = window.paste(window.look(picture), box)
    inner = cv2.erode((window.paste(np.ones((96, 128), np.float32), box) > 0.999).astype(np.uint8), np.ones((9, 9)))
    assert inner.sum() > 15_000
    assert np.abs(back - picture[box])[inner > 0].max() < 0.02
    corner = np.array([[3.0, 5.0]])
    assert np.allclose(window.points(corner @ window.matrix[:, :2].T + window.matrix[:, 2]), corner)


def test_mouth_window_lies_fast_on_the_skull(identity):
    window = Window.of_mouth(identity.face.frontal, identity.face.head)
    mouth = window.points(identity.face.mesh[[i for half in LIPS_INNER for i in half], :2])
    assert (mouth > 20).all() and (mouth[:, 0] < 108).all() and (mouth[:, 1] < 70).all()
    larger = dataclasses.replace(identity.face.head, scale=identity.face.head.scale * 2)
    assert Window.of_mouth(identity.face.frontal, larger).scale == pytest.approx(2 * window.scale)
