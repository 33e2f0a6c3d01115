"""Layers: the channels and types of each, and the values of the motion layer."""

from types import SimpleNamespace

import numpy as np
import OpenImageIO as oiio
from conftest import make_shot
from jobs import job

from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.layers import LAYERS, FrameContext, channels_of, compute_motion, formats_of
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame


def plate(depth="half", alpha=None):
    window = SimpleNamespace(x=0, y=0, width=60, height=40)
    channels = tuple("RGB" if alpha is None else "RGBA")
    return SimpleNamespace(depth=depth, channels=channels, data_window=window, display_window=window)


def frame_of(stmap):
    return SimpleNamespace(stmap=stmap.astype(np.float32), colour=np.zeros((*stmap.shape[:2], 3)), black=False)


def shifted(x, y, wave=0.0):
    """Return a map that shows the target's content shifted right and down by (x, y) pixels, with waves in it."""
    rows, columns = np.mgrid[:40, :60].astype(float)
    return np.dstack([columns - x + wave * np.sin(rows / 9), rows - y + wave * np.cos(columns / 7)])


def motion_between(first, second):
    near = {1: None if second is None else frame_of(second)}
    return compute_motion(FrameContext(frame_of(first), plate(), near.get))


def test_formats_are_those_of_the_layers_and_the_plate():
    assert formats_of(["rgba"], plate("float")) == dict.fromkeys("RGB", "float")
    assert formats_of(["stmap", "rgba"], plate(alpha=1), "half") == {
        **dict.fromkeys("RGBA", "half"), "stmap.u": "float", "stmap.v": "float",
    }  # fmt: skip
    assert set(formats_of(LAYERS, plate())) >= {"motion.u", "motion.v", "matte", "confidence"}


def test_motion_is_in_pixels_to_the_right_and_up():
    u, v = motion_between(shifted(0, 0), shifted(3, 2))
    inside = (slice(8, -8), slice(8, -8))
    assert np.allclose(u[inside], 3, atol=0.01) and np.allclose(v[inside], -2, atol=0.01)


def test_motion_vectors_end_at_the_same_point_of_the_target():
    """At the end of a pixel's motion vector, the next frame's map shows the same point of the target."""
    first, second = shifted(1, -2, wave=0.8), shifted(4, 1, wave=1.6)
    u, v = motion_between(first, second)
    rows, columns = np.mgrid[10:30, 12:48]
    x, y = columns + u[10:30, 12:48], rows - v[10:30, 12:48]
    fine = sample_map(second, x, y)
    assert np.abs(fine - first[10:30, 12:48]).max() < 0.05


def sample_map(values, x, y):
    from scipy.ndimage import map_coordinates

    return np.dstack([map_coordinates(values[..., i], [y, x], order=1, mode="nearest") for i in range(2)])


def test_motion_is_exactly_zero_where_nothing_moves():
    u, v = motion_between(shifted(0, 0), shifted(0, 0))
    assert not u.any() and not v.any()


def test_the_last_frame_repeats_the_motion_before_it():
    moment = FrameContext(frame_of(shifted(3, 2)), plate(), {-1: frame_of(shifted(0, 0))}.get)
    u, v = compute_motion(moment)
    assert np.allclose(u[10:30, 10:50], 3, atol=0.01) and np.allclose(v[10:30, 10:50], -2, atol=0.01)


def test_a_black_frame_is_black_in_every_layer_but_the_map():
    black = Frame(np.zeros((40, 60, 4), np.float32), 0.0, black=True)
    channels = channels_of(LAYERS, FrameContext(black, plate(alpha=1), lambda away: None))
    assert set(channels) == set(formats_of(LAYERS, plate(alpha=1)))
    assert not any(values.any() for name, values in channels.items() if not name.startswith("stmap."))
    # A map that shows the first pixel everywhere.
    assert np.allclose(channels["stmap.u"], 0.5 / 60)


def test_motion_follows_the_mesh_of_a_real_performance(identity, target, performance, weights):
    """At the tip of the nose and on a cheek, motion is that of the pose's own points."""
    shot = make_shot(identity, target, performance, weights, Settings(weight_pose=2))
    rows = shot.motion.rows
    frame = max(range(2, 60), key=lambda f: np.abs(shot.pose(f + 1).moved - shot.pose(f).moved)[4].max())
    view = shot.target.view(frame)
    moment = FrameContext(shot.carry(frame), None, lambda n: shot.carry(frame + n) if frame + n in rows else None)
    u, v = compute_motion(moment)
    for point in (4, 50, 280, 10):
        here, there = (shot.pose(f).mesh(view)[point, :2] for f in (frame, frame + 1))
        x, y = np.rint(here).astype(int)
        assert np.hypot(u[y, x] - (there - here)[0], -v[y, x] - (there - here)[1]) < 0.25


def test_motion_of_a_frame_alone_is_that_of_a_range(performance_file, tmp_path):
    kept = []
    for frames in ("35-37", "36"):
        options = {"frames": frames, "layers": ("motion",), "existing": "overwrite"}
        render_sequence(job(tmp_path, performance_file, **options))
        source = oiio.ImageInput.open(str(tmp_path / "o.0036.exr"))
        assert source.spec().channelnames == ("motion.u", "motion.v")
        kept.append(source.read_image(oiio.FLOAT))
        source.close()
    assert np.array_equal(*kept) and np.abs(kept[0]).max() > 0.2
