"""Gains in the report: strengths, choice of methods, results, tables, page, JSON."""

import json
import re
from html import unescape

import numpy as np
import pytest

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.metrics import gain, landmark_gain
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.stills import compared_methods as methods
from ofx_reenact.evaluate.stills import observe_frames as observing
from ofx_reenact.evaluate.stills.compared_methods import COPIED, LDNET, UNCHANGED, WARP_PROFILE, name_at_strength
from ofx_reenact.evaluate.stills.gain_tables import group_rows, identity_sentence, region_rows, summary_sentences
from ofx_reenact.evaluate.stills.identity_over_gain import compare_pair
from ofx_reenact.evaluate.stills.observe_frames import add_neighbours
from ofx_reenact.evaluate.stills.pair_statistics import summarise, to_json
from ofx_reenact.evaluate.stills.report_page import make_page
from ofx_reenact.tracking.tracker import Track

STRENGTHS = (0.5, 1.0, 1.5)
SMILE, JAW = "mouthSmileLeft", "jawOpen"


def pair(target, driver, shift=0.0, rendered=(UNCHANGED, COPIED, LDNET)):
    """A pair whose gain is 0.5 times the strength by LD-Net and 0.8 times by copied landmarks; both cost identity."""
    values, gains = {}, {}
    slopes = {UNCHANGED: 0.0, WARP_PROFILE: 0.5} | {name_at_strength(LDNET, s): 0.5 * s for s in STRENGTHS}
    slopes |= {name_at_strength(COPIED, s): 0.8 * s for s in STRENGTHS}
    for method, slope in slopes.items():
        if methods.split_strength(method)[0] not in rendered:
            continue
        ahead = 0.02 if methods.split_strength(method)[0] == LDNET else 0.0
        like = np.array([1 - 0.1 * slope + (ahead + shift) * (slope > 0)] * 3)
        numbers = {gain.gain_metric().name: slope, gain.correlation_metric().name: 0.9, "gain smile": slope}
        numbers |= {"gain gaze": np.nan, "gain jaw": 0.5 * slope, "correlation smile": 0.9}
        if method in (LDNET, COPIED):
            numbers |= {landmark_gain.gain_metric("jaw", way).name: slope for way in ("asked", "rendered")}
        frames = {name: np.full(3, 0.5) for name in ("rotation change error", "ED", "sharpness kept")}
        values[method] = {"ISIM": like} | frames | {name: np.array([value]) for name, value in numbers.items()}
        gains[method] = {SMILE: np.array([slope, 0.9]), JAW: np.array([0.5 * slope, np.nan])}
    backends = {name: "x" for row in values.values() for name in row}
    return PairResult(
        f"{target}__{driver}", target, driver, {}, (1, 2, 3), (0.0, 1.0, 2.0), values, backends, {},
        np.zeros((0, 0), np.float32), {}, gains, {SMILE: 0.2, JAW: 0.1},
    )  # fmt: skip


@pytest.fixture(scope="module")
def results():
    return [pair(target, driver, 0.001 * (target == driver)) for target in "abc" for driver in "abc"]


def test_ldnet_and_copied_landmarks_are_compared_at_one_gain(results):
    curves = summarise("cross", results, None).curves
    # LD-Net reaches 0.75 at most, copied landmarks 0.8 at their own strength.
    assert curves.gain.value == pytest.approx(0.75)
    assert curves.identity[COPIED].value == pytest.approx(0.925 + 0.001 / 3)
    assert curves.difference.value == pytest.approx(0.02) and curves.difference.interval == pytest.approx(0, abs=1e-9)
    assert [point.strength for point in curves.points[LDNET]] == [0.5, 1, 1.5]
    assert curves.points[COPIED][2].gain.value == pytest.approx(1.2)


def test_a_pair_is_compared_between_strengths_where_both_reach_a_gain():
    ours, other = (np.array([0.2, 0.6]), np.array([1, 0.8])), (np.array([0.3, 0.5, 0.7]), np.array([0.9, 0.7, 0.5]))
    assert compare_pair(ours, other, full=1) == pytest.approx((0.5, 0.85, 0.7))
    assert compare_pair(ours, other, full=-1) == pytest.approx((0.6, 0.8, 0.6))
    less = (np.array([0.1, 0.2]), np.array([1, 0.8]))
    assert np.isnan(compare_pair(less, other, full=1)).all()
    lost = (np.array([0.2, np.nan]), np.array([1, 0.8]))
    assert np.isnan(compare_pair(lost, other, full=1)).all()


def test_differences_of_identity_have_their_interval(results):
    sentence = identity_sentence(summarise("cross", results, None))
    assert "0.945 and 0.925" in sentence and "LD-Net keeps more" in sentence and "9 pairs" in sentence
    noisy = [pair(t, d) if t == "a" else pair(t, d, rendered=(COPIED, LDNET)) for t in "ab" for d in "ab"]
    for one, off in zip(noisy, (0.3, -0.3, -0.2, 0.1), strict=True):
        for method in [name for name in one.values if name.startswith(LDNET)]:
            one.values[method]["ISIM"][:] += off
    assert "no difference is shown" in identity_sentence(summarise("cross", noisy, None))


def test_without_strengths_or_profile_warp_the_rest_is_there(results):
    bare = [PairResult(**{**vars(one), "values": {m: one.values[m] for m in (UNCHANGED, LDNET)}}) for one in results]
    summary = summarise("cross", bare, None)
    assert summary.curves is None and not any(summary.differences.values())
    found = json.loads(json.dumps(to_json(summary, "cmd", {}), allow_nan=False))
    assert found["identity over gain"] is None and found["methods"][LDNET]["gain"]["value"] == 0.5
    assert not any("same gain" in line for line in summary_sentences(summary))


def test_differences_from_profile_warp_are_of_pairs_that_have_it(results):
    both = [pair(t, d, rendered=(COPIED, WARP_PROFILE)) for t in "ab" for d in "ab"]
    found = to_json(summarise("cross", both, None), "cmd", {})["less profile warp"]
    assert found[COPIED]["gain"]["value"] == pytest.approx(0.3)


def test_tables_are_by_group_and_by_region(results):
    summary = summarise("cross", results, None)
    headings, rows = group_rows(summary)
    assert headings == ["", LDNET, COPIED, "pairs"]
    cells = {row[0]: dict(zip(headings, row, strict=True)) for row in rows}
    assert cells["whole face"][LDNET] == "0.50 / 0.90" and cells["smile"][COPIED] == "0.80 / 0.90"
    assert cells["gaze"][LDNET] == "–" and cells["gaze"]["pairs"] == "0" and cells["smile"]["pairs"] == "9"
    headings, rows = region_rows(summary)
    assert UNCHANGED not in headings and rows[0][0] == "jaw, asked" and "0.50" in rows[0]
    words = summary_sentences(summary)
    assert words[0].startswith("warp, LD-Net: 0.50 ±0.00 of the driver's expression is transferred")
    assert "most of smile, 0.50, and least of jaw, 0.25" in words[0]
    assert any("LD-Net asks for 0.50 (jaw) of the driver's" in line for line in words)


def test_the_page_has_the_plots_and_sentences(results):
    summary = summarise("cross", results, None)
    shown = unescape(make_page(summary, None, "cmd", [], "*"))
    assert "How much of each blendshape is transferred" in shown and "Identity over gain (" in shown
    assert shown.count("image/svg+xml") == 5
    assert identity_sentence(summary) in shown and name_at_strength(LDNET, 0.5) not in re.sub(r'src="[^"]*"', "", shown)
    assert "gain smile" in shown


def test_gains_by_blendshape_and_over_strengths_are_in_the_numbers(results):
    found = json.loads(json.dumps(to_json(summarise("cross", results, None), "cmd", {}), allow_nan=False))
    assert list(found["blendshapes"]) == [SMILE]
    smile = found["blendshapes"][SMILE]
    assert (smile["weight"], smile["pairs"], smile["methods"][COPIED]) == (0.2, 9, {"gain": 0.8, "correlation": 0.9})
    over = found["identity over gain"]
    assert [point["strength"] for point in over["methods"][COPIED]] == [0.5, 1, 1.5]
    assert over["at the same gain"]["difference"]["pairs"] == 9
    assert over["at the same gain"]["pairs"]["a__b"] == {"gain": 0.75, "difference": 0.02}
    assert found["metrics"]["gain smile"]["best"] == "1"


def test_a_result_keeps_gains_and_one_without_is_read(results, tmp_path):
    path = tmp_path / "a__b.npz"
    results[1].save(path)
    again = PairResult.load(path)
    assert again.uses == results[1].uses
    for method, row in results[1].gains.items():
        assert all(np.array_equal(values, again.gains[method][name], equal_nan=True) for name, values in row.items())
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files}
    about = json.loads(str(arrays["about"]))
    for name in ("gains", "uses"):
        del about[name]
    np.savez(path, **arrays | {"about": np.array(json.dumps(about))})
    assert PairResult.load(path).gains == {}
    for spoilt in ({"uses": {SMILE: None}}, {"uses": [1]}, {"gains": {LDNET: {SMILE: [1]}}}, {"gains": {LDNET: 3}}):
        np.savez(path, **arrays | {"about": np.array(json.dumps(about | {"uses": {}, "gains": {}} | spoilt))})
        with pytest.raises(ReenactError, match=r"a__b\.npz: not a whole result"):
            PairResult.load(path)


def test_methods_and_strengths_are_chosen_by_name():
    assert methods.parse_methods("") == tuple(methods.RENDERED_METHODS)
    assert methods.parse_methods("warp, copied") == (COPIED, WARP_PROFILE)
    assert methods.parse_strengths("") == () and methods.parse_strengths("1,.60,0.6") == (0.6, 1)
    chosen = methods.choose_methods((WARP_PROFILE,), (0.6, 1.0))
    assert list(chosen) == [WARP_PROFILE, name_at_strength(LDNET, 0.6), LDNET, name_at_strength(COPIED, 0.6), COPIED]
    assert chosen[name_at_strength(COPIED, 0.6)] == {"retarget": "copy", "repair": "off", "strength": 0.6}
    assert [methods.slug(method) for method in chosen] == ["warp", "ldnet-0.6", "ldnet", "copied-0.6", "copied"]
    assert methods.slug("rendered: a × 2") == "rendered" and methods.split_strength("rendered: a × 2")[1] == 1


@pytest.mark.parametrize(("option", "value", "message"), [
    ("--methods", "ldnet,magic", "--methods magic: choose from copied, ldnet"),
    ("--methods", "still", "--methods still: choose from"),
    ("--strengths", "0.6,high", "--strengths high: give numbers, such as 0.6,0.8,1,1.2"),
    ("--strengths", "0.6,nan", "--strengths nan: give numbers above 0, up to 2"),
    ("--strengths", "0,1", "--strengths 0: give numbers above 0, up to 2"),
    ("--strengths", "1,3", "--strengths 3: give numbers above 0, up to 2"),
    ("--strengths", "1", "--strengths 1: give two or more"),
])  # fmt: skip
def test_what_cannot_be_chosen_is_refused(option, value, message, tmp_path, capsys):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.mp4").touch()
    line = ["evaluate", "reenactment", "--protocol", "self", "--drivers", str(tmp_path / "d"), option, value]
    assert run([*line, "--report", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error
    assert not (tmp_path / "r").exists()


def test_every_fourth_frame_has_its_neighbours():
    numbers = list(range(1, 200, 10))
    wanted = add_neighbours(numbers, range(1, 201), 7)
    assert set(wanted) == {7, *numbers, *(n + step for n in (11, 51, 91, 131, 171) for step in (-1, 1))}
    assert add_neighbours([1, 4, 7], range(1, 8), 1) == [1, 3, 4, 5, 7]
    assert add_neighbours([1, 7], range(1, 8), 1) == [1, 7]


def test_a_head_that_moved_far_between_frames_is_searched_again(monkeypatch):
    class FixedTracker:
        """A tracker that finds a face only at one place until it is reset."""

        def __init__(self):
            self.known = None

        def reset(self):
            self.known = None

        def track(self, picture, frame):
            place = int(picture[0, 0, 0])
            if self.known not in (None, place):
                return None
            self.known = place
            return Track(np.zeros((68, 2)), 1.0, np.zeros((478, 3)), np.zeros(52, np.float32))

    seen = {"rotation": np.eye(3), "scale": 1.0, "blendshapes": np.zeros(52), "embedding": np.zeros(0), "contrast": 1.0}
    seen["mesh"] = np.zeros((478, 3))
    lost = {name: value * np.nan for name, value in seen.items()}
    portrait = {"portrait": np.zeros((2, 2, 3), np.uint8)}
    monkeypatch.setattr(observing, "_measure_frame", lambda picture, track, *rest: (seen if track else lost) | portrait)
    shown = [(number, np.full((4, 4, 3), number // 10, np.uint8)) for number in (1, 2, 30)]
    found = observing.observe(shown, {1, 2, 30}, None, observing.Tools(FixedTracker(), None, None))
    assert found.found.tolist() == [True, True, True]
