"""Putting what was painted into a frame: where it changes, what stays, grey plates."""

from types import SimpleNamespace

import numpy as np
import pytest

from ofx_reenact.compose.repair import apply_paint, paste
from ofx_reenact.fdgan.window import Window

SIZE = (80, 60)


class Square:
    """A display encoding: the square root of light."""

    def encode(self, light):
        return np.sqrt(np.clip(light, 0, 1))

    def decode(self, shown):
        return np.float32(shown**2)


def carried(unseen, opening):
    return SimpleNamespace(invented=lambda box: unseen[box].copy(), opening=lambda box: opening[box].copy())


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    colour = rng.random((SIZE[1], SIZE[0], 4), np.float32)
    unseen, opening = np.zeros(colour.shape[:2], np.float32), np.zeros(colour.shape[:2], np.float32)
    unseen[24:30, 30:48], opening[22:32, 28:50] = 1, 1
    window = Window.around(np.array([40.0, 28.0]), np.array([1.3, 0.1]), (32, 24))
    inside, outside = (rng.normal(0, 0.1, (24, 32, 3)).astype(np.float32) for _ in range(2))
    outside[:6] = outside[-6:] = outside[:, :5] = outside[:, -5:] = 0
    return colour, window, inside, outside, carried(unseen, opening)


def shown_of(colour, window):
    return Square().encode(colour[(*window.box(SIZE), slice(3))])


def test_only_what_is_unseen_and_the_skin_around_it_change(scene):
    colour, window, inside, outside, there = scene
    result, box = colour.copy(), window.box(SIZE)
    apply_paint(result, window, inside, outside, shown_of(colour, window), there, Square())
    # The same, computed for the whole box at once.
    shown = shown_of(colour, window)
    change = there.invented(box)[..., None] * window.paste(inside, box)
    change += (1 - there.opening(box)[..., None]) * window.paste(outside, box)
    changed = np.abs(change).max(-1) > 1 / 4096
    want = colour.copy()
    want[(*box, slice(3))][changed] += (np.clip(shown + change, 0, 1) ** 2 - shown**2)[changed]
    assert np.allclose(result, want, atol=1e-6)
    assert changed.any() and not changed.all()
    assert np.array_equal(result[box][~changed], colour[box][~changed])
    outer = np.ones(colour.shape[:2], bool)
    outer[box] = False
    assert np.array_equal(result[outer], colour[outer]) and np.array_equal(result[..., 3], colour[..., 3])


def test_nothing_painted_changes_nothing(scene):
    colour, window, inside, outside, _ = scene
    result, none = colour.copy(), np.zeros(colour.shape[:2], np.float32)
    apply_paint(result, window, inside, 0 * outside, shown_of(colour, window), carried(none, none), Square(), 0.1)
    assert np.array_equal(result, colour)


def test_a_grey_plate_stays_grey_but_not_one_that_is_grey_only_inside(scene):
    colour, window, inside, outside, there = scene
    colour[..., :3] = colour[..., :1]
    result = colour.copy()
    apply_paint(result, window, inside, outside, shown_of(colour, window), there, Square())
    assert not np.array_equal(result, colour) and np.ptp(result[..., :3], axis=-1).max() < 1e-5
    box = window.box(SIZE)
    colour[box[0].start, box[1].start, :3] = (0.9, 0.5, 0.1)
    result = colour.copy()
    apply_paint(result, window, inside, 0 * outside, shown_of(colour, window), there, Square())
    assert np.ptp(result[24:30, 30:48, :3], axis=-1).max() > 0.05


def test_grain_depends_on_the_place_in_the_picture_alone(scene):
    colour, window, _, outside, there = scene
    colour[..., :3] = 0.25
    nothing, results = np.zeros_like(outside), []
    for skin in (nothing, outside):
        result = colour.copy()
        apply_paint(result, window, nothing, skin, shown_of(colour, window), there, Square(), 0.05, 3)
        results.append(result[24:30, 30:48])
    assert np.array_equal(*results) and results[0].std() > 0.01


def test_a_portrait_changes_nothing_outside_its_matte(scene):
    colour, window, *_ = scene
    colour[20:40, 20, :3] = np.inf
    before, matte = colour.copy(), np.zeros((24, 32), np.float32)
    matte[8:16, 10:22] = 1
    portrait = np.full((24, 32, 3), 0.5, np.float32)
    covered = paste(colour, window, portrait, matte, Square())
    assert covered.max() == 1 and np.array_equal(colour[covered == 0], before[covered == 0])
    assert np.allclose(colour[covered == 1][:, :3], 0.25) and np.array_equal(colour[..., 3], before[..., 3])
    assert not paste(colour, window, portrait, 0 * matte, Square()).any()
