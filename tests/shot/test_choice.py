"""The choice of the frames that mouth and eyes come from."""

import dataclasses
import json

import numpy as np
import pytest

from ofx_reenact.errors import SettingsError
from ofx_reenact.shot.choose_part_frames import FADE, PARTS, Candidates, Choice, choose_parts
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER
from ofx_reenact.tracking.surface import FACE_POINTS

LOWER = list(LIPS_INNER[1][1:-1])


def mouths(gaps) -> np.ndarray:
    """Return frontal meshes of the canonical face, its mouth open by each of ``gaps``, centimetres."""
    meshes = np.repeat(canonical().points[None, :FACE_POINTS], len(gaps), 0)
    meshes[:, LOWER, 1] += np.asarray(gaps)[:, None]
    return meshes


def candidates(gaps, **others) -> Candidates:
    count = len(gaps)
    fields = {
        "frontal": mouths(gaps), "rotation": np.repeat(np.eye(3)[None], count, 0), "light": np.full(count, 0.5),
        "time": np.arange(count, dtype=float), "segment": np.zeros(count, int), "usable": np.ones(count, bool),
        "hidden": np.zeros((count, 3)),
    }  # fmt: skip
    return Candidates(**(fields | {name: np.asarray(value) for name, value in others.items()}))


def choose(wanted, own, there=None, allowed=True, segment=None) -> Choice:
    """Choose for a plate whose frames have the mouths ``own``; ``there`` are the candidates, by default its frames."""
    count, there = len(own), candidates(own) if there is None else there
    return choose_parts(
        mouths(wanted), mouths(own), np.arange(count), np.full((count, 3), allowed), there, there.rotation[:count],
        there.light[:count], np.arange(count, dtype=float), np.zeros(count, int) if segment is None else segment,
    )  # fmt: skip


# A plate with ten frames of an open mouth and ten of a shut one.
OWN = [1.0] * 10 + [0.0] * 10


def test_a_shut_mouth_that_should_be_open_takes_an_open_one_and_no_other_part_is_taken():
    mouth = choose([1.0] * 20, OWN).index[:, 0]
    assert (mouth[:8] == -1).all() and ((mouth[10:] >= 0) & (mouth[10:] < 10)).all()
    assert (choose([1.0] * 20, OWN).index[:, 1:] == -1).all()


def test_a_frame_that_shows_what_is_wanted_keeps_its_own():
    assert (choose(OWN, OWN).index == -1).all()
    nearly = np.array(OWN) + 0.02
    assert (choose(nearly, OWN).index == -1).all()


def test_the_choice_does_not_change_for_a_small_gain():
    own = np.concatenate([1.0 + 0.01 * np.sin(np.arange(30)), np.zeros(30)])
    wanted = 1.0 + 0.01 * np.cos(np.arange(60))
    assert len(set(choose(wanted, own).index[34:, 0].tolist())) == 1


def test_only_reference_pictures_are_used_across_a_cut():
    segment = np.repeat([0, 1], 10)
    alone = candidates(OWN, segment=segment)
    assert (choose([1.0] * 20, OWN, alone, segment=segment).index == -1).all()
    with_picture = candidates([*OWN, 1.0], segment=[*segment, -1], time=[*range(20), np.nan])
    mouth = choose([1.0] * 20, OWN, with_picture, segment=segment).index[:, 0]
    assert (mouth[10:] == 20).all() and (mouth[:10] == -1).all()


def test_unusable_candidates_and_parts_that_are_not_allowed_are_not_taken():
    faceless = candidates(OWN, usable=[False] * 10 + [True] * 10)
    assert (choose([1.0] * 20, OWN, faceless).index == -1).all()
    assert (choose([1.0] * 20, OWN, candidates(OWN, usable=[False] * 20)).index == -1).all()
    assert (choose([1.0] * 20, OWN, allowed=False).index == -1).all()


def test_a_mouth_behind_a_hand_is_not_taken_if_there_is_another():
    hidden = np.zeros((20, 3))
    hidden[:9, 0] = 1
    assert set(choose([1.0] * 20, OWN, candidates(OWN, hidden=hidden)).index[12:, 0]) == {9}


def test_similar_head_turns_and_similar_light_are_preferred():
    turned = np.repeat(np.eye(3)[None], 21, 0)
    turned[5] = turned[0] @ [[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]]
    own = [0.0] * 5 + [1.0, 1.0] + [0.0] * 14
    assert 5 not in choose([1.0] * 21, own, candidates(own, rotation=turned)).index[10:, 0]
    light = np.full(21, 0.5)
    light[6] = 0.9
    assert 6 not in choose([1.0] * 21, own, candidates(own, light=light)).index[10:, 0]
    # Unknown light does not count.
    light[:] = 0
    assert (choose([1.0] * 21, own, candidates(own, light=light)).index[10:, 0] == 6).all()


def test_parts_fade_in_out_and_into_each_other_over_a_few_frames():
    index = np.full((20, 3), -1, np.int32)
    index[5:15, 0] = [3] * 5 + [4] * 5
    choice = Choice(index, np.zeros(20, int))
    totals = [sum(weight for _, weight in choice.weights(row).get("mouth", ())) for row in range(20)]
    assert totals[:5] == [0] * 5 and totals[15:] == [0] * 5
    assert np.all(np.diff(totals[4 : 5 + FADE + 1]) > 0.3) and np.allclose(totals[5 + FADE : 15 - FADE], 1)
    middle = [dict(choice.weights(row)["mouth"]).get(4, 0) for row in range(9 - FADE, 11 + FADE)]
    assert np.all(np.diff(middle) > 0) and middle[0] == 0 and middle[-1] == 1


def test_nothing_fades_over_a_cut_or_at_an_end():
    index = np.full((10, 3), -1, np.int32)
    index[:5, 0], index[5:, 0] = 1, 2
    choice = Choice(index, np.repeat([0, 1], 5))
    assert all(choice.weights(row)["mouth"] == ((1 if row < 5 else 2, 1.0),) for row in range(10))


def test_both_eyes_come_from_one_frame_if_both_are_allowed():
    right, left = list(EYE_RIGHT[0][1:-1]), list(EYE_LEFT[0][1:-1])
    own = mouths([0.0] * 20)
    own[10:, right + left, 1] += 0.6
    # Frame 3 shows the right eye a little better, frame 6 the left one.
    wanted = mouths([0.0] * 20)
    wanted[:, right, 1] -= 0.02
    wanted[:, left, 1] -= 0.02
    own[3, right, 1] -= 0.02
    own[6, left, 1] -= 0.02
    there = Candidates(own, *(getattr(candidates([0.0] * 20), name) for name in
                       ("rotation", "light", "time", "segment", "usable", "hidden")))  # fmt: skip
    frames = (there.rotation, there.light, there.time, there.segment)
    both = choose_parts(wanted, own, np.arange(20), np.full((20, 3), True), there, *frames).index[10:]
    assert (both[:, 1] == both[:, 2]).all() and (both[:, 1] >= 0).all()
    alone = choose_parts(wanted, own, np.arange(20), np.array([[False, True, False]] * 20), there, *frames).index[10:]
    assert (alone[:, 1] == 3).all() and (alone[:, 2] == -1).all()


def test_eyes_with_the_wanted_gaze_are_preferred():
    own = np.repeat(canonical().points[None, :FACE_POINTS], 20, 0)
    irises = np.array([np.mean([own[0, i] for half in eye for i in half], 0) for eye in (EYE_RIGHT, EYE_LEFT)])
    own = np.concatenate([own, np.repeat(np.repeat(irises, 5, 0)[None], 20, 0)], 1)
    own[10:, [*EYE_RIGHT[0][1:-1], *EYE_LEFT[0][1:-1]], 1] += 0.6
    own[:10, FACE_POINTS:, 0] += 0.6
    own[4, FACE_POINTS:, 0] -= 0.6
    there = dataclasses.replace(candidates([0.0] * 20), frontal=own)
    frames = (there.rotation, there.light, there.time, there.segment)
    choice = choose_parts(
        own[:10].mean(0)[None].repeat(20, 0), own, np.arange(20), np.full((20, 3), True), there, *frames,
        np.zeros((20, 2, 2)),
    )  # fmt: skip
    assert (choice.index[10:, 1:] == 4).all()


def test_more_frames_than_one_chunk_of_costs():
    own = np.clip(np.sin(np.arange(600) / 9), 0, 1)
    choice = choose(own[::-1], own)
    assert (choice.index[:, 0] >= 0).mean() > 0.2 and (choice.index[:, 0] != np.arange(600)).all()


def test_a_choice_is_written_and_read_again():
    choice = choose([1.0] * 20, OWN)
    frames, names = list(range(1001, 1021)), [str(frame) for frame in range(1001, 1021)]
    kept = json.loads(json.dumps(choice.to_dict(frames, names)))
    assert set(kept["parts"]) == set(PARTS) and kept["parts"]["mouth"]["1015"] in names[:10]
    assert np.array_equal(Choice.of_dict(kept, frames, names, choice.segment, "p.json").index, choice.index)


@pytest.mark.parametrize(("parts", "message"), [
    ({"nose": {}}, "nose"),
    ({"mouth": {"7": "1001"}}, "mouth: frame 7"),
    ({"mouth": {"1002": "smile.png"}}, "mouth: frame 1002: 'smile.png'"),
    ({"mouth": {"1002": 1001}}, "mouth: frame 1002"),
    ({"mouth": ["1002"]}, "mouth"),
    ([], "parts"),
])  # fmt: skip
def test_errors_in_a_parts_file_are_named(parts, message):
    with pytest.raises(SettingsError, match=f"p.json: .*{message}"):
        Choice.of_dict({"schema": "ofx-reenact/parts/1", "parts": parts}, [1001, 1002], ["1001", ""], [0, 0], "p.json")
    with pytest.raises(SettingsError, match=r"p\.json: not a parts file"):
        Choice.of_dict({"schema": "other/1", "parts": {}}, [1], ["1"], [0], "p.json")
