"""Pixels of whole renders: bit for bit where nothing is asked, and what plates of every kind keep."""

import json

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import DRIVER, TARGET, driver_pictures, rgb_channels, write_exr
from jobs import assert_stmap_remakes, job, pixels, standing_still, write_rgb

from ofx_reenact.compose.matte_edge import shape_matte
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.tracking.landmarks import MESH68


def test_driver_standing_still_gives_the_target_bit_for_bit(performance, float_plate, linear, tmp_path):
    standing_still(performance).save(tmp_path / "still.npz")
    extra = write_exr(
        tmp_path / "t.exr", rgb_channels(linear) | {"A": np.full(linear.shape[:2], 0.7), "Z": linear[..., 0] * 1e5}
    )
    render_sequence(job(tmp_path, str(tmp_path / "still.npz"), target=str(extra), frames="1-3"))
    source = read_plate(extra)
    for frame in (1, 2, 3):
        plate = read_plate(tmp_path / f"o.{frame:04d}.exr")
        assert plate.depth == "float"
        assert np.array_equal(plate.rgb.view(np.uint32), source.rgb.view(np.uint32))
        assert np.array_equal(plate.alpha, source.alpha)
        assert np.array_equal(plate.extra["Z"], source.extra["Z"])


def test_a_still_as_driver_gives_the_target_bit_for_bit(float_plate, tmp_path):
    """A real still through the real tracker: whoever it shows, one frame is no motion."""
    still = tmp_path / "driver.png"
    driven = driver_pictures()
    cv2.imwrite(str(still), next(driven))
    render_sequence(job(tmp_path, target=float_plate, driver=str(still)))
    assert np.array_equal(read_plate(tmp_path / "o.0001.exr").rgb, read_plate(float_plate).rgb)


def test_absolute_motion_of_the_target_itself_is_the_target(float_plate, tmp_path):
    render_sequence(job(tmp_path, target=float_plate, driver=float_plate, motion="absolute"))
    assert np.array_equal(read_plate(tmp_path / "o.0001.exr").rgb, read_plate(float_plate).rgb)


def test_hdr_and_pixels_out_of_reach_survive_a_real_render(performance_file, float_plate, linear, tmp_path):
    render_sequence(job(tmp_path, performance_file, target=float_plate, frames="36", layers=("rgba", "matte")))
    plate = read_plate(tmp_path / "o.0036.exr")
    untouched = plate.extra["matte"] == 0
    assert 0.05 < untouched.mean() < 0.95
    assert np.array_equal(plate.rgb[untouched], linear[untouched])
    assert (plate.rgb[5:15, 5:15] == 37.5).all() and (plate.rgb[20:30, 5:15] == -0.25).all()
    moved, lit = plate.rgb[160:205, 280:340].max(), linear[180:183, 300:320].max()
    assert moved > 0.8 * lit > 1, "highlights on what moves keep their light"


@pytest.mark.slow
def test_frame_alone_equals_frame_of_a_range_and_chunks_equal_one(tmp_path):
    """Tracking included: each chunk is a job of its own, as on a farm."""
    folders = [tmp_path / name for name in ("whole", "a", "b", "c", "alone")]
    ranges = ["30-38", "30-32", "33-35", "36-38", "36"]
    for folder, frames in zip(folders, ranges, strict=True):
        render_sequence(job(folder, driver=str(DRIVER), frames=frames))
    whole = pixels(folders[0])
    chunks = {frame: rgb for folder in folders[1:4] for frame, rgb in pixels(folder).items()}
    assert whole.keys() == chunks.keys()
    for frame, rgb in whole.items():
        assert np.array_equal(rgb, chunks[frame]), frame
    assert np.array_equal(whole[36], pixels(folders[4])[36])


@pytest.mark.slow
def test_full_hd_half_plate_keeps_all_it_has(target, performance_file, tmp_path):
    width, height = 1900, 1060
    rgb = cv2.resize(target.pixels, (height, height), interpolation=cv2.INTER_CUBIC).astype(np.float16)
    plate = np.full((height, width, 3), 0.2, np.float16)
    plate[:, 400 : 400 + height] = rgb
    channels = rgb_channels(plate) | {
        "A": np.ones((height, width)),
        "crypto00.R": plate[..., 0] * 3,
        "Z": plate[..., 1],
    }
    path = write_exr(
        tmp_path / "plate.exr", channels, dict.fromkeys("RGBA", "half"),
        {
            "smpte:TimeCode": (oiio.TypeDesc("timecode"), (0x10203040, 0)),
            "FramesPerSecond": (oiio.TypeDesc("rational"), (24000, 1001)),
            "nuke/input/filename": "plate.exr", "nuke/node_hash": "f00",
        },
        window=(10, 10), display=(0, 0, 1920, 1080),
    )  # fmt: skip
    report = render_sequence(
        job(tmp_path, performance_file, target=str(path), frames="36", layers=("rgba", "stmap", "matte", "confidence"))
    )
    assert report.written == (36,)
    source, frame = read_plate(path), read_plate(tmp_path / "o.0036.exr")
    assert (frame.data_window, frame.display_window) == (source.data_window, source.display_window)
    assert frame.depth == "half" and frame.fps == source.fps
    assert set(frame.extra) == {"Z", "crypto00.R", "stmap.u", "stmap.v", "matte", "confidence"}
    for name in ("Z", "crypto00.R"):
        assert np.array_equal(frame.extra[name], source.extra[name])
    spec = oiio.ImageInput.open(str(tmp_path / "o.0036.exr")).spec()
    formats = dict(zip(spec.channelnames, map(str, spec.channelformats), strict=True))
    assert formats["R"] == "half" and formats["stmap.u"] == "float"
    assert spec.getattribute("smpte:TimeCode") == (0x10203040, 0)
    assert spec.get_string_attribute("nuke/input/filename") == "plate.exr"
    assert spec.getattribute("nuke/node_hash") is None  # of the tree that made the plate
    assert spec.get_string_attribute("reenact:target") == "plate.exr"
    assert "compositeWithTrainedAlgorithmicMedia" in spec.get_string_attribute("Iptc4xmpExt:DigitalSourceType")
    assert_stmap_remakes(frame, source)


def hand_placed(identity) -> dict:

    points = identity.face.mesh[list(MESH68), :2].tolist()
    return {"schema": "ofx-reenact/landmarks/1", "frames": {"*": points}}


def test_hand_placed_target_with_a_tracked_driver(identity, performance_file, tmp_path):
    """A stylised face that no tracker finds."""
    (tmp_path / "l.json").write_text(json.dumps(hand_placed(identity)))
    report = render_sequence(job(tmp_path, performance_file, frames="36", target_landmarks=str(tmp_path / "l.json")))
    assert report.written == (36,)


def test_all_hand_placed(identity, tmp_path):
    placed = hand_placed(identity)
    opened = [[x, y + (25 if 54 < i < 60 or i in (6, 7, 8, 9, 10, 65, 66, 67) else 0)]
              for i, (x, y) in enumerate(placed["frames"]["*"])]  # fmt: skip
    placed["frames"]["1"] = opened
    (tmp_path / "l.json").write_text(json.dumps(placed))
    for frame in (1, 2):
        (tmp_path / f"d.{frame:04d}.jpg").write_bytes(TARGET.read_bytes())
    report = render_sequence(
        job(
            tmp_path,
            driver=str(tmp_path / "d.####.jpg"),
            tracker="file",
            landmarks=str(tmp_path / "l.json"),
            target_landmarks=str(tmp_path / "l.json"),
            reference=2,
        )
    )
    frames = pixels(tmp_path)
    assert report.reference == 2
    assert np.abs(frames[1] - frames[2]).max() > 0.05


def test_grey_and_alpha_targets(performance_file, tmp_path):
    picture = cv2.imread(str(TARGET))
    cv2.imwrite(str(tmp_path / "grey.png"), cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    alpha = np.full(picture.shape[:2], 255, np.uint8)
    alpha[:, :50] = 0
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([picture, alpha]))
    render_sequence(job(tmp_path / "grey", performance_file, target=str(tmp_path / "grey.png"), frames="36"))
    assert np.ptp(pixels(tmp_path / "grey")[36], axis=-1).max() < 1e-3
    render_sequence(job(tmp_path / "alpha", performance_file, target=str(tmp_path / "alpha.png"), frames="36"))
    frame = read_plate(tmp_path / "alpha" / "o.0036.exr")
    assert frame.alpha[0, 0] == 0 and frame.alpha[0, -1] == 1


def test_dark_linear_face_is_found(linear, performance_file, tmp_path):
    dark = write_rgb(tmp_path, "dark", linear * 0.02)
    assert render_sequence(job(tmp_path, performance_file, target=dark, frames="36")).written == (36,)


def test_the_edge_of_the_matte_is_the_written_mattes_alone(performance_file, tmp_path):
    options = {"frames": "36", "layers": ("rgba", "stmap", "matte", "confidence"), "repair": "off"}
    made = []
    for name, edge in (("a", {}), ("b", {"matte_erode": 2.5, "matte_feather": 6.0})):
        (tmp_path / name).mkdir()
        render_sequence(job(tmp_path / name, performance_file, **options, **edge))
        made.append(read_plate(tmp_path / name / "o.0036.exr"))
    plain, edged = made
    assert np.array_equal(plain.rgb, edged.rgb)
    others = set(plain.extra) - {"matte"}
    assert others and all(np.array_equal(plain.extra[one], edged.extra[one]) for one in others)
    wanted = shape_matte(plain.extra["matte"].astype(np.float32), 2.5, 6)
    assert np.allclose(edged.extra["matte"], wanted, atol=2e-3)
    assert not np.array_equal(plain.extra["matte"], edged.extra["matte"])
