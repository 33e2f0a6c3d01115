"""The interior of a still's mouth: painted once for a shot, so that every frame has the same teeth."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest
from conftest import make_shot

from ofx_reenact.shot.mouth_interior import find_widest
from ofx_reenact.tracking.landmarks import LIPS_INNER
from ofx_reenact.tracking.surface import measure_gap


@dataclass
class Counting:
    """Paints what is missing in one flat colour, a different one in each call."""

    carries: ClassVar[bool] = True
    calls: list[float] = field(default_factory=list)

    def fit(self, scale):
        return self

    def paint(self, frame, view, pose, dictionary):
        mouth = frame.carried.mouth
        rows, columns = mouth.coverage.shape
        box = slice(mouth.top, mouth.top + rows), slice(mouth.left, mouth.left + columns)
        missing = frame.carried.invented(box)[..., None]
        self.calls.append(float(missing.sum()))
        own = frame.colour[box][..., :3]
        own += (np.float32(len(self.calls)) - own) * missing
        return frame


@pytest.fixture
def shot(identity, target, performance, weights):
    made = make_shot(identity, target, performance, weights)
    dictionary = (np.zeros((1, 1), np.float32),)
    return replace(made, person=replace(made.person, dictionary=dictionary), painter=Counting())


def gaps(shot):
    return measure_gap(shot.target.picture.frontal[:468] + shot.motion.expression, LIPS_INNER)


def middle(frame):
    """Return the colours (n, 3) of the pixels that show nothing but the mouth's interior."""
    mouth = frame.carried.mouth
    rows, columns = mouth.coverage.shape
    box = slice(mouth.top, mouth.top + rows), slice(mouth.left, mouth.left + columns)
    deep = (mouth.coverage >= 1) & (frame.carried.invented(box) >= 1)
    return frame.colour[box][deep][..., :3]


def test_it_is_painted_where_the_mouth_opens_widest(shot):
    frame = find_widest(shot.motion, shot.target.picture)
    assert shot.motion.rows[frame] == int(np.argmax(gaps(shot)))
    unsure = replace(shot.motion, confidence=np.zeros(len(gaps(shot))))
    assert find_widest(unsure, shot.target.picture) is None


def test_every_frame_shows_the_interior_that_was_painted_once(shot):
    order = np.argsort(-gaps(shot))
    frames = {row: frame for frame, row in shot.motion.rows.items()}
    for row in order[[2, 4, 8]].tolist():
        shown = middle(shot.render(frames[row]))
        assert len(shown) > 20
        assert (np.abs(shown - 1) < 1e-3).mean() > 0.7, "of the first call; only the rest is painted anew"
    calls = shot.painter.calls
    assert len(calls) == 4 and max(calls[1:]) < 0.5 * calls[0]


def test_the_interiors_own_frame_is_painted_by_itself(shot):
    frames = {row: frame for frame, row in shot.motion.rows.items()}
    widest = frames[int(np.argmax(gaps(shot)))]
    assert (middle(shot.render(widest)) == 2).all(), "painted again, by itself, as it was the first time"
    assert shot.painter.calls[0] == shot.painter.calls[1]


def test_the_interior_counts_as_invented(shot):
    frames = {row: frame for frame, row in shot.motion.rows.items()}
    wide = shot.render(frames[int(np.argmax(gaps(shot)))])
    assert wide.carried.composed.invented.max() == 1 and wide.confidence.min() < 0.05
