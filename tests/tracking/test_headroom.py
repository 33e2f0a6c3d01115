"""The rows of a picture above a person."""

import numpy as np

from ofx_reenact.tracking import landmarks as names
from ofx_reenact.tracking.person import measure_headroom


def test_headroom_is_the_rows_above_the_person(demo_picture, demo_track):
    oval = demo_track.mesh[list(names.FACE_OVAL), :2]
    width, face = demo_picture.shape[1], np.ptp(oval[:, 1])
    middle = slice(int(oval[:, 0].mean()) - 20, int(oval[:, 0].mean()) + 20)
    plain = measure_headroom(demo_picture, oval)
    assert plain.shape == (width,) and plain.dtype == np.float32
    assert 0.02 * face < plain[middle].min() < plain[middle].max() < oval[:, 1].min()
    assert plain[:20].min() > plain[middle].max() + 0.5 * face, "beside the head it is more"
    # More background above and beside shifts it by as much, and cutting the hair leaves none.
    wide = np.pad(demo_picture, ((90, 0), (300, 200), (0, 0)), mode="edge")
    padded = measure_headroom(wide, oval + np.array([300, 90]))
    assert padded.shape == (width + 500,)
    assert np.abs(padded[300:-200][middle] - plain[middle] - 90).max() < 0.04 * face
    cut = int(plain[middle].max() + 0.1 * face)
    assert (measure_headroom(np.ascontiguousarray(demo_picture[cut:]), oval - np.array([0, cut]))[middle] == 0).all()


def test_headroom_of_nobody_is_unknown(demo_picture, demo_track):
    oval = demo_track.mesh[list(names.FACE_OVAL), :2]
    assert measure_headroom(np.full_like(demo_picture, 128), oval) is None
