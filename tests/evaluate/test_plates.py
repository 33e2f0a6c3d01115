"""Evaluation of plates: promises, pairs, the page, and the whole command on clips."""

import json
import re

import numpy as np
import pytest
from conftest import DRIVER
from reenactments import write_clip

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.metrics.lips_and_lids import CURVES, OPENING, RIGHT_LIDS
from ofx_reenact.evaluate.pairs.choose_pairs import clip_pairs
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.plates.compared_methods import COPIED, DRIVEN, PARTS_OFF, PLATE, SELF
from ofx_reenact.evaluate.plates.compared_methods import DRIVER as OTHER
from ofx_reenact.evaluate.plates.measure_pair import choose_shown_rows, compare_curve, middle_rows
from ofx_reenact.evaluate.plates.pair_statistics import summarise, to_json
from ofx_reenact.evaluate.plates.promised_ranges import (
    EXACT,
    IDENTITY,
    JITTER,
    LOWEST,
    OUTSIDE,
    PARTS,
    STRAYS,
    Promise,
    correlation_of,
    slope_asked,
    slope_of,
)
from ofx_reenact.evaluate.plates.render_and_track import differences_outside_matte, takes_parts
from ofx_reenact.evaluate.plates.report_page import MISSED, make_page, promised_rows
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.shot.frame import Frame

FOLLOWS, AS_FAR, BLINKS = correlation_of(OPENING), slope_of(OPENING), correlation_of(RIGHT_LIDS)


@pytest.mark.parametrize(("promise", "inside", "outside", "text"), [
    (Promise(low=0.9), (0.9, 1.0), {0.8: 0.1}, "≥ 0.9"),
    (Promise(high=1), (0, 1), {1.5: 0.5}, "≤ 1"),
    (Promise(0.9, 1.1), (0.9, 1, 1.1), {0.7: 0.2, 1.2: 0.1}, "0.9 to 1.1"),
    (Promise(0, 0), (0,), {1e-6: 1e-6}, "0"),
])  # fmt: skip
def test_a_promise_tells_how_far_a_value_is_outside(promise, inside, outside, text):
    assert [promise.distance_outside(value) for value in inside] == [0.0] * len(inside)
    assert [promise.distance_outside(value) for value in outside] == pytest.approx(list(outside.values()))
    assert np.isnan(promise.distance_outside(np.nan)) and str(promise) == text


def result(plate, driver, **numbers):
    """A pair whose numbers are given by method, as {quantity: values}; its curves do not matter."""
    curve = {name: np.linspace(0, 1, 4) for name in CURVES}
    values = {method: {**{q.name: np.array(v, float) for q, v in row.items()}} for method, row in numbers.items()}
    pictures = {}
    if plate != driver:
        values = {PLATE: curve, OTHER: curve, **{m: {**curve, **row} for m, row in values.items()}}
        pictures = dict.fromkeys((PLATE, OTHER, *numbers), b"jpeg")
    backends = {name: "x" for row in values.values() for name in row}
    nothing = np.zeros((0, 0), np.float32)
    frames = (1, 2, 3, 4)
    return PairResult(f"{plate}__{driver}", plate, driver, {}, frames, (), values, backends, {}, nothing, pictures)


def pair(plate, driver, correlation, identity=(1, 0.9), stray_pixels=(0, 0), jitter=0.5, blinks=np.nan):
    row = {
        FOLLOWS: [correlation], AS_FAR: [correlation + 0.05], JITTER: [jitter], IDENTITY: identity, LOWEST: identity,
        OUTSIDE: np.array(stray_pixels) / 100, STRAYS: stray_pixels, BLINKS: [blinks], PARTS: [1, 0],
    } | {q: [np.nan] for curve in CURVES for q in (correlation_of(curve), slope_of(curve), slope_asked(curve))
         if q not in (FOLLOWS, AS_FAR, BLINKS)}  # fmt: skip
    return result(plate, driver, **{DRIVEN: row, PARTS_OFF: row, COPIED: row})


@pytest.fixture
def results():
    """Three clips that drive each other, and themselves."""
    return [
        result("a", "a", **{SELF: {EXACT: [1, 1], OUTSIDE: [0, 0], STRAYS: [0, 0]}}),
        pair("a", "b", 0.99), pair("a", "c", 0.95, jitter=1.2),
        result("b", "b", **{SELF: {EXACT: [1, 0], OUTSIDE: [0, 0.5], STRAYS: [0, 2]}}),
        pair("b", "a", 0.8), pair("b", "c", 0.96, stray_pixels=(0, 3)),
        pair("c", "a", 0.97, identity=(np.nan, 0.8)), pair("c", "b", 0.93, blinks=0.7),
    ]  # fmt: skip


def test_means_are_of_pairs_and_tell_what_is_missed(results):
    summary = summarise(results)
    row = summary.rows[DRIVEN]
    assert row[FOLLOWS.name].mean.value == pytest.approx(np.mean([0.99, 0.95, 0.8, 0.96, 0.97, 0.93]))
    assert (row[FOLLOWS.name].worst, row[FOLLOWS.name].kept, row[FOLLOWS.name].missed) == ("b__a", 5, False)
    assert (row[JITTER.name].worst, row[JITTER.name].kept, row[JITTER.name].missed) == ("a__c", 5, False)
    # A pair's identity is its frames' mean, of those in which there is a face; its lowest is the lowest.
    assert row[IDENTITY.name].pairs["a__b"] == pytest.approx(0.95)
    assert row[IDENTITY.name].pairs["c__a"] == pytest.approx(0.8) and row[IDENTITY.name].missed
    assert row[LOWEST.name].pairs["a__b"] == pytest.approx(0.9) and row[LOWEST.name].worst == ""
    # A promise for every pair is missed by one pair.
    assert row[STRAYS.name].pairs["b__c"] == 3 and row[STRAYS.name].missed and row[STRAYS.name].worst == "b__c"
    # The only driver who blinks.
    assert (row[BLINKS.name].mean.pairs, row[BLINKS.name].kept, row[BLINKS.name].missed) == (1, 0, True)
    itself = summary.rows[SELF][EXACT.name]
    assert itself.mean.value == pytest.approx(0.75) and itself.missed and itself.worst == "b__b"
    assert [r.name for r in summary.sorted_by(FOLLOWS)][:2] == ["b__a", "c__b"]


def test_the_json_names_missed_promises(results):
    found = json.loads(json.dumps(to_json(summarise(results), "cmd", {"limit": 4}), allow_nan=False))
    assert found["counts"] == {"pairs": 6, "frames": 24}
    assert set(found["missed"]) == {
        IDENTITY.name, OUTSIDE.name, STRAYS.name, BLINKS.name, *(f"{SELF}: {q.name}" for q in (EXACT, OUTSIDE, STRAYS))
    }  # fmt: skip
    assert found["methods"][DRIVEN][FOLLOWS.name]["kept"] == 5
    assert found["quantities"][FOLLOWS.name]["promised"] == "≥ 0.9"
    assert found["pairs"][1]["numbers"][DRIVEN][BLINKS.name] is None


def test_the_page_marks_missed_promises_and_shows_only_allowed_pairs(results):
    summary = summarise(results)
    marks = {row[0]: row[-1] for row in promised_rows(summary)}
    assert marks[IDENTITY.name] == MISSED and marks[FOLLOWS.name] == "kept"
    assert marks[correlation_of(CURVES[1]).name] == "–"
    shown = make_page(summary, "ofx-reenact evaluate moving", ["<line> & co"], "b__*")
    assert "<script" not in shown and not re.findall(r'(?:src|href)="(?!data:)', shown)
    assert "&lt;line&gt; &amp; co" in shown and shown.count("image/svg+xml") == 3
    assert "b driven by a: 0.80" in shown and "a driven by b" not in re.sub(r'src="[^"]*"', "", shown)
    assert shown.index("b driven by a: 0.80") < shown.index("b driven by c: 0.96")


def test_a_pair_without_a_number_is_kept_and_read_again(tmp_path):
    made = pair("a", "b", np.nan, identity=(np.nan, 1))
    made.save(tmp_path / "a__b.npz")
    again = PairResult.load(tmp_path / "a__b.npz")
    for method, row in made.values.items():
        for name, values in row.items():
            assert np.array_equal(values, again.values[method][name], equal_nan=True)


def test_every_clip_is_driven_by_every_other_and_by_itself(tmp_path):
    for folder, names in (("p", "abc"), ("d", "xy")):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name}.mp4").touch()
    plates, drivers = tmp_path / "p", tmp_path / "d"
    every = [found.name for found in clip_pairs(plates, None, 0, 1)]
    assert every == [f"{a}__{b}" for a in "abc" for b in "abc"]
    crossed = [found.name for found in clip_pairs(plates, drivers, 0, 1)]
    assert crossed == ["a__a", "a__x", "a__y", "b__b", "b__x", "b__y", "c__c", "c__x", "c__y"]
    drawn = [found.name for found in clip_pairs(plates, None, 2, 1)]
    plates_drawn = {name[0] for name in drawn}
    assert set(drawn) <= set(every) and sum(name[0] != name[-1] for name in drawn) == 2
    assert {name for name in drawn if name[0] == name[-1]} == {f"{a}__{a}" for a in plates_drawn}
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.mp4").touch()
    with pytest.raises(ReenactError, match="one clip alone"):
        clip_pairs(tmp_path / "one", None, 0, 1)


def test_the_middle_rows_of_both_clips_are_measured():
    assert middle_rows(75, 60, 0) == slice(0, 60)
    assert middle_rows(75, 60, 20) == slice(20, 40)
    assert middle_rows(5, 75, 20) == slice(0, 5)
    with pytest.raises(ReenactError, match="2 frames; 3 or more"):
        middle_rows(75, 60, 2)


def test_lids_are_compared_where_the_driver_blinks_and_frames_without_a_face_are_left_out():
    driver, known = np.sin(np.arange(40)) * 0.004 + 0.05, np.ones(40, bool)
    slopes = {name: value[0] for name, value in compare_curve(OPENING, 0.6 * driver, driver, driver, known).items()}
    assert slopes == pytest.approx({FOLLOWS.name: 1, AS_FAR.name: 0.6, slope_asked(OPENING).name: 1})
    still = compare_curve(RIGHT_LIDS, driver, driver, driver, known)
    assert np.isnan(list(still.values())).all()
    driver[20] = 0
    assert compare_curve(RIGHT_LIDS, driver, driver, driver, known)[BLINKS.name] == pytest.approx(1)
    known[20] = False
    assert np.isnan(compare_curve(RIGHT_LIDS, driver, driver, driver, known)[BLINKS.name])


def test_shown_rows_are_of_frames_with_faces():
    driver = {name: np.array([0.5, 0.9, 0.1, 0.4]) for name in CURVES}
    assert choose_shown_rows(driver, np.ones(4, bool)) == [1, 2, 2]
    assert choose_shown_rows(driver, np.array([True, False, False, True])) == [0, 3, 3]


def test_a_pixel_that_differs_beside_the_matte_is_found():
    plate = np.random.default_rng(0).random((6, 5, 3)).astype(np.float32)
    portrait = np.zeros((6, 5), np.float32)
    portrait[2:4, 2:4] = 1
    colour = plate.copy()
    colour[2:4, 2:4] += 1
    assert differences_outside_matte(Frame(colour, 1.0, portrait=portrait), plate) == (0, 0)
    colour[0, 0, 1] += 0.25
    colour[5, 4] += 0.125
    largest, count = differences_outside_matte(Frame(colour, 1.0, portrait=portrait), plate)
    assert largest == pytest.approx(0.25, abs=1e-6) and count == 2
    assert not takes_parts(Frame(colour, 1.0))


@pytest.fixture(scope="module")
def clips(tmp_path_factory, colour):
    """Two short clips: the demo driver, and the same mirrored, later."""
    folder, clip = tmp_path_factory.mktemp("clips"), Sequence.open(DRIVER)
    for name, first, step in (("ann", 20, 1), ("ben", 34, -1)):
        shown = [colour.show(clip.read(frame)) for frame in range(first, first + 12)]
        write_clip(folder / f"{name}.mp4", [picture[:, ::step] for picture in shown])
    return folder


@pytest.mark.slow
def test_the_whole_protocol(clips, tmp_path, capsys):
    line = ["evaluate", "moving", "--plates", str(clips), "--report", str(tmp_path / "r"), "--limit", "9"]
    assert run([*line, "--json", str(tmp_path / "n.json")]) == 0
    found = json.loads((tmp_path / "n.json").read_text())
    assert [p["name"] for p in found["pairs"]] == ["ann__ann", "ann__ben", "ben__ann", "ben__ben"]
    assert found["counts"] == {"pairs": 2, "frames": 18} and found["pairs"][1]["frames"] == [2, 10]
    assert list(found["methods"]) == [DRIVEN, PARTS_OFF, COPIED, SELF]
    for method in (DRIVEN, PARTS_OFF, COPIED, SELF):
        assert found["methods"][method][STRAYS.name]["value"] == 0
    assert found["methods"][SELF][EXACT.name]["value"] == 1
    assert found["methods"][DRIVEN][FOLLOWS.name]["value"] > 0.5
    assert found["methods"][PARTS_OFF][PARTS.name]["value"] == 0
    # A second call measures nothing again; other settings need another folder.
    kept = {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "r" / "pairs").iterdir())}
    assert run([*line, "--jobs", "2"]) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    capsys.readouterr()
    assert run([*line, "--no-baselines"]) == 1
    assert "begun with methods" in capsys.readouterr().err
