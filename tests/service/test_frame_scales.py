"""Frames at a host's render scales: proxies to the bit where they divide, resampled elsewhere, what is not touched."""

import dataclasses

import cv2
import numpy as np
import pytest
from conftest import write_exr
from hands import Local, hand, make_linear_plate, make_still, psnr, rendered, rgba_of, same_bits
from jobs import job
from moving import FIRST, moving_job

from ofx_reenact.engine.proxy import Proxy
from ofx_reenact.errors import FrameError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import read_picture
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.service.host_picture import HostPicture
from ofx_reenact.service.host_scales import HostFraming, choose_proxy
from ofx_reenact.service.shared_pixels import Plane, SharedPixels
from ofx_reenact.settings import Settings

WIDE = 36
EVEN, ODD = (256, 240), (261, 243)


@pytest.fixture(scope="module")
def engine():
    return Local()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("scaled")


@pytest.fixture(scope="module")
def even(folder, linear, performance_file) -> Settings:
    target = make_still(folder / "even.exr", np.clip(linear, 0, 1), EVEN)
    return job(folder / "even", performance_file, target=target, repair="off")


@pytest.fixture(scope="module")
def odd(folder, linear, performance_file) -> Settings:
    target = make_still(folder / "odd.exr", np.clip(linear, 0, 1), ODD)
    return job(folder / "odd", performance_file, target=target, repair="off")


def seen_at(settings: Settings, size: tuple[int, int]) -> np.ndarray:
    """The whole picture as a host has it at another size."""
    small = cv2.resize(read_plate(settings.target).rgb, size, interpolation=cv2.INTER_AREA)
    return opaque(small)


def opaque(rgb: np.ndarray) -> np.ndarray:
    return np.dstack([rgb, np.ones_like(rgb[..., 0])])


@pytest.mark.parametrize("factor", [2, 4])
def test_a_proxy_s_pixels_give_what_a_proxy_s_render_writes(engine, even, folder, performance_file, factor):
    wanted = rendered(even, WIDE, proxy=factor)
    own = read_plate(even.target)
    small = opaque(Proxy.of(own, factor).reduce(own.rgb))
    made = hand(engine, even, WIDE, small, scale=(1 / factor, 1 / factor)).pixels
    assert same_bits(made[..., :3].copy(), wanted.rgb) and (made != small).any(-1).mean() > 0.1


def test_a_proxy_of_a_target_that_moves(engine, folder, performance_file):
    plate = make_linear_plate(folder / "plate")
    settings = moving_job(folder / "moved", plate, performance_file)
    own = read_plate(plate.replace("####", str(FIRST)))
    small = opaque(Proxy.of(own, 2).reduce(own.rgb))
    kept = np.zeros(small.shape[:2], np.float32)
    kept[:, :70] = 1
    made = hand(engine, settings, FIRST, small, scale=(0.5, 0.5), holdout=kept).pixels
    file = write_exr(folder / "matte.exr", {"A": np.repeat(np.repeat(kept, 2, 0), 2, 1)})
    wanted = rendered(dataclasses.replace(settings, holdout=str(file)), FIRST, proxy=2)
    assert same_bits(made[..., :3].copy(), wanted.rgb)


@pytest.mark.parametrize(
    ("size", "scale", "least"),
    [
        ((131, 122), (0.5, 0.5), 38), ((130, 121), (0.5, 0.5), 36), ((131, 121), (0.5, 0.5), 38),
        ((65, 61), (0.25, 0.25), 32), ((66, 60), (0.25, 0.25), 32), ((78, 73), (0.3, 0.3), 34),
        ((209, 194), (0.8, 0.8), 40), ((131, 243), (0.5, 1), 38), ((33, 30), (0.125, 0.125), 28),
        ((522, 486), (2, 2), 40),
    ],
)  # fmt: skip
def test_at_other_sizes_it_is_the_frame_seen_smaller(engine, odd, size, scale, least):
    own = seen_at(odd, size)
    made = hand(engine, odd, WIDE, own, scale=scale).pixels
    whole = np.clip(rendered(odd, WIDE).rgb, 0, 1)
    wanted = cv2.resize(whole, size, interpolation=cv2.INTER_AREA if scale[0] < 1 else cv2.INTER_LINEAR)
    moved = (made != own).any(-1)
    assert moved.mean() > 0.1 and (made[..., 3] == 1).all()
    assert psnr(made[..., :3], wanted) > least, psnr(made[..., :3], wanted)
    beside = np.roll(wanted, 1, 1)
    assert psnr(made[..., :3], beside) < psnr(made[..., :3], wanted) - 3, "the framing is not told by this picture"
    # The hair's far corner stays in this frame.
    plain = rendered(odd, WIDE).rgb == read_plate(odd.target).rgb
    stays = cv2.resize(plain.all(-1).astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 1
    near = cv2.dilate((~stays).astype(np.uint8), np.ones((9, 9))) == 0
    if near.any():
        assert same_bits(made[near], own[near])


@pytest.mark.parametrize("alpha", ["premultiplied", "straight"])
@pytest.mark.parametrize(("size", "scale"), [((131, 122), (0.5, 0.5)), ((78, 73), (0.3, 0.3)), ((261, 243), (1, 1))])
def test_what_is_kept_comes_back_bit_for_bit_at_any_scale(engine, odd, size, scale, alpha):
    own = seen_at(odd, size)
    own[..., 3] = np.linspace(0, 1, size[0], dtype=np.float32)
    kept = np.zeros(own.shape[:2], np.float32)
    kept[: len(kept) // 2] = 1
    half = own.astype(np.float16)
    for pixels in (own, half):
        made = hand(
            engine, odd, WIDE, pixels, scale=scale, holdout=kept, alpha=alpha, space="srgb_rec709_scene"
        ).pixels
        edge = len(kept) // 2 - 4
        assert same_bits(made[:edge], pixels[:edge]) and (made[edge:] != pixels[edge:]).any()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 2), (5, 9), (16, 16), (7, 1), (1, 12)])
def test_pictures_of_a_few_pixels(engine, odd, folder, performance_file, linear, size):
    scale = tuple(host / whole for host, whole in zip(size, ODD, strict=True))
    own = seen_at(odd, size)
    for kept in (None, np.ones(own.shape[:2], np.float32)):
        made = hand(engine, odd, WIDE, own, scale=scale, holdout=kept).pixels
        assert made.shape == own.shape and np.isfinite(made).all()
        assert kept is None or same_bits(made, own)


def test_a_picture_of_another_size_is_refused_with_both_sizes(engine, odd):
    own = rgba_of(read_plate(odd.target))
    for size, scale, said in (
        ((262, 243), (1, 1), "the target has 261×243 pixels, the picture to be rendered 262×243; name"),
        ((261, 242), (1, 1), "261×242; name the clip's own file as the target, or analyse the clip as it is now"),
        ((261, 243), (0.5, 0.5), "the picture to be rendered 261×243 at scale 0.5×0.5"),
        ((133, 122), (0.5, 0.5), "133×122 at scale"), ((78, 76), (0.3, 0.3), "78×76 at scale 0.3×0.3"),
        ((131, 122), (1, 1), "131×122"),
    ):  # fmt: skip
        with pytest.raises(FrameError, match=said):
            hand(engine, odd, WIDE, cv2.resize(own, size), scale=scale)


def test_a_data_window_is_named_beside_the_picture_s(engine, linear, performance_file, tmp_path):
    target = make_still(tmp_path / "t.exr", linear, (120, 110), window=(9, 9), display=(0, 0, 200, 190))
    settings = job(tmp_path, performance_file, target=target, repair="off")
    with pytest.raises(FrameError, match=r"has 200×190 \(its data window 120×110\) pixels"):
        hand(engine, settings, WIDE, np.ones((80, 80, 4), np.float32))


@pytest.mark.parametrize(
    ("scale", "factor"), [(1, 1), (0.5, 2), (0.25, 4), (0.3, 2), (0.51, 1), (0.5001, 2), (0.1, 4), (0.7, 1), (2, 1)]
)  # fmt: skip
def test_the_next_finer_proxy_is_rendered(scale, factor):
    assert choose_proxy((scale, scale)) == factor and choose_proxy((scale, 1)) == 1


def framed(path: str, size: tuple[int, int], scale: tuple[float, float]) -> HostFraming:
    plate, plane = read_plate(path), Plane(0, 0)
    pixels = SharedPixels("m", 1, *size, "float", "opaque", scale, plane, plane)
    return HostFraming.of(plate, Proxy.of(plate, choose_proxy(scale)), pixels)


@pytest.mark.parametrize(("size", "scale"), [((60, 54), (0.75, 0.75)), ((24, 22), (0.3, 0.3)), ((41, 37), (0.5, 0.5))])
def test_nothing_dark_comes_in_from_beyond_what_changed(linear, tmp_path, size, scale):
    colour = Colour()
    path = make_still(tmp_path / "t.exr", linear, (80, 72))
    framing, own = framed(path, size, scale), read_picture(path, colour)
    grey = np.full((*size[::-1], 4), 0.5, np.float32)
    given = HostPicture.of(grey, "opaque", own.space, framing, own, colour, 1)
    picture = np.full((framing.rows.plate, framing.columns.plate, 3), 0.5, np.float32)
    made = picture.copy()
    made[len(made) // 4 : len(made) // 2, 5:-5] = 0.7
    laid = given.put_back(framing, picture, made)[..., :3]
    assert laid.min() >= 0.5 - 1e-6 and 0.69 < laid.max() <= 0.7 + 1e-6


def test_places_are_those_of_the_plate(linear, tmp_path):
    """A ramp says where each pixel is: it comes to a proxy, and back, where it belongs."""
    path = make_still(tmp_path / "t.exr", linear, (61, 57), window=(7, 4), display=(-2, 1, 81, 71))
    for size, scale in (((81, 71), (1, 1)), ((41, 35), (0.5, 0.5)), ((24, 21), (0.3, 0.3)), ((61, 57), (1, 1))):
        framing = framed(path, size, scale)
        window = (-2, 1, 81, 71) if size != (61, 57) else (7, 4, 61, 57)
        steps = window[2] / size[0], window[3] / size[1]
        x, y = (start + (np.arange(count) + 0.5) * step for start, count, step in
                zip(window[:2], size, steps, strict=True))  # fmt: skip
        ramp = np.stack([*np.meshgrid(x, y), np.ones(size[::-1])], -1).astype(np.float32)
        taken = framing.to_plate(ramp, None)
        proxy = Proxy.of(read_plate(path), choose_proxy(scale))
        factor = proxy.factor
        left = -2 + (proxy.data.x - proxy.display.x) * factor
        top = 1 + (proxy.data.y - proxy.display.y) * factor
        wanted = np.stack(np.meshgrid(left + (np.arange(taken.shape[1]) + 0.5) * factor,
                                      top + (np.arange(taken.shape[0]) + 0.5) * factor), -1)  # fmt: skip
        assert np.abs(taken - np.dstack([wanted, np.ones(taken.shape[:2])]))[2:-2, 2:-2].max() < 0.03
        back = np.zeros((*ramp.shape[:2], 4), np.float32)
        framing.put_back(back, np.ascontiguousarray(taken), np.ones(taken.shape[:2], bool))
        laid = back[..., 2] > 0
        inner = cv2.erode(laid.astype(np.uint8), np.ones((7, 7))) > 0
        # A twentieth of the host's pixels, which are as far apart.
        apart = np.abs(back[inner][:, :2] - ramp[inner][:, :2]).max(0)
        assert inner.any() and (apart <= 0.05 * np.array(steps)).all()
        assert framing.is_whole
