"""Metrics with known answers: pixels, motion, distributions, intervals, identity, OpenFace."""

import cv2
import numpy as np
import pytest
import torch
from reenactments import needs_sface, openface_csv
from scipy.linalg import sqrtm
from scipy.spatial.transform import Rotation
from skimage import metrics as skimage_metrics

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.evaluate.metrics import distribution, identity, inception, motion, openface, pixels, vggface2
from ofx_reenact.evaluate.metrics.scores import estimate
from ofx_reenact.resources import resource
from ofx_reenact.tracking.blendshapes import BLENDSHAPES

pytestmark = pytest.mark.usefixtures("backbone")


@pytest.fixture(scope="module")
def portrait():
    """The demo target, 128 × 128 pixels, uint8."""
    picture = cv2.imread(str(resource("demo", "target.jpg")))[..., ::-1]
    return cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA)


def blurred(picture, deviation):
    return cv2.GaussianBlur(picture, (0, 0), deviation)


def noised(picture, deviation):
    noise = np.random.default_rng(0).normal(0, deviation, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def shifted(picture, by):
    return np.roll(picture, by, axis=1)


def test_identical_pictures_are_as_near_as_can_be(portrait):
    ssim, psnr, apart = pixels.score_against_truth(portrait[None], portrait[None])
    assert ssim.values == pytest.approx(1)
    assert psnr.values == pytest.approx(100)
    assert apart.values == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("worse", [blurred, noised, shifted])
def test_what_is_worse_scores_worse(portrait, worse):
    near, far = (worse(portrait, amount) for amount in (1, 4))
    ssim, psnr, apart = pixels.score_against_truth(np.stack([portrait, near, far]), np.stack([portrait] * 3))
    assert (np.diff(ssim.values) < 0).all()
    assert (np.diff(psnr.values) < 0).all()
    assert (np.diff(apart.values) > 0).all()


def test_ssim_and_psnr_are_those_of_scikit_image(portrait):
    made = noised(portrait, 12)
    ssim, psnr, _ = pixels.score_against_truth(made[None], portrait[None])
    grey = [x.astype(np.float64) / 255 @ np.array([0.299, 0.587, 0.114]) for x in (made, portrait)]
    _, every = skimage_metrics.structural_similarity(
        *grey, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, full=True
    )
    assert ssim.values[0] == pytest.approx(every[5:-5, 5:-5].mean(), abs=1e-6)
    assert psnr.values[0] == pytest.approx(skimage_metrics.peak_signal_noise_ratio(portrait, made), abs=1e-3)


def test_a_frame_is_scored_alone(portrait):
    made, truth = np.stack([blurred(portrait, 2), noised(portrait, 9)]), np.stack([portrait, shifted(portrait, 3)])
    together = pixels.score_against_truth(made, truth)
    for row in range(2):
        alone = pixels.score_against_truth(made[row : row + 1], truth[row : row + 1])
        assert [s.values[0] for s in alone] == pytest.approx([s.values[row] for s in together], rel=1e-4)


def test_blur_takes_sharpness_and_noise_adds_to_it(smiling, face):
    picture = np.round(smiling * 255).astype(np.uint8)
    plate = pixels.fine_contrast(picture, face.mesh)
    kept = pixels.sharpness_kept(
        np.array([pixels.fine_contrast(x, face.mesh) for x in (picture, blurred(picture, 2), noised(picture, 9))]),
        plate,
    )
    assert kept.values[0] == 1
    assert kept.values[1] < 0.7 < 1.1 < kept.values[2]


def test_change_at_rest_is_measured(portrait):
    one_brighter = np.clip(portrait.astype(int) // 2 + 1, 0, 255).astype(np.uint8)
    scores = pixels.zero_motion_error(np.stack([portrait // 2, one_brighter]), portrait // 2)
    assert scores.values == pytest.approx([0, 1])


def test_head_rotation_errors_are_the_angles_between():
    driver = np.array([[10.0, -20, 5], [0, 179, 0]])
    made = driver + np.array([[3, 0, 0], [0, 3, -3]])
    assert motion.rotation_error("x", made, driver).values == pytest.approx([1, 2])
    around = np.array([[0, -179.0, 0]])
    assert motion.rotation_error("x", around, driver[1:]).values == pytest.approx([2 / 3])


def test_psim_compares_directions_and_has_no_value_at_rest():
    driver = np.array([[10.0, 0, 0], [10, 0, 0], [10, 0, 0], [0, 0, 0]])
    made = np.array([[30.0, 0, 0], [-10, 0, 0], [0, 10, 0], [10, 0, 0]])
    values = motion.psim("x", made, driver).values
    assert values[:3] == pytest.approx([1, -1, 0])
    assert np.isnan(values[3])


def test_change_error_is_relative_to_target_and_reference():
    def turned(*degrees):
        return Rotation.from_euler("ZXY", degrees, degrees=True).as_matrix()

    target, reference, turn = turned(0, 12, -8), turned(0, -5, 20), turned(0, 0, 15)
    made = np.stack([turn @ target, turned(0, 0, 3) @ turn @ target, np.full((3, 3), np.nan)])
    scores = motion.change_error(made, target, np.stack([turn @ reference] * 3), reference)
    assert scores.values[:2] == pytest.approx([0, 1], abs=1e-9)
    assert np.isnan(scores.values[2])


def test_expression_distance_is_of_its_region_alone():
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


def features_of(people, mean=0.0):
    return np.random.default_rng(3).normal(mean, 1, (people, 6)) @ np.diag([3, 2, 1, 1, 0.5, 0.1])


def test_frechet_distance_is_that_of_scipys_matrix_root():
    one, other = features_of(40), features_of(60, 0.3)[::-1] ** 2
    covariances = [np.cov(x, rowvar=False) for x in (one, other)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    wanted = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(sum(covariances) - 2 * root)
    assert distribution.frechet_distance(one, other) == pytest.approx(wanted, rel=1e-6)


def test_frechet_distance_with_fewer_samples_than_features():
    one, other = features_of(4), features_of(5, 1)
    assert distribution.frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    assert distribution.frechet_distance(one, other) > 0
    assert np.isnan(distribution.frechet_distance(one[:1], other))


def test_distances_grow_with_blur_and_not_with_order(portrait):
    faces = np.stack([shifted(portrait, by) for by in range(0, 24, 2)])
    features = distribution.choose_extractor("mobilenet").features
    real, near, far = features(faces), *(features(np.stack([blurred(x, amount) for x in faces])) for amount in (1, 4))
    for distance in (distribution.frechet_distance, distribution.kernel_distance):
        same = distance(real[::-1], real)
        assert abs(same) < 1e-3 or same < 0
        assert same < distance(near, real) < distance(far, real)


def test_kernel_distance_is_unbiased():
    rng = np.random.default_rng(1)
    draws = [distribution.kernel_distance(*rng.normal(0, 1, (2, 12, 4))) for _ in range(400)]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / 20
    assert min(draws) < 0


def test_interval_accounts_for_pairs_that_share_a_target():
    rng = np.random.default_rng(0)
    target, driver = (x.ravel() for x in np.mgrid[:10, :10])
    values = rng.normal(0, 1, 10)[target] + rng.normal(0, 0.1, 100)
    found = estimate(lambda chosen: float(values[chosen].mean()), [target, driver], np.ones(100, bool), 300)
    assert (found.pairs, found.frames) == (100, 300)
    assert found.value == pytest.approx(values.mean())
    # For a hundred independent values the interval would be three times narrower.
    per_target = np.array([values[target == t].mean() for t in range(10)])
    assert found.interval == pytest.approx(2.262 * per_target.std(ddof=1) / np.sqrt(10), rel=0.05)
    alone = estimate(lambda chosen: float(values[chosen].mean()), [target * 0], np.ones(100, bool), 300)
    assert np.isnan(alone.interval)


@needs_sface
def test_permuted_people_are_not_each_other(smiling, identity_of_demo):
    embedder = identity.choose_embedder("sface")
    same = embedder.embed(smiling, identity_of_demo)
    softer = embedder.embed(blurred(smiling.astype(np.float32), 1), identity_of_demo)
    made = np.stack([same, softer])
    values = identity.similarity(embedder.backend, made, same).values
    assert values[0] == pytest.approx(1) and 0.8 < values[1] < 1
    other = np.roll(same, 7)
    assert identity.similarity(embedder.backend, other[None], same).values[0] < 0.5
    assert identity.zero_motion_error(embedder.backend, made[:1], same).values == pytest.approx(0, abs=1e-6)


@pytest.fixture(scope="module")
def identity_of_demo(face):
    return face.mesh


@pytest.mark.parametrize(("choose", "name", "file"), [
    (identity.choose_embedder, "vggface2", vggface2.FILE), (distribution.choose_extractor, "inception", inception.FILE),
])  # fmt: skip
def test_a_missing_backend_is_named_with_its_source_and_place(choose, name, file, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(SettingsError) as caught:
        choose(name)
    for part in (file.file, file.source, str(tmp_path / "hub" / "checkpoints" / file.file)):
        assert part in str(caught.value)
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
    embedder = identity.choose_embedder()
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
