"""Targets that move: another performance in a shot that is already there."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import DRIVER, TARGET, rgb_channels, write_exr
from jobs import pixels

from ofx_reenact.engine.analyse import analyse_inputs
from ofx_reenact.engine.inputs import track_driver
from ofx_reenact.engine.loader import open_shot
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.errors import FrameError, OutputError, SettingsError, TrackingError
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.provenance.attributes import read_provenance
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.landmarks import LIPS_INNER
from ofx_reenact.tracking.performance import Performance, State

# Of the demo's clip: the person speaks, and blinks.
FIRST, COUNT = 30, 12
NOTHING = {
    f"weight_{region}": 0.0 for region in ("jaw", "mouth", "eye_right", "eye_left", "brow_right", "brow_left")
}


@pytest.fixture(scope="session")
def plate(tmp_path_factory) -> str:
    """A plate of 12 EXR frames, 1001-1012, scene-linear, with values that no display has beside the face."""
    folder, clip = tmp_path_factory.mktemp("moving"), Sequence.open(DRIVER)
    for number in range(COUNT):
        picture = clip.read(FIRST + number).rgb.astype(np.float32) ** 2.2
        picture[2:8, 2:8], picture[10:14, 2:8] = 37.5, -0.25
        write_exr(folder / f"plate.{1001 + number}.exr", rgb_channels(picture))
    return str(folder / "plate.####.exr")


@pytest.fixture(scope="session")
def tracked(plate, colour, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("tracked") / "plate.npz"
    track_driver(Settings(driver=plate), Sequence.open(plate), colour, lambda step: None).save(path)
    return str(path)


@pytest.fixture(scope="session")
def backwards(tracked, tmp_path_factory) -> str:
    """Another performance of as many frames: the plate's own, backwards, with a mouth that opens twice as far."""
    p = Performance.load(Path(tracked))
    frontal = p.frontal[::-1].copy()
    lower = list(LIPS_INNER[1][1:-1])
    gap = frontal[:, lower, 1] - frontal[:, list(LIPS_INNER[0][1:-1]), 1]
    frontal[:, lower, 1] += np.clip(gap, 0, None)
    path = tmp_path_factory.mktemp("driver") / "driver.npz"
    other = replace(p, frontal=frontal, frames=p.frames - 1000, reference=1, made_of="", name="driver.mov")
    other.save(path)
    return str(path)


def asked(plate: str, tracked: str, driver: str, **options) -> Settings:
    return Settings(target=plate, target_performance=tracked, performance=driver, **options)


@pytest.fixture(scope="session")
def shot(plate, tracked, backwards):
    return open_shot(asked(plate, tracked, backwards))


def test_a_target_driven_by_its_own_performance_is_the_plate_bit_for_bit(plate, tracked):
    own = open_shot(asked(plate, tracked, tracked))
    for frame in own.motion.rows:
        made = own.render(frame)
        assert made.unchanged and np.array_equal(made.colour, own.target.view(frame).pixels)


def test_nothing_that_is_asked_gives_the_plate_bit_for_bit(plate, tracked, backwards):
    still = open_shot(asked(plate, tracked, backwards, **NOTHING))
    assert all(still.render(frame).unchanged for frame in still.motion.rows)


def test_a_driver_is_followed(shot, tracked, backwards):
    """What is asked for opens the mouth as far as the driver's, within a tenth of it."""
    own, driver = Performance.load(Path(tracked)), Performance.load(Path(backwards))

    def gap(mesh):
        upper, lower = (list(half[1:-1]) for half in LIPS_INNER)
        return (mesh[:, lower, 1] - mesh[:, upper, 1]).mean(1)

    wanted, theirs = gap(own.frontal[:, :468] + shot.motion.expression), gap(driver.frontal)
    slope = np.polyfit(theirs, wanted, 1)[0]
    assert 0.9 < slope < 1.1 and np.corrcoef(theirs, wanted)[0, 1] > 0.98
    changed = [frame for frame in shot.motion.rows if not shot.render(frame).unchanged]
    assert len(changed) >= COUNT - 2


def test_what_is_not_asked_stays_the_plate_bit_for_bit(plate, tracked, backwards):
    spoken = open_shot(asked(plate, tracked, backwards, regions="dialogue"))
    for frame in (1003, 1008):
        made, view = spoken.render(frame), spoken.target.view(frame)
        brows = int(view.mesh[[105, 334], 1].max())
        assert not made.unchanged and np.array_equal(made.colour[:brows], view.pixels[:brows])
        for eye in ((159, 145, 33, 133), (386, 374, 362, 263)):
            (left, top), (right, bottom) = (f(view.mesh[list(eye), :2], 0).astype(int) for f in (np.min, np.max))
            box = slice(top, bottom + 1), slice(left, right + 1)
            assert np.array_equal(made.colour[box], view.pixels[box])
        untouched = (made.matte == 0) & (made.parts == 0)
        assert np.array_equal(made.colour[untouched], view.pixels[untouched])


def test_chunks_in_any_order_give_the_same_pixels(plate, tracked, backwards, tmp_path):
    def render(name: str, frames: str, **options) -> dict[int, np.ndarray]:
        settings = asked(plate, tracked, backwards, output=f"{tmp_path / name}/o.####.exr", frames=frames, **options)
        render_sequence(settings)
        return pixels(tmp_path / name)

    whole = render("whole", "")
    kept = {"identity": str(tmp_path / "i.safetensors"), "parts_file": str(tmp_path / "parts.json")}
    chunks = {}
    for frames in ("1007-1009", "1004", "1001"):
        chunks |= render("chunks", frames, **kept)
    assert sorted(whole) == list(range(1001, 1013))
    assert all(np.array_equal(chunks[frame], whole[frame]) for frame in chunks) and len(chunks) == 5


def test_views_are_opened_when_needed_and_dropped_again(shot):
    for frame in shot.motion.rows:
        shot.target.view(frame)
    assert len(shot.target._views) == shot.target.kept < COUNT


def test_frames_say_which_parts_they_took_and_where(plate, tracked, backwards, tmp_path):
    settings = asked(
        plate, tracked, backwards, output=str(tmp_path / "o.####.exr"), layers=("rgba", "parts"),
        parts_file=str(tmp_path / "parts.json"),
    )  # fmt: skip
    report = render_sequence(settings)
    said = {frame: read_provenance(tmp_path / f"o.{frame}.exr").get("parts", "") for frame in report.written}
    assert report.parts == tuple(frame for frame in said if said[frame]) and report.parts
    listed = json.loads((tmp_path / "parts.json").read_text())["parts"]
    frame = report.parts[0]
    assert any(str(frame) in taken for taken in listed.values())
    matte = read_plate(tmp_path / f"o.{frame}.exr").extra["parts"]
    assert matte.max() > 0.5
    assert all(read_plate(tmp_path / f"o.{f}.exr").extra["parts"].max() == 0 for f in said if not said[f])


def test_an_edited_list_of_parts_is_followed_and_a_wrong_one_refused(plate, tracked, backwards, tmp_path):
    path = tmp_path / "parts.json"
    settings = asked(plate, tracked, backwards, parts_file=str(path))
    open_shot(settings)
    content = json.loads(path.read_text())
    content["parts"] = {"mouth": {"1004": "1010"}}
    path.write_text(json.dumps(content))
    assert open_shot(settings).parts.text(1004) == "mouth=1010" and not open_shot(settings).parts.text(1006)
    content["parts"] = {"mouth": {"1004": "2000"}}
    path.write_text(json.dumps(content))
    with pytest.raises(SettingsError, match=r"parts\.json.*mouth.*1004.*2000"):
        open_shot(settings)


def test_no_parts_take_every_frame_from_itself(plate, tracked, backwards):
    shot = open_shot(asked(plate, tracked, backwards, parts="off"))
    assert not any(shot.parts.text(frame) for frame in shot.motion.rows)
    assert shot.render(1004).parts.max() == 0


def test_a_driver_may_start_later_and_run_at_another_speed(plate, tracked, backwards):
    usual = open_shot(asked(plate, tracked, backwards)).motion.expression
    later = open_shot(asked(plate, tracked, backwards, driver_start=4)).motion
    own = Performance.load(Path(tracked)).frontal[:, :468]
    # The same driver frame asks for the same face, whatever the plate's own does in it.
    assert np.allclose((own + later.expression)[0, 13], (own + usual)[3, 13], atol=0.02)
    slow = open_shot(asked(plate, tracked, backwards, driver_speed=0.5)).motion.expression
    assert np.allclose((own + slow)[4, 13], (own + usual)[2, 13], atol=0.02)
    with pytest.raises(SettingsError, match="--driver-start 40: no frame of the target meets one of the driver"):
        open_shot(asked(plate, tracked, backwards, driver_start=40))


def test_beyond_the_drivers_ends_missing_decides(plate, tracked, backwards, tmp_path):
    short = asked(plate, tracked, backwards, driver_start=8, output=str(tmp_path / "o.####.exr"))
    report = render_sequence(short)
    assert any("1006-1012" in note for note in report.warnings) and report.held == tuple(range(1006, 1013))
    black = render_sequence(replace(short, missing="black", existing="overwrite", frames="1005-1007"))
    assert black.black == (1006, 1007)
    with pytest.raises(TrackingError, match="1006-1012"):
        render_sequence(replace(short, missing="error", output=str(tmp_path / "e.####.exr")))
    assert not list(tmp_path.glob("e.*"))


def test_performances_add_up_where_that_is_asked(plate, tracked):
    """A driver who is the target opens its mouth twice as far."""
    own, more = Performance.load(Path(tracked)), open_shot(asked(plate, tracked, tracked, perform="add"))
    lip = 14
    rest = np.median(own.frontal[:, lip, 1])
    moves = own.frontal[:, lip, 1] - rest
    added = more.motion.expression[:, lip, 1]
    assert np.corrcoef(moves, added)[0, 1] > 0.95 and 0.8 < np.polyfit(moves, added, 1)[0] < 1.2


def test_the_drivers_head_turns_on_top_of_the_plates(plate, tracked, backwards):
    turned = open_shot(asked(plate, tracked, backwards, head="driver"))
    usual = open_shot(asked(plate, tracked, backwards))
    own = Performance.load(Path(tracked))
    assert np.array_equal(usual.motion.heads.rotation, own.rotation)
    assert not np.allclose(turned.motion.heads.rotation, own.rotation, atol=1e-4)
    assert not turned.render(1004).unchanged


def test_a_plate_without_a_face_in_some_frames_stays_as_it_is_there(plate, tracked, backwards, tmp_path):
    p = Performance.load(Path(tracked))
    lost = replace(p, state=np.where(np.arange(COUNT) == 8, State.BRIDGED, p.state).astype(np.uint8))
    path = tmp_path / "plate.npz"
    lost.save(path)
    report = render_sequence(asked(plate, str(path), backwards, output=str(tmp_path / "o.####.exr")))
    assert report.plain == (1009,)
    made, source = read_plate(tmp_path / "o.1009.exr"), Sequence.open(plate).read(1009)
    assert np.array_equal(made.rgb, source.rgb)


def test_a_holdout_keeps_the_plate_in_all_layers(plate, tracked, backwards, tmp_path):
    height, width = Sequence.open(plate).read(1001).rgb.shape[:2]
    matte = np.zeros((height, width), np.float32)
    matte[:, : width // 2] = 1
    write_exr(tmp_path / "m.exr", {"A": matte})
    layers = ("rgba", "stmap", "motion", "matte", "parts", "confidence")
    settings = asked(
        plate, tracked, backwards, output=str(tmp_path / "o.####.exr"), frames="1004", layers=layers,
        holdout=str(tmp_path / "m.exr"),
    )  # fmt: skip
    render_sequence(settings)
    made, source = read_plate(tmp_path / "o.1004.exr"), Sequence.open(plate).read(1004)
    kept = matte == 1
    assert np.array_equal(made.rgb[kept], source.rgb[kept]) and not np.array_equal(made.rgb, source.rgb)
    for layer in ("motion.u", "motion.v", "matte", "parts"):
        assert made.extra[layer][kept].max() == 0 and made.extra[layer][~kept].any()
    assert made.extra["confidence"][kept].min() == 1
    assert np.allclose(made.extra["stmap.u"][kept], ((np.arange(width) + 0.5) / width)[None].repeat(height, 0)[kept])


def test_mattes_keep_the_plate_in_frames_that_are_black(plate, tracked, backwards, tmp_path):
    height, width = Sequence.open(plate).read(1001).rgb.shape[:2]
    columns = np.arange(width)[None].repeat(height, 0)
    for name, kept in (("h", columns < 100), ("m", columns < width - 50)):
        write_exr(tmp_path / f"{name}.exr", {"A": kept.astype(np.float32)})
    layers = ("rgba", "stmap", "motion", "matte", "shading", "parts", "confidence")
    settings = asked(
        plate, tracked, backwards, output=str(tmp_path / "o.####.exr"), frames="1006", layers=layers, driver_start=8,
        missing="black", holdout=str(tmp_path / "h.exr"), mask=str(tmp_path / "m.exr"),
    )  # fmt: skip
    assert render_sequence(settings).black == (1006,)
    made, source = read_plate(tmp_path / "o.1006.exr"), Sequence.open(plate).read(1006)
    kept = (columns < 100) | (columns >= width - 50)
    assert np.array_equal(made.rgb, np.where(kept[..., None], source.rgb, 0))
    assert np.array_equal(made.extra["confidence"], kept) and np.array_equal(made.extra["shading"], kept)
    assert not any(made.extra[name].any() for name in ("motion.u", "motion.v", "matte", "parts"))
    assert np.allclose(made.extra["stmap.u"][kept], ((columns + 0.5) / width)[kept])
    inputs = json.loads((tmp_path / "o.reenact.json").read_text())["inputs"]
    assert inputs["mask"]["name"] == settings.mask and inputs["mask"]["sha256"] != inputs["holdout"]["sha256"]
    with pytest.raises(SettingsError, match=r"which --mask .* reads"):
        render_sequence(replace(settings, mask=str(tmp_path / "o.####.exr"), existing="overwrite"))


def test_an_estimate_of_what_is_before_the_face_is_the_same_in_any_chunk(plate, tracked, backwards, tmp_path):
    """Of a frame in which a dark disc lies over the chin."""
    clip, own = Sequence.open(plate), Performance.load(Path(tracked))
    folder = tmp_path / "plate"
    folder.mkdir()
    x, y = own.mesh[7, 152, :2] - [0, 12]
    for frame in clip.frames:
        rgb = clip.read(frame).rgb.copy()
        away = np.hypot(*(np.mgrid[: rgb.shape[0], : rgb.shape[1]] - np.array([y, x])[:, None, None]))
        if frame == 1008:
            rgb[away < 12] = 0.01
        write_exr(folder / f"p.{frame}.exr", rgb_channels(rgb))
    replace(own, made_of="", name=str(folder / "p.####.exr")).save(folder / "p.npz")
    made = []
    for name, frames in (("a", "1008"), ("b", "1007-1008")):
        settings = asked(
            str(folder / "p.####.exr"), str(folder / "p.npz"), backwards, output=str(tmp_path / f"{name}.####.exr"),
            frames=frames, layers=("rgba", "occlusion"), identity="",
        )  # fmt: skip
        render_sequence(settings)
        made.append(read_plate(tmp_path / f"{name}.1008.exr").extra["occlusion"])
    assert np.array_equal(*made)
    assert made[0][away < 9].mean() > 0.7 and made[0][away > 30].mean() < 0.01
    clean = read_plate(tmp_path / "b.1007.exr").extra["occlusion"]
    assert clean[away < 12].mean() < 0.1
    still = Settings(target=plate, target_frame=1003, performance=backwards, output=str(tmp_path / "c.####.exr"),
                     layers=("occlusion",))  # fmt: skip
    with pytest.raises(SettingsError, match=r"--layers occlusion: needs a target that moves"):
        render_sequence(still)


def test_one_frame_of_it_is_a_still(plate, backwards, tmp_path):
    report = render_sequence(
        Settings(
            target=plate, target_frame=1003, performance=backwards, output=str(tmp_path / "o.####.exr"), frames="2-3"
        )
    )
    assert report.written == (2, 3)


def test_analysis_makes_all_files_that_chunks_share(plate, backwards, tmp_path):
    named = {
        name: str(tmp_path / file)
        for name, file in (("target_performance", "p.npz"), ("identity", "i.safetensors"), ("parts_file", "c.json"))
    }
    about = analyse_inputs(Settings(target=plate, performance=backwards, **named))
    assert all(Path(path).exists() for path in named.values())
    assert about["target_performance"] == named["target_performance"]


def test_bad_plates_are_refused_with_nothing_written(plate, tracked, backwards, tmp_path):
    clip = Sequence.open(plate)
    folder = tmp_path / "holes"
    folder.mkdir()
    for frame in (1001, 1002, 1004):
        write_exr(folder / f"p.{frame}.exr", rgb_channels(clip.read(frame).rgb))
    out = str(tmp_path / "o.####.exr")
    with pytest.raises(FrameError, match=r"frames 1003 are missing"):
        render_sequence(Settings(target=str(folder / "p.####.exr"), performance=backwards, output=out))
    settings = asked(str(folder / "p.####.exr"), str(tmp_path / "kept.npz"), backwards, output=out)
    kept = replace(Performance.load(Path(tracked)), made_of="", name=str(folder / "p.####.exr"))
    kept.save(tmp_path / "kept.npz")
    write_exr(folder / "p.1003.exr", rgb_channels(clip.read(1003).rgb))
    with pytest.raises(TrackingError, match="has frames 1001-1012 of 360×288, the target 1001-1004"):
        render_sequence(settings)
    for frame in range(1005, 1013):
        write_exr(folder / f"p.{frame}.exr", rgb_channels(clip.read(frame).rgb[: -20 if frame == 1006 else None]))
    with pytest.raises(FrameError, match=r"p\.1006\.exr: frame 1006 is 360×268, frame 1001 360×288"):
        render_sequence(replace(settings, frames="1006"))
    with pytest.raises(FrameError, match="the target has frames 1001-1012, not 2000"):
        render_sequence(asked(plate, tracked, backwards, output=out, frames="2000"))
    with pytest.raises(TrackingError, match="frame 5000 cannot be the reference"):
        render_sequence(asked(plate, tracked, backwards, output=out, target_reference=5000))
    assert not list(tmp_path.glob("o.*exr"))


def test_a_performance_of_another_target_is_refused(plate, backwards, performance_file, tmp_path):
    with pytest.raises(TrackingError, match="--target-performance"):
        open_shot(asked(plate, performance_file, backwards))


def test_frames_that_are_there_are_not_replaced(plate, tracked, backwards, tmp_path):
    settings = asked(plate, tracked, backwards, output=str(tmp_path / "o.####.exr"), frames="1001")
    render_sequence(settings)
    with pytest.raises(OutputError, match="1001"):
        render_sequence(settings)


def test_landmarks_placed_by_hand_count_in_a_plate(plate, tracked, backwards, tmp_path):
    p = Performance.load(Path(tracked))
    moved = p.raw_landmarks[4] + [0, 3]
    path = tmp_path / "placed.json"
    content = {"schema": "ofx-reenact/landmarks/1", "frames": {"1005": moved.tolist()}}
    path.write_text(json.dumps(content))
    settings = Settings(
        target=plate, performance=backwards, target_landmarks=str(path), target_performance=str(tmp_path / "p.npz")
    )
    open_shot(settings)
    placed = Performance.load(tmp_path / "p.npz")
    assert placed.hand_made.tolist() == [row == 4 for row in range(COUNT)]
    assert np.allclose(placed.raw_landmarks[4], moved, atol=0.01)


def test_pictures_of_the_person_give_parts_to_a_still(plate, backwards, tmp_path):
    """A still takes a mouth from footage of the same person, which shows it open."""
    settings = Settings(target=plate, target_frame=1001, performance=backwards, appearance=(plate,), repair="off")
    shot = open_shot(settings)
    taken = [frame for frame in shot.motion.rows if shot.parts.text(frame)]
    assert taken and all("plate.####.exr:" in shot.parts.text(frame) for frame in taken)
    frame = next(f for f in taken if shot.render(f).parts.max() > 0.5)
    assert not np.array_equal(
        shot.render(frame).colour, open_shot(replace(settings, parts="off")).render(frame).colour
    )


def test_a_picture_of_somebody_else_gives_no_parts(plate, tracked, backwards, tmp_path):
    settings = asked(plate, tracked, backwards, appearance=(str(TARGET),), output=str(tmp_path / "o.####.exr"))
    with pytest.raises(TrackingError, match=r"--appearance .*target\.jpg: this is another person"):
        render_sequence(settings)
    assert not list(tmp_path.iterdir())
