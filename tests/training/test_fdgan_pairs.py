"""Pairs by reverse warp: no trace of the mouth's inside, mirrored landmarks, seeds, people kept for validation."""

import cv2
import numpy as np
import pytest
import torch

from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.training.fdgan.data import warped_pairs as pairs
from ofx_reenact.training.fdgan.data.cut_crops import build_crops
from ofx_reenact.training.fdgan.data.pair_set import MIRROR, REVERSE, TRUE, WIDER, PairSet, build_pairs


def test_nothing_of_the_inside_remains_in_a_shut_mouth(opened):
    picture, mesh = opened
    assert pairs.openness(mesh) > 0.1
    for seed in range(4):
        rng = np.random.default_rng(seed)
        (pair,), _ = pairs.make_reverse_pairs(picture, mesh, rng, drop=False)
        if np.random.default_rng(seed).random() < pairs.PARTLY_OPEN:
            continue  # this pseudo-target keeps the mouth partly open and shows its inside
        green = pair.truth[..., 1] - pair.truth[..., [0, 2]].max(-1)
        leak = pair.warped[..., 1] - pair.warped[..., [0, 2]].max(-1)
        assert (green > 0.5).sum() > 100
        assert leak.max() < 0.2
        own = pair.target[..., 1] - pair.target[..., [0, 2]].max(-1)
        assert own.max() < 0.2


def test_a_pair_differs_where_something_is_missing_and_little_elsewhere(opened):
    (pair,), (dropped,) = pairs.make_reverse_pairs(*opened, np.random.default_rng(1))
    assert dropped.maps[..., 2].sum() > pair.maps[..., 2].sum()
    away = cv2.dilate((pair.maps[..., 2] > 0).astype(np.uint8), np.ones((17, 17))) == 0
    missing = pair.maps[..., 0] < 0.5
    apart = np.abs(pair.warped - pair.truth).mean(-1)
    assert missing.sum() > 100 and apart[missing].mean() > 0.2
    assert apart[away].mean() < 0.02


def test_a_shut_mouth_makes_no_pair(smiling, identity):
    assert pairs.openness(identity.face.mesh) < 0.05
    assert pairs.make_reverse_pairs(smiling, identity.face.mesh, np.random.default_rng(0)) == ([], [])


def test_a_finer_window_shows_the_same_with_more_pixels(opened):
    (coarse, fine), _ = pairs.make_reverse_pairs(*opened, np.random.default_rng(1), (1, 2), drop=False)
    assert (coarse.finer, coarse.truth.shape) == (1, (96, 128, 3))
    assert (fine.finer, fine.truth.shape) == (2, (192, 256, 3))
    for name in ("target", "warped", "truth", "maps"):
        small = cv2.resize(getattr(fine, name), (128, 96), interpolation=cv2.INTER_AREA)
        assert np.abs(small - getattr(coarse, name)).mean() < 0.01
    assert np.allclose(fine.landmarks, 2 * coarse.landmarks + 0.5) and fine.maps[..., 2].max() == 1


def test_an_interrupted_command_continues(crops_file, tmp_path):
    out, seen = tmp_path / "pairs.npz", []

    def end(done, count):
        seen.append(done)
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_pairs(crops_file, out, variants=1, observe=end)
    assert not out.exists() and len(list((tmp_path / ".pairs.npz.parts").glob("*.npz"))) == 3
    with pytest.raises(KeyboardInterrupt):
        build_pairs(crops_file, out, variants=2, observe=end)
    assert seen == [0, 1, 2, 3] * 2, "parts of other inputs are made again"
    seen.clear()
    build_pairs(crops_file, out, variants=2, observe=lambda done, count: seen.append(done))
    assert seen == [3, 4, 5, 6] and not (tmp_path / ".pairs.npz.parts").exists()
    build_pairs(crops_file, tmp_path / "at_once.npz", variants=2, jobs=2)
    one, other = (np.load(tmp_path / f"{name}.npz") for name in ("pairs", "at_once"))
    assert all(np.array_equal(one[name], other[name]) for name in one.files), "processes and breaks change nothing"


def test_of_many_takes_a_few_are_carried_to_each(smiling, tmp_path):
    """All combinations of a clip's frames would be as many pairs as the square of their number."""
    for n in range(5):
        picture = np.rint(np.clip(smiling * (0.8 + 0.04 * n), 0, 1) * 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"ann_{n}.png"), picture[..., ::-1])
    build_crops([str(tmp_path)], tmp_path / "crops.npz", size=256)
    for variants, pairs_made in ((2, 10), (4, 20), (9, 20)):
        assert build_pairs(tmp_path / "crops.npz", tmp_path / "pairs.npz", variants=variants)[TRUE] == pairs_made


def test_mirrored_landmarks_are_landmarks_of_the_mirrored_face(identity):
    assert sorted(MIRROR) == list(range(68)) and all(MIRROR[MIRROR[i]] == i for i in range(68))
    points = identity.face.frontal[list(MESH68), :2]
    flipped = points[list(MIRROR)] * [-1, 1]
    assert np.abs(flipped - points).mean() < 0.6  # centimetres; a face is nearly its own mirror picture


def test_the_same_seed_makes_the_same_pairs(crops_file, tmp_path):
    for name in ("first", "again"):
        build_pairs(crops_file, tmp_path / f"{name}.npz", variants=1)
    first, again = (PairSet(tmp_path / f"{name}.npz") for name in ("first", "again"))
    rows = np.array([0, len(first) - 1])
    one, other = vars(first.batch(rows)), vars(again.batch(rows))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_nobody_is_in_training_and_in_validation(pairs_file):
    pair_set = PairSet(pairs_file)
    train_rows, kept = pair_set.rows(validation=False), pair_set.rows(validation=True)
    assert len(kept) and not set(pair_set.person[train_rows]) & set(pair_set.person[kept])
    assert {REVERSE, WIDER, TRUE} == set(pair_set.kind.tolist()) and WIDER not in pair_set.kind[kept]
