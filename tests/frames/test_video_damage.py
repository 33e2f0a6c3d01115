"""Damaged videos, and files that are not videos: an error of one line, and never a wrong frame."""

from concurrent.futures import ThreadPoolExecutor

import av
import numpy as np
import pytest
from videos import pictures, write_video

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.sequence import Sequence

NOISE = np.random.default_rng(0).integers(0, 256, (12, 48, 64, 3), np.uint8)


def refused(path, match):
    with pytest.raises(FrameError, match=match) as caught:
        Sequence.open(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message


def cut(path, fraction):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * fraction)])
    return path


@pytest.mark.parametrize(
    ("codec", "name", "muxing"),
    [
        ("mpeg2video", "v.mpg", {}),
        ("mpeg2video", "v.ts", {}),
        ("mpeg2video", "v.mxf", {}),
        ("mpeg4", "v.avi", {}),
        ("mpeg4", "v.mp4", {}),
        ("mpeg4", "fast.mp4", {"movflags": "faststart"}),
        ("mpeg4", "pieces.mp4", {"movflags": "frag_keyframe+empty_moov"}),
        ("libx264", "v.mkv", {}),
        ("libx264", "v.ts", {}),
        ("ffv1", "v.mkv", {}),
        ("mjpeg", "v.mov", {"movflags": "faststart"}),
        ("libvpx-vp9", "v.webm", {}),
        ("flv", "v.flv", {}),
        ("wmv2", "v.wmv", {}),
    ],
)
def test_a_video_that_is_cut_off_is_refused(tmp_path, codec, name, muxing):
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_video(tmp_path / name, list(NOISE), codec, pixels, muxing=muxing, options={"g": "6", "b": "8M"})
    assert len(Sequence.open(path).frames) == 12
    refused(cut(path, 0.62), "damaged or cut off|cut off|not a video that can be read")


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("mpeg2video", "v.mpg"),
        ("mpeg2video", "v.ts"),
        ("mpeg4", "v.avi"),
        ("libx264", "v.mp4"),
        ("ffv1", "v.mkv"),
        ("mjpeg", "v.avi"),
    ],
)
def test_a_damaged_frame_is_named(tmp_path, codec, name):
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_video(tmp_path / name, list(NOISE), codec, pixels, options={"bf": "0", "b": "8M"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(content)
    message = refused(path, r"frame \d+ is damaged")
    assert 3 <= int(message.split("frame ")[1].split()[0]) <= 10


def test_missing_frames_are_noted(tmp_path):
    """FFmpeg drops damaged packets of an ASF without a message."""
    path = write_video(tmp_path / "v.wmv", list(NOISE), "wmv2", options={"b": "8M"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(content)
    try:
        notes = Sequence.open(path).notes
    except FrameError:
        return
    assert "frames are missing" in notes[0]


def test_an_index_that_is_cut_off_is_refused(tmp_path):
    refused(cut(write_video(tmp_path / "v.mp4", list(NOISE)), 0.97), "cut off")


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("mpeg2video", {"bf": "2"}),
        ("libx264", {"x264-params": "open-gop=1"}),
        ("libx265", {"x265-params": "log-level=0"}),
    ],
)
def test_a_recording_begins_at_its_first_keyframe(tmp_path, codec, options):
    path = write_video(tmp_path / "v.ts", list(NOISE), codec, options={"g": "6", "b": "1M", **options})
    whole = Sequence.open(path)
    known = {whole.read(frame).rgb.tobytes() for frame in whole.frames}
    content = path.read_bytes()
    path.write_bytes(content[len(content) // 4 // 188 * 188 :])
    rest = Sequence.open(path)
    assert 1 <= len(rest.frames) < 12 and {rest.read(frame).rgb.tobytes() for frame in rest.frames} <= known


def test_frames_that_an_edit_list_leaves_out_do_not_count(tmp_path):
    shown = pictures(12)
    path = write_video(tmp_path / "v.mp4", shown, "libx264", times=list(range(-5, 7)))
    video = Sequence.open(path)
    assert len(video.frames) == 7 and np.abs(video.read(1).rgb - shown[5] / 255).mean() < 0.03


def test_videos_are_decoded_in_several_threads(tmp_path):
    """FFmpeg's log does not tell which video an error is about."""
    good = write_video(tmp_path / "good.mpg", list(NOISE), "mpeg2video", options={"b": "8M"})
    bad = cut(write_video(tmp_path / "bad.ts", list(NOISE), "mpeg2video", options={"b": "8M"}), 0.62)

    def refuse(_):
        refused(bad, "damaged")

    with ThreadPoolExecutor(4) as pool:
        refusals = list(pool.map(refuse, range(20)))
        counts = list(pool.map(lambda _: len(Sequence.open(good).frames), range(20)))
        mixed = [pool.submit(refuse, 0) if n % 2 else pool.submit(Sequence.open, good) for n in range(40)]
        assert len(refusals) == 20 and set(counts) == {12} and all(one.exception() is None for one in mixed)


def test_missing_packets_are_detected(tmp_path):
    path = write_video(tmp_path / "v.ts", list(NOISE), "mpeg2video")
    content = path.read_bytes()
    middle = len(content) // 2 // 188 * 188
    path.write_bytes(content[:middle] + content[middle + 188 * 3 :])
    refused(path, "damaged")


def test_frames_of_another_size_are_refused(tmp_path):
    one = write_video(tmp_path / "1.mpg", pictures(5), "mpeg2video")
    other = write_video(tmp_path / "2.mpg", pictures(5, 96, 128), "mpeg2video")
    (tmp_path / "v.mpg").write_bytes(one.read_bytes() + other.read_bytes())
    refused(tmp_path / "v.mpg", r"frame \d+ is 128x96 yuv420p, those before it 64x48")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"hello " * 99, "not a video"),
        ("list.mp4", b"ffconcat version 1.0\nfile other.mp4\n", "not a video"),
        ("list.ts", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.ts\n#EXT-X-ENDLIST\n", "not a video"),
    ],
)
def test_files_that_are_not_videos_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, message)


def test_a_picture_named_like_a_video_is_refused(tmp_path):
    picture = write_video(tmp_path / "p.png", pictures(1), "png", "rgb24")
    picture.rename(tmp_path / "v.mp4")
    refused(tmp_path / "v.mp4", "not a video")


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "v.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
    refused(path, "no pictures")


@pytest.mark.parametrize(("of_second", "read"), [("attached_pic", True), ("", True), ("default", False)])
def test_the_default_among_several_videos_is_read(tmp_path, of_second, read):
    path, kinds = tmp_path / "v.mkv", av.stream.Disposition
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(2)]
        for number, (stream, kind) in enumerate(zip(streams, ("default", of_second), strict=True), start=1):
            stream.width, stream.height, stream.pix_fmt = 64 * number, 48 * number, "yuv420p"
            stream.disposition = kinds[kind].value if kind else 0
        for picture in pictures(3):
            for number, stream in enumerate(streams, start=1):
                large = np.kron(picture, np.ones((number, number, 1), np.uint8))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(large, "rgb24")))
        for stream in streams:
            container.mux(stream.encode())
    if read:
        assert Sequence.open(path).read(3).rgb.shape == (48, 64, 3)
    else:
        refused(path, r"2 videos in one file \(64x48, 128x96\)")


def test_colours_that_cannot_be_read_are_refused(tmp_path):
    def tag(stream):
        stream.codec_context.colorspace = 8

    refused(write_video(tmp_path / "v.mkv", pictures(1), "ffv1", "yuv444p", stream=tag), "matrix")


def test_a_video_that_changes_while_it_is_read(tmp_path):
    path = write_video(tmp_path / "v.mpg", list(NOISE), "mpeg2video")
    video = Sequence.open(path)
    write_video(path, list(NOISE[:4]), "mpeg2video")
    with pytest.raises(FrameError, match=r"v\.mpg: frame 9"):
        video.read(2)
        video.read(9)
        video.read(1)
        video.read(9)


def test_nothing_is_printed(tmp_path, capfd):
    path = cut(write_video(tmp_path / "v.ts", list(NOISE), "mpeg2video"), 0.62)
    refused(path, "damaged")
    assert capfd.readouterr() == ("", "")
