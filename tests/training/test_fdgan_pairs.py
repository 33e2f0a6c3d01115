"""Pairs by reverse warp: nothing leaks back, mirrored landmarks, one seed, people kept for validation."""

import cv2
import numpy as np
import torch

from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.training.fdgan.data import pairs
from ofx_reenact.training.fdgan.data.crops import Crops
from ofx_reenact.training.fdgan.data.pair_set import MIRROR, REVERSE, TRUE, WIDER, PairSet, build_pairs


def test_a_shut_mouth_lets_nothing_leak_back(opened):
    picture, mesh = opened
    assert pairs.openness(mesh) > 0.1
    for seed in range(4):
        rng = np.random.default_rng(seed)
        pair = pairs.reverse_warp(picture, mesh, rng)
        if np.random.default_rng(seed).random() < pairs.OFTEN_KEPT:
            continue  # this one keeps some of the mouth open, and shows what is in it
        green = pair.truth[..., 1] - pair.truth[..., [0, 2]].max(-1)
        leak = pair.warped[..., 1] - pair.warped[..., [0, 2]].max(-1)
        assert (green > 0.5).sum() > 100
        assert leak.max() < 0.2
        own = pair.target[..., 1] - pair.target[..., [0, 2]].max(-1)
        assert own.max() < 0.2


def test_a_pair_differs_where_something_is_missing_and_hardly_elsewhere(opened):
    pair = pairs.reverse_warp(*opened, np.random.default_rng(1))
    away = cv2.dilate((pair.maps[..., 2] > 0).astype(np.uint8), np.ones((17, 17))) == 0
    missing = pair.maps[..., 0] < 0.5
    apart = np.abs(pair.warped - pair.truth).mean(-1)
    assert missing.sum() > 100 and apart[missing].mean() > 0.2
    assert apart[away].mean() < 0.02


def test_a_shut_mouth_makes_no_pair(smiling, identity):
    assert pairs.openness(identity.face.mesh) < 0.05
    assert pairs.reverse_warp(smiling, identity.face.mesh, np.random.default_rng(0)) is None


def test_mirrored_landmarks_are_landmarks_of_the_mirrored_face(identity):
    assert sorted(MIRROR) == list(range(68)) and all(MIRROR[MIRROR[i]] == i for i in range(68))
    points = identity.face.frontal[list(MESH68), :2]
    flipped = points[list(MIRROR)] * [-1, 1]
    assert np.abs(flipped - points).mean() < 0.6  # centimetres; a face is nearly its own mirror picture


def test_pairs_are_the_same_from_a_seed(crops_file, tmp_path):
    for name in ("first", "again"):
        build_pairs(Crops.load(crops_file), tmp_path / f"{name}.npz", variants=1)
    first, again = (PairSet(tmp_path / f"{name}.npz") for name in ("first", "again"))
    rows = np.array([0, len(first) - 1])
    one, other = vars(first.batch(rows)), vars(again.batch(rows))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_nobody_is_in_training_and_in_validation(pairs_file):
    pair_set = PairSet(pairs_file)
    train_rows, kept = pair_set.rows(validation=False), pair_set.rows(validation=True)
    assert len(kept) and not set(pair_set.person[train_rows]) & set(pair_set.person[kept])
    assert {REVERSE, WIDER, TRUE} == set(pair_set.kind.tolist()) and WIDER not in pair_set.kind[kept]
