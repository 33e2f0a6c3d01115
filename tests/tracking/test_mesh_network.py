"""The mesh network runs once for mesh and presence, on a picture that is blurred inside its crop only."""

import zipfile

import cv2
import numpy as np
import pytest

from ofx_reenact.resources import resource
from ofx_reenact.tracking.canonical import MODEL
from ofx_reenact.tracking.detect import MESH_SIZE, Region
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.tflite import second_output_weights, with_last_output


@pytest.fixture(scope="module")
def model():
    with zipfile.ZipFile(resource(*MODEL)) as bundle:
        return bundle.read("face_landmarks_detector.tflite")


def test_presence_follows_from_the_mesh(model):
    points, factors, added = second_output_weights(model)
    # Number 472 is the second output itself.
    ours, own = (
        cv2.dnn.readNetFromTFLite(np.frombuffer(with_last_output(model, tensor), np.uint8)) for tensor in (points, 472)
    )
    rng = np.random.default_rng(0)
    for soft in (3, 6, 12):
        crop = cv2.GaussianBlur(rng.random((MESH_SIZE, MESH_SIZE, 3), np.float32), (0, 0), soft)
        given = np.ascontiguousarray(crop.transpose(2, 0, 1)[None])
        ours.setInput(given)
        own.setInput(given)
        logit = factors @ ours.forward().reshape(-1) + added
        assert logit == pytest.approx(float(own.forward().reshape(-1)[0]), abs=5e-3)


def test_the_crop_is_blurred_as_in_the_whole_picture():
    rng, tracker = np.random.default_rng(1), FaceMesh()
    image = rng.integers(0, 256, (500, 640, 3), np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for _ in range(20):
        side = rng.uniform(530, 1500)
        matrix = Region(rng.uniform(-50, 690), rng.uniform(-50, 550), side, rng.uniform(-3, 3)).to_picture()
        deviation = 0.4 * side / MESH_SIZE
        whole, part = cv2.GaussianBlur(image, (0, 0), deviation), tracker._blur(image, matrix, deviation)
        seen, wanted = (cv2.warpAffine(one, matrix, (MESH_SIZE, MESH_SIZE), flags=flags) for one in (part, whole))
        assert seen.tobytes() == wanted.tobytes()
