"""Frames that torch warps equal those of the CPU, and views are made on the chosen device."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from backends import DEVICES, torch_ops
from conftest import TARGET

from ofx_reenact.device import choose_device
from ofx_reenact.engine import loader
from ofx_reenact.engine import make_identity as people
from ofx_reenact.engine.loader import open_shot
from ofx_reenact.engine.make_identity import view_of, view_opener
from ofx_reenact.errors import SettingsError
from ofx_reenact.ops import raster
from ofx_reenact.ops import sample as sampling
from ofx_reenact.ops.on_torch import OnTorch
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.shot import Shot, Still
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.surface import FACE_POINTS

MAPS = ("stmap", "matte", "confidence", "shading")
# Frames of the demo driver: eyes shut, mouth wide open, near the end.
FRAMES = (12, 36, 60)
ALIKE = 1 / 1024


@pytest.fixture(scope="module")
def view(identity, target, colour) -> View:
    return view_of(identity.face, target, colour)


def sized(view: View, size: int, channels: int) -> View:
    """The demo target at another size, with an alpha if there are four channels."""
    scale, above = size / view.size[0], view.face.headroom
    alpha = np.linspace(0.2, 1, view.size[0], dtype=np.float32)[None].repeat(view.size[1], 0)
    pixels = view.pixels if channels == 3 else np.dstack([view.pixels * alpha[..., None], alpha])
    if above is not None:
        above = np.interp(np.arange(size) / scale, np.arange(len(above)), above * scale).astype(np.float32)
    face = replace(view.face, mesh=view.face.mesh * scale, size=(size, size), headroom=above)
    return replace(view, pixels=cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA), face=face)


def compare(view: View, one: Frame, other: Frame, coarse: bool) -> None:
    """Assert that two frames and their maps differ by no more than anybody could see.

    With float32 positions (``coarse``), one of a seam pixel's positions may be on the seam's other side.
    """
    shown, again = (view.display.encode(np.ascontiguousarray(frame.colour[..., :3])) for frame in (one, other))
    differs = np.abs(shown - again).max(-1)
    assert (differs > ALIKE).sum() <= 3 * coarse and differs.max() <= (16 if coarse else 1) * ALIKE
    assert np.abs(one.colour - other.colour).max() <= ALIKE * np.abs(one.colour).max()
    assert np.abs(one.stmap - other.stmap).max() <= 0.02
    for name in MAPS[1:]:
        assert np.abs(getattr(one, name) - getattr(other, name)).max() <= ALIKE, name


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("size", "channels"), [(256, 3), (320, 4), pytest.param(1000, 3, marks=pytest.mark.slow)])
def test_frames_are_rendered_alike(view, identity, performance, weights, device, size, channels):
    small = sized(view, size, channels)
    shot = Shot.of_still(identity.person, small, performance, Settings(), weights)
    others = torch_ops(device, size**2 // 7).items()
    by = {name: replace(shot, target=Still(replace(small, ops=ops))) for name, ops in others}
    for frame in FRAMES:
        plain, made = shot.render(frame), {name: other.render(frame) for name, other in by.items()}
        for name, again in made.items():
            compare(small, plain, again, name == "float32")
        for again in (by["whole"].render(frame), made["batches"]):
            assert np.array_equal(made["whole"].colour, again.colour)
            assert all(np.array_equal(getattr(made["whole"], name), getattr(again, name)) for name in MAPS)
        assert (made["whole"].colour != small.pixels).mean() > 0.2


@pytest.mark.parametrize("device", DEVICES)
def test_eyes_that_turn_alone_and_flow_are_alike(view, device):
    small, still = sized(view, 400, 3), np.zeros((FACE_POINTS, 3))
    gaze, way = np.array([[0.1, 0.02], [0.1, 0.02]]), np.array([7, 4, 0])
    head = replace(small.head, translation=small.head.translation + way)
    for ops in torch_ops(device).values():
        carriers = [one.carrier for one in (small, replace(small, ops=ops))]
        made, again = (one.carry(still, small.head, gaze, np.zeros(3)) for one in carriers)
        assert made.composed.slices == again.composed.slices
        assert np.abs(made.composed.colour - again.composed.colour).max() <= ALIKE
        (box, flow), (other_box, other) = (one.sheet.flow(still + way, head, still, small.head) for one in carriers)
        assert box == other_box and np.abs(flow - other).max() <= 0.02 and np.abs(flow).max() > 6


def test_the_cpus_loops_are_not_used_with_another_device(
    view, identity, performance, weights, monkeypatch
):
    shot = Shot.of_still(identity.person, sized(view, 256, 3), performance, Settings(), weights)
    there = replace(shot, target=Still(replace(shot.target.picture, ops=torch_ops("cpu")["whole"])))
    expected = there.render(36)
    assert expected.carried.stmap.seams
    monkeypatch.setattr(raster, "_draw", None)
    monkeypatch.setattr(sampling, "_warp", None)
    assert np.array_equal(there.render(36).colour, expected.colour)
    with pytest.raises(TypeError):
        shot.render(36)


class Counted(OnTorch):
    """Counts warps, and copies of the 300×300 picture to the device."""

    def __init__(self) -> None:
        super().__init__("cpu")
        self.warped = self.put_there = 0

    def warp(self, picture, *others):
        self.warped += 1
        return super().warp(picture, *others)

    def put(self, array, dtype=torch.float32):
        self.put_there += isinstance(array, np.ndarray) and array.shape == (300, 300, 3)
        return super().put(array, dtype)


def test_a_picture_is_copied_to_its_device_once(view):
    ops = Counted()
    small = replace(sized(view, 300, 3), ops=ops)
    for way in np.array([[3, 0, 0], [5, 0, 0]]):
        head = replace(small.head, translation=small.head.translation + way)
        small.carrier.carry(np.tile(way, (FACE_POINTS, 1)), head, np.zeros((2, 2)), np.zeros(3))
    assert ops.warped == 2 and ops.put_there == 1


# Torch's other name for the CPU; users cannot choose it.
ELSEWHERE = "cpu:0"


def test_the_device_of_a_job_warps_its_stills(performance_file, monkeypatch):
    monkeypatch.setattr(loader, "choose_device", lambda name: ELSEWHERE)
    monkeypatch.setattr(people, "choose_device", lambda name: ELSEWHERE)
    settings = Settings(target=str(TARGET), performance=performance_file, repair="off")
    shot = open_shot(settings)
    assert shot.target.picture.ops.device == torch.device(ELSEWHERE)


def test_the_device_of_a_job_warps_its_plates(target, performance, colour, monkeypatch):
    monkeypatch.setattr(people, "choose_device", lambda name: ELSEWHERE)
    opened = view_opener(SimpleNamespace(picture=lambda frame: target), performance, Settings(), colour)
    assert opened(int(performance.frames[0])).ops.device == torch.device(ELSEWHERE)


def test_metal_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(SettingsError, match="--device mps: torch finds no Metal device here; use --device cpu or auto"):
        choose_device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("mps") == "mps"
