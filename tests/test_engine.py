"""The engine: bit-exact promises, plates that come out whole, errors that say what to do."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import DRIVER, TARGET, make_shot, rgb_channels, write_exr

from ofx_reenact.engine.run import render_sequence
from ofx_reenact.errors import FrameError, OutputError, ReenactError, SettingsError, TrackingError, WeightsError
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from ofx_reenact.shot.identity import Identity
from ofx_reenact.shot.person import Face
from ofx_reenact.shot.shot import Shot
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.performance import Performance


@pytest.fixture(scope="module")
def linear(target) -> np.ndarray:
    """The demo target as scene-linear float, with values no display has outside the face."""
    small = cv2.resize(target.pixels, (300, 300), interpolation=cv2.INTER_AREA)
    picture = np.pad(small, ((150, 150), (150, 150), (0, 0)), mode="edge")
    picture[5:15, 5:15] = 37.5
    picture[20:30, 5:15] = -0.25
    picture[180:183, 300:320] *= 40  # on the hair, which moves
    return picture


@pytest.fixture(scope="module")
def float_plate(linear, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("plate") / "target.exr"
    return str(write_exr(path, rgb_channels(linear)))


@pytest.fixture(scope="module")
def shot(target, identity, performance, weights) -> Shot:
    return make_shot(identity, target, performance, weights)


def job(folder: Path, performance_file: str = "", /, **options) -> Settings:
    plain = {"target": str(TARGET), "output": str(folder / "o.####.exr"), "performance": performance_file}
    return Settings(**{**plain, **options})


def pixels(folder: Path) -> dict[int, np.ndarray]:
    frames = Sequence.open(str(folder / "o.####.exr"))
    return {frame: frames.read(frame).rgb for frame in frames.frames}


def standing_still(performance: Performance) -> Performance:
    """A driver who holds one frame's pose throughout."""
    row = 5
    held = {
        name: np.repeat(getattr(performance, name)[row : row + 1], len(performance.frames), axis=0)
        for name in ("frontal", "rotation", "scale", "translation", "blendshapes", "raw_mesh", "raw_landmarks")
    }
    return dataclasses.replace(performance, **held)


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
    capture = cv2.VideoCapture(str(DRIVER))
    cv2.imwrite(str(still), capture.read()[1])
    render_sequence(job(tmp_path, target=float_plate, driver=str(still)))
    assert np.array_equal(read_plate(tmp_path / "o.0001.exr").rgb, read_plate(float_plate).rgb)


@pytest.mark.parametrize("motion", ["relative", "locked"])
def test_reference_frame_is_the_target(target, identity, performance, weights, motion):
    made = make_shot(identity, target, performance, weights, Settings(reference=20, motion=motion))
    assert np.array_equal(made.render(20).colour, target.pixels)
    assert not np.array_equal(made.render(36).colour, target.pixels)


def test_absolute_motion_of_the_target_itself_is_the_target(float_plate, tmp_path):
    render_sequence(job(tmp_path, target=float_plate, driver=float_plate, motion="absolute"))
    assert np.array_equal(read_plate(tmp_path / "o.0001.exr").rgb, read_plate(float_plate).rgb)


def test_weights_of_zero_are_no_motion(target, identity, performance, weights):
    names = [f.name for f in dataclasses.fields(Settings) if f.name.startswith("weight_")]
    made = make_shot(identity, target, performance, weights, Settings(**dict.fromkeys(names, 0.0)))
    assert np.array_equal(made.render(36).colour, target.pixels)


def test_a_regions_weight_moves_that_region_alone(target, identity, performance, weights):
    names = [f.name for f in dataclasses.fields(Settings) if f.name.startswith("weight_")]
    settings = Settings(**(dict.fromkeys(names, 0.0) | {"weight_mouth": 1.0}))
    made = make_shot(identity, target, performance, weights, settings)
    changed = np.abs(made.render(36).colour - target.pixels).max(-1) > 0.02
    rows = np.nonzero(changed)[0]
    brows = identity.face.mesh[[105, 334], 1].max()  # the nose, which goes with the mouth, begins below them
    assert changed.any() and rows.min() > brows


def test_hdr_and_pixels_out_of_reach_survive_a_real_render(performance_file, float_plate, linear, tmp_path):
    render_sequence(job(tmp_path, performance_file, target=float_plate, frames="36", layers=("rgba", "matte")))
    plate = read_plate(tmp_path / "o.0036.exr")
    untouched = plate.extra["matte"] == 0
    assert 0.05 < untouched.mean() < 0.95
    assert np.array_equal(plate.rgb[untouched], linear[untouched])
    assert (plate.rgb[5:15, 5:15] == 37.5).all() and (plate.rgb[20:30, 5:15] == -0.25).all()
    moved, lit = plate.rgb[160:205, 280:340].max(), linear[180:183, 300:320].max()
    assert moved > 0.8 * lit > 1, "highlights on what moves keep their light"


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


def test_order_of_rendering_does_not_matter(shot):
    forward = [shot.render(frame).colour for frame in (10, 36, 50)]
    backward = [shot.render(frame).colour for frame in (50, 36, 10)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(forward, backward, strict=True))


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
            "nuke/node_hash": "f00",
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
    assert spec.get_string_attribute("nuke/node_hash") == "f00"
    assert spec.get_string_attribute("reenact:target") == "plate.exr"
    assert "compositeWithTrainedAlgorithmicMedia" in spec.get_string_attribute("Iptc4xmpExt:DigitalSourceType")
    assert_stmap_remakes(frame, source)


def assert_stmap_remakes(frame, source):
    """Sampling the plate through the STMap, as Nuke's node does, gives the frame wherever the plate is carried."""
    display, data = source.display_window, source.data_window
    x = frame.extra["stmap.u"].astype(np.float64) * display.width - 0.5 - data.x
    y = (1 - frame.extra["stmap.v"].astype(np.float64)) * display.height - 0.5 - data.y
    remade = cv2.remap(source.rgb, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
    sure = (frame.extra["confidence"] > 0.5) & (frame.extra["matte"] > 0)
    error = np.abs(remade - frame.rgb).max(-1)[sure]
    assert sure.mean() > 0.1 and np.quantile(error, 0.98) < 0.03


def test_layers_are_as_they_should_be(shot, target):
    frame = shot.render(36)
    assert frame.matte.min() == 0 and frame.matte.max() == 1
    assert 0 <= frame.confidence.min() < 0.2, "the inside of the mouth was invented"
    assert frame.confidence.max() == 1
    y, x = np.mgrid[: frame.matte.shape[0], : frame.matte.shape[1]]
    outside = frame.matte == 0
    assert (frame.stmap[..., 0][outside] == x[outside]).all() and (frame.stmap[..., 1][outside] == y[outside]).all()


def mouth_box(identity) -> list[int]:
    from ofx_reenact.warp.openings import lenses

    return [int(v) for v in lenses(identity.face.mesh)["mouth"].box(0)]


def test_opened_mouth_is_clean(shot, target, identity):
    """Where lips part over teeth that were never seen it is dark, without streaks; only the rim may be brighter."""
    frame = shot.render(36)
    left, top, right, bottom = mouth_box(identity)
    invented = np.zeros(frame.matte.shape, bool)
    invented[top : bottom + 40, left:right] = (frame.confidence < 0.05)[top : bottom + 40, left:right]
    assert invented.sum() > 100
    inside = frame.colour[invented].mean(-1)
    lips = target.pixels[identity.face.mesh[17, 1].astype(int), identity.face.mesh[17, 0].astype(int)].mean()
    assert np.quantile(inside, 0.98) < 0.4 * lips
    assert inside.max() < lips


def test_eyes_shut_by_their_lids(shot, target, identity):
    """In a blink nothing as dark as the pupil and nothing as white as the eye remains between the lids."""
    from ofx_reenact.warp.openings import lenses

    shut = shot.render(44)
    left, top, right, bottom = (int(v) for v in lenses(identity.face.mesh)["eye_right"].box(0))
    eye = (slice(top - 5, bottom + 12), slice(left + 8, right - 4))
    before, after = target.pixels[eye].mean(-1), shut.colour[eye].mean(-1)
    assert (after < 0.03).mean() < 0.4 * (before < 0.03).mean(), "no iris is left"


def test_hold_black_and_error(performance, tmp_path):
    gone = performance.state.copy()
    gone[10:40] = 2
    path = tmp_path / "gap.npz"
    dataclasses.replace(performance, state=gone).save(path)
    held = render_sequence(job(tmp_path / "hold", str(path), frames="9-12"))
    assert held.held == (11, 12) and held.written == (9, 10, 11, 12) and held.faceless == (11, 12)
    black = render_sequence(job(tmp_path / "black", str(path), frames="9-12", missing="black"))
    assert black.black == (11, 12)
    assert not pixels(tmp_path / "black")[11].any() and pixels(tmp_path / "black")[10].any()
    with pytest.raises(TrackingError, match="no face in frames 11-12"):
        render_sequence(job(tmp_path / "error", str(path), frames="9-12", missing="error"))
    assert not (tmp_path / "error").exists()


def test_driver_frames_that_are_missing_or_faceless_are_named(tmp_path):
    capture = cv2.VideoCapture(str(DRIVER))
    for frame in range(1001, 1008):
        picture = capture.read()[1]
        if frame != 1003:
            cv2.imwrite(str(tmp_path / f"d.{frame}.png"), picture * (frame != 1005))
    report = render_sequence(job(tmp_path, driver=str(tmp_path / "d.####.png")))
    assert report.written == tuple(range(1001, 1008))
    assert report.absent == (1003,) and report.faceless == (1005,) and report.bridged == (1003, 1005)
    sidecar = json.loads((tmp_path / "o.reenact.json").read_text())
    assert sidecar["frames"]["1005"]["face"] == "bridged"


def test_existing_frames(performance_file, tmp_path):
    settings = job(tmp_path, performance_file, frames="1-3")
    render_sequence(settings)
    with pytest.raises(OutputError, match="frames 1-3 are there already"):
        render_sequence(settings)
    cut = tmp_path / "o.0002.exr"
    cut.write_bytes(cut.read_bytes()[:-400])
    kept = (tmp_path / "o.0001.exr").stat().st_mtime_ns
    report = render_sequence(dataclasses.replace(settings, existing="skip"))
    assert report.skipped == (1, 3) and report.written == (2,)
    assert (tmp_path / "o.0001.exr").stat().st_mtime_ns == kept
    assert render_sequence(dataclasses.replace(settings, existing="overwrite")).written == (1, 2, 3)


def test_sidecar_of_chunks_describes_all_frames(performance_file, tmp_path):
    for frames in ("1-2", "5-6"):
        render_sequence(job(tmp_path, performance_file, frames=frames, driver=str(DRIVER)))
    sidecar = json.loads((tmp_path / "o.reenact.json").read_text())
    assert list(sidecar["frames"]) == ["1", "2", "5", "6"]
    assert sidecar["inputs"]["driver"]["files"] == 1 and len(sidecar["inputs"]["target"]["sha256"]) == 64
    assert sidecar["consent"] == "none" and sidecar["colour"]["space"] == "ACEScg"
    assert Settings.from_dict(sidecar["settings"]).frames == "5-6"


def test_identity_and_performance_files_are_written_and_read(tmp_path):
    options = {"identity": str(tmp_path / "i.safetensors"), "frames": "36"}
    render_sequence(job(tmp_path / "a", str(tmp_path / "p.npz"), driver=str(DRIVER), **options))
    made = [(tmp_path / name).read_bytes() for name in ("i.safetensors", "p.npz")]
    render_sequence(job(tmp_path / "b", str(tmp_path / "p.npz"), **options))
    assert [(tmp_path / name).read_bytes() for name in ("i.safetensors", "p.npz")] == made
    assert np.array_equal(pixels(tmp_path / "a")[36], pixels(tmp_path / "b")[36])


def test_identity_errors(identity, weights, tmp_path):
    path = tmp_path / "i.safetensors"
    identity.save(path)
    with pytest.raises(TrackingError, match="the target is 10×10"):
        Identity.load(path, weights, (10, 10))
    with pytest.raises(WeightsError, match="other LD-Net weights"):
        Identity.load(path, dataclasses.replace(weights, sha256="0"), identity.face.size)
    path.write_bytes(b"x")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        Identity.load(path, weights, identity.face.size)


def test_identity_files_keep_the_headroom(identity, weights, tmp_path):
    path = tmp_path / "i.safetensors"
    identity.save(path)
    assert np.array_equal(Identity.load(path, weights, identity.face.size).face.headroom, identity.face.headroom)
    dataclasses.replace(identity, face=dataclasses.replace(identity.face, headroom=None)).save(path)
    assert Identity.load(path, weights, identity.face.size).face.headroom is None


def test_a_target_whose_hair_is_cut_off_keeps_it_at_the_edge(target, identity, performance, weights):
    """Cut the demo's hair off, with highlights and alpha at the edge, and let its head sink by a third of its face."""
    face = np.ptp(identity.face.mesh[:468, 1])
    cut = int(identity.face.headroom.min() + 0.1 * face)
    picture = np.dstack([target.pixels, np.full(target.pixels.shape[:2], 0.5, np.float32)])[cut:]
    picture[:2, ::7, 0] = 50
    sinking = standing_still(performance)
    sinking.translation[7, 1] += 0.3 * np.ptp(performance.mesh[5, :468, 1])
    nose, sunk, frames = identity.face.mesh[4, :2].astype(int) - [0, cut], {}, {}
    for name, above in (("known", np.maximum(identity.face.headroom - cut, 0)), ("unknown", None)):
        mesh = identity.face.mesh - [0, cut, 0]
        size = (picture.shape[1], picture.shape[0])
        view = View(picture, Face(mesh, size, "mesh", headroom=above))
        person = dataclasses.replace(identity.person, rest=view.frontal)
        made = Shot.of_still(person, view, sinking, Settings(reference=1), weights)
        frames[name] = made.render(8)
        sunk[name] = -(frames[name].stmap[nose[1] + 5, nose[0], 1] - nose[1] - 5) / face
        assert np.array_equal(made.render(7).colour, picture)
    assert sunk["unknown"] > 0.2 and 0.04 < sunk["known"] < 0.075
    for frame in frames.values():
        assert np.abs(frame.colour[..., 3] - 0.5).max() < 1e-6
        assert frame.colour[..., :3].max() <= 50 and frame.colour[0, :, 0].max() > 20
        assert frame.stmap.min() >= 0 and (frame.stmap.max((0, 1)) <= np.array(size) - 1).all()
    low = {name: frame.confidence[5].min() for name, frame in frames.items()}
    assert low["unknown"] < 0.7 < 0.8 < low["known"], "hair that is drawn out far is not to be trusted"


def hand_placed(identity) -> dict:
    from ofx_reenact.tracking.landmarks import MESH68

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


def test_different_trackers_do_not_mix(identity, performance, weights, target):
    other = dataclasses.replace(identity, person=dataclasses.replace(identity.person, tracker="dlib"))
    with pytest.raises(TrackingError, match="one --tracker"):
        make_shot(other, target, performance, weights)


def test_a_frame_that_the_performance_lacks_is_explained(shot):
    with pytest.raises(SettingsError, match="frame 99: the performance has frames 1-"):
        shot.render(99)


def bad(tmp_path, name, array):
    return str(write_exr(tmp_path / f"{name}.exr", rgb_channels(array)))


def test_bad_targets(target, tmp_path, performance_file):
    tiny, nan = np.ones((1, 1, 3)), target.pixels.copy()
    nan[3, 4, 1], nan[9, 9, 0] = np.nan, np.inf
    cases = {
        bad(tmp_path, "one", tiny): (TrackingError, r"one\.exr: no face"),
        bad(tmp_path, "blank", np.zeros((90, 90, 3))): (TrackingError, "--target-landmarks"),
        bad(tmp_path, "nan", nan): (FrameError, r"1 NaN and 1 infinite values, the first in channel R at \(9, 9\)"),
        bad(tmp_path, "wide", np.zeros((16, 16384, 3))): (TrackingError, r"wide\.exr: no face"),
        str(tmp_path / "gone.exr"): (FrameError, "no such file"),
        "": (SettingsError, "--target is needed"),
    }
    for path, (kind, says) in cases.items():
        with pytest.raises(kind, match=says):
            render_sequence(job(tmp_path / "out", performance_file, target=path))
    assert not (tmp_path / "out").exists()


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
    dark = bad(tmp_path, "dark", linear * 0.02)
    assert render_sequence(job(tmp_path, performance_file, target=dark, frames="36")).written == (36,)


def test_bad_jobs(performance_file, tmp_path):
    (tmp_path / "file").touch()
    cases = [
        ({"frames": "70-90"}, FrameError, "the driver has frames 1-75, not 76-90"),
        ({"frames": "x"}, FrameError, "not understood"),
        ({"output": str(tmp_path / "o.exr")}, SettingsError, "####"),
        ({"output": str(tmp_path / "file" / "o.####.exr"), "frames": "1"}, OutputError, "cannot be"),
        ({"performance": "", "driver": ""}, SettingsError, "--driver is needed"),
        ({"reference": 500}, SettingsError, "--reference 500"),
        ({"weights": str(TARGET)}, WeightsError, "not a safetensors file"),
        ({"colorspace": "nonsense"}, FrameError, "nonsense"),
        ({"consent": str(tmp_path / "no.json")}, ReenactError, r"no\.json"),
    ]
    for options, kind, says in cases:
        with pytest.raises(kind, match=says):
            render_sequence(job(tmp_path / "out", performance_file, **options))
    assert not list(tmp_path.rglob("*.exr")) and not list(tmp_path.rglob("*tmp*"))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("motion", "sideways"),
        ("weight_mouth", 3.0),
        ("face", 0),
        ("layers", ("rgba", "x")),
        ("smoothing", float("nan")),
    ],
)
def test_settings_are_checked(option, value):
    with pytest.raises(SettingsError, match="--" + option.replace("_", "-")):
        Settings(**{option: value})


def test_settings_from_a_sidecar_refuse_the_unknown():
    with pytest.raises(SettingsError, match="unknown option colour"):
        Settings.from_dict({"colour": "x"})


LIMITED = """
import resource, signal, sys
from ofx_reenact.engine.run import render_sequence
from ofx_reenact.settings import Settings
from ofx_reenact.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    render_sequence(Settings(target={target!r}, performance={performance!r}, output={output!r}, frames="1-2"))
except OutputError as error:
    print(error)
    sys.exit(7)
"""


def test_full_disk(performance_file, tmp_path):
    code = LIMITED.format(target=str(TARGET), performance=performance_file, output=str(tmp_path / "o.####.exr"))
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert child.returncode == 7, child.stderr
    assert "full or the file size" in child.stdout
    assert not list(tmp_path.iterdir())


def test_memory_is_flat_in_the_number_of_frames(shot):
    import tracemalloc

    shot.render(36)
    tracemalloc.start()
    for frame in (36, 37):
        shot.render(frame)
    few = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    for frame in range(20, 50):
        shot.render(frame)
    many = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert many < 1.3 * few


def test_copied_landmarks_bring_the_drivers_face_along(target, identity, performance, weights):
    """In absolute motion a copy has the driver's own proportions; LD-Net's keeps the target's."""
    apart = {}
    for retarget in ("ldnet", "copy"):
        made = make_shot(identity, target, performance, weights, Settings(motion="absolute", retarget=retarget))
        moved = made.motion.expression[:, list(MESH68), :2]
        driver = performance.frontal[:, list(MESH68), :2]
        apart[retarget] = np.abs(identity.person.landmarks + moved - driver)[:, :17].mean()
    assert apart["copy"] < 0.3 * apart["ldnet"]
