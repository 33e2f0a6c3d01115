"""What tests share: a real target, a real performance, plates made with every feature an EXR can have."""

import os

# Workers side by side, each with threads for every core, would wait for one another; set before torch is loaded.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from narrow import small

from ofx_reenact.engine.inputs import read_target, track_driver
from ofx_reenact.engine.make_identity import identify, view_of
from ofx_reenact.fdgan.weights import load_repair, save_repair
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.ldnet.weights import load_ldnet
from ofx_reenact.resources import resource
from ofx_reenact.settings import Settings
from ofx_reenact.shot.make_frame import make_frame
from ofx_reenact.shot.motion import pose_of_mesh
from ofx_reenact.shot.shot import Shot
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.landmarks import LIPS_INNER, MESH68
from ofx_reenact.tracking.tracker import Track
from ofx_reenact.training.fdgan import features
from ofx_reenact.training.fdgan.data import warped_pairs as pairs
from ofx_reenact.training.fdgan.data.cut_crops import build_crops
from ofx_reenact.training.fdgan.data.face_set import build_faces
from ofx_reenact.training.fdgan.data.pair_set import REVERSE, TRUE, WIDER, build_pairs

TARGET, DRIVER = resource("demo", "target.jpg"), resource("demo", "driver.mpg")


def write_exr(path: Path, channels: dict[str, np.ndarray], formats=None, attributes=None, window=None, display=None):
    """Write an EXR with OpenImageIO alone, so that what we read was not written by us."""
    names = list(channels)
    height, width = channels[names[0]].shape
    types = tuple(oiio.TypeDesc((formats or {}).get(name, "float")) for name in names)
    spec = oiio.ImageSpec(width, height, len(names), types[0])
    spec.channelnames, spec.channelformats = tuple(names), types
    if window:
        spec.x, spec.y = window
    if display:
        spec.full_x, spec.full_y, spec.full_width, spec.full_height = display
    for name, value in (attributes or {}).items():
        if isinstance(value, tuple):
            spec.attribute(name, value[0], value[1])
        else:
            spec.attribute(name, value)
    sink = oiio.ImageOutput.create("openexr")
    assert sink.open(str(path), spec), sink.geterror()
    assert sink.write_image(np.stack([channels[name] for name in names], -1).astype(np.float32))
    assert sink.close()
    return path


def driver_pictures() -> Iterator[np.ndarray]:
    """Yield the demo driver's frames as OpenCV writes them, (H, W, 3) uint8, blue first."""
    driver = Sequence.open(DRIVER)
    return (np.rint(driver.read(frame).rgb[..., ::-1] * 255).astype(np.uint8) for frame in driver.frames)


def rgb_channels(rgb: np.ndarray) -> dict[str, np.ndarray]:
    return {name: rgb[..., i] for i, name in enumerate("RGB")}


@pytest.fixture(scope="session")
def colour() -> Colour:
    return Colour()


@pytest.fixture(scope="session")
def weights():
    return load_ldnet()


@pytest.fixture(scope="session")
def demo_picture() -> np.ndarray:
    """The demo target, (H, W, 3) uint8 RGB."""
    return np.ascontiguousarray(cv2.imread(str(TARGET))[..., ::-1])


@pytest.fixture(scope="session")
def demo_track(demo_picture) -> Track:
    """Its face, as the default tracker finds it."""
    found = FaceMesh().track(demo_picture, 1)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def performance(colour):
    """The demo driver, tracked once for all tests."""
    settings = Settings(driver=str(DRIVER))
    return track_driver(settings, Sequence.open(DRIVER), colour, lambda step: None)


@pytest.fixture(scope="session")
def performance_file(performance, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("performance") / "driver.npz"
    performance.save(path)
    return str(path)


@pytest.fixture(scope="session")
def target(colour):
    return read_target(Settings(target=str(TARGET)), colour)


@pytest.fixture(scope="session")
def identity(target, colour, weights):
    return identify(Settings(target=str(TARGET)), target, colour, weights)


@pytest.fixture(scope="session")
def face(identity):
    return identity.face


@pytest.fixture(scope="session")
def linear(target) -> np.ndarray:
    """The demo target as scene-linear float, with values no display has outside the face."""
    small = cv2.resize(target.pixels, (300, 300), interpolation=cv2.INTER_AREA)
    picture = np.pad(small, ((150, 150), (150, 150), (0, 0)), mode="edge")
    picture[5:15, 5:15] = 37.5
    picture[20:30, 5:15] = -0.25
    picture[180:183, 300:320] *= 40  # on the hair, which moves
    return picture


@pytest.fixture(scope="session")
def float_plate(linear, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("plate") / "target.exr"
    return str(write_exr(path, rgb_channels(linear)))


def make_shot(identity, target, performance, weights, settings=None, painter=None) -> Shot:
    """Fit a performance to the face of an identity in a picture that was read."""
    view = view_of(identity.face, target, Colour())
    return Shot.of_still(identity.person, view, performance, settings or Settings(), weights, painter)


@pytest.fixture(scope="session")
def smiling(target, colour):
    """The demo target as the tracker sees it; its mouth is opened by hand where a test needs that."""
    return colour.to_display(target.pixels[..., :3], target.space).astype(np.float32) / 255


@pytest.fixture(scope="session")
def opened(smiling, identity):
    """The demo target carried to an open mouth, with its new mesh: a photograph whose inside is pure green."""
    mesh = identity.face.mesh.copy()
    lower = np.array(LIPS_INNER[1][1:-1])
    drop = np.zeros_like(mesh)
    drop[lower, 1] = 0.12 * np.linalg.norm(mesh[454, :2] - mesh[234, :2])
    spread = pairs.spread(tuple(sorted({*lower.tolist(), *LIPS_INNER[0], *MESH68[17:48]})))
    fixed = sorted({*lower.tolist(), *LIPS_INNER[0], *MESH68[17:48]})
    mesh[:468] += spread @ drop[fixed]
    view = pairs.view_of(smiling, identity.face.mesh)
    picture = make_frame(view, pose_of_mesh(view, mesh, view.head, shading=0.0)).colour
    inside = np.zeros(picture.shape[:2], np.uint8)
    contour = np.concatenate([mesh[list(LIPS_INNER[0]), :2], mesh[list(LIPS_INNER[1][-2:0:-1]), :2]])
    cv2.fillPoly(inside, [np.round(contour).astype(np.int32)], 1)
    picture[inside > 0] = (0, 1, 0)
    return picture, mesh


@pytest.fixture
def backbone(monkeypatch):
    """MobileNetV2 of chance where its weights are not installed: training runs the same, whatever it learns from it."""
    if find_spec(features.PACKAGE) is None:
        torch.manual_seed(0)
        network = features.Features().eval().requires_grad_(False)
        monkeypatch.setattr(features, "load_features", lambda: network)
        monkeypatch.setattr(features, "installed", lambda: True)


@pytest.fixture(scope="session")
def sequence(performance_file, tmp_path_factory) -> str:
    """A small sequence, rendered once for all tests; they copy it before they spoil it."""
    from rendered import make_sequence

    return make_sequence(tmp_path_factory.mktemp("sequence"), performance_file)


@pytest.fixture(scope="session")
def painting(tmp_path_factory):
    """Narrow weights from chance: whatever they paint, it can be told from what the warp carried."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_repair(path, small(), {})
    return load_repair(path)


@pytest.fixture(scope="session")
def crops_file(opened, target, colour, tmp_path_factory):
    """Six people in one picture each, made of the demo target, and one of them in two."""
    folder = tmp_path_factory.mktemp("portraits")
    picture = (opened[0] * 255).astype(np.uint8)[..., ::-1]
    for n, name in enumerate(("ann_a", "ann_b", "ben_a", "cat_a", "dan_a", "eve_a")):
        cv2.imwrite(str(folder / f"{name}.png"), np.clip(picture * (0.7 + 0.05 * n), 0, 255).astype(np.uint8))
    out = folder / "crops.npz"
    assert build_crops([str(folder)], out, size=480, hold_out=["eve"]).kept == 6
    return out


@pytest.fixture(scope="session")
def pairs_file(crops_file):
    """Pairs of those crops, of every kind."""
    out = crops_file.with_name("pairs.npz")
    made = build_pairs(crops_file, out, variants=4)
    assert made[REVERSE] > 10 and made[WIDER] > 10 and made[TRUE] == 2
    return out


@pytest.fixture(scope="session")
def faces_file(crops_file):
    """Faces of those crops, in two views each."""
    out = crops_file.with_name("faces.npz")
    assert build_faces(crops_file, out, size=64, views=2) == 18
    return out


@pytest.fixture
def spoilt(sequence, tmp_path) -> str:
    """A copy of that sequence, to be spoilt."""
    from rendered import copied

    return copied(sequence, tmp_path / "s")


@pytest.fixture
def no_studio(monkeypatch):
    """Nothing of a studio's own takes part in a publish."""
    for name in ("PYBLISHPLUGINPATH", "OFX_REENACT_APPROVED", "OFX_REENACT_PUBLISH_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def moving_plate(tmp_path_factory) -> str:
    """A plate of six frames that was tracked; the files that renders of it share lie beside it."""
    from moving import make_plate, track_plate

    plate = make_plate(tmp_path_factory.mktemp("plate"))
    track_plate(plate)
    return plate
