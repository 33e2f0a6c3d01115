"""An eye separated into parts: together they are the picture; the iris turns as a disc in front of the white."""

import numpy as np
import pytest

from ofx_reenact.compose.eyeball import Eyeball
from ofx_reenact.warp.lens import Lens
from ofx_reenact.warp.openings import Iris, map_eye

SIZE, WIDTH, RADIUS = (160, 100), 100.0, 18.0
WHITE, BROWN, SKIN = 0.8, 0.15, 0.45
IRIS = Iris(np.array([80.0, 50.0]), RADIUS)


def lens(gap: float) -> Lens:
    u = np.linspace(-1, 1, 9)
    arc, x = (1 - u**2) * gap * WIDTH / 2, 80 + u * WIDTH / 2
    return Lens.fit(np.stack([x, 50 - arc], 1), np.stack([x, 50 + arc], 1))


def picture(gap: float, channels: int = 3) -> np.ndarray:
    """A painted eye: skin, white, a brown iris that the lids cut."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float64)
    inside = lens(gap).coverage(x, y, 1.0)[..., None]
    disc = np.clip(RADIUS + 0.5 - np.hypot(x - 80, y - 50), 0, 1)[..., None]
    ball = WHITE + (BROWN - WHITE) * disc
    made = np.repeat(SKIN + (ball - SKIN) * inside, channels, 2)
    made[..., 3:] = 1
    return made.astype(np.float32)


def show(gap: float, moved: float, gaze: tuple[float, float], channels: int = 3):
    """Turn an eye that opens by ``gap`` in the picture and ``moved`` in the result; return its opening."""
    turned = map_eye(lens(gap), IRIS, lens(moved), np.array(gaze), 1.0, SIZE)
    return Eyeball.of_picture(picture(gap, channels), lens(gap), IRIS).show(turned)


@pytest.mark.parametrize("gap", [0.22, 0.4])
def test_an_eye_that_does_not_turn_is_the_picture(gap):
    opening = show(gap, gap, (0.0, 0.0))
    rows, columns = opening.coverage.shape
    own = picture(gap)[opening.top : opening.top + rows, opening.left : opening.left + columns]
    deep = opening.coverage == 1
    assert np.abs(opening.colour - own)[deep].max() < 0.05 and np.abs(opening.colour - own)[deep].mean() < 0.005


@pytest.mark.parametrize("gap", [0.22, 0.4])
@pytest.mark.parametrize("gaze", [(0.2, 0.0), (-0.2, 0.0), (0.0, 0.1)])
def test_an_iris_that_turns_stays_a_disc_with_white_behind_it(gap, gaze):
    opening = show(gap, gap, gaze)
    y, x = np.mgrid[: opening.coverage.shape[0], : opening.coverage.shape[1]]
    away = np.hypot(x + opening.left - 80 - WIDTH * gaze[0], y + opening.top - 50 - WIDTH * gaze[1])
    sure, colour = opening.coverage == 1, opening.colour[..., 0]
    brown = colour[sure & (away < RADIUS - 2)]
    assert (np.abs(brown - BROWN) < 0.1).mean() > 0.97 and len(brown) > 300
    # A dark rim beside the lids is their shadow.
    white = colour[sure & (away > 1.25 * RADIUS)]
    assert np.median(white) == pytest.approx(WHITE, abs=0.05) and (white < 0.6).mean() < 0.05


def test_lids_that_open_wider_uncover_more_of_both():
    opening = show(0.22, 0.4, (0.0, 0.0))
    column = opening.colour[:, 80 - opening.left, 0][opening.coverage[:, 80 - opening.left] == 1]
    assert len(column) > 34 and (np.abs(column - BROWN) < 0.15).mean() > 0.85, "the iris is whole behind its lid"
    aside = opening.colour[:, 110 - opening.left, 0][opening.coverage[:, 110 - opening.left] == 1]
    assert np.median(aside) == pytest.approx(WHITE, abs=0.05)


def test_alpha_stays_opaque():
    opening = show(0.3, 0.35, (0.15, 0.0), channels=4)
    assert np.allclose(opening.colour[..., 3][opening.coverage == 1], 1, atol=0.01)
