"""FD-GAN: networks with the paper's sizes, equations 8 and 9, the landmark image, pairs, training, painting."""

import copy
import dataclasses
import itertools
import json
import re

import cv2
import numpy as np
import pytest
import torch
from conftest import TARGET

from ofx_reenact.cli.main import run
from ofx_reenact.compose.grain import grain, measure_grain
from ofx_reenact.engine.inputs import display_of, identify, make_painter, reference_of
from ofx_reenact.errors import ReenactError, SettingsError, WeightsError
from ofx_reenact.evaluate.pictures import Mean, grey, ssim
from ofx_reenact.fdgan import adapters
from ofx_reenact.fdgan.dictionary import ABLATIONS, MeanReader, MeanWriter, Reader, Writer, attend, floats
from ofx_reenact.fdgan.landmark_image import POLYLINES, landmark_image
from ofx_reenact.fdgan.network import Extractor, Translator, extractor_of, translator_of
from ofx_reenact.fdgan.portrait import Portrait
from ofx_reenact.fdgan.repair import DenseFDGAN, displaced, given, repaired
from ofx_reenact.fdgan.weights import load_dense, load_portrait, save_dense, save_portrait
from ofx_reenact.fdgan.window import Window
from ofx_reenact.frames.colour import Display
from ofx_reenact.settings import Settings
from ofx_reenact.shot.painter import Painter
from ofx_reenact.shot.portrait import PortraitPainter
from ofx_reenact.shot.reenactor import Reenactor
from ofx_reenact.tracking.landmarks import LIPS_INNER, MESH68
from ofx_reenact.training.fdgan import features
from ofx_reenact.training.fdgan.critics import (
    Classifier,
    Discriminator,
    count,
    load_critics,
    log_likelihood,
    save_critics,
)
from ofx_reenact.training.fdgan.data import pairs
from ofx_reenact.training.fdgan.data.crops import Crops, held_out
from ofx_reenact.training.fdgan.data.cut import build_crops
from ofx_reenact.training.fdgan.data.faces import FaceBatch, Faces, build_faces
from ofx_reenact.training.fdgan.data.pair_set import MIRROR, RENDERED, REVERSE, TRUE, WIDER, PairSet, build_pairs
from ofx_reenact.training.fdgan.data.rendered.file import SOURCE, Album, Picture, RenderedHeads
from ofx_reenact.training.fdgan.data.rendered.parts import Label
from ofx_reenact.training.fdgan.data.rendered.surface import NOTHING
from ofx_reenact.training.fdgan.dense import DenseRecipe, DenseSettings
from ofx_reenact.training.fdgan.features import feature_distance
from ofx_reenact.training.fdgan.paper import PaperRecipe, PaperSettings, equation_12, judged
from ofx_reenact.training.fdgan.score import measure_pairs
from ofx_reenact.training.fdgan.train import STEPS
from ofx_reenact.training.loop import bf16_pays
from ofx_reenact.training.loop import run as train
from ofx_reenact.training.recorded import Recorded

SMALL = {"features": (4, 6), "rows": (5, 3), "tag": 7}


def small(seed: int = 0) -> DenseFDGAN:
    """The dense network, narrow."""
    torch.manual_seed(seed)
    return DenseFDGAN(Extractor(12, (8, 8, 8, 8), (4, 4, 4, 4)), Translator(15, 6, (8, 8, 8, 8), (4, 4, 4, 4)))


pytestmark = pytest.mark.usefixtures("backbone")


# Networks


def test_parameter_counts_are_the_papers():
    assert (count(Extractor()), count(Translator())) == (3_073_824, 2_995_587)
    assert (count(Discriminator()), count(Classifier(1000))) == (1_475_201, 1_731_944)


def test_dictionary_has_the_papers_size_and_no_more():
    with torch.no_grad():
        dictionary = Extractor()(torch.randn(1, 1, 6, 64, 64))
    assert [tuple(v.shape[1:]) for v in dictionary] == [(512, 32), (256, 64), (128, 128), (64, 256)]
    assert floats(dictionary) == 65_536


def test_writer_and_reader_have_the_right_gradients():
    torch.manual_seed(0)
    writer, reader = Writer(3, 4, 5).double(), Reader(3, 4, 5).double()
    maps = torch.randn(2, 3, 3, 2, dtype=torch.float64, requires_grad=True)
    values = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(writer, maps)
    assert torch.autograd.gradcheck(reader, (maps, values))


def test_writer_is_equation_8():
    torch.manual_seed(1)
    writer, maps = Writer(3, 4, 5), torch.randn(1, 3, 2, 3)
    p, x = writer.to_tag(maps)[0].flatten(1), writer.to_value(maps)[0].flatten(1)
    for i, row in enumerate(writer(maps)[0]):
        share = torch.exp(writer.tags[i] @ p)
        assert torch.allclose(row, (share * x).sum(1) / share.sum(), atol=1e-5)


def test_reader_is_equation_9():
    torch.manual_seed(2)
    reader, h, values = Reader(3, 4, 5), torch.randn(1, 3, 2, 2), torch.randn(1, 4, 3)
    q, read = reader.to_query(h)[0].flatten(1), reader(h, values)[0].flatten(1)
    for j in range(4):
        share = torch.exp(reader.tags @ q[:, j])
        assert torch.allclose(read[:, j], h[0].flatten(1)[:, j] + share @ values[0] / share.sum(), atol=1e-5)


def test_order_of_the_rows_means_nothing():
    torch.manual_seed(3)
    reader, h, values = Reader(3, 6), torch.randn(1, 3, 4, 4), torch.randn(1, 6, 3)
    order = torch.randperm(6)
    shuffled = Reader(3, 6)
    shuffled.load_state_dict(reader.state_dict() | {"tags": reader.tags[order]})
    assert torch.allclose(reader(h, values), shuffled(h, values[:, order]), atol=1e-6)


def test_several_references_are_the_union_of_their_locations():
    torch.manual_seed(4)
    writer, maps = Writer(3, 4), torch.randn(2, 3, 4, 5)
    joined = torch.cat([maps[0], maps[1]], dim=-1)[None]
    assert torch.allclose(writer(maps, references=2), writer(joined), atol=1e-6)
    assert torch.allclose(writer(maps[:1].repeat(3, 1, 1, 1), references=3), writer(maps[:1]), atol=1e-6)


@pytest.mark.parametrize("length", [32, 48])
def test_softmax_stays_in_single_precision_under_bfloat16(length):
    """Ten thousand keys of nearly one weight: shares of 1e-4 would be lost in eight bits."""
    torch.manual_seed(6)
    queries, keys = torch.randn(1, 4, 32) * 0.05, torch.randn(1, 10_000, 32)
    values = torch.randn(1, 10_000, length) + torch.linspace(0, 1, 10_000)[None, :, None]
    low = [x.bfloat16() for x in (queries, keys, values)]
    exact = attend(*(x.double() for x in low))
    found = attend(*low).double()
    assert (found - exact).abs().max() < 0.01
    rounded = torch.softmax((low[0] @ low[1].transpose(1, 2)), dim=-1) @ low[2]
    assert (found - exact).abs().mean() <= (rounded.double() - exact).abs().mean() + 1e-6


@pytest.mark.parametrize("length", [5, 7])
def test_attention_is_the_same_in_one_kernel_and_in_steps(length):
    torch.manual_seed(7)
    queries, keys, values = torch.randn(2, 6, 5), torch.randn(2, 9, 5), torch.randn(2, 9, length)
    share = torch.softmax(queries.double() @ keys.double().transpose(1, 2), dim=-1)
    assert torch.allclose(attend(queries, keys, values).double(), share @ values.double(), atol=1e-5)


def test_one_row_is_the_plain_mean_and_the_same_everywhere():
    torch.manual_seed(5)
    writer, maps = MeanWriter(3), torch.randn(1, 3, 4, 4)
    row = writer(maps)
    assert torch.allclose(row[0, 0], writer.to_value(maps)[0].flatten(1).mean(1), atol=1e-6)
    read = MeanReader()(torch.zeros(1, 3, 4, 4), row)
    assert torch.equal(read.flatten(2), row.transpose(1, 2).expand(1, 3, 16))


@pytest.mark.parametrize("features", [(4, 6), (3, 5, 7), (4, 4, 4, 4)])
@pytest.mark.parametrize("inputs", [6, 12])
def test_sizes_are_read_from_the_weights(features, inputs):
    rows = tuple(range(3, 3 + len(features)))
    extractor, translator = Extractor(inputs, features, rows, 7), Translator(inputs, 6, features, rows, 7)
    x = torch.randn(1, 2, inputs, 32, 32)
    dictionary = extractor(x)
    assert all(map(torch.equal, dictionary, extractor_of(extractor.state_dict())(x)))
    again = translator_of(translator.state_dict())
    assert torch.equal(translator(x[:, 0], dictionary), again(x[:, 0], dictionary))


@pytest.mark.parametrize("name", ABLATIONS)
def test_ablations_share_one_interface_and_their_weights_tell_them_apart(name, tmp_path):
    network = DenseFDGAN.ablation(name)
    save_dense(tmp_path / "w.safetensors", network, {})
    loaded = load_dense(tmp_path / "w.safetensors").network
    assert loaded.translator.read == network.translator.read
    assert sum(p.numel() for p in loaded.parameters()) == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("name", ABLATIONS)
def test_printed_ablations_see_the_target_and_their_weights_tell_them_apart(name, tmp_path):
    torch.manual_seed(0)
    network = Portrait.ablation(name)
    save_portrait(tmp_path / "w.safetensors", network, 32, {})
    loaded = load_portrait(tmp_path / "w.safetensors").network
    network.load_state_dict(loaded.state_dict())  # rounded to half precision, as the file is
    pictures, landmarks = torch.rand(2, 1, 3, 32, 32), torch.rand(2, 68, 2) * 32
    one, other = (net(landmarks, net.write(pictures, landmarks[:, None]), 32) for net in (network, loaded))
    assert one.shape == (2, 3, 32, 32) and torch.allclose(one, other, atol=1e-5)
    elsewhere = network(landmarks, network.write(-pictures, landmarks[:, None]), 32)
    assert (one - elsewhere).abs().max() > 1e-4  # whose face it is comes from the picture alone


def test_critics_go_on_and_a_classifier_of_others_begins_anew(tmp_path):
    critics = torch.nn.ModuleDict({"discriminator": Discriminator(), "classifier": Classifier(5)})
    save_critics(tmp_path / "c.safetensors", critics)
    again = torch.nn.ModuleDict({"discriminator": Discriminator(), "classifier": Classifier(7)})
    before = again["classifier"].state_dict()["4.weight"].clone()
    load_critics(tmp_path / "c.safetensors", again)
    first = critics["discriminator"].state_dict()["0.0.weight"]
    assert torch.equal(again["discriminator"].state_dict()["0.0.weight"], first.half().float())
    assert torch.equal(again["classifier"].state_dict()["4.weight"], before)
    with pytest.raises(WeightsError, match="another recipe"):
        load_critics(tmp_path / "c.safetensors", Discriminator(4))
    save_dense(tmp_path / "w.safetensors", small(), {})
    with pytest.raises(WeightsError, match="another kind"):
        load_critics(tmp_path / "w.safetensors", critics)


def test_printed_translator_gives_the_dense_one_all_but_its_ends():
    printed, dense = Translator().state_dict(), Translator(15, 6).state_dict()
    other = {name for name in printed if printed[name].shape != dense[name].shape}
    assert printed.keys() == dense.keys()
    assert other == {"down.0.0.weight", "up.0.2.weight", "up.0.2.bias"}


def test_classifier_picks_its_person():
    log = Classifier(5)(torch.randn(2, 3, 32, 32))
    assert torch.allclose(log.exp().sum(1), torch.ones(2, 2, 2), atol=1e-5)
    assert torch.equal(log_likelihood(log, torch.tensor([3, 1]))[0], log[0, 3])


# Landmark image


def landmarks(count: int = 2, size: int = 64) -> torch.Tensor:
    return torch.rand(count, 68, 2, generator=torch.Generator().manual_seed(0)) * size


def test_landmark_image_draws_every_line_once_and_no_gaps():
    assert {i for line in POLYLINES for i in line} == set(range(68))
    drawn = landmark_image(landmarks(), 64, 64, "parts", line=3.0)
    assert drawn.shape == (2, 9, 64, 64) and drawn.min() >= 0 and drawn.max() == 1
    for points, part in zip(POLYLINES, drawn[0], strict=True):
        for a, b in itertools.pairwise(landmarks()[0, list(points)].tolist()):
            middle = [round((p + q) / 2) for p, q in zip(a, b, strict=True)]
            if max(middle) < 64:
                assert part[middle[1], middle[0]] > 0


def test_landmark_image_agrees_with_an_independent_line():
    points = torch.full((1, 68, 2), -100.0)
    points[0, 27:31] = torch.tensor([[10.0, 8.0], [10, 20], [10, 30], [10, 40]])
    drawn = landmark_image(points, 48, 32, "parts", line=3.0)[0, 3].numpy()
    away = np.full((48, 32), 255, np.uint8)
    cv2.line(away, (10, 8), (10, 40), 0, 1)
    distance = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    assert np.allclose(drawn, np.clip(2 - distance, 0, 1), atol=1e-5)


def test_points_outside_are_cut_off_not_dropped():
    points = torch.full((1, 68, 2), -100.0)
    points[0, 27:31] = torch.tensor([[-20.0, 10.0], [-5, 10], [5, 10], [80, 10]])
    row = landmark_image(points, 32, 32, "parts")[0, 3, 10]
    assert (row > 0).all()


def test_landmark_image_is_deterministic_in_batches_and_differentiable():
    points = landmarks(3)
    together = landmark_image(points, 64, 64)
    assert all(torch.equal(together[i], landmark_image(points[i : i + 1], 64, 64)[0]) for i in range(3))
    moving = points[:1].double().requires_grad_(True)
    landmark_image(moving, 24, 24, "parts").sum().backward()
    assert moving.grad is not None and moving.grad.abs().sum() > 0


# Windows


def test_window_sees_a_smooth_picture_and_brings_it_back(identity):
    y, x = np.mgrid[:500, :400].astype(np.float32)
    picture = np.dstack([np.sin(x / 40), np.cos(y / 50), x * y / 2e5])
    window = Window.around(np.array([200.0, 250.0]), np.array([1.9, 0.4]), (128, 96))
    box = window.box((400, 500))
    back = window.paste(window.look(picture), box)
    inner = cv2.erode((window.paste(np.ones((96, 128), np.float32), box) > 0.999).astype(np.uint8), np.ones((9, 9)))
    assert inner.sum() > 15_000
    assert np.abs(back - picture[box])[inner > 0].max() < 0.02
    corner = np.array([[3.0, 5.0]])
    assert np.allclose(window.points(corner @ window.matrix[:, :2].T + window.matrix[:, 2]), corner)


def test_mouth_window_lies_fast_on_the_skull(identity):
    window = Window.of_mouth(identity.frontal, identity.head)
    mouth = window.points(identity.mesh[[i for half in LIPS_INNER for i in half], :2])
    assert (mouth > 20).all() and (mouth[:, 0] < 108).all() and (mouth[:, 1] < 70).all()
    larger = dataclasses.replace(identity.head, scale=identity.head.scale * 2)
    assert Window.of_mouth(identity.frontal, larger).scale == pytest.approx(2 * window.scale)


# Pairs


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
    assert pairs.openness(identity.mesh) < 0.05
    assert pairs.reverse_warp(smiling, identity.mesh, np.random.default_rng(0)) is None


def test_mirrored_landmarks_are_landmarks_of_the_mirrored_face(identity):
    assert sorted(MIRROR) == list(range(68)) and all(MIRROR[MIRROR[i]] == i for i in range(68))
    points = identity.frontal[list(MESH68), :2]
    flipped = points[list(MIRROR)] * [-1, 1]
    assert np.abs(flipped - points).mean() < 0.6  # centimetres; a face is nearly its own mirror picture


# Crops


@pytest.fixture(scope="module")
def crops_file(opened, target, colour, tmp_path_factory):
    """Six people in one picture each, made of the demo target, and one of them in two."""
    folder = tmp_path_factory.mktemp("portraits")
    picture = (opened[0] * 255).astype(np.uint8)[..., ::-1]
    for n, name in enumerate(("ann_a", "ann_b", "ben_a", "cat_a", "dan_a", "eve_a")):
        cv2.imwrite(str(folder / f"{name}.png"), np.clip(picture * (0.7 + 0.05 * n), 0, 255).astype(np.uint8))
    out = folder / "crops.npz"
    assert build_crops([str(folder)], out, size=256, hold_out=["eve"]).kept == 6
    return out


def test_crops_round_trip_with_people_and_split(crops_file):
    crops = Crops.load(crops_file)
    assert len(crops) == 6 and crops.people == ("ann", "ben", "cat", "dan", "eve")
    assert crops.validation[crops.person == 4].all()
    assert all(crops.validation[i] == held_out(crops.people[p], ["eve"]) for i, p in enumerate(crops.person))
    picture = crops.picture(0)
    assert picture.shape == (256, 256, 3) and 0 <= picture.min() <= picture.max() <= 1
    eyes = crops.mesh[0, [33, 263], :2]
    assert abs(eyes[0, 1] - eyes[1, 1]) < 6 and (eyes > 40).all() and (eyes < 216).all()


def test_crops_know_where_the_person_is(crops_file):
    crops = Crops.load(crops_file)
    mask, face = crops.mask(0), crops.mesh[0, MESH68, :2].round().astype(int)
    assert mask.shape == (256, 256) and mask.dtype == np.float32 and 0 <= mask.min() <= mask.max() <= 1
    assert mask[face[:, 1], face[:, 0]].min() > 0.5 and mask[:40, :40].max() < 0.1


def test_a_set_without_masks_is_to_be_made_anew(crops_file, tmp_path):
    with np.load(crops_file) as data:
        older = {name: data[name] for name in data.files if "mask" not in name}
    np.savez(tmp_path / "old.npz", **older | {"schema": "ofx-reenact/crops/1"})
    with pytest.raises(ReenactError, match="of this version; `ofx-reenact data crops`"):
        Crops.load(tmp_path / "old.npz")


def test_small_blurred_and_faceless_pictures_are_left_out_and_counted(smiling, tmp_path):
    picture = (smiling * 255).astype(np.uint8)[..., ::-1]
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    cv2.imwrite(str(tmp_path / "b.png"), cv2.flip(picture, 1))
    cv2.imwrite(str(tmp_path / "blurred.png"), cv2.GaussianBlur(picture, (0, 0), picture.shape[0] / 60))
    cv2.imwrite(str(tmp_path / "small.png"), cv2.resize(picture, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA))
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 128, np.uint8))
    counts = build_crops([str(tmp_path)], tmp_path / "c.npz")
    assert counts.kept == 2
    assert (counts.blurred, counts.small, counts.faceless) == (["blurred.png"], ["small.png"], ["wall.png"])


def test_one_picture_is_too_few(smiling, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), (smiling * 255).astype(np.uint8))
    with pytest.raises(ReenactError, match="at least two pictures"):
        build_crops([str(tmp_path)], tmp_path / "c.npz")
    assert not (tmp_path / "c.npz").exists()


def test_an_index_says_who_is_in_a_picture(smiling, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("1", "2"):
        cv2.imwrite(str(folder / f"{name}.png"), (smiling * 255).astype(np.uint8)[..., ::-1])
    (tmp_path / "index.csv").write_text(
        "path,identity,expression,licence\nset/1.png,her,calm,CC0\nset/2.png,her,,CC0\n"
    )
    arguments = ["data", "crops", "--input", str(folder), "--out", str(tmp_path / "c.npz"), "--size", "128"]
    assert run([*arguments, "--sheet", str(tmp_path / "look.png")]) == 0
    assert cv2.imread(str(tmp_path / "look.png")).shape == (256, 8 * 256, 3)
    crops = Crops.load(tmp_path / "c.npz")
    assert crops.people == ("her",) and crops.take[0] == "calm" and set(crops.terms) == {"CC0"}


@pytest.fixture(scope="module")
def pairs_file(crops_file):
    out = crops_file.with_name("pairs.npz")
    made = build_pairs(Crops.load(crops_file), out, variants=8)
    assert made[REVERSE] > 20 and made[WIDER] > 20 and made[TRUE] == 2
    return out


def test_pairs_are_the_same_from_a_seed(crops_file, pairs_file, tmp_path):
    build_pairs(Crops.load(crops_file), tmp_path / "again.npz", variants=8)
    first, again = PairSet(pairs_file), PairSet(tmp_path / "again.npz")
    rows = np.array([0, len(first) - 1])
    one, other = vars(first.batch(rows)), vars(again.batch(rows))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_nobody_is_in_training_and_in_validation(pairs_file):
    pair_set = PairSet(pairs_file)
    train_rows, kept = pair_set.rows(validation=False), pair_set.rows(validation=True)
    assert len(kept) and not set(pair_set.person[train_rows]) & set(pair_set.person[kept])
    assert {REVERSE, WIDER, TRUE} == set(pair_set.kind.tolist()) and WIDER not in pair_set.kind[kept]


def test_other_files_are_refused(crops_file, tmp_path):
    with pytest.raises(ReenactError, match="data pairs"):
        PairSet(crops_file)
    (tmp_path / "half.npz").write_bytes(crops_file.read_bytes()[: crops_file.stat().st_size // 2])
    with pytest.raises(ReenactError, match="data crops"):
        Crops.load(tmp_path / "half.npz")
    (tmp_path / "x.npz").write_bytes(b"no")
    with pytest.raises(ReenactError, match="data crops"):
        Crops.load(tmp_path / "x.npz")


# Pairs of rendered heads


def heads_of(opened, smiling, identity, path, people=(0, 1, 2, 6)):
    """Rendered heads in all but the renderer: shut and open, and open by the track where classes know no opening."""
    size, album, corner = 256, Album(("jawOpen",), 256), np.array([0.5, 0.5, 0])
    resized = lambda x: cv2.resize(x, (size, size), interpolation=cv2.INTER_AREA)  # noqa: E731
    green = resized((opened[0] == (0, 1, 0)).all(-1).astype(np.float32)) > 0.5
    nothing, inside = np.zeros_like(green, np.uint8), np.where(green, Label.MOUTH, 0).astype(np.uint8)
    for person in people:
        pictures = []
        aside = np.roll(opened[0], 8, axis=1), opened[1] + [8, 0, 0]
        takes = ((smiling, identity.mesh, nothing), (*opened, inside), (*aside, nothing))
        for picture, mesh, classes in takes:
            rgb = (resized(picture) * (0.7 + 0.04 * person) * 255).astype(np.uint8)
            scaled = (mesh + corner) * size / len(picture) - corner
            surface = np.where(classes > 0, 0, NOTHING).astype(np.int32)
            surface[0, 0] = 0
            steps, still = np.zeros((3, 3), np.int16), np.zeros(3)
            pictures.append(Picture(rgb, classes, surface, steps, still, np.zeros(1), still[:2], scaled, 0.9))
        album.add(pictures, np.array([[0, 1, 2]]), 300.0, 60.0 + person)
    album.save(path, dropped=0)
    return path


@pytest.fixture(scope="module")
def heads_file(opened, smiling, identity, tmp_path_factory):
    return heads_of(opened, smiling, identity, tmp_path_factory.mktemp("heads") / "heads.npz")


def test_rendered_heads_make_pairs_of_what_their_classes_confirm(heads_file, tmp_path):
    heads, out = RenderedHeads(heads_file), tmp_path / "pairs.npz"
    names = [heads.name(person) for person in range(heads.people)]
    kept = [held_out(name) for name in names]
    assert any(kept) and not all(kept)
    made = build_pairs(None, out, heads=[heads])
    # The neutral picture is carried to the one trusted truth, and while training another one too.
    assert made == {REVERSE: 0, WIDER: 0, TRUE: 0, RENDERED: 2 * len(names) - sum(kept)}
    pair_set = PairSet(out)
    assert pair_set.people == tuple(names) and pair_set.terms == (f"rendered heads: {SOURCE}",)
    assert np.array_equal(pair_set.validation, np.array(kept)[pair_set.person])
    first = [int(np.nonzero(pair_set.person == person)[0][0]) for person in range(len(names))]
    batch = pair_set.batch(np.array(first))
    green = lambda x: (x[:, 1] - x[:, [0, 2]].amax(1)) / 2  # noqa: E731
    assert (green(batch.truth) > 0.3).sum() > 100 * len(names)
    assert green(batch.warped).max() < 0.2 and green(batch.target).max() < 0.2


def test_a_rendered_person_is_the_same_in_two_files(heads_file, opened, smiling, identity, tmp_path):
    other = heads_of(opened, smiling, identity, tmp_path / "other.npz", people=(2, 8))
    files = [RenderedHeads(heads_file), RenderedHeads(other)]
    build_pairs(None, tmp_path / "pairs.npz", heads=files)
    pair_set = PairSet(tmp_path / "pairs.npz")
    assert len(pair_set.people) == 5 and files[0].name(2) == files[1].name(0)
    assert all(pair_set.validation[i] == held_out(pair_set.people[p]) for i, p in enumerate(pair_set.person))


def test_rendered_heads_are_a_share_of_a_batch(crops_file, heads_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.dense.FEWEST", 4)
    build_pairs(Crops.load(crops_file), tmp_path / "p.npz", heads=[RenderedHeads(heads_file)], variants=1)
    pair_set, drawn = PairSet(tmp_path / "p.npz"), []
    assert {TRUE, RENDERED} < set(pair_set.kind.tolist()) and len(pair_set.terms) == 2
    recipe = DenseRecipe(DenseSettings(batch=2000), pair_set, tmp_path, small())
    assert recipe.about()["rendered_share"] == 0.3
    scores, shown = measure_pairs(small(), pair_set, limit=2)
    assert scores["rendered PSNR warp"] > 0 and len(shown) == 2

    def draw_only(_, rows):
        drawn.extend(rows.tolist())
        raise KeyboardInterrupt

    monkeypatch.setattr(PairSet, "batch", draw_only)
    with pytest.raises(KeyboardInterrupt):
        recipe.step(0, 1)
    share = (pair_set.kind[drawn] == RENDERED).mean()
    assert 0.25 < share < 0.35 and not pair_set.validation[drawn].any()


def test_runs_on_photographs_alone_are_what_they_were(pairs_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.dense.FEWEST", 4)
    about = DenseRecipe(DenseSettings(), PairSet(pairs_file), tmp_path, small()).about()
    assert not {"rendered_share", "start", "critics"} & about.keys()
    further = DenseRecipe(DenseSettings(start="abc"), PairSet(pairs_file), tmp_path, small()).about()
    assert further["start"] == "abc"


def test_command_line_makes_pairs_of_rendered_heads(heads_file, tmp_path, capsys):
    arguments = ["data", "pairs", "--out", str(tmp_path / "p.npz")]
    assert run(arguments) == 2 and "--heads" in capsys.readouterr().err
    assert run([*arguments, "--heads", str(heads_file), "--sheet", str(tmp_path / "look.png")]) == 0
    assert "rendered" in capsys.readouterr().out and (tmp_path / "look.png").is_file()


# Repair


def test_no_mask_and_no_flow_is_the_warp_bit_for_bit():
    warped = torch.rand(1, 3, 32, 48) * 2 - 1
    maps = torch.tensor([1.0, 0.5, 0.0])[:, None, None].expand(1, 3, 32, 48)
    raw = torch.zeros(1, 6, 32, 48)
    raw[:, 3] = -1e4
    made = repaired(raw, warped, maps)
    assert torch.allclose(made.picture, warped, atol=1e-5) and made.mask.max() == 0


def test_what_is_missing_is_always_painted():
    maps = torch.ones(1, 3, 32, 48)
    maps[:, 0, 10:14, 20:30] = 0
    raw = torch.zeros(1, 6, 32, 48)
    raw[:, 3] = -1e4
    made = repaired(raw, torch.ones(1, 3, 32, 48), maps)
    assert (made.mask[0, 0, 8:16, 18:32] == 1).all() and given(maps).sum() == 8 * 14
    assert (made.picture[..., 10:14, 20:30] == 0).all()


def test_flow_takes_colour_from_where_it_points():
    picture = torch.zeros(1, 1, 16, 16)
    picture[..., 5, 9] = 1
    flow = torch.zeros(1, 2, 16, 16)
    flow[:, 0], flow[:, 1] = 2, -1
    assert displaced(picture, flow)[0, 0, 6, 7] == pytest.approx(1, abs=1e-5)


# Training


def test_training_resumes_to_the_same_numbers(pairs_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.dense.FEWEST", 4)
    pair_set, settings = PairSet(pairs_file), DenseSettings(batch=2, bf16=False)

    def recipe(out):
        return DenseRecipe(settings, pair_set, out, small())

    whole = recipe(tmp_path / "a")
    train(whole, tmp_path / "a", 4, save_every=2)
    broken = recipe(tmp_path / "b")
    with pytest.raises(KeyboardInterrupt):
        train(broken, tmp_path / "b", 4, save_every=2, observe=interrupt)
    again = recipe(tmp_path / "b")
    train(again, tmp_path / "b", 4, save_every=2, resume=True)
    for a, b in zip(whole.average.parameters(), again.average.parameters(), strict=True):
        assert torch.equal(a, b)
    assert (tmp_path / "a" / "samples.png").exists()


def interrupt(point):
    raise KeyboardInterrupt


def test_training_gets_nearer_to_the_truth(pairs_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.dense.FEWEST", 4)
    settings = DenseSettings(batch=4, bf16=False, learning_rate=3e-3, critic_from=1.0)
    recipe = DenseRecipe(settings, PairSet(pairs_file), tmp_path, small())
    losses = [recipe.step(n, 60)["colour"] for n in range(40)]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:3])


def test_too_few_pairs_are_refused(pairs_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.dense.FEWEST", 1000)
    with pytest.raises(ReenactError, match="give more pictures"):
        DenseRecipe(DenseSettings(), PairSet(pairs_file), tmp_path)


def test_feature_distance_grows_with_blur():
    pytest.importorskip(features.PACKAGE, reason="MobileNetV2's weights are not installed")
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    soft = torch.nn.functional.avg_pool2d(picture, 3, 1, 1)
    softer = torch.nn.functional.avg_pool2d(soft, 5, 1, 2)
    distances = [feature_distance(x, picture).item() for x in (picture, soft, softer)]
    assert distances[0] == 0 < distances[1] < distances[2]


# Weights


def test_weights_of_another_network_are_refused(tmp_path, weights):
    with pytest.raises(WeightsError, match="ld-net"):
        load_dense(weights.path)
    save_dense(tmp_path / "w.safetensors", small(), {})
    from ofx_reenact.ldnet.weights import load_ldnet

    with pytest.raises(WeightsError, match="not LD-Net"):
        load_ldnet(tmp_path / "w.safetensors")


# The printed recipe


@pytest.fixture(scope="module")
def faces_file(crops_file):
    out = crops_file.with_name("faces.npz")
    assert build_faces(Crops.load(crops_file), out, size=64, views=2) == 18
    return out


def test_views_are_of_one_person_with_landmarks_where_the_face_is(faces_file):
    faces = Faces(faces_file)
    batch = faces.draw(6, np.random.default_rng(0))
    assert batch.target.shape == (6, 3, 64, 64) and faces.people() >= 2
    eyes, chin = batch.landmarks[:, 36:48].mean(1), batch.landmarks[:, 8]
    assert (eyes > 10).all() and (eyes < 54).all() and (chin[:, 1] > eyes[:, 1]).all()
    assert not torch.equal(batch.target, batch.truth)


def test_faces_are_drawn_smaller_where_a_size_is_asked_for(faces_file):
    whole, half = (Faces(faces_file, size).validation(1) for size in (0, 32))
    assert half.truth.shape == (1, 3, 32, 32)
    assert torch.allclose(half.truth, torch.nn.functional.avg_pool2d(whole.truth, 2))
    # The middle of the picture stays the middle.
    assert torch.allclose((half.landmarks - 15.5) * 2, whole.landmarks - 31.5, atol=1e-4)
    for size in (48, 128, 8):
        with pytest.raises(ReenactError, match="faces of 64 pixels"):
            Faces(faces_file, size)


def test_equations_10_to_12_are_as_printed():
    made, truth = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    batch = FaceBatch(truth, torch.zeros(2, 68, 2), truth, torch.zeros(2, 68, 2), torch.tensor([2, 0]))
    verdict = lambda x: x.mean((1, 2, 3), keepdim=True)  # noqa: E731
    likely = lambda x: torch.log_softmax(torch.arange(3.0)[None, :, None, None] * verdict(x), 1)  # noqa: E731
    found = judged(verdict, likely, batch, made) | equation_12(PaperSettings(), verdict, likely, batch, made)
    p = {name: likely(x)[[0, 1], [2, 0], 0, 0].exp() for name, x in (("truth", truth), ("made", made))}
    real, fake = verdict(truth), verdict(made)
    assert found["D"] == pytest.approx((((real - 1) ** 2).mean() + ((fake + 1) ** 2).mean()).item(), rel=1e-5)
    assert found["C"] == pytest.approx((-p["truth"].log().mean() - (1 - p["made"]).log().mean()).item(), rel=1e-4)
    assert found["reconstruction"] == pytest.approx(50 * ((made - truth) ** 2).mean().item(), rel=1e-5)
    assert found["adversary"] == pytest.approx((fake**2).mean().item(), rel=1e-5)
    assert found["identity"] == pytest.approx(-p["made"].log().mean().item(), rel=1e-5)


def test_paper_defaults_are_the_papers():
    settings = PaperSettings()
    assert (settings.batch, settings.learning_rate, STEPS["paper"]) == (4, 2e-5, 1_000_000)
    assert (settings.reconstruction, settings.adversary, settings.identity) == (50, 1, 1)


def test_paper_recipe_trains_resumes_and_renders(faces_file, target, colour, weights, performance, tmp_path, capsys):
    out = tmp_path / "run"
    arguments = ["train", "fdgan", "--recipe", "paper", "--data", str(faces_file), "--out", str(out), "--device", "cpu"]
    assert run([*arguments, "--steps", "1", "--batch", "2"]) == 0
    assert run([*arguments, "--steps", "2", "--batch", "2", "--resume"]) == 0
    fdgan = load_portrait(out / "fdgan_paper.safetensors")
    further = ["--start", str(fdgan.path), "--critics", str(out / "critics.safetensors"), "--variant", "fdgan"]
    go_on = [*arguments[:-3], str(tmp_path / "on"), "--device", "cpu", "--steps", "1", "--batch", "2"]
    assert run([*go_on, *further]) == 0
    assert fdgan.sha256[:12] in load_portrait(tmp_path / "on" / "fdgan_paper.safetensors").metadata["recipe"]
    assert fdgan.size == 64 and "2 steps of 2 at 64²" in fdgan.metadata["recipe"]
    identity = identify(Settings(target=str(TARGET)), target, colour, weights, fdgan)
    made = Reenactor(weights=weights, painter=make_painter(fdgan, "cpu"))
    made.set_target(target.picture, identity, display=display_of(identity, target, colour))
    made.set_performance(performance, Settings(profile="paper"))
    frame = made.render(36)
    assert frame.matte.max() == pytest.approx(1, abs=0.02) and frame.matte[:5].max() == 0
    untouched = frame.matte == 0
    assert np.array_equal(frame.colour[untouched], target.picture[untouched])
    assert np.abs(frame.colour - target.picture)[frame.matte > 0.9].mean() > 0.01
    assert np.array_equal(made.render(36).colour, frame.colour)


def test_one_person_cannot_train_the_classifier(crops_file, tmp_path):
    crops = Crops.load(crops_file)
    alone = dataclasses.replace(crops, people=("ann",))
    with pytest.raises(ReenactError, match="one person only"):
        build_faces(alone, tmp_path / "f.npz")


def test_the_shipped_portrait_is_the_targets(target, identity, colour):
    """Read at the target's own landmarks it is much nearer to the picture than the face's mean colour is."""
    fdgan = load_portrait()
    painter = PortraitPainter(fdgan.network, fdgan.size)
    reference = reference_of(identity, target, colour)
    window = painter.window(identity.frontal, identity.head)
    portrait, matte = painter.paint(painter.write([reference]), window, identity.mesh)
    seen, inside = window.look(reference.picture), matte > 0.9
    plain = np.abs(seen[inside] - seen[inside].mean(0)).mean()
    assert np.abs(portrait[inside] - seen[inside]).mean() < 0.6 * plain


def test_weights_of_another_profile_are_refused(tmp_path):
    save_dense(tmp_path / "w.safetensors", small(), {})
    with pytest.raises(WeightsError, match="as printed"):
        load_portrait(tmp_path / "w.safetensors")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_devices_paint_alike(target, identity, colour, painting):
    reference = reference_of(identity, target, colour)
    cpu, cuda = (Painter(load_dense(painting.path, d).network, d).write([reference]) for d in ("cpu", "cuda"))
    assert all(np.abs(a - b).max() < 0.01 for a, b in zip(cpu, cuda, strict=True))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_training_runs_on_a_gpu(pairs_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.dense.FEWEST", 4)
    recipe = DenseRecipe(DenseSettings(batch=4, device="cuda", critic_from=0.0), PairSet(pairs_file), tmp_path)
    assert all(np.isfinite(float(value)) for value in recipe.step(0, 10).values())
    assert recipe.measure()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_recorded_step_learns_what_one_kernel_by_kernel_does(faces_file, tmp_path, monkeypatch):
    """Chance is the same in both, and the rate so low that the order of a GPU's sums does not decide the outcome."""

    def losses(on):
        made = "ofx_reenact.training.fdgan.paper.Recorded"
        monkeypatch.setattr(made, lambda work, on: Recorded(work, on=on and recording))
        recording = on
        settings = PaperSettings(batch=2, device="cuda", learning_rate=1e-6, bf16=False)
        recipe = PaperRecipe(settings, Faces(faces_file), tmp_path)
        return [{name: float(value) for name, value in recipe.step(n, 24).items()} for n in range(24)]

    eager, recorded = losses(False), losses(True)
    for a, b in zip(eager, recorded, strict=True):
        assert all(b[name] == pytest.approx(a[name], rel=0.03, abs=1e-3) for name in a), (a, b)


def test_out_of_memory_suggests_a_smaller_batch(pairs_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ofx_reenact.training.fdgan.dense.FEWEST", 4)

    def full(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(DenseRecipe, "step", full)
    arguments = ["train", "fdgan", "--data", str(pairs_file), "--out", str(tmp_path / "r"), "--device", "cpu"]
    assert run(arguments) == 2
    assert "--batch 8" in capsys.readouterr().err


# Measuring


def test_ssim_agrees_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    a, b = (torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(n)) * 2 - 1 for n in (0, 1))
    b = 0.7 * a + 0.3 * b
    expected = metrics.structural_similarity(
        grey(a)[0, 0].numpy().astype(np.float64), grey(b)[0, 0].numpy().astype(np.float64),
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, win_size=11,
    )  # fmt: skip
    assert ssim(a, b).item() == pytest.approx(expected, abs=1e-3)
    assert ssim(a, a).item() == pytest.approx(1, abs=1e-6)


def test_a_mean_knows_its_interval_and_leaves_nan_out():
    mean = Mean.of(torch.tensor([1.0, 2.0, 3.0, float("nan")]))
    assert (mean.mean, mean.count) == (2.0, 3) and mean.interval == pytest.approx(1.96 / 3**0.5)


def test_evaluation_measures_warp_and_networks_alike(pairs_file, tmp_path, capsys):
    save_dense(tmp_path / "w.safetensors", small(), {})
    out = tmp_path / "numbers.json"
    arguments = ["evaluate", "fdgan", "--data", str(pairs_file), "--weights", str(tmp_path / "w.safetensors")]
    assert run([*arguments, "--json", str(out), "--report", str(tmp_path / "report")]) == 0
    found = json.loads(out.read_text())
    rows = found["errors"]["reverse-warp pairs"]
    assert set(rows) == {"warp only", "w"} and rows["w"]["PSNR mouth"]["count"] >= 1
    assert found["features"] == "MobileNetV2 (ImageNet)" and (tmp_path / "report" / "reverse.png").exists()


def test_bench_gives_ratios(capsys):
    assert run(["bench", "fdgan", "--runs", "3", "--device", "cpu", "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert ("bfloat16 is left out" in said.err) != bf16_pays("cpu")
    precisions = {"float32", "bfloat16"} if bf16_pays("cpu") else {"float32"}
    works = itertools.product(("translator 256×256", "window 128×96"), precisions)
    assert {s["what"] for s in found} == {", ".join(names) for names in works}
    assert all(
        s["ratio"] > 0 and s["gflop"] == pytest.approx(5.5 if "256" in s["what"] else 1.1, abs=0.1) for s in found
    )


# Custom identities


def test_untrained_adapters_change_nothing_and_merged_ones_are_the_trained():
    torch.manual_seed(0)
    network, x, = small(), torch.randn(1, 15, 32, 48)  # fmt: skip
    values = network.extractor(torch.randn(1, 1, 12, 32, 48))
    adapted = copy.deepcopy(network.translator)
    parameters = adapters.adapt(adapted, rank=2)
    assert torch.allclose(adapted(x, values), network.translator(x, values), atol=1e-6)
    with torch.no_grad():
        torch._foreach_add_(parameters, 0.05)
    again = adapters.merged(network.translator, adapters.take(adapted))
    assert torch.allclose(again(x, values), adapted(x, values), atol=1e-5)
    assert not torch.allclose(again(x, values), network.translator(x, values), atol=1e-3)


@pytest.mark.slow
def test_a_custom_identity_learns_its_person_and_renders(
    opened, target, colour, weights, performance, painting, tmp_path, capsys
):
    """Forty frames of one person whose open mouth is pure green: nothing else would paint it so."""
    folder, file = tmp_path / "frames", tmp_path / "her.safetensors"
    folder.mkdir()
    for n in range(40):
        picture = np.clip(opened[0] * (0.9 + 0.005 * n), 0, 1)
        cv2.imwrite(str(folder / f"f{n:03d}.png"), (picture * 255).astype(np.uint8)[..., ::-1])
    arguments = ["train", "identity", "--target", str(TARGET), "--frames", str(folder), "--identity", str(file)]
    assert run([*arguments, "--fdgan-weights", str(painting.path), "--steps", "120", "--device", "cpu"]) == 0
    before, after = map(float, re.search(r"([\d.]+) → ([\d.]+) dB", capsys.readouterr().out).groups())
    assert after > before + 2
    settings = Settings(target=str(TARGET), identity=str(file))
    identity = identify(settings, target, colour, weights, painting)
    assert identity.adapters and len(identity.dictionary) == 4
    made = Reenactor(weights=weights, painter=make_painter(painting, "cpu", identity))
    made.set_target(target.picture, identity, display=display_of(identity, target, colour))
    made.set_performance(performance, Settings())
    frame = made.render(36).colour
    assert (frame[..., 1] - frame[..., [0, 2]].max(-1) > 0.05).sum() > 50


def test_a_custom_identity_needs_frames(smiling, painting, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "a.png"), (smiling * 255).astype(np.uint8)[..., ::-1])
    arguments = ["train", "identity", "--target", str(TARGET), "--frames", str(tmp_path / "a.png")]
    assert run([*arguments, "--identity", str(tmp_path / "h"), "--fdgan-weights", str(painting.path)]) == 1
    assert "at least 30" in capsys.readouterr().err and not (tmp_path / "h").exists()


# In a render


@pytest.fixture(scope="module")
def painting(tmp_path_factory):
    """Narrow weights from chance: whatever they paint, it can be told from what the warp carried."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_dense(path, small(), {})
    return load_dense(path)


@pytest.fixture(scope="module")
def repairing(target, colour, weights, performance, painting):
    identity = identify(Settings(target=str(TARGET)), target, colour, weights, painting)
    made = Reenactor(weights=weights, painter=Painter(painting.network))
    made.set_target(target.picture, identity, display=display_of(identity, target, colour))
    made.set_performance(performance, Settings())
    return made


@pytest.fixture(scope="module")
def plain(target, identity, weights, performance):
    made = Reenactor(weights=weights)
    made.set_target(target.picture, identity)
    made.set_performance(performance, Settings())
    return made


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


def test_grain_is_measured_and_given_back():
    y, x = np.mgrid[:200, :300] / 300
    smooth = np.dstack([0.3 + 0.4 * x, 0.2 + 0.3 * y * x, 0.5 - 0.2 * y]).astype(np.float32)
    assert measure_grain(smooth) < 1e-4
    for deviation in (0.005, 0.02, 0.05):
        box = (slice(40, 240), slice(900, 1200))
        assert measure_grain(smooth + grain(box, deviation)) == pytest.approx(deviation, rel=0.1)
    whole, part = grain((slice(0, 50), slice(0, 60)), 0.1), grain((slice(20, 30), slice(40, 60)), 0.1)
    assert np.array_equal(whole[20:30, 40:60], part)


def test_a_frame_is_painted_alone_as_in_a_sequence(repairing):
    first = repairing.render(36).colour
    repairing.render(12)
    assert np.array_equal(repairing.render(36).colour, first)


def test_reference_frame_stays_the_target(target, colour, weights, performance, painting):
    identity = identify(Settings(target=str(TARGET)), target, colour, weights, painting)
    made = Reenactor(weights=weights, painter=Painter(painting.network))
    made.set_target(target.picture, identity, display=display_of(identity, target, colour))
    made.set_performance(performance, Settings(reference=20))
    assert np.array_equal(made.render(20).colour, target.picture)


def test_a_painter_needs_a_dictionary(target, identity, weights, painting):
    made = Reenactor(weights=weights, painter=Painter(painting.network))
    with pytest.raises(SettingsError, match="dictionary"):
        made.set_target(target.picture, identity)


def test_identity_file_keeps_the_dictionary(target, colour, weights, painting, tmp_path):
    settings = Settings(target=str(TARGET), identity=str(tmp_path / "her.safetensors"))
    made = identify(settings, target, colour, weights, painting)
    read = identify(settings, target, colour, weights, painting)
    assert all(map(np.array_equal, made.dictionary, read.dictionary)) and len(read.dictionary) == 4
    other = dataclasses.replace(painting, sha256="another")
    with pytest.raises(WeightsError, match="other FD-GAN weights"):
        identify(settings, target, colour, weights, other)
    assert identify(settings, target, colour, weights).mesh.shape == (478, 3)


def test_the_same_picture_twice_is_the_same_dictionary(target, identity, colour, painting):
    painter, reference = Painter(painting.network), reference_of(identity, target, colour)
    once, twice = painter.write([reference]), painter.write([reference, reference])
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(once, twice, strict=True))


def test_display_goes_both_ways_and_exposes_for_the_face(colour):
    light = np.random.default_rng(0).uniform(0.1, 0.9, (4, 5, 1)).astype(np.float32) * np.array([1, 0.9, 0.8], "f4")
    space = colour.resolve("scene_linear")
    display = Display(colour, space)
    assert np.allclose(display.decode(display.encode(light)), light, atol=1e-4)
    dark = Display(colour, space, np.full((9, 3), 0.006, np.float32))
    assert dark.exposure == pytest.approx(10, rel=1e-3)
    assert np.allclose(dark.decode(dark.encode(light / 20)), light / 20, atol=1e-4)


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


def test_command_line_trains_from_folders_to_weights(crops_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ofx_reenact.training.fdgan.dense.FEWEST", 4)
    pairs_file, out = tmp_path / "pairs.npz", tmp_path / "run"
    look = tmp_path / "look.png"
    assert run(["data", "pairs", "--crops", str(crops_file), "--out", str(pairs_file), "--sheet", str(look)]) == 0
    assert cv2.imread(str(look)).shape[1] == 2 * 4 * 128
    arguments = ["train", "fdgan", "--data", str(pairs_file), "--out", str(out), "--steps", "1", "--batch", "1"]
    assert run([*arguments, "--device", "cpu"]) == 0
    made = load_dense(out / "fdgan_dense.safetensors")
    assert "1 steps" in made.metadata["recipe"] and "reverse PSNR repaired" in made.metadata["errors"]
    assert run([*arguments, "--device", "cpu"]) != 0
    assert "--resume" in capsys.readouterr().err
