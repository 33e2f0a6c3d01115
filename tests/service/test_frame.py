"""A host's picture through an engine: what a render writes, bit for bit, and its own numbers where nothing moves."""

import dataclasses
import json

import cv2
import numpy as np
import pytest
from conftest import TARGET, rgb_channels, write_exr
from hands import Local, hand, make_linear_plate, make_still, rendered, rgba_of, same_bits
from jobs import job
from moving import FIRST, moving_job

from ofx_reenact.errors import FrameError, TrackingError
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.settings import Settings
from ofx_reenact.shot.shot import Shot

# A frame of the demo's driver with a wide mouth.
WIDE = 36


@pytest.fixture(scope="module")
def engine():
    return Local()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("handed")


@pytest.fixture(scope="module")
def still(folder, linear, performance_file) -> Settings:
    target = make_still(folder / "still.exr", linear)
    return job(folder / "still", performance_file, target=target, repair="off")


@pytest.fixture(scope="module")
def with_alpha(folder, linear, performance_file) -> Settings:
    target = make_still(folder / "alpha.exr", linear, alpha=True)
    return job(folder / "alpha", performance_file, target=target, repair="off")


@pytest.fixture(scope="module")
def moving(folder, performance_file) -> Settings:
    plate = make_linear_plate(folder / "plate")
    return moving_job(folder / "moved", plate, performance_file)


def plate_of(settings: Settings, frame: int):
    return read_plate(settings.target.replace("####", str(frame)))


def assert_rendered(made: np.ndarray, wanted) -> None:
    """Bit for bit what was written, in its data window."""
    data, shown = wanted.data_window, wanted.display_window
    whole = rgba_of(wanted)
    top, left = max(data.y - shown.y, 0), max(data.x - shown.x, 0)
    bottom, right = min(data.y - shown.y + data.height, shown.height), min(data.x - shown.x + data.width, shown.width)
    box = (slice(top, bottom), slice(left, right))
    assert same_bits(np.ascontiguousarray(made[box]), np.ascontiguousarray(whole[box]))


@pytest.mark.parametrize("options", [{}, {"repair": "on"}, {"missing": "black", "strength": 0.7}])
def test_a_still_is_what_a_render_writes(engine, still, options):
    settings = dataclasses.replace(still, **options)
    own = rgba_of(read_plate(settings.target))
    made = hand(engine, settings, WIDE, own)
    assert (made.state, made.parts, made.notes) == ("tracked", "", ()) and 0.5 < made.confidence <= 1
    assert_rendered(made.pixels, rendered(settings, WIDE))
    assert (made.pixels != own).any(-1).mean() > 0.2


@pytest.mark.slow
def test_the_profile_paper_is_what_a_render_writes(engine, still):
    settings = dataclasses.replace(still, profile="portrait")
    made = hand(engine, settings, WIDE, rgba_of(read_plate(settings.target)))
    assert_rendered(made.pixels, rendered(settings, WIDE))


def test_alpha_goes_along(engine, with_alpha):
    own = rgba_of(read_plate(with_alpha.target))
    made = hand(engine, with_alpha, WIDE, own).pixels
    assert_rendered(made, rendered(with_alpha, WIDE))
    assert (made[..., 3] != own[..., 3]).any()


@pytest.mark.parametrize(
    ("window", "display"),
    [((30, 20), (0, 0, 330, 290)), ((-8, -6), (0, 0, 250, 230)), ((12, -5), (-3, 4, 300, 225))],
)  # fmt: skip
def test_the_display_window_is_the_whole_picture(engine, linear, performance_file, tmp_path, window, display):
    target = make_still(tmp_path / "t.exr", linear, window=window, display=display)
    settings = job(tmp_path, performance_file, target=target, repair="off")
    plate = read_plate(target)
    own = rgba_of(plate)
    own[:3, :3] += np.float32(0.25)
    around = np.ones(own.shape[:2], bool)
    around[max(window[1] - display[1], 0) :, max(window[0] - display[0], 0) :] = False
    made = hand(engine, settings, WIDE, own).pixels
    assert same_bits(made[around], own[around])
    if around[:3, :3].all():
        assert_rendered(made, rendered(settings, WIDE))
    # The data window alone is a whole picture, too.
    alone = np.dstack([plate.rgb, np.ones_like(plate.rgb[..., 0])])
    made = hand(engine, settings, WIDE, alone).pixels
    assert same_bits(np.ascontiguousarray(made[..., :3]), rendered(settings, WIDE).rgb)


def test_pixels_beyond_the_picture_are_the_file_s(engine, linear, performance_file, tmp_path):
    target = make_still(tmp_path / "t.exr", linear, window=(-8, -6), display=(0, 0, 250, 230))
    settings = job(tmp_path, performance_file, target=target, repair="off")
    assert_rendered(hand(engine, settings, WIDE, rgba_of(read_plate(target))).pixels, rendered(settings, WIDE))


@pytest.mark.parametrize("frame", [FIRST, FIRST + 3])
def test_a_target_that_moves_is_what_a_render_writes(engine, moving, frame):
    own = rgba_of(plate_of(moving, frame))
    made = hand(engine, moving, frame, own)
    wanted = rendered(moving, frame)
    assert_rendered(made.pixels, wanted)
    assert (made.pixels != own).any(-1).mean() > 0.05
    assert made.parts == (wanted.attributes.getattribute("reenact:parts") or "")


def test_a_matte_of_the_host_s_is_as_one_of_a_file(engine, moving, folder):
    own, frame = rgba_of(plate_of(moving, FIRST)), FIRST
    kept = np.zeros(own.shape[:2], np.float32)
    kept[:, : kept.shape[1] // 2] = 1
    kept = cv2.GaussianBlur(kept, (0, 0), 6)
    file = write_exr(folder / "matte.exr", {"A": kept})
    wanted = rendered(dataclasses.replace(moving, holdout=str(file)), frame)
    made = hand(engine, moving, frame, own, holdout=kept).pixels
    assert_rendered(made, wanted)
    assert same_bits(made[kept >= 1], own[kept >= 1]) and (made[kept < 1] != own[kept < 1]).any()
    # Beside one of the settings, either is enough.
    other = write_exr(folder / "other.exr", {"A": 1 - kept})
    both = hand(engine, dataclasses.replace(moving, holdout=str(other)), frame, own, holdout=(kept > 0.5) * 1.0).pixels
    stays = (kept > 0.5) | (kept <= 0)
    assert same_bits(both[stays], own[stays])


def test_curves_are_as_those_of_a_file(engine, moving, folder):
    frame, own = FIRST + 1, rgba_of(plate_of(moving, FIRST + 1))
    drawn = {"strength": {"interpolation": "linear", "frames": {str(FIRST): 0.0, str(FIRST + 2): 1.0}}}
    more = {"gaze_x": {"frames": {str(FIRST): 12}}}
    file = folder / "curves.json"
    file.write_text(json.dumps({"schema": "ofx-reenact/curves/1", "curves": drawn | more}))
    wanted = rendered(dataclasses.replace(moving, curves=str(file)), frame)
    assert_rendered(hand(engine, moving, frame, own, curves=drawn | more).pixels, wanted)
    # Those that are handed over take the place of the file's own.
    whole = {**drawn, "strength": {"frames": {str(FIRST): 2}}}
    kept = folder / "kept.json"
    kept.write_text(json.dumps({"schema": "ofx-reenact/curves/1", "curves": whole | more}))
    settings = dataclasses.replace(moving, curves=str(kept))
    assert not same_bits(hand(engine, settings, frame, own).pixels[..., :3].copy(), wanted.rgb)
    assert_rendered(hand(engine, settings, frame, own, curves=drawn).pixels, wanted)
    plain = hand(engine, moving, frame, own, curves={}).pixels
    assert_rendered(plain, rendered(moving, frame))


def mark(rgba: np.ndarray, box) -> np.ndarray:
    """Paint a mark that no picture has."""
    changed = rgba.copy()
    changed[box][..., :3] = (0.0, 4.0, 0.0)
    return changed


def greens(rgba: np.ndarray) -> np.ndarray:
    return (rgba[..., 1] > 3) & (rgba[..., 0] < 0.5)


@pytest.mark.parametrize("repair", ["off", "on"])
def test_what_was_done_to_a_still_before_is_seen(engine, still, repair):
    settings = dataclasses.replace(still, repair=repair)
    own = rgba_of(read_plate(settings.target))
    plain = hand(engine, settings, WIDE, own).pixels
    # On the cheek, which moves.
    changed = mark(own, np.s_[150:158, 100:108])
    made = hand(engine, settings, WIDE, changed).pixels
    there, here = greens(made), greens(changed)
    assert 20 < there.sum() < 200 and (there != here).any()
    far = cv2.dilate((there | here).astype(np.uint8), np.ones((41, 41))) == 0
    assert np.abs(made - plain)[far].max() < 0.05
    # The picture as it was is still known as it was.
    assert same_bits(hand(engine, settings, WIDE, own).pixels, plain)


def test_a_grade_before_is_kept(engine, still, moving):
    for settings, frame, plate in ((still, WIDE, read_plate(still.target)), (moving, FIRST, plate_of(moving, FIRST))):
        own = rgba_of(plate)
        graded = own * np.float32([2, 2, 2, 1])
        plain, made = (hand(engine, settings, frame, one).pixels for one in (own, graded))
        moved = (plain != own).any(-1)
        assert same_bits(made[~moved], graded[~moved])
        assert np.abs(made[moved] / np.float32([2, 2, 2, 1]) - plain[moved]).mean() < 2e-3


def test_a_mark_on_a_target_that_moves_is_seen_in_that_frame_alone(engine, moving):
    own = rgba_of(plate_of(moving, FIRST + 2))
    rows, columns = (length // 2 for length in own.shape[:2])
    made = hand(engine, moving, FIRST + 2, mark(own, np.s_[rows : rows + 12, columns : columns + 12])).pixels
    assert greens(made).sum() > 10
    other = hand(engine, moving, FIRST + 3, rgba_of(plate_of(moving, FIRST + 3))).pixels
    assert not greens(other).any() and not greens(hand(engine, moving, FIRST + 2, own).pixels).any()


def test_a_still_is_fitted_once_for_the_same_pixels(engine, still, monkeypatch):
    own = rgba_of(read_plate(still.target))
    fitted = []

    def note(shot):
        fitted.append(shot)

    monkeypatch.setattr(Shot, "__post_init__", note)
    # One shot, and one that has the picture.
    settings = dataclasses.replace(still, strength=0.83)
    for pixels, shots in ((own, 2), (own, 2), (own * np.float32(1.5), 3), (own * np.float32(1.5), 3), (own, 3)):
        hand(engine, settings, WIDE, pixels)
        assert len(fitted) == shots


def test_halves_are_what_a_render_writes_as_halves(engine, linear, performance_file, tmp_path):
    target = make_still(tmp_path / "t.exr", np.clip(linear, 0, 8), formats=dict.fromkeys("RGB", "half"))
    settings = job(tmp_path, performance_file, target=target, repair="off")
    own = rgba_of(read_plate(target))
    made = hand(engine, settings, WIDE, own.astype(np.float16)).pixels
    wanted = rendered(settings, WIDE, depth="half")
    assert wanted.depth == "half" and same_bits(made[..., :3].astype(np.float32), wanted.rgb)
    bright = own.astype(np.float16)
    bright[..., :3] = np.float16(65504)
    assert np.isfinite(hand(engine, settings, WIDE, bright).pixels).all()


def test_opaque_alpha_says_nothing_and_comes_back_as_1(engine, still, with_alpha):
    for settings in (still, with_alpha):
        own = rgba_of(read_plate(settings.target))
        own[..., 3] = 1
        plain = hand(engine, settings, WIDE, own, alpha="opaque").pixels
        own[..., 3] = np.nan
        made = hand(engine, settings, WIDE, own, alpha="opaque").pixels
        assert same_bits(made, plain) and (made[..., 3] == 1).all() and (made[..., :3] != own[..., :3]).any()


def test_a_picture_may_have_alpha_where_its_file_has_none(engine, still):
    own = rgba_of(read_plate(still.target))
    own[:, :100] *= np.float32(0.5)
    made = hand(engine, still, WIDE, own).pixels
    assert ((made[..., 3] > 0.5) & (made[..., 3] < 1)).any() and made[..., 3].min() == 0.5


def test_straight_alpha_is_multiplied_before_and_divided_after(engine, with_alpha):
    plate = read_plate(with_alpha.target)
    own = rgba_of(plate)
    solid = own.copy()
    there = own[..., 3] > 0
    solid[there, :3] /= own[there, 3:]
    solid[~there] = (0.125, 0.25, 0.5, 0)
    made, wanted = hand(engine, with_alpha, WIDE, solid, alpha="straight").pixels, rgba_of(rendered(with_alpha, WIDE))
    near = wanted[..., 3] > 0.05
    assert np.allclose(made[near][:, :3] * made[near][:, 3:], wanted[near][:, :3], atol=2e-4)
    still = (wanted == own).all(-1)
    assert still.any() and same_bits(made[still], solid[still])


@pytest.mark.parametrize("space", ["", "srgb_rec709_scene", "lin_rec2020_scene"])
def test_numbers_of_another_space_come_back_as_they_were(engine, performance_file, colour, tmp_path, space):
    picture = cv2.resize(cv2.imread(str(TARGET)), (240, 240), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "t.png"), picture)
    settings = job(tmp_path, performance_file, target=str(tmp_path / "t.png"), repair="off")
    plate, wanted = read_plate(settings.target), rendered(settings, WIDE)
    light = colour.resolve("scene_linear")
    own = plate.rgb
    if space:
        own = colour.convert(colour.convert(plate.rgb, colour.srgb(), light), light, colour.resolve(space))
    rgba = np.dstack([own, np.ones_like(own[..., 0])])
    made = hand(engine, settings, WIDE, rgba, space=space).pixels
    shown = colour.resolve(space) if space else colour.srgb()
    assert np.allclose(colour.convert(made[..., :3].copy(), shown, light), wanted.rgb, atol=2e-3, rtol=2e-3)
    stays = (wanted.rgb == colour.convert(plate.rgb, colour.srgb(), light)).all(-1)
    if not space:
        assert stays.any() and same_bits(made[stays], rgba[stays])


@pytest.fixture
def lost(still, performance, tmp_path):
    """Settings of a driver without a face in frame 5."""
    state = performance.state.copy()
    state[4] = 2
    path = tmp_path / "lost.npz"
    dataclasses.replace(performance, state=state).save(path)
    return dataclasses.replace(still, performance=str(path))


def test_frames_without_a_face_are_as_missing_says(engine, lost, with_alpha):
    own = rgba_of(read_plate(lost.target))
    held = hand(engine, lost, 5, own)
    assert held.state == "held" and (held.pixels != own).any()
    black = hand(engine, dataclasses.replace(lost, missing="black"), 5, own)
    assert not black.pixels[..., :3].any() and (black.pixels[..., 3] == 1).all() and black.confidence == 0
    with pytest.raises(TrackingError, match=r"no face in frames 5; choose --missing hold or black"):
        hand(engine, dataclasses.replace(lost, missing="error"), 5, own)
    assert (hand(engine, dataclasses.replace(lost, missing="error"), 6, own).pixels != own).any()
    clear = dataclasses.replace(with_alpha, performance=lost.performance, missing="black")
    assert not hand(engine, clear, 5, rgba_of(read_plate(clear.target))).pixels.any()


def test_a_frame_that_is_not_there_is_named_with_what_to_set(engine, still, moving):
    own = rgba_of(read_plate(still.target))
    with pytest.raises(FrameError, match=r"frame 99 .* the driver has frames 1-75; set clip_offset and clip_speed"):
        hand(engine, still, 99, own)
    with pytest.raises(FrameError, match=r"frame -1 .* the target has frames 1001-1006"):
        hand(engine, moving, -1, rgba_of(plate_of(moving, FIRST)))


def test_pixels_of_an_anamorphic_file_are_its_own(engine, linear, performance_file, tmp_path):
    rgb = cv2.resize(linear, (140, 280), interpolation=cv2.INTER_AREA)
    target = str(write_exr(tmp_path / "t.exr", rgb_channels(rgb), None, {"PixelAspectRatio": 2.0}))
    settings = job(tmp_path, performance_file, target=target, repair="off")
    assert_rendered(hand(engine, settings, WIDE, rgba_of(read_plate(target))).pixels, rendered(settings, WIDE))
