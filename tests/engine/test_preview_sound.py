"""Whose sound a preview has, where it is in the shot, and what is said where there is none."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import DRIVER
from jobs import job
from sounds import clicks_at, grey_frames, heard_in, write_clip, write_sound

from ofx_reenact.engine import preview
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.frames.sound import RATE
from ofx_reenact.settings import Settings

FILM = Fraction(24000, 1001)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A driver of 40 frames that clicks in frame 20, and a plate of 30 that clicks in frame 10."""
    folder = tmp_path_factory.mktemp("clips")
    driver = write_clip(folder / "driver.mp4", grey_frames(40), FILM, [20])
    plate = write_clip(folder / "plate.mp4", grey_frames(30), FILM, [10])
    write_sound(folder / "s.wav", clicks_at([0.5], 1))
    return SimpleNamespace(driver=str(driver), plate=str(plate), wav=str(folder / "s.wav"))


def heard(settings, todo, moving=False, fps=FILM, rate=FILM, plate=range(1, 31)):
    """Return in which frames of the result something clicks, counted from the first to do, and what is said."""
    notes, frames = [], tuple(plate) if moving else tuple(range(1, 41))
    plates = SimpleNamespace(moving=moving, sequence=SimpleNamespace(fps=fps), frames=FrameRange(tuple(plate)))
    performance = SimpleNamespace(frames=np.arange(1, 41), rate=rate)
    plan = SimpleNamespace(todo=FrameRange.of(todo), states=dict.fromkeys(frames))
    shown = fps if moving else rate
    sound = preview.find_sound(settings, plates, performance, plan, shown, notes.append)
    if sound is None:
        return [], notes
    samples = sound.read(round(len(plan.todo) / shown * RATE))
    sound.close()
    loud = np.flatnonzero(np.abs(samples[:, 0]) > 0.2) / RATE
    starts = loud[np.insert(np.diff(loud) > 0.01, 0, True)] if len(loud) else loud
    return [round(float(at * shown) + min(todo), 1) for at in starts], notes


def test_a_still_speaks_with_its_drivers_voice(clips):
    settings = Settings(target="t.exr", driver=clips.driver)
    assert heard(settings, range(1, 41)) == ([20.0], [])
    assert heard(settings, range(15, 26)) == ([20.0], [])
    assert heard(replace(settings, preview_sound="none"), range(1, 41)) == ([], [])
    found, notes = heard(replace(settings, preview_sound="target"), range(1, 41))
    assert not found and notes == ["--preview-sound target: no sound was found; the preview is silent"]


def test_a_moving_target_has_the_voice_of_who_moves_its_mouth(clips):
    settings = Settings(target=clips.plate, driver=clips.driver)
    assert heard(settings, range(1, 31), moving=True) == ([20.0], [])
    assert heard(replace(settings, preview_sound="target"), range(5, 31), moving=True) == ([10.0], [])
    for eyes in ({"regions": "eyes"}, {"weight_mouth": 0.0}, {"driver": str(DRIVER.with_suffix(".none"))}):
        assert heard(replace(settings, **eyes), range(1, 31), moving=True) == ([10.0], [])
    # The driver's frame 8 belongs to the plate's first: it clicks twelve frames later.
    assert heard(replace(settings, driver_start=8), range(1, 31), moving=True)[0] == [13.0]
    assert heard(replace(settings, driver_start=8), range(11, 16), moving=True)[0] == [13.0]
    # And in a plate with handles before its driver.
    assert heard(replace(settings, driver_start=-4), range(1, 31), moving=True)[0] == [25.0]


def test_sound_that_would_be_at_another_speed_is_left_out_or_said(clips):
    settings = Settings(target=clips.plate, driver=clips.driver)
    found, notes = heard(replace(settings, driver_speed=0.5), range(1, 31), moving=True)
    assert not found and "shown at 0.5 times their speed; the preview is silent" in notes[0]
    # Film in a shot of 25: faster by 4 in 100, as its pictures are.
    found, notes = heard(settings, range(1, 31), moving=True, fps=Fraction(25))
    assert found == [20.0] and "shown at 1.043 times their speed, and so is its sound" in notes[0]
    # A driver of 48 frames a second at twice the speed is as fast as it was.
    fast = replace(settings, driver_speed=2.0)
    found, notes = heard(fast, range(1, 21), moving=True, fps=FILM, rate=2 * FILM)
    assert not notes and found[0] == pytest.approx(20, abs=0.1)


def test_frames_that_leave_some_out_are_silent(clips):
    found, notes = heard(Settings(target="t.exr", driver=clips.driver), [1, 3, 5])
    assert not found and "frames are missing between" in notes[0]


def test_a_file_of_sound_begins_at_a_frame_of_the_shot(clips):
    settings = Settings(target="t.exr", driver=clips.driver, sound=clips.wav, preview="p.mp4")
    at = 0.5 * float(FILM)
    assert heard(settings, range(1, 41)) == ([round(1 + at, 1)], [])
    # A range is cut out of the shot: it does not begin the sound again.
    assert heard(settings, range(10, 41)) == ([round(1 + at, 1)], [])
    assert heard(replace(settings, sound_start=-3), range(1, 41)) == ([round(-3 + at, 1)], [])
    assert heard(replace(settings, sound_start=20), range(1, 41)) == ([round(20 + at, 1)], [])
    found, notes = heard(replace(settings, sound_start=500), range(1, 41))
    assert not found and "has no sound in the time of the frames" in notes[0]


def test_a_render_clicks_where_its_driver_does(tmp_path, performance_file):
    """Whole: a driver of film with sound, tracked, a range of it rendered, without a word in the frames' digest."""
    demo = Sequence.open(DRIVER)
    frames = [np.round(demo.read(n).rgb * (1 if demo.read(n).rgb.dtype == np.uint8 else 255)) for n in range(30, 38)]
    clip = write_clip(tmp_path / "d.mp4", [one.astype(np.uint8) for one in frames], FILM, [3, 6])
    movie = tmp_path / "p.mp4"
    options = {"driver": str(clip), "frames": "4-8", "repair": "off", "preview": str(movie), "existing": "overwrite"}
    report = render_sequence(job(tmp_path, str(tmp_path / "d.npz"), **options))
    assert report.preview == movie and not any("sound" in note for note in report.warnings)
    assert np.allclose(heard_in(movie) * float(FILM) + 4, [6], atol=0.3)
    assert Sequence.open(movie).fps == FILM
    wav = write_sound(tmp_path / "s.wav", clicks_at([0.05], 1))
    others = render_sequence(job(tmp_path, str(tmp_path / "d.npz"), **options, sound=str(wav), sound_start=4))
    assert np.allclose(heard_in(movie), [0.05], atol=0.01) and not others.skipped
    skipped = render_sequence(job(tmp_path, str(tmp_path / "d.npz"), **{**options, "existing": "skip"}))
    # Made from the same but for the sound.
    assert skipped.skipped == (4, 5, 6, 7, 8)


def test_a_sound_that_is_not_there_is_refused_before_anything_is_rendered(tmp_path, performance_file):
    missing = job(tmp_path, performance_file, preview=str(tmp_path / "p.mp4"), sound=str(tmp_path / "s.wav"))
    with pytest.raises(FrameError, match=r"s\.wav: no sound that can be read"):
        render_sequence(missing)
    with pytest.raises(SettingsError, match="--sound needs --preview"):
        render_sequence(replace(missing, preview=""))
    wav = write_sound(tmp_path / "p.mp4", clicks_at([0.1], 0.2), codec="aac")
    with pytest.raises(SettingsError, match="--sound"):
        render_sequence(replace(missing, sound=str(wav)))
    assert not list(tmp_path.glob("o.*"))
