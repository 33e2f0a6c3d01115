"""Sound: exact times over long clips and in ranges, and notes on damage."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from sounds import SIZE, clicks_at, grey_frames, heard_in, write_clip, write_sound

from ofx_reenact.errors import FrameError
from ofx_reenact.frames import movie
from ofx_reenact.frames.movie import Mp4Writer
from ofx_reenact.frames.sound import RATE, Sound, has_sound, start_of

FILM = Fraction(24000, 1001)


def write_movie(path: Path, fps: Fraction, count: int, sound: Sound | None) -> Path:
    with Mp4Writer(path, fps, SIZE, sound) as writer:
        for number in range(count):
            writer.write(np.full((SIZE[1], SIZE[0], 3), number % 250, np.uint8))
    return path


@pytest.mark.parametrize("rate", [44100, 48000])
def test_clicks_stay_with_their_frames_over_minutes(tmp_path, rate):
    count, clicks = 3001, [1, 2, 25, 1500, 2999]
    clip = write_clip(tmp_path / "d.mp4", grey_frames(count), FILM, clicks, rate)
    notes = []
    made = write_movie(tmp_path / "p.mp4", FILM, count, Sound(clip, start_of(clip), 1.0, notes.append))
    found = heard_in(made) * float(FILM) + 1
    assert len(found) == len(clicks) and np.abs(found - clicks).max() < 0.25 and not notes
    with av.open(str(made)) as container:
        pictures, sound = container.streams.video[0], container.streams.audio[0]
        assert pictures.average_rate == FILM and pictures.frames == count
        times = [packet.pts * packet.time_base for packet in container.demux(pictures) if packet.pts is not None]
        assert times == [number / FILM for number in range(count)]
        assert abs(sound.duration * sound.time_base - count / FILM) < Fraction(1, 20)


def test_the_sound_of_a_range_begins_at_its_first_frame(tmp_path):
    clip = write_clip(tmp_path / "d.mov", grey_frames(200), Fraction(25), [10, 120, 125], codec="pcm_s16le")
    sound = Sound(clip, start_of(clip) + Fraction(110 - 1, 25), 1.0, pytest.fail)
    found = heard_in(write_movie(tmp_path / "p.mp4", Fraction(25), 20, sound))
    assert np.allclose(found * 25 + 110, [120, 125], atol=0.1)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mkv", "aiff"])
def test_sound_files_of_every_format_begin_at_the_given_time(tmp_path, suffix):
    codecs = {"wav": "pcm_s16le", "flac": "flac", "mkv": "pcm_s16le", "aiff": "pcm_s16be"}
    file = write_sound(tmp_path / f"s.{suffix}", clicks_at([0.5, 1.25], 2), codec=codecs[suffix])
    # Three seconds before the sound: silence, then the sound.
    sound = Sound(file, -3, 1.0, pytest.fail)
    samples = sound.read(6 * RATE)
    loud = np.flatnonzero(np.abs(samples[:, 0]) > 0.2) / RATE
    assert samples.shape == (6 * RATE, 2) and samples.dtype == np.float32
    assert loud[0] == pytest.approx(3.5, abs=2e-3) and loud[-1] == pytest.approx(4.252, abs=3e-3)
    sound.close()


def test_reading_in_pieces_gives_the_same_samples(tmp_path):
    samples = np.random.default_rng(0).integers(-9000, 9000, (44100, 2)).astype(np.int16)
    file = write_sound(tmp_path / "s.wav", samples, 44100)
    pieces, whole = Sound(file, 0.1, 1.0, pytest.fail), Sound(file, 0.1, 1.0, pytest.fail)
    some = np.concatenate([pieces.read(count) for count in (1, 1601, 0, 1602, 7, 9000)])
    assert np.array_equal(some, whole.read(len(some))) and some.std() > 0.05


def test_the_sound_is_faster_if_the_frames_are(tmp_path):
    file = write_sound(tmp_path / "s.wav", clicks_at([0.24, 2.4], 3))
    samples = Sound(file, 0, 25 / 24, pytest.fail).read(3 * RATE)
    loud = np.flatnonzero(np.abs(samples[:, 0]) > 0.2) / RATE
    assert loud[0] == pytest.approx(0.2304, abs=2e-3) and loud[-1] == pytest.approx(2.304 + 0.002, abs=3e-3)


def test_silence_is_noted_and_written(tmp_path):
    file, notes = write_sound(tmp_path / "s.wav", clicks_at([0.1], 0.5)), []
    made = write_movie(tmp_path / "p.mp4", Fraction(25), 10, Sound(file, 100, 1.0, notes.append))
    assert not len(heard_in(made)) and len(notes) == 1 and "has no sound in the time of the frames" in notes[0]


def test_a_file_without_sound_is_an_error(tmp_path):
    made = write_movie(tmp_path / "p.mp4", Fraction(25), 2, None)
    with av.open(str(made)) as container:
        assert not container.streams.audio
    (tmp_path / "n.wav").write_bytes(b"RIFF nothing")
    for name in ("p.mp4", "n.wav", "missing.wav"):
        assert not has_sound(tmp_path / name)
    with pytest.raises(FrameError, match=r"p\.mp4: no sound in it"):
        Sound(made, 0, 1.0, pytest.fail)
    with pytest.raises(FrameError, match=r"missing\.wav: no sound that can be read"):
        Sound(tmp_path / "missing.wav", 0, 1.0, pytest.fail)


@pytest.mark.parametrize(("suffix", "codec"), [("flac", "flac"), ("mov", "aac"), ("mkv", "mp2"), ("wav", "pcm_s16le")])
@pytest.mark.parametrize("change", ["cut", "noise"])
def test_damaged_sound_has_gaps_and_is_noted_once(tmp_path, suffix, codec, change):
    if (suffix, change) in (("mov", "cut"), ("wav", "noise")):
        pytest.skip("cannot be opened, or cannot be known")
    rng, notes = np.random.default_rng(1), []
    noise = rng.integers(-9000, 9000, (96000, 2)).astype(np.int16)
    noise[72000:72480] = 32000
    file = write_sound(tmp_path / f"s.{suffix}", noise, codec=codec)
    whole = bytearray(file.read_bytes())
    middle = len(whole) // 2 + 1
    whole[middle : middle + len(whole) // 8] = rng.bytes(len(whole) // 8)
    file.write_bytes(whole if change == "noise" else whole[:middle])
    sound = Sound(file, 0, 1.0, notes.append)
    samples = sound.read(3 * RATE)
    sound.close()
    assert len(samples) == 3 * RATE and samples[RATE // 4 : RATE // 2].std() > 0.05
    assert len(notes) == 1 and "damaged or cut off after" in notes[0] and "\n" not in notes[0]
    if change == "cut":
        assert not samples[int(1.1 * RATE) :].any()
    elif codec != "mp2":
        # The sound after the gap is at its own time.
        assert np.flatnonzero(samples[:, 0] > 0.8)[0] == pytest.approx(72000, abs=100)


def test_without_h264_previews_are_mpeg_4_at_the_same_rate(tmp_path, monkeypatch):
    monkeypatch.setattr(movie, "_CODECS", ("no such encoder",))
    file = write_sound(tmp_path / "s.wav", clicks_at([0.5], 2))
    made = write_movie(tmp_path / "p.mp4", FILM, 30, Sound(file, 0, 1.0, pytest.fail))
    with av.open(str(made)) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
        assert container.streams.video[0].average_rate == FILM
    assert np.allclose(heard_in(made), [0.5], atol=0.01)
