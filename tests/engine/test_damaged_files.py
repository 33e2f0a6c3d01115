"""Files that a machine that went down, a full disk or a person left behind: errors of the input, never a defect."""

import numpy as np
import pytest
import torch
from conftest import rgb_channels, write_exr

from ofx_reenact.errors import ReenactError, SettingsError, WeightsError
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.farm.bundle_reader import read_bundle
from ofx_reenact.frames.media import Labels
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import existing_frames
from ofx_reenact.training.fdgan.data.crop_set import SCHEMA, Crops
from ofx_reenact.training.fdgan.data.packed_pictures import pack
from ofx_reenact.training.loop import read_checkpoint, read_curves
from ofx_reenact.training.npz import offsets, read_npz, schema_of, write_npz


def test_damaged_frames_are_rendered_again(tmp_path):
    good = write_exr(tmp_path / "o.0001.exr", rgb_channels(np.ones((8, 9, 3), np.float32)), None, {"reenact:x": "1"})
    whole = good.read_bytes()
    damaged = {
        2: b"", 3: b"no picture", 4: whole[: len(whole) // 2], 5: whole[:300], 6: b"\x00" * len(whole),
        7: whole[:-20], 8: b"\x89PNG\r\n\x1a\n" + whole[:50],
    }  # fmt: skip
    for frame, content in damaged.items():
        (tmp_path / f"o.{frame:04d}.exr").write_bytes(content)
    (tmp_path / "o.0009.exr").mkdir()
    assert str(existing_frames(str(tmp_path / "o.####.exr"), FrameRange.parse("1-10"))) == "1"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"file,who\n", "needs the columns path and identity"),
        (b"", "needs the columns path and identity"),
        (b"path,identity\n\xff\xfe,ann\n", "not a CSV file in UTF-8"),
        (b"path,identity\na\0b.png,ann\n", "not a CSV file in UTF-8"),
        (b'path,identity\n"' + b"a" * 200_000 + b'",ann\n', "not a CSV file in UTF-8"),
    ],
)
def test_indices_of_folders(tmp_path, content, says):
    (tmp_path / "index.csv").write_bytes(content)
    with pytest.raises(ReenactError, match=rf"index\.csv: {says}"):
        Labels().of(tmp_path / "a.png")


def test_a_row_that_is_too_short_names_nobody(tmp_path):
    (tmp_path / "index.csv").write_text("path,identity,expression\na.png,ann\nb.png\n")
    assert Labels().of(tmp_path / "a.png").person == "ann"


def test_half_a_line_of_curves_is_left_out(tmp_path):
    (tmp_path / "curves.jsonl").write_bytes(b'{"step": 1, "loss": 0.5}\n[1]\n{"loss": 2}\n{"step": 2, "lo\xff')
    assert read_curves(tmp_path) == {"loss": ([1], [0.5])}


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"\x80\x02}q\x00.", b"\x80\x05\x95", b"text"])
def test_damaged_checkpoints(tmp_path, damage):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(damage)
    with pytest.raises(WeightsError, match=r"checkpoint\.pt: not a whole checkpoint"):
        read_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(WeightsError, match=r"checkpoint\.pt: not a whole checkpoint"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", "references"),
        ("x: " + "y" * (17 << 20), "more than 16 MiB"),
        ("[" * 5000, "cannot be read"),
        ("a: \x07", "cannot be read"),
        ("!!python/object/apply:os.system [touch pwned]", "cannot be read"),
    ],
)
def test_bundles(tmp_path, text, says):
    pytest.importorskip("yaml")
    pytest.importorskip("openjd.model")
    (tmp_path / "template.yaml").write_text(text)
    with pytest.raises(SettingsError, match=rf"template\.yaml: cannot be read \(.*{'' if 'cannot' in says else says}"):
        read_bundle(tmp_path)


@pytest.fixture
def crops(tmp_path):
    """Arrays of a set of two crops."""
    picture = pack(np.zeros((32, 32, 3), np.uint8))
    packed, steps, names = np.concatenate([picture] * 2), offsets([picture] * 2), np.array(["a", "b"])
    return {
        "mesh": np.zeros((2, 478, 3)), "person": np.arange(2), "people": names, "take": names,
        "terms": names, "detail": np.ones(2), "validation": np.zeros(2, bool), "bytes": packed, "offsets": steps,
        "masks": packed, "mask_offsets": steps,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("person", lambda x: x + 1), ("offsets", lambda x: x[::-1]), ("offsets", lambda x: x + 1),
        ("offsets", lambda x: x[:2]), ("mask_offsets", lambda x: x * 3), ("mesh", lambda x: x[:, :1]),
        ("mesh", lambda x: x + np.nan), ("people", lambda x: np.arange(2)),
    ],
)  # fmt: skip
def test_sets(crops, tmp_path, name, change):
    path = tmp_path / "crops.npz"
    write_npz(path, SCHEMA, **crops)
    assert Crops.load(path).picture(1).shape == (32, 32, 3) and schema_of(path) == SCHEMA
    write_npz(path, SCHEMA, **crops | {name: change(crops[name])})
    with pytest.raises(ReenactError, match=rf"crops\.npz: not a set of crops .*{name}"):
        Crops.load(path)


def test_a_damaged_picture_of_a_set(crops, tmp_path):
    path = tmp_path / "crops.npz"
    write_npz(path, SCHEMA, **crops | {"bytes": crops["bytes"] * 0})
    with pytest.raises(ReenactError, match="picture 1 of the set is damaged"):
        Crops.load(path).picture(1)
    with pytest.raises(ReenactError, match="no such set"):
        read_npz(tmp_path / "gone.npz", "set; make one")


def test_results(tmp_path):
    path = tmp_path / "pair.npz"
    rest = {"digests": {}, "frames": (1,), "yaw": (0.5,), "backends": {}, "pictures": {"t": b"x"}}
    result = PairResult(
        name="n", target="t", driver="d", values={"ours": {"PSNR": np.ones(1)}}, features={"ours": np.ones((1, 4))},
        real=np.ones((2, 4)), **rest,
    )  # fmt: skip
    result.save(path)
    assert PairResult.load(path).values["ours"]["PSNR"] == [1]
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files}
    for change in (
        {"about": np.array("[1]")}, {"about": np.array(3)}, {"about": np.array(str(arrays["about"])[:-9])},
        {"about": np.array(str(arrays["about"]).replace("1.0", '"x"'))}, {"real": np.ones(3)},
        {"about": np.array("[" * 5000)}, {"features.0": np.ones((1, 5))},
    ):  # fmt: skip
        np.savez(path, **arrays | change)
        with pytest.raises(ReenactError, match=r"pair\.npz: not a whole result of this version"):
            PairResult.load(path)
