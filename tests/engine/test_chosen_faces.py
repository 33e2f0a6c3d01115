"""The face that a user chooses, looked up in driver and target; the list of faces; what goes wrong with them."""

import base64
import json

import cv2
import numpy as np
import pytest
from two_people import HER, HIM, WIDTH, clip, composed, middle, shot, write_frames
from videos import write_video

from ofx_reenact.cli.main import run
from ofx_reenact.engine.check_paths import check_paths
from ofx_reenact.engine.choose_face import sample_frames, to_square_position
from ofx_reenact.engine.input_digests import frames_made_of, identity_made_of, performance_made_of
from ofx_reenact.engine.inputs import read_target
from ofx_reenact.engine.loader import track_performance
from ofx_reenact.engine.make_identity import find_identity, target_as_driver
from ofx_reenact.errors import ReenactError, SettingsError, TrackingError
from ofx_reenact.frames.picture import read_picture
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.provenance import MadeOf
from ofx_reenact.service.jobs import Service
from ofx_reenact.settings import Settings
from ofx_reenact.settings.face import FaceChoice
from ofx_reenact.tracking.performance import State

HIS, HERS = middle(100, 0.8), middle(600, 0.95)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Frames 1001 to 1004: she alone, both, a cut that exchanges them, he alone."""
    him, her = clip(HIM), clip(HER)
    frames = [
        composed((her[0], 600, 0.95)),
        composed((her[1], 600, 0.95), (him[1], 100, 0.8)),
        composed((her[2], 100, 0.95), (him[2], 600, 0.8), seed=1),
        composed((him[3], 300, 0.8), seed=2),
    ]
    return write_frames(tmp_path_factory.mktemp("two"), frames)


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A picture of him, of another part of his clip."""
    path = tmp_path_factory.mktemp("photo") / "him.png"
    cv2.imwrite(str(path), clip(HIM)[23][..., ::-1])
    return str(path)


def followed(driver, face, **more):
    """Where the followed face is across each frame; None where there is none."""
    found = track_performance(Settings(driver=driver, face=face, **more))
    return [
        round(float(points[:, 0].mean())) if state == State.TRACKED else None
        for points, state in zip(found.raw_landmarks, found.state, strict=True)
    ]


def near(found, *wanted):
    pairs = zip(found, wanted, strict=True)
    return all((place is None) == (want is None) and (want is None or abs(place - want) < 30) for place, want in pairs)


HIS_WAY = (None, HIS, middle(600, 0.8), middle(300, 0.8))
HER_WAY = (HERS, HERS, middle(100, 0.95), None)


@pytest.mark.parametrize(
    ("face", "way"),
    [
        ("1", HER_WAY), ("2", HIS_WAY),
        ("690,200", HER_WAY), ("10,10", HER_WAY),  # in the first frame that shows any, she is the nearest to anywhere
        (f"{HIS:.0f},200@1002", HIS_WAY), (f"{HERS:.0f},200@1003", HIS_WAY), ("100,200@1003", HER_WAY),
        ("850,20@1004", HIS_WAY),
    ],
)  # fmt: skip
def test_a_driver_is_followed_by_number_or_position(two, face, way):
    assert near(followed(two, face), *way)


def test_a_driver_is_followed_by_a_picture(two, photo, tmp_path):
    kept = tmp_path / "p.npz"
    assert near(followed(two, photo, performance=str(kept)), *HIS_WAY)
    made_of = MadeOf.of_text(track_performance(Settings(driver=two, face=photo, performance=str(kept))).made_of)
    assert made_of.inputs["face"].name == photo and len(made_of.inputs["face"].sha256) == 64
    with pytest.raises(TrackingError, match=r"made with --face .*him\.png, not 2"):
        track_performance(Settings(driver=two, face="2", performance=str(kept)))


def test_what_files_say_of_a_face_is_what_it_was(two, photo):
    assert performance_made_of(Settings(driver=two, face="2")).settings["face"] == 2
    assert performance_made_of(Settings(driver=two)).settings["face"] == 1
    assert "face" not in performance_made_of(Settings(driver=two, face=photo)).settings
    assert frames_made_of(Settings(driver=two), {}, "", "").settings == {}
    assert frames_made_of(Settings(face="3,4@5"), {}, "", "").settings == {"face": "3,4@5"}
    assert target_as_driver(Settings(target=two, target_face=photo)).face == photo


@pytest.mark.parametrize("face", ["1", "100,200", "photo"])
def test_the_face_of_a_still_is_chosen(two, photo, face, colour, weights):
    settings = Settings(target=two, target_frame=1002, target_face=photo if face == "photo" else face)
    target = read_target(settings, colour)
    mesh = find_identity(settings, target, colour, weights).face.mesh
    assert abs(float(mesh[:, 0].mean()) - (HERS if face == "1" else HIS)) < 30
    assert ("target_face" in identity_made_of(settings, target).inputs) == (face == "photo")


@pytest.mark.parametrize(
    ("face", "said"),
    [
        ("961,10", "position 961,10 is outside the picture, which is 960×300 pixels"),
        ("10,-3@1002", "outside the picture"),
        ("10,10@7", "has no frame 7; choose the face in one of the frames 1001-1004"),
        ("3", "none of 4 frames shows 3 faces; 'ofx-reenact track --faces"),
        ("nobody.png", "nobody.png"),
        ("1,2,3", "names no face: give a number"),
    ],
)
def test_a_face_that_is_not_there_is_refused(two, face, said, tmp_path, capsys):
    out = tmp_path / "p.npz"
    assert run(["track", "--input", two, "--output", str(out), "--face", face]) != 0
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split()) and not out.exists()


def test_pictures_that_help_nobody_are_refused(two, tmp_path, demo_picture, colour, weights):
    wall, stranger = tmp_path / "wall.0001.png", tmp_path / "stranger.png"
    cv2.imwrite(str(wall), composed()[:90, :90])
    cv2.imwrite(str(stranger), demo_picture[..., ::-1])
    empty = str(tmp_path / "wall.####.png")
    for settings, said in (
        (Settings(driver=two, face=str(wall)), r"wall\.0001\.png: shows no face by which"),
        (Settings(driver=two, face=str(stranger)), r"nobody looks like the face in .*stranger\.png; choose another"),
        (Settings(driver=empty, face="10,10@1"), "frame 1 shows no face that could be chosen"),
    ):
        with pytest.raises(TrackingError, match=said):
            track_performance(settings)
    for face, said in (("10,10@1001", "names frame 1001, but the target is frame 1002"), ("10,999", "outside the")):
        settings = Settings(target=two, target_frame=1002, target_face=face)
        with pytest.raises(TrackingError, match=said):
            find_identity(settings, read_target(settings, colour), colour, weights)


def test_a_picture_of_the_person_is_not_written_over(photo, two, capsys):
    assert run(["track", "--input", two, "--output", photo, "--face", photo]) == 2
    assert "--face" in capsys.readouterr().err
    with pytest.raises(SettingsError, match=r"--performance .*--face"):
        check_paths(Settings(driver=two, face=photo, performance=photo))
    check_paths(Settings(driver=two, face="2", performance="2"))


def test_positions_are_pixels_of_the_file(float_plate, colour):
    plate = read_picture(float_plate, colour).plate
    plate.attributes.attribute("PixelAspectRatio", 2.0)
    width = plate.display_window.width
    assert to_square_position(FaceChoice.parse("10,20"), plate, "p") == (20.5, 20.0)
    to_square_position(FaceChoice.parse(f"{width - 1},0"), plate, "p")
    with pytest.raises(TrackingError, match="outside the picture"):
        to_square_position(FaceChoice.parse(f"{width},0"), plate, "p")


def test_faces_are_listed(two, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    assert run(["track", "--faces", two, "--progress", "json", "--contact-sheet", str(sheet)]) == 0
    *_, report = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert report.pop("event") == "report" and report["every"] == 1
    her, him = report["faces"]
    assert (her["number"], her["frames"], him["number"], him["frames"]) == (1, "1001-1003", 2, "1002-1004")
    for one, who in ((her, HER_WAY), (him, HIS_WAY)):
        x, y, width, height = one["box"]
        assert abs(one["position"][0] - who[one["frame"] - 1001]) < 30 and one["size"] == height
        assert abs(x + width / 2 - one["position"][0]) < 2 and abs(y + height / 2 - one["position"][1]) < 2
    height, width = cv2.imread(str(sheet)).shape[:2]
    assert height == 260 and 300 < width < WIDTH
    assert Service().faces({"settings": {"target": two}}, lambda step: None) == report
    pictures = Service().faces({"settings": {"target": two}, "thumbnails": True}, lambda step: None)["thumbnails"]
    for encoded in pictures:
        assert cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR).shape[0] == 260


def test_a_list_is_for_people_too(two, tmp_path, capsys):
    assert run(["track", "--faces", two.replace("####", "1001")]) == 0
    head, her = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "--face" and her.split()[:2] == ["1", "1001"]
    for line, said in (
        (["--faces", two, "--output", str(tmp_path / "p.npz")], "--faces only lists faces"),
        (["--contact-sheet", "s.png", "--input", two], "pass --faces DRIVER"),
        (["--input", two], "pass --input and --output, or --faces"),
        (["--faces", two, "--contact-sheet", "s.jpg"], "written as .png"),
        (["--faces", two, "--contact-sheet", two.replace("####", "1001")], "--contact-sheet"),
    ):
        assert run(["track", *line]) == 2
        assert said in capsys.readouterr().err
    with pytest.raises(ReenactError, match="name --driver or --target"):
        Service().faces({"settings": {}}, lambda step: None)


def test_long_sequences_are_sampled():
    assert sample_frames(FrameRange.parse("1001-1060")) == FrameRange.parse("1001-1060")
    assert sample_frames(FrameRange.parse("1-600")) == FrameRange.parse("1-591x10")


@pytest.mark.slow
def test_a_whole_video_is_followed_whoever_is_chosen(tmp_path, photo):
    frames, truth = shot()
    video = str(write_video(tmp_path / "two.mp4", frames, options={"b": "8M"}))
    for face, who in (("1", HER), ("2", HIM), ("95,200@40", HER), ("390,200@40", HIM), (photo, HIM)):
        other, lost = truth[HIM if who == HER else HER], []
        for t, place in enumerate(followed(video, face)):
            own = truth[who][t]
            if place is None:
                lost += [t] if own is not None and 100 < own < 860 else []
            elif own is not None and 100 < own < 860:
                assert abs(place - own) < 30, (face, t)
            else:
                assert other[t] is None or abs(place - other[t]) > 40, (face, t)
        assert not lost, face
