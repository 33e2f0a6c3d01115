"""Renders with a painter: where it changes the frame, its dictionary, reference frames, appearance pictures."""

import dataclasses

import cv2
import numpy as np
import pytest
import torch
from conftest import TARGET, make_shot

from ofx_reenact.engine.make_identity import identify, view_of
from ofx_reenact.errors import ReenactError, SettingsError, WeightsError
from ofx_reenact.fdgan.weights import load_portrait, load_repair
from ofx_reenact.settings import Settings
from ofx_reenact.shot.mouth_painter import MouthPainter
from ofx_reenact.shot.portrait_painter import PortraitPainter


def test_the_shipped_weights_draw_the_target(target, identity, colour):
    """Drawn at the target's own landmarks, the portrait is much nearer to the picture than the face's mean colour."""
    fdgan = load_portrait()
    painter = PortraitPainter(fdgan.network, fdgan.size)
    view = view_of(identity.face, target, colour)
    window = painter.window(view)
    portrait, matte = painter.draw(painter.write([view]), window, view.mesh)
    seen, inside = window.look(view.show()), matte > 0.9
    plain = np.abs(seen[inside] - seen[inside].mean(0)).mean()
    assert np.abs(portrait[inside] - seen[inside]).mean() < 0.6 * plain


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_devices_paint_alike(target, identity, colour, painting):
    view = view_of(identity.face, target, colour)
    cpu, cuda = (MouthPainter(load_repair(painting.path, d).network, d).write([view]) for d in ("cpu", "cuda"))
    assert all(np.abs(a - b).max() < 0.01 for a, b in zip(cpu, cuda, strict=True))


@pytest.fixture(scope="module")
def repairing(target, colour, weights, performance, painting):
    identity = identify(Settings(target=str(TARGET)), target, colour, weights, painting)
    return make_shot(identity, target, performance, weights, painter=MouthPainter(painting.network))


@pytest.fixture(scope="module")
def plain(target, identity, weights, performance):
    return make_shot(identity, target, performance, weights)


def test_repair_changes_the_mouth_and_nothing_far_from_it(repairing, plain, performance):
    changed = 0
    for frame in performance.frames[::9].tolist():
        one, other = repairing.render(frame), plain.render(frame)
        apart = np.abs(one.colour - other.colour).max(-1) > 0
        changed += apart.sum()
        assert np.array_equal(one.stmap, other.stmap)
        if apart.any():
            rows, columns = np.nonzero(apart)
            height, width = apart.shape
            assert columns.max() - columns.min() < 0.5 * width and rows.min() > 0.4 * height
    assert changed > 100


def test_a_frame_is_painted_alone_as_in_a_sequence(repairing):
    first = repairing.render(36).colour
    repairing.render(12)
    assert np.array_equal(repairing.render(36).colour, first)


def test_reference_frame_stays_the_target(target, colour, weights, performance, painting):
    identity = identify(Settings(target=str(TARGET)), target, colour, weights, painting)
    made = make_shot(identity, target, performance, weights, Settings(reference=20), MouthPainter(painting.network))
    assert np.array_equal(made.render(20).colour, target.pixels)


def test_a_painter_needs_a_dictionary(target, identity, performance, weights, painting):
    with pytest.raises(SettingsError, match="dictionary"):
        make_shot(identity, target, performance, weights, painter=MouthPainter(painting.network))


def test_identity_file_keeps_the_dictionary(target, colour, weights, painting, tmp_path):
    settings = Settings(target=str(TARGET), identity=str(tmp_path / "her.safetensors"))
    made = identify(settings, target, colour, weights, painting)
    read = identify(settings, target, colour, weights, painting)
    assert all(map(np.array_equal, made.person.dictionary, read.person.dictionary))
    assert len(read.person.dictionary) == 4
    other = dataclasses.replace(painting, sha256="another")
    with pytest.raises(WeightsError, match="other FD-GAN weights"):
        identify(settings, target, colour, weights, other)
    assert identify(settings, target, colour, weights).face.mesh.shape == (478, 3)


def test_the_same_picture_twice_is_the_same_dictionary(target, identity, colour, painting):
    painter, view = MouthPainter(painting.network), view_of(identity.face, target, colour)
    once, twice = painter.write([view]), painter.write([view, view])
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(once, twice, strict=True))


def test_appearance_of_another_person_is_noted(tmp_path, target, colour, weights, painting):
    picture = cv2.imread(str(TARGET))
    cv2.imwrite(str(tmp_path / "same.png"), np.clip(picture * 0.9, 0, 255).astype(np.uint8))
    cv2.imwrite(str(tmp_path / "other.png"), cv2.resize(picture, None, fx=0.75, fy=1.15))
    both = (str(tmp_path / "same.png"), str(tmp_path / "other.png"))
    made = identify(Settings(target=str(TARGET), appearance=both), target, colour, weights, painting)
    assert len(made.notes) == 1 and "other.png" in made.notes[0]


def test_appearance_without_a_face_is_named(tmp_path, target, colour, weights, painting):
    wall = tmp_path / "wall.png"
    cv2.imwrite(str(wall), np.full((200, 200, 3), 128, np.uint8))
    settings = Settings(target=str(TARGET), appearance=(str(wall),))
    with pytest.raises(ReenactError, match=r"wall\.png"):
        identify(settings, target, colour, weights, painting)
