"""Blendshapes of a batch of meshes equal OpenCV's."""

import zipfile

import cv2
import numpy as np

from ofx_reenact.resources import resource
from ofx_reenact.tracking import blendshapes
from ofx_reenact.tracking.blendshapes import BLENDSHAPES, blendshapes_of
from ofx_reenact.tracking.canonical import MODEL, canonical


def faces(count: int, seed: int = 0) -> np.ndarray:
    """The canonical face with noise, at some place in a picture."""
    points = canonical().points
    irises = np.repeat(points[[468 % 468, 159]], 5, axis=0)
    mesh = np.concatenate([points, irises])
    stirred = mesh + np.random.default_rng(seed).normal(size=(count, 478, 3)) * 0.3
    return stirred * 20 + [300, 200, 0]


def test_they_equal_those_of_the_same_network_in_opencv():
    with zipfile.ZipFile(resource(*MODEL)) as bundle:
        network = cv2.dnn.readNetFromTFLite(np.frombuffer(bundle.read("face_blendshapes.tflite"), np.uint8))
    meshes = faces(5)
    found = blendshapes_of(meshes)
    for mesh, shapes in zip(meshes, found, strict=True):
        network.setInput(mesh[list(blendshapes._POINTS), :2].astype(np.float32)[None])
        assert np.abs(network.forward().reshape(-1) - shapes).max() < 1e-4
    assert found.shape == (5, len(BLENDSHAPES))
    assert np.ptp(found, axis=0).max() > 0.1, "different faces have different blendshapes"


def test_position_and_size_of_a_face_do_not_matter():
    mesh = faces(1)
    assert np.abs(blendshapes_of(mesh) - blendshapes_of(mesh * 0.1 - 40)).max() < 1e-4


def test_more_faces_than_a_batch_are_all_evaluated():
    meshes = faces(70)
    assert np.abs(blendshapes_of(meshes)[-1] - blendshapes_of(meshes[-1:])[0]).max() < 1e-5
    assert blendshapes_of(meshes[:0]).shape == (0, 52)
