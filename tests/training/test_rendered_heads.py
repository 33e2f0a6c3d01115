"""Rendered heads: assets, flow and the file; whole heads only where anny, Mitsuba and the assets are installed."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.training import rendered_heads
from ofx_reenact.training.rendered_heads.assets import Fitting, find_assets, read_fitting, read_obj, read_texture
from ofx_reenact.training.rendered_heads.eye import Eye, make_eyeball
from ofx_reenact.training.rendered_heads.file import (
    Picture,
    RenderedHeads,
    RenderedHeadsWriter,
    to_centimetres,
    to_steps,
)
from ofx_reenact.training.rendered_heads.mouth import Lips
from ofx_reenact.training.rendered_heads.parts import Part, PixelClass
from ofx_reenact.training.rendered_heads.random_people import HeadPose, draw_head_poses, gaze_units
from ofx_reenact.training.rendered_heads.render import (
    Progress,
    RenderOptions,
    contact_sheet,
    render_heads,
    write_sheet,
)
from ofx_reenact.training.rendered_heads.surface import (
    NOTHING,
    Geometry,
    compute_flow,
    depth_map,
    join_parts,
    project,
    visible_triangles,
)
from ofx_reenact.training.rendered_heads.textured_head import rotations

ASSETS = os.environ.get("OFX_REENACT_ASSETS", "")
MHCLO = """# a comment
basemesh hm08
name hat
x_scale 0 1 2.0
y_scale 0 2 1.0
z_scale 0 3 1.0
verts 0
material hat.mhmat
2
0 1 2 0.5 0.25 0.25 0.1 0.2 0.3

delete_verts
4 - 7
"""
OBJ = """v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
g hat
f 1/1 2/2 3/3 4/4
g other
f 1/2 2/3 3/4
"""
SIZE, FOCAL = 64, 100.0


def test_the_package_imports_nothing_of_fdgan():
    modules = sorted(Path(rendered_heads.__file__).parent.glob("*.py"))
    assert modules and not [module.name for module in modules if "training.fdgan" in module.read_text(encoding="utf-8")]


def test_a_fitting_places_vertices_on_the_body(tmp_path):
    (tmp_path / "hat.mhclo").write_text(MHCLO)
    fitting = read_fitting(tmp_path / "hat.mhclo")
    body = np.array([[0, 0, 0], [4, 0, 0], [0, 3, 0], [0, 0, 1]], float)
    placed = fitting.place(body)
    assert placed.shape == (2, 3), "delete_verts is not part of the fitting"
    np.testing.assert_allclose(placed[0], body[2])
    # Offsets are scaled by distances over their references: 4 / 2, 3 / 1 and 1 / 1.
    np.testing.assert_allclose(placed[1], [1 + 0.1 * 2, 0.75 + 0.2 * 3, 0.3])
    np.testing.assert_allclose(Fitting.of_vertices(np.array([3, 1])).place(body), body[[3, 1]])


@pytest.mark.parametrize("text", ["", "x_scale 0 1 2.0\nverts 0\n1 2 3\n", "verts 0\n5\n"])
def test_damaged_fitting_names_its_file(tmp_path, text):
    (tmp_path / "bad.mhclo").write_text(text)
    with pytest.raises(ReenactError, match=r"bad\.mhclo"):
        read_fitting(tmp_path / "bad.mhclo")


def test_obj_splits_vertices_at_seams(tmp_path):
    (tmp_path / "hat.obj").write_text(OBJ)
    hat, everything = read_obj(tmp_path / "hat.obj", "hat"), read_obj(tmp_path / "hat.obj")
    assert hat.faces.shape == (2, 3) and len(hat.vertices) == 4
    assert everything.faces.shape == (3, 3) and len(everything.vertices) == 7
    np.testing.assert_allclose(hat.uv[hat.faces[0]], [[0, 0], [1, 0], [1, 1]])
    with pytest.raises(ReenactError, match=r"hat\.obj"):
        read_obj(tmp_path / "hat.obj", "shoe")


def test_texture_has_opacity(tmp_path):
    cv2.imwrite(str(tmp_path / "red.png"), np.full((8, 8, 3), (0, 0, 255), np.uint8))
    assert read_texture(tmp_path / "red.png", 4).shape == (4, 4, 4)
    assert read_texture(tmp_path / "red.png")[0, 0].tolist() == [255, 0, 0, 255]
    with pytest.raises(ReenactError, match=r"blue\.png"):
        read_texture(tmp_path / "blue.png")


def test_missing_assets_are_named(tmp_path):
    with pytest.raises(ReenactError, match="nowhere"):
        find_assets(tmp_path / "nowhere")
    with pytest.raises(ReenactError, match="skins"):
        find_assets(tmp_path)
    with pytest.raises(ReenactError, match="nowhere"):
        render_heads(RenderOptions(tmp_path / "nowhere", tmp_path / "out.npz"), lambda progress: None)


def test_options_are_checked(tmp_path):
    with pytest.raises(SettingsError, match="poses"):
        RenderOptions(tmp_path, tmp_path / "out.npz", poses=0)


def ball(centre, radius, turn=0.0):
    """Make a sphere: its part, and vertices (V, 3) in the camera's coordinates."""
    eye = Eye(np.zeros(3), radius)
    points, mesh = make_eyeball(eye)
    vertices = points @ rotations(np.array([[0.0, turn, 0.0]]))[0].T * [1, -1, -1] + centre
    part = Part("eye", mesh.uv, mesh.faces, np.full(len(mesh.faces), PixelClass.EYE, np.uint8), np.full((2, 2, 4), 255))
    return part, vertices


def geometry_of(parts, vertices):
    faces, _, _ = join_parts(parts)
    return Geometry(visible_triangles(parts, vertices, FOCAL, SIZE), vertices, faces, FOCAL)


def test_flow_equals_the_motion_of_vertices():
    (part, before), (_, after) = ball([0, 0, 60], 12.0), ball([1.5, -0.5, 58], 12.0, turn=0.2)
    a, b = geometry_of([part], before), geometry_of([part], after)
    offsets, seen = compute_flow(a, b)
    start, goal = project(before, FOCAL, SIZE), project(after, FOCAL, SIZE)
    # For vertices visible in both pictures, the flow interpolated between pixels equals the vertex's motion.
    facing = before[:, 2] < 52
    checked = 0
    for p, q in zip(start[facing], goal[facing], strict=True):
        column, row = np.floor(p).astype(int)
        patch = a.surface[row : row + 2, column : column + 2]
        if (patch == NOTHING).any() or not seen[row : row + 2, column : column + 2].all():
            continue
        x, y = p - [column, row]
        weights = np.outer([1 - y, y], [1 - x, x])[..., None]
        interpolated = (offsets[row : row + 2, column : column + 2] * weights).sum((0, 1))
        np.testing.assert_allclose(interpolated, q - p, atol=0.05)
        checked += 1
    assert checked > 200
    # What turned away is not visible; the background is, where nothing covers it now.
    shown = a.surface != NOTHING
    assert 0.5 < seen[shown].mean() < 1 and seen[0, 0] and not seen[~shown].all()


def test_flow_to_itself_is_zero_and_depth_is_the_spheres():
    part, vertices = ball([0, 0, 60], 12.0)
    view = geometry_of([part], vertices)
    offsets, seen = compute_flow(view, view)
    assert seen.all() and np.abs(offsets).max() < 1e-4
    middle = depth_map(view)[SIZE // 2, SIZE // 2]
    assert 60 - 12 * 1.05 < middle < 60 - 11.9


def test_nearer_parts_hide_farther_ones_and_opacity_cuts_holes():
    near, near_vertices = ball([0, 0, 40], 3.0)
    far, far_vertices = ball([0, 0, 60], 12.0)
    faces = len(near.faces)
    vertices = np.concatenate([near_vertices, far_vertices])
    assert visible_triangles([near, far], vertices, FOCAL, SIZE)[32, 32] < faces
    clear = Part(near.name, near.uv, near.faces, near.labels, np.zeros((2, 2, 4), np.uint8), cut=True)
    assert visible_triangles([clear, far], vertices, FOCAL, SIZE)[32, 32] >= faces


def test_shut_lips_meet():
    x = np.linspace(-2, 2, 9)
    rows = [1.5, 0.4, -0.4, -1.5]
    skin = np.array([[a, y * (1 - (a / 2) ** 2) if abs(y) < 1 else y, 0.0] for y in rows for a in x])
    grid = lambda top: [  # noqa: E731
        t for k in range(8) for t in ([top + k, top + k + 1, top + k + 9], [top + k + 1, top + k + 10, top + k + 9])
    ]
    # Each corner of the mouth is one vertex of both lips; the mouth's inside spans the opening.
    faces = np.array(grid(0) + grid(9) + grid(18))
    merged = np.arange(len(skin))
    merged[[18, 26]] = [9, 17]
    faces, inside = merged[faces], np.repeat([False, True, False], 16)
    lips = Lips.of_mesh(faces, inside, skin)
    assert sorted(lips.upper) == list(range(10, 17)) and sorted(lips.lower) == list(range(19, 26))
    lips.shut(skin)
    assert (skin[19:26, 1] >= skin[10:17, 1]).all() and (skin[:9, 1] == 1.5).all()


def test_poses_follow_from_the_seed_and_eyes_from_the_gaze():
    first, second = (draw_head_poses(np.random.default_rng(3), 40) for _ in range(2))
    assert all(a.units == b.units and np.array_equal(a.angles, b.angles) for a, b in zip(first, second, strict=True))
    assert first[0].units == {} and not first[0].angles.any()
    assert any(pose.units.get("eyeBlinkLeft") == 1 for pose in first) and any(not pose.shut for pose in first)
    assert all(0 <= value <= 1 for pose in first for value in pose.units.values())
    assert gaze_units(np.array([0.1, -0.1])).keys() == {
        "eyeLookOutLeft", "eyeLookInRight", "eyeLookDownLeft", "eyeLookDownRight"
    }  # fmt: skip
    eye = Eye(np.zeros(3), 1.0)
    looking = eye.turn(np.array([[0.0, 0.0, 1.0]]), np.array([0.3, 0.2]))[0]
    assert looking[0] > 0.2 and looking[1] > 0.15


def album_of(people):
    part, _ = ball([0, 0, 60], 12.0)
    album = RenderedHeadsWriter(("jawOpen",), SIZE)
    random = np.random.default_rng(0)
    for _ in range(people):
        pictures = []
        for turn in (0.0, 0.3):
            steps = to_steps(ball([0, 0, 60], 12.0, turn)[1], 60.0)
            surface = visible_triangles([part], to_centimetres(steps, 60.0), FOCAL, SIZE)
            classes = np.where(surface == NOTHING, 0, PixelClass.EYE).astype(np.uint8)
            rgb = random.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
            mesh = random.random((478, 3))
            pictures.append(
                Picture(rgb, classes, surface, steps, np.array([0, turn, 0]), np.ones(1), np.zeros(2), mesh, 0.9)
            )
        album.add(pictures, part.faces, FOCAL, 60.0)
    return album, pictures


def test_the_file_returns_what_was_written(tmp_path):
    album, last = album_of(2)
    album.save(tmp_path / "heads.npz", dropped=3)
    heads = RenderedHeads(tmp_path / "heads.npz")
    assert len(heads) == 4 and heads.of(1) == [2, 3] and heads.dropped == 3 and heads.units == ("jawOpen",)
    np.testing.assert_array_equal(heads.picture(3), last[1].rgb)
    np.testing.assert_array_equal(heads.classes(3), last[1].classes)
    np.testing.assert_array_equal(heads.geometry(3).surface == NOTHING, last[1].surface == NOTHING)
    np.testing.assert_allclose(heads.mesh[3], last[1].mesh, rtol=1e-6)
    np.testing.assert_allclose(heads.rotation[3], [0, 0.3, 0], rtol=1e-6)
    # Triangles that no picture shows are not stored; flow is the same.
    part, _ = ball([0, 0, 60], 12.0)
    assert len(heads.geometry(3).faces) < len(part.faces)
    before, after = (Geometry(p.surface, to_centimetres(p.steps, 60.0), part.faces, FOCAL) for p in last)
    for mine, theirs in zip(heads.flow(2, 3), compute_flow(before, after), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)
    with pytest.raises(ValueError, match="two people"):
        heads.flow(0, 2)


def test_contact_sheet(tmp_path):
    album, _ = album_of(2)
    album.save(tmp_path / "heads.npz", dropped=0)
    heads = RenderedHeads(tmp_path / "heads.npz")
    assert contact_sheet(heads, poses=3).shape == (4 * SIZE, 3 * SIZE, 3)
    write_sheet(heads, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").is_file()
    with pytest.raises(ReenactError, match="nowhere"):
        write_sheet(heads, tmp_path / "nowhere" / "sheet.png")


def test_damaged_file_is_named(tmp_path):
    (tmp_path / "heads.npz").write_bytes(b"not a zip")
    with pytest.raises(ReenactError, match=r"heads\.npz"):
        RenderedHeads(tmp_path / "heads.npz")
    np.savez(tmp_path / "other.npz", schema="something/1")
    with pytest.raises(ReenactError, match="again"):
        RenderedHeads(tmp_path / "other.npz")
    with pytest.raises(ReenactError, match="no such"):
        RenderedHeads(tmp_path / "none.npz")


def test_closed_and_open(tmp_path):
    """A head from anny: lids close, an open mouth shows teeth, the rendered picture agrees with the geometry."""
    pytest.importorskip("anny", reason="the head model is not installed")
    pytest.importorskip("mitsuba", reason="the renderer is not installed")
    if not ASSETS:
        pytest.skip("OFX_REENACT_ASSETS names no folder of MakeHuman's assets")
    from ofx_reenact.training.rendered_heads.random_people import draw_person
    from ofx_reenact.training.rendered_heads.scene import Renderer, draw_surroundings
    from ofx_reenact.training.rendered_heads.textured_head import BodyModel, TexturedHead

    assets = find_assets(Path(ASSETS))
    model, rng = BodyModel(assets), np.random.default_rng(0)
    head = TexturedHead(model, draw_person(rng, assets, model.changes, with_hair=False))
    ahead = np.zeros(3), np.zeros(2)
    shut = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
    poses = [HeadPose({}, *ahead), HeadPose(shut, *ahead), HeadPose({"jawOpen": 0.8}, *ahead, shut=False)]
    _, labels, _ = join_parts(head.parts)
    size, counts = 128, []
    for shapes in head.shapes(poses):
        vertices = np.concatenate([shape.vertices for shape in shapes])
        surface = visible_triangles(head.parts, vertices, head.focal() * size, size)
        classes = np.append(labels, 0)[surface]
        counts.append(np.bincount(classes.reshape(-1), minlength=len(PixelClass)))
    neutral, closed, opened = counts
    assert neutral[PixelClass.EYE] > 20 and closed[PixelClass.EYE] <= 0.1 * neutral[PixelClass.EYE]
    inside = [PixelClass.TEETH, PixelClass.TONGUE, PixelClass.MOUTH]
    assert neutral[inside].sum() < 10 < opened[inside].sum() and opened[PixelClass.TEETH] > 5
    surroundings = draw_surroundings(rng, size)
    _, opacity = Renderer("scalar", 1).render(head.parts, shapes, surroundings, head.focal(), 4, 0)
    # Renderer and maps cover the same pixels, except at the edges.
    assert ((opacity > 0.5) != (surface != NOTHING)).mean() < 0.01


def test_renders_end_to_end(tmp_path):
    pytest.importorskip("anny", reason="the head model is not installed")
    pytest.importorskip("mitsuba", reason="the renderer is not installed")
    if not ASSETS:
        pytest.skip("OFX_REENACT_ASSETS names no folder of MakeHuman's assets")
    seen: list[Progress] = []
    options = RenderOptions(
        Path(ASSETS), tmp_path / "heads.npz", identities=1, poses=2, size=128, samples=9, device="scalar", threads=1
    )
    render_heads(options, seen.append)
    heads = RenderedHeads(options.out)
    assert seen[-1].done == seen[-1].total == 2 and len(heads) == 2 - seen[-1].dropped
    assert heads.picture(0).shape == (128, 128, 3) and heads.picture(0).std() > 10
    inside = heads.mesh[0, :, :2]
    assert ((inside > 0) & (inside < 128)).all(), "the face is in the picture"
