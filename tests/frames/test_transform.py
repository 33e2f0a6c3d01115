"""Colour conversion does not depend on a picture's size, its memory layout or the number of threads."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ofx_reenact.frames import transform
from ofx_reenact.frames.ocio_config import CONFIG, Config

PAIR = ("ACEScg", "sRGB Encoded Rec.709 (sRGB)")


@pytest.fixture(scope="module")
def config():
    return Config(CONFIG)


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(0)
    made = (rng.standard_normal((400, 500, 3)) * np.exp(rng.uniform(-9, 9, (400, 500, 1)))).astype(np.float32)
    made[3, 4], made[5, 6] = np.nan, np.inf
    return made


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_threads_change_no_bit(workers, config, picture, monkeypatch):
    rows = np.concatenate([config.convert(picture[row : row + 1], *PAIR) for row in range(len(picture))])
    monkeypatch.setattr(transform, "cores", lambda: workers)
    before = picture.copy()
    assert config.convert(picture, *PAIR).tobytes() == rows.tobytes()
    assert picture.tobytes() == before.tobytes()


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 0, 3), (1, 1, 3), (1, 300_000, 3), (300_000, 1, 3)])
def test_any_shape_is_converted(shape, config):
    shown = config.convert(np.full(shape, 0.18, np.float32), *PAIR)
    assert shown.shape == shape and shown.dtype == np.float32
    assert np.allclose(shown, 0.461, atol=1e-3)


def test_any_layout_is_converted(config, picture):
    wanted = config.convert(picture[::2, ::-1].copy(), *PAIR)
    rgba = np.dstack([picture, picture[..., :1]])
    for given in (picture[::2, ::-1], rgba[::2, ::-1, :3], np.asfortranarray(picture[::2, ::-1])):
        assert config.convert(given, *PAIR).tobytes() == wanted.tobytes()
    assert config.convert(picture.astype(np.float64), *PAIR).dtype == np.float32


def test_one_config_serves_many_threads(picture):
    config = Config(CONFIG)
    wanted = Config(CONFIG).convert(picture, *PAIR).tobytes()
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: config.convert(picture, *PAIR).tobytes(), range(12)))
    assert set(made) == {wanted}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(config, picture, monkeypatch):
    monkeypatch.setattr(transform, "cores", lambda: 2)
    wanted = config.convert(picture, *PAIR).tobytes()
    if not (child := os.fork()):
        signal.alarm(60)
        os._exit(config.convert(picture, *PAIR).tobytes() != wanted)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_conversion_is_made_once(config, picture, monkeypatch):
    config.convert(picture, *PAIR)
    monkeypatch.setattr(config, "_config", None)
    config.convert(picture, *PAIR)
