"""Videos: their frames, order and colours."""

from fractions import Fraction

import av
import numpy as np
import pytest
from conftest import DRIVER, TARGET
from videos import INTERLACED, coded, combs, fields, pictures, write_video

from ofx_reenact.errors import FrameError
from ofx_reenact.frames import video_decode
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import read_picture
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.frames.video_plates import standard_rate


def read_all(video):
    return [video.read(frame).rgb for frame in video.frames]


def nearest(rgb, shown):
    """Return the number of the most similar picture, from 1."""
    return 1 + int(np.argmin([np.abs(rgb - picture / 255).mean() for picture in shown]))


def test_frames_do_not_depend_on_the_order_of_reading():
    video = Sequence.open(str(DRIVER))
    assert len(video.frames) == 75 and video.fps == 25 and video.notes == ()
    forward = {frame: video.read(frame).rgb for frame in (1, 2, 40, 75)}
    for frame in (75, 2, 40, 1):
        assert np.array_equal(video.read(frame).rgb, forward[frame])


@pytest.mark.parametrize(
    ("codec", "name", "options"),
    [
        ("mpeg2video", "v.mpg", {"bf": "2"}),
        ("mpeg2video", "v.ts", {"bf": "2"}),
        ("mpeg2video", "v.mts", {}),
        ("mpeg2video", "v.mxf", {}),
        ("mpeg4", "v.avi", {"bf": "2"}),
        ("mpeg4", "v.3gp", {}),
        ("libx264", "v.mp4", {"bf": "3"}),
        ("libx264", "v.mkv", {"bf": "3"}),
        ("wmv2", "v.wmv", {}),
        ("flv", "v.flv", {}),
        ("libvpx-vp9", "v.webm", {}),
        ("mjpeg", "v.mov", {}),
        ("ffv1", "take:2 #1 [é]%d.mkv", {}),
        ("mpeg4", "no suffix that is known.lrv", {}),
    ],
)
def test_every_frame_is_read_once_in_order(tmp_path, codec, name, options):
    shown, path = pictures(20), tmp_path / name
    muxing = {"format": "mp4"} if path.suffix == ".lrv" else {}
    kind = {".mts": ".ts", ".lrv": ".mp4"}.get(path.suffix)
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    if kind:
        write_video(tmp_path / f"x{kind}", shown, codec, pixels, options=options).rename(path)
    else:
        write_video(path, shown, codec, pixels, options=options, muxing=muxing)
    video = Sequence.open(str(path))
    assert video.kind == "video" and len(video.frames) == 20 and video.fps == 25 and video.notes == ()
    assert [nearest(rgb, shown) for rgb in read_all(video)] == list(range(1, 21))
    assert np.array_equal(Sequence.open(str(path)).read(7).rgb, video.read(7).rgb)


@pytest.mark.parametrize(
    ("codec", "options"),
    [("libx264", {"x264-params": "slices=4"}), ("ffv1", {"slices": "4"}), ("mpeg2video", INTERLACED)],
)
def test_threads_do_not_change_a_bit(tmp_path, monkeypatch, codec, options):
    path = write_video(tmp_path / "v.mkv", fields(6), codec, options=options)
    frames = []
    for threads in (1, 2, 7):
        monkeypatch.setattr(video_decode, "_THREADS", threads)
        frames.append(np.stack(read_all(Sequence.open(path))))
    assert np.array_equal(frames[0], frames[1]) and np.array_equal(frames[0], frames[2])


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(50)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_rates_are_exact(tmp_path, rate, suffix):
    video = Sequence.open(write_video(tmp_path / f"v{suffix}", pictures(20), "mpeg4", rate=rate))
    assert video.fps == rate and video.notes == ()


@pytest.mark.parametrize(
    ("value", "rate"),
    [(23.976023976, Fraction(24000, 1001)), (29.97, Fraction(30000, 1001)), (25.0, Fraction(25)), (0.0, None)],
)
def test_rounded_rates_become_exact_fractions(value, rate):
    assert standard_rate(value) == rate


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_frames_of_different_durations_count_once_and_are_noted(tmp_path, suffix):
    shown, times = pictures(8), [0, 1, 2, 3, 20, 21, 22, 30]
    video = Sequence.open(write_video(tmp_path / f"v{suffix}", shown, "mpeg4", times=times))
    assert [nearest(rgb, shown) for rgb in read_all(video)] == list(range(1, 9))
    assert "frame 4 is shown for" in video.notes[0] and "the rate varies" in video.notes[0]


@pytest.mark.parametrize(
    ("codec", "name", "pixels", "options"),
    [
        ("libx264", "v.mp4", "yuv420p", {"x264-params": "interlaced=1:tff=1"}),
        ("mpeg2video", "v.mpg", "yuv420p", INTERLACED),
        ("mpeg2video", "v.mxf", "yuv420p", INTERLACED),
        ("mpeg4", "v.avi", "yuv420p", INTERLACED),
        ("prores_ks", "v.mov", "yuv422p10le", {"flags": "+ildct"}),
    ],
)
def test_interlaced_frames_are_deinterlaced(tmp_path, codec, name, pixels, options):
    path = write_video(tmp_path / name, fields(6), codec, pixels, options=options)
    with av.open(str(path)) as container:
        raw = [frame.to_ndarray(format="rgb24") / 255 for frame in container.decode(video=0)]
    video = Sequence.open(path)
    frames = read_all(video)
    assert len(frames) == len(raw) == 6 and "interlaced" in video.notes[0]
    assert min(map(combs, raw)) > 0.8 and max(map(combs, frames)) < 0.2
    assert len({frame.tobytes() for frame in frames}) == 6
    for frame in (6, 2, 1):
        assert np.array_equal(Sequence.open(path).read(frame).rgb, frames[frame - 1])


def test_a_single_interlaced_frame_is_deinterlaced(tmp_path):
    path = write_video(tmp_path / "v.mpg", fields(1), "mpeg2video", options=INTERLACED)
    video = Sequence.open(path)
    assert len(video.frames) == 1 and combs(video.read(1).rgb) < 0.2


def test_interlaced_hevc_is_refused(tmp_path):
    path = write_video(tmp_path / "v.mp4", fields(4), "libx265", options={"x265-params": "interlace=tff:log-level=0"})
    with pytest.raises(FrameError, match="interlaced HEVC"):
        Sequence.open(path)


@pytest.mark.parametrize(("degrees", "mirrored"), [(0, False), (90, False), (180, False), (270, False), (0, True)])
def test_pictures_are_turned_upright(tmp_path, degrees, mirrored):
    shown = np.full((48, 64, 3), 90, np.uint8)
    shown[:24, :32] = (250, 0, 0)

    def turn(stream):
        if not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write a rotation")
        stream.set_display_rotation(degrees, hflip=mirrored)
        stream.codec_context.sample_aspect_ratio = Fraction(2)

    path = write_video(tmp_path / "v.mp4", [shown], "mpeg4", stream=turn, options={"qscale": "1"})
    plate = Sequence.open(path).read(1)
    wanted = np.rot90(shown[:, ::-1] if mirrored else shown, degrees // 90)
    assert plate.rgb.shape == wanted.shape and np.abs(plate.rgb - wanted / 255).mean() < 0.05
    aspect = plate.attributes.getattribute("PixelAspectRatio")
    assert aspect == (0.5 if degrees in (90, 270) else 2.0)


def test_square_pixels_have_no_attribute(tmp_path):
    plate = Sequence.open(write_video(tmp_path / "v.mp4", pictures(1))).read(1)
    assert plate.attributes.getattribute("PixelAspectRatio") is None


WEIGHTS = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


def rgb_of(codes, bits, full, matrix):
    """Convert luma and chroma to RGB as in ITU-T H.273."""
    one, half = 2**bits, 2 ** (bits - 1)
    y, u, v = (float(code) for code in codes)
    if full:
        y, u, v = y / (one - 1), (u - half) / (one - 1), (v - half) / (one - 1)
    else:
        y, u, v = ((y - one / 16) / (one / 256 * 219), *((c - half) / (one / 256 * 224) for c in (u, v)))
    of_red, of_blue = WEIGHTS[matrix]
    r, b = y + 2 * (1 - of_red) * v, y + 2 * (1 - of_blue) * u
    return np.array([r, (y - of_red * r - of_blue * b) / (1 - of_red - of_blue), b])


@pytest.mark.parametrize("tags", [(1, 1), (1, 2), (6, 1), (6, 2), (9, 1), (None, None)])
@pytest.mark.parametrize(("pixels", "bits"), [("yuv420p", 8), ("yuv420p10le", 10), ("yuv422p12le", 12)])
@pytest.mark.parametrize("width", [64, 1280])
def test_matrix_and_range_are_the_videos_own(tmp_path, tags, pixels, bits, width):
    matrix, levels = tags
    codes = [code << (bits - 8) for code in (120, 140, 110)]

    def tag(stream):
        if matrix:
            stream.codec_context.colorspace, stream.codec_context.color_range = matrix, levels

    path = write_video(tmp_path / "v.mkv", [coded(pixels, codes, width=width)], "ffv1", pixels, stream=tag)
    plate = Sequence.open(path).read(1)
    wanted = rgb_of(codes, bits, levels == 2, matrix or (1 if width > 1024 else 6))
    assert plate.depth == ("uint8" if bits == 8 else "uint16")
    assert np.abs(plate.rgb[5, 5] - wanted).max() < (2 / 255 if bits == 8 else 1e-6)


@pytest.mark.parametrize("pixels", ["yuv444p10le", "yuv422p10le", "gray10le"])
def test_ten_bits_stay_ten_bits(tmp_path, pixels):
    codes = np.arange(1024, dtype=np.uint16)[None].repeat(16, 0)
    others = [] if pixels.startswith("gray") else [512, 512]
    path = write_video(tmp_path / "v.mkv", [coded(pixels, [codes, *others], width=1024)], "ffv1", pixels)
    row = Sequence.open(path).read(1).rgb[3]
    first, last = (0, 1023) if pixels.startswith("gray") else (64, 940)
    assert np.array_equal(row[:, 0], row[:, 1]) and row[first, 0] == 0 and row[last, 0] == 1
    steps = np.diff(row[first : last + 1, 0])
    assert np.allclose(steps, 1 / (last - first), atol=1e-6)


def test_rgb_of_any_depth_is_exact(tmp_path):
    rng = np.random.default_rng(0)
    shown = rng.integers(0, 256, (16, 64, 3), np.uint8)
    path = write_video(tmp_path / "v.mkv", [shown], "ffv1", "bgr0")
    assert np.array_equal(Sequence.open(path).read(1).rgb, np.float32(shown) / np.float32(255))
    planes = [rng.integers(0, 4096, (16, 64), np.uint16) for _ in range(3)]
    path = write_video(tmp_path / "w.mkv", [coded("gbrp12le", planes)], "ffv1", "gbrp12le")
    assert np.abs(Sequence.open(path).read(1).rgb - np.stack(planes, -1)[..., [2, 0, 1]] / 4095).max() < 2e-4


@pytest.mark.parametrize(
    ("codec", "name", "pixels"),
    [
        ("prores_ks", "v.mov", "yuva444p10le"),
        ("qtrle", "v.mov", "argb"),
        ("libvpx-vp9", "v.webm", "yuva420p"),
        ("ffv1", "v.mkv", "bgra"),
        ("apng", "v.apng", "rgba"),
    ],
)
def test_alpha_is_associated(tmp_path, codec, name, pixels):
    shown = [np.dstack([np.full((48, 64, 3), 200, np.uint8), np.full((48, 64), a, np.uint8)]) for a in (0, 128, 255)]
    options = {"profile": "4444"} if codec == "prores_ks" else {}
    video = Sequence.open(write_video(tmp_path / name, shown, codec, pixels, options=options))
    for frame, alpha in ((1, 0), (2, 128), (3, 255)):
        plate = video.read(frame)
        assert np.abs(plate.alpha - alpha / 255).max() < 0.03
        assert np.abs(plate.rgb - 200 / 255 * alpha / 255).max() < 0.03


def test_animated_pictures_are_videos(tmp_path):
    shown = pictures(5)
    for codec, pixels, name in (("gif", "rgb8", "a.gif"), ("apng", "rgb24", "b.apng")):
        video = Sequence.open(write_video(tmp_path / name, shown, codec, pixels, rate=10))
        assert video.kind == "video" and [nearest(rgb, shown) for rgb in read_all(video)] == [1, 2, 3, 4, 5]
        assert video.fps == 10
    (tmp_path / "b.apng").rename(tmp_path / "b.png")
    assert len(Sequence.open(tmp_path / "b.png").frames) == 5
    assert Sequence.open(write_video(tmp_path / "one.0012.gif", shown[:1], "gif", "rgb8")).kind == "still"
    assert list(Sequence.open(tmp_path / "one.0012.gif").frames) == [12]
    assert Sequence.open(str(TARGET)).kind == "still"


def test_an_animated_webp_is_refused(tmp_path):
    (tmp_path / "a.webp").write_bytes(b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0" + bytes(64))
    with pytest.raises(FrameError, match="animated WebP"):
        Sequence.open(tmp_path / "a.webp")


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG"), (1, ""), (13, "")])
def test_a_transfer_unlike_srgb_is_not_guessed(tmp_path, transfer, name):
    def tag(stream):
        stream.codec_context.color_trc = transfer

    path = write_video(tmp_path / "v.mkv", [coded("yuv420p10le", (500, 512, 512))], "ffv1", "yuv420p10le", stream=tag)
    colour, plate = Colour(), Sequence.open(path).read(1)
    assert colour.choose(plate, "Rec.2100-PQ - Display")[0] == "Rec.2100-PQ - Display"
    if not name:
        assert colour.choose(plate, None)[0] == colour.srgb()
        return
    with pytest.raises(FrameError, match=rf"{name}.*--driver-colorspace"):
        colour.show(plate)
    with pytest.raises(FrameError, match=name):
        read_picture(str(path), colour)
