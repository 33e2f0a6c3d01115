"""Pairs of rendered heads: usable pictures, names of people, their fraction of a batch, the command line."""

import cv2
import numpy as np
import pytest
from narrow import small

from ofx_reenact.cli.main import run
from ofx_reenact.training.fdgan.data.crop_set import is_held_out
from ofx_reenact.training.fdgan.data.pair_set import RENDERED, REVERSE, TRUE, WIDER, PairSet, build_pairs
from ofx_reenact.training.fdgan.repair import RepairRecipe, RepairSettings
from ofx_reenact.training.fdgan.score import measure_pairs
from ofx_reenact.training.rendered_heads.file import SOURCE, Picture, RenderedHeads, RenderedHeadsWriter
from ofx_reenact.training.rendered_heads.parts import PixelClass
from ofx_reenact.training.rendered_heads.surface import NOTHING

pytestmark = pytest.mark.usefixtures("backbone")


def heads_of(opened, smiling, identity, path, people=(0, 1, 2, 6)):
    """Write rendered heads from photographs: mouth shut; open; open by the tracked mesh but not by the classes."""
    size, album, corner = 256, RenderedHeadsWriter(("jawOpen",), 256), np.array([0.5, 0.5, 0])
    resized = lambda x: cv2.resize(x, (size, size), interpolation=cv2.INTER_AREA)  # noqa: E731
    green = resized((opened[0] == (0, 1, 0)).all(-1).astype(np.float32)) > 0.5
    nothing, inside = np.zeros_like(green, np.uint8), np.where(green, PixelClass.MOUTH, 0).astype(np.uint8)
    for person in people:
        pictures = []
        aside = np.roll(opened[0], 8, axis=1), opened[1] + [8, 0, 0]
        takes = ((smiling, identity.face.mesh, nothing), (*opened, inside), (*aside, nothing))
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


def test_only_mouths_that_are_open_in_the_classes_make_pairs(heads_file, tmp_path):
    heads, out = RenderedHeads(heads_file), tmp_path / "pairs.npz"
    names = [heads.name(person) for person in range(heads.people)]
    kept = [is_held_out(name) for name in names]
    assert any(kept) and not all(kept)
    made = build_pairs(None, out, heads=[heads_file])
    # The neutral picture is carried to the one usable truth; of training people another one is, too.
    assert made == {REVERSE: 0, WIDER: 0, TRUE: 0, RENDERED: 2 * len(names) - sum(kept)}
    pair_set = PairSet(out)
    assert pair_set.people == tuple(names) and pair_set.terms_of_use == (f"rendered heads: {SOURCE}",)
    assert np.array_equal(pair_set.validation, np.array(kept)[pair_set.person])
    first = [int(np.nonzero(pair_set.person == person)[0][0]) for person in range(len(names))]
    batch = pair_set.batch(np.array(first))
    green = lambda x: (x[:, 1] - x[:, [0, 2]].amax(1)) / 2  # noqa: E731
    assert (green(batch.truth) > 0.3).sum() > 100 * len(names)
    assert green(batch.warped).max() < 0.2 and green(batch.target).max() < 0.2


def test_a_rendered_person_is_the_same_in_two_files(heads_file, opened, smiling, identity, tmp_path):
    other = heads_of(opened, smiling, identity, tmp_path / "other.npz", people=(2, 8))
    files = [RenderedHeads(heads_file), RenderedHeads(other)]
    build_pairs(None, tmp_path / "pairs.npz", heads=[heads_file, other])
    pair_set = PairSet(tmp_path / "pairs.npz")
    assert len(pair_set.people) == 5 and files[0].name(2) == files[1].name(0)
    assert all(pair_set.validation[i] == is_held_out(pair_set.people[p]) for i, p in enumerate(pair_set.person))


def test_rendered_heads_are_a_fraction_of_a_batch(crops_file, heads_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.repair.FEWEST", 4)
    build_pairs(crops_file, tmp_path / "p.npz", heads=[heads_file], variants=1)
    pair_set, drawn = PairSet(tmp_path / "p.npz"), []
    assert {TRUE, RENDERED} < set(pair_set.kind.tolist()) and len(pair_set.terms_of_use) == 2
    recipe = RepairRecipe(RepairSettings(batch=2000), pair_set, tmp_path, small())
    assert recipe.about()["rendered_fraction"] == 0.3
    scores, shown = measure_pairs(small(), pair_set, limit=2)
    assert scores["rendered PSNR warp"] > 0 and len(shown) == 2

    def draw_only(_, rows):
        drawn.extend(rows.tolist())
        raise KeyboardInterrupt

    monkeypatch.setattr(PairSet, "batch", draw_only)
    with pytest.raises(KeyboardInterrupt):
        recipe.step(0, 1)
    fraction = (pair_set.kind[drawn] == RENDERED).mean()
    assert 0.25 < fraction < 0.35 and not pair_set.validation[drawn].any()


def test_command_line_makes_pairs_of_rendered_heads(heads_file, tmp_path, capsys):
    arguments = ["data", "pairs", "--out", str(tmp_path / "p.npz")]
    assert run(arguments) == 2 and "--heads" in capsys.readouterr().err
    assert run([*arguments, "--heads", str(heads_file), "--sheet", str(tmp_path / "look.png")]) == 0
    assert "rendered" in capsys.readouterr().out and (tmp_path / "look.png").is_file()
