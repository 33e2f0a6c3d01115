"""The preview of a target that moves: the plate above the result."""

import numpy as np
from moving import FIRST, make_plate, moving_job, track_plate

from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import read_picture
from ofx_reenact.frames.sequence import Sequence


def test_the_plate_stands_above_the_result(tmp_path, performance_file):
    plate = make_plate(tmp_path / "plate")
    track_plate(plate)
    movie, frames = tmp_path / "p.mp4", f"{FIRST + 1}-{FIRST + 2}"
    settings = moving_job(tmp_path, plate, str(performance_file), frames=frames, parts="off", preview=str(movie))
    assert render_sequence(settings).preview == movie
    shown = Sequence.open(movie)
    assert len(shown.frames) == 2
    both = shown.read(2).rgb
    own = read_picture(plate, Colour(), FIRST + 2).show(Colour())
    height, width = own.shape[:2]
    assert both.shape[:2] == (2 * height, width)
    if both.dtype != np.uint8:
        both = 255 * both
    above, below = (np.abs(half.astype(float) - own).mean() for half in (both[:height], both[height:]))
    # What compression leaves, and what the driver's face makes different.
    assert above < 4 and below > above
