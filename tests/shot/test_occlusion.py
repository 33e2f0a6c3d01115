"""Occlusion of a face: found where something is drawn over the demo's frames, and nowhere on the frames themselves."""

import cv2
import numpy as np
import pytest
from conftest import DRIVER

from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.shot.occlusion import TypicalFace
from ofx_reenact.tracking.landmarks import FACE_OVAL
from ofx_reenact.tracking.light import fill_oval

# Frames that are tested, and frames from which the face is learnt.
FRAMES, LEARNT = (20, 60), (1, 8, 16, 24, 32, 40, 48, 56, 64, 72)


@pytest.fixture(scope="module")
def shown():
    clip = Sequence.open(DRIVER)
    pictures = {frame: clip.read(frame).rgb for frame in {*FRAMES, *LEARNT}}
    return {n: p if p.dtype == np.uint8 else np.rint(p * 255).astype(np.uint8) for n, p in pictures.items()}


@pytest.fixture(scope="module")
def meshes(performance):
    return dict(zip(performance.frames.tolist(), performance.mesh, strict=True))


@pytest.fixture(scope="module")
def usual(shown, meshes):
    return TypicalFace.of([shown[n] for n in LEARNT], [meshes[n] for n in LEARNT])


def drawn(picture, mesh, kind):
    """Draw something over a face; return the picture, and the mask of what was drawn."""
    oval = mesh[list(FACE_OVAL), :2]
    (x, y), height = oval.mean(0), np.ptp(oval[:, 1])
    there = np.zeros(picture.shape[:2], np.float32)
    if kind == "microphone":
        cv2.circle(there, (int(x + 0.1 * height), int(y + 0.25 * height)), int(0.15 * height), 1, -1, cv2.LINE_AA)
        colour = np.array([40.0, 40, 42])
    elif kind == "hair":
        for away in (-0.25, -0.18, 0.1, 0.22):
            column, rows = int(x + away * height), (int(y - 0.3 * height), int(y + 0.3 * height))
            cv2.line(there, (column, rows[0]), (column, rows[1]), 1, max(int(0.02 * height), 1), cv2.LINE_AA)
        colour = np.array([45.0, 32, 25])
    else:
        for away in (-0.1, 0.0, 0.1):
            at = (int(x - 0.2 * height), int(y + (0.15 + away) * height))
            cv2.ellipse(there, at, (int(0.25 * height), int(0.045 * height)), 0, 0, 360, 1, -1, cv2.LINE_AA)
        # Skin of the same person, in another light.
        colour = np.median(picture[fill_oval(oval, picture.shape) > 0], axis=0) * [0.62, 0.55, 0.5]
    return (picture * (1 - there[..., None]) + colour * there[..., None]).astype(np.uint8), there > 0.5


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(("kind", "least"), [("microphone", 0.6), ("hair", 0.2), ("hand", 0.45)])
def test_what_is_drawn_over_a_face_is_found(usual, shown, meshes, frame, kind, least):
    picture, there = drawn(shown[frame], meshes[frame], kind)
    face = fill_oval(meshes[frame][list(FACE_OVAL), :2], picture.shape) > 0
    found = usual.occlusion(picture, meshes[frame])
    assert found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1
    hit, there = found > 0.5, there & face
    assert (hit & there).sum() / (hit | there).sum() > least
    assert (hit & there).sum() / hit.sum() > 0.7


@pytest.mark.parametrize("frame", FRAMES)
def test_nothing_covers_the_face_in_unchanged_frames(usual, shown, meshes, frame):
    face = fill_oval(meshes[frame][list(FACE_OVAL), :2], shown[frame].shape) > 0
    found = usual.occlusion(shown[frame], meshes[frame])
    near = cv2.dilate(face.astype(np.uint8), np.ones((9, 9))) > 0
    assert (found > 0.5).sum() < 0.01 * face.sum() and not found[~near].any()
    # Light that is brighter on one side is no occlusion.
    ramp = np.linspace(0.6, 1.3, found.shape[1])[None, :, None]
    lit = np.clip((shown[frame] / 255.0) ** 2.2 * ramp, 0, 1) ** (1 / 2.2)
    found = usual.occlusion(np.rint(lit * 255).astype(np.uint8), meshes[frame])
    assert (found > 0.5).sum() < 0.02 * face.sum()


def test_nothing_covers_a_face_outside_the_picture(usual, shown, meshes):
    for away in (-5000, 5000):
        assert not usual.occlusion(shown[20], meshes[20] + np.array([away, 0, 0])).any()
    cut = usual.occlusion(shown[20][:, : int(meshes[20][:, 0].mean())], meshes[20])
    assert cut.shape == (shown[20].shape[0], int(meshes[20][:, 0].mean())) and np.isfinite(cut).all()
