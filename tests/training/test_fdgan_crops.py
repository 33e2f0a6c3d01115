"""Crops: people, training and validation, masks, pictures that are left out, index.csv, files that are refused."""

import cv2
import numpy as np
import pytest

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.training.fdgan.data.crop_set import Crops, is_held_out
from ofx_reenact.training.fdgan.data.cut_crops import build_crops
from ofx_reenact.training.fdgan.data.pair_set import PairSet


def test_crops_are_read_as_written_with_people_and_validation(crops_file):
    crops = Crops.load(crops_file)
    assert len(crops) == 6 and crops.people == ("ann", "ben", "cat", "dan", "eve")
    assert crops.validation[crops.person == 4].all()
    assert all(crops.validation[i] == is_held_out(crops.people[p], ["eve"]) for i, p in enumerate(crops.person))
    picture = crops.picture(0)
    assert picture.shape == (480, 480, 3) and 0 <= picture.min() <= picture.max() <= 1
    eyes = crops.mesh[0, [33, 263], :2]
    assert abs(eyes[0, 1] - eyes[1, 1]) < 6 and (eyes > 75).all() and (eyes < 405).all()


def test_the_mask_covers_the_person(crops_file):
    crops = Crops.load(crops_file)
    mask, face = crops.mask(0), crops.mesh[0, MESH68, :2].round().astype(int)
    assert mask.shape == (480, 480) and mask.dtype == np.float32 and 0 <= mask.min() <= mask.max() <= 1
    assert mask[face[:, 1], face[:, 0]].min() > 0.5 and mask[:40, :40].max() < 0.1


def test_a_set_without_masks_must_be_made_again(crops_file, tmp_path):
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


def test_a_large_face_makes_a_larger_crop(smiling, tmp_path):
    """The crop of a close-up has twice the side; one that would be an enlargement does not."""
    picture = (smiling * 255).astype(np.uint8)[..., ::-1]
    for name, size in (("near", 1.0), ("far", 0.6)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), cv2.resize(picture, None, fx=size, fy=size))
    build_crops([str(tmp_path)], tmp_path / "c.npz", size=384)
    crops = Crops.load(tmp_path / "c.npz")
    assert [len(crops.picture(row)) for row in range(2)] == [384, 768] and (crops.detail > 0.5).all()
    assert np.allclose(crops.mesh[1] / 2, crops.mesh[0], atol=4)


def test_files_without_terms_are_left_out_with_listed(smiling, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("1", "2", "3", "4"):
        cv2.imwrite(str(folder / f"{name}.png"), (smiling * 255).astype(np.uint8)[..., ::-1])
    (tmp_path / "index.csv").write_text(
        "path,identity,licence\nset/1.png,a,CC0\nset/2.png,b,MIT\nset/3.png,child,\n"
    )
    counts = build_crops([str(folder)], tmp_path / "c.npz", size=128, listed=True)
    assert counts.kept == 2 and counts.unlisted == ["3.png", "4.png"]
    assert set(Crops.load(tmp_path / "c.npz").people) == {"a", "b"}


def test_one_picture_is_too_few(smiling, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), (smiling * 255).astype(np.uint8))
    with pytest.raises(ReenactError, match="at least two: give larger"):
        build_crops([str(tmp_path)], tmp_path / "c.npz")
    assert not (tmp_path / "c.npz").exists()


def test_an_index_names_the_person(smiling, tmp_path):
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


def test_other_files_are_refused(crops_file, tmp_path):
    with pytest.raises(ReenactError, match="data pairs"):
        PairSet(crops_file)
    (tmp_path / "half.npz").write_bytes(crops_file.read_bytes()[: crops_file.stat().st_size // 2])
    with pytest.raises(ReenactError, match="data crops"):
        Crops.load(tmp_path / "half.npz")
    (tmp_path / "x.npz").write_bytes(b"no")
    with pytest.raises(ReenactError, match="data crops"):
        Crops.load(tmp_path / "x.npz")
