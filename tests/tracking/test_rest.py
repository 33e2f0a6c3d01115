"""The face at rest: open eyes, shut lips, one for each shot, or the frame that the user chose."""

import dataclasses

import numpy as np
import pytest

from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER, MESH68, REGIONS
from ofx_reenact.tracking.neutrality import measure_neutrality
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.rest import find_rest


def gap(mesh, contour):
    upper, lower = (np.array(half[1:-1]) for half in contour)
    return (mesh[..., lower, 1] - mesh[..., upper, 1]).mean(axis=-1)


def lids(mesh):
    return gap(mesh, EYE_RIGHT) + gap(mesh, EYE_LEFT)


def cut_at(performance: Performance, *rows: int) -> Performance:
    cut = np.zeros(len(performance.frames), bool)
    cut[list(rows)] = True
    return dataclasses.replace(performance, cut=cut)


def mean_of(performance, frames):
    return performance.frontal[np.array(frames) - performance.frames[0]].astype(np.float64).mean(axis=0)


def test_eyes_are_open_and_lips_are_shut(performance):
    rest = find_rest(performance)
    assert 3 <= len(rest.frames) <= 15 and np.array_equal(rest.face, mean_of(performance, rest.frames))
    assert rest.face.shape == (478, 3) and rest.face.dtype == rest.frontal.dtype == np.float64
    assert lids(rest.face) > 0.95 * lids(performance.frontal).max()
    width = np.linalg.norm(rest.face[78] - rest.face[308])
    assert gap(rest.face, LIPS_INNER) < 0.02 * width
    assert (rest.frontal == rest.face).all() and set(rest.row.tolist()) == {rest.row[0]}
    assert performance.frames[rest.row[0]] in rest.frames


def test_blinks_and_parted_lips_are_not_rest_whatever_their_blendshapes(performance):
    """Also with a tracker without blendshapes."""
    busy = measure_neutrality(np.zeros_like(performance.blendshapes), performance.frontal, performance.rotation)
    calm = dataclasses.replace(performance, neutrality=busy)
    rest = find_rest(calm)
    assert lids(rest.face) > 0.85 * lids(performance.frontal).max()
    assert gap(rest.face, LIPS_INNER) < 0.02 * np.linalg.norm(rest.face[78] - rest.face[308])


def test_a_glance_aside_and_raised_brows_are_no_rest(performance):
    """Rest is the median gaze, even in a clip whose calmest mouth is in frames with a glance aside."""
    rest, aside = int(np.argmin(performance.neutrality)), performance.frontal.copy()
    aside[rest, 468:, 0] += 0.3
    moved = measure_neutrality(performance.blendshapes, aside, performance.rotation)
    assert moved[rest] - performance.neutrality[rest] > 0.2 and np.argmin(moved) != rest
    brows = [MESH68[i] for name in ("brow_right", "brow_left") for i in REGIONS[name]]
    raised = performance.frontal.copy()
    raised[:, brows, 1] -= 0.5
    always = measure_neutrality(performance.blendshapes, raised, performance.rotation)
    assert np.allclose(always, performance.neutrality, atol=1e-3), "brows that are always raised are at rest"
    raised[rest, brows, 1] += 0.5
    frowned = measure_neutrality(performance.blendshapes, raised, performance.rotation)
    assert frowned[rest] - always[rest] > 0.8


def test_each_shot_has_its_own_rest(performance):
    p = cut_at(performance, 20, 60, 70)
    state = p.state.copy()
    state[60:70] = State.HELD
    p = dataclasses.replace(p, state=state)
    rest = find_rest(p)
    assert all(21 <= frame <= 60 for frame in rest.frames), "most frames are in the second shot"
    assert (rest.frontal[20:60] == rest.face).all() and (rest.row[20:60] == rest.row[20]).all()
    assert (rest.frontal[60:70] == rest.face).all() and (rest.row[60:70] == rest.row[20]).all(), "the shot has no face"
    for first, end in ((0, 20), (70, 75)):
        assert (rest.frontal[first:end] == rest.frontal[first]).all() and not (rest.frontal[first] == rest.face).any()
        assert first <= rest.row[first] < end
    again = find_rest(p)
    assert np.array_equal(again.frontal, rest.frontal) and again.frames == rest.frames


def test_frames_of_low_confidence_are_not_rest(performance):
    usual = find_rest(performance)
    rows = np.array(usual.frames) - 1
    for name, value in (("confidence", 0.4), ("state", State.BRIDGED)):
        values = getattr(performance, name).copy()
        values[rows] = value
        assert not set(find_rest(dataclasses.replace(performance, **{name: values})).frames) & set(usual.frames)
    unsure = dataclasses.replace(performance, confidence=np.full(75, 0.3, np.float32))
    assert find_rest(unsure).frames == usual.frames, "there are no others"


def test_a_shot_of_one_frame_and_one_that_only_blinks(performance):
    blink = int(np.argmin(lids(performance.frontal)))
    rest = find_rest(cut_at(performance, blink, blink + 1))
    assert np.array_equal(rest.frontal[blink], performance.frontal[blink].astype(np.float64))
    assert rest.row[blink] == blink


def test_a_reference_is_the_rest_of_its_shot_alone(performance):
    p = cut_at(performance, 60)
    usual = find_rest(p)
    for made in (find_rest(p, 70), find_rest(dataclasses.replace(p, reference=70, chosen=True))):
        assert made.frames == (70,) and np.array_equal(made.face, p.frontal[69].astype(np.float64))
        assert (made.frontal[60:] == made.face).all() and (made.row[60:] == 69).all()
        assert np.array_equal(made.frontal[:60], usual.frontal[:60])
    chosen = dataclasses.replace(p, reference=70, chosen=True)
    assert find_rest(chosen, 5).frames == (5,), "the argument takes precedence"


def test_a_reference_has_to_be_a_frame_with_a_face(performance):
    state = performance.state.copy()
    state[4] = State.BRIDGED
    p = dataclasses.replace(performance, state=state)
    with pytest.raises(TrackingError, match="frame 5 cannot be the reference, it has no face"):
        find_rest(p, 5)
    for frame in (0, 76):
        with pytest.raises(TrackingError, match=f"frame {frame} cannot be the reference, the performance has 1-75"):
            find_rest(p, frame)
