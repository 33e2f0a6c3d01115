"""Files know what they were made from, and none is taken for another driver's or another picture's."""

import dataclasses
import json
import shutil

import cv2
import numpy as np
import pytest
from conftest import DRIVER, TARGET
from jobs import job, pixels

from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.errors import OutputError, ReenactError, TrackingError
from ofx_reenact.export.target import build_network
from ofx_reenact.provenance import Sidecar, read_provenance
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.edit import landmarks_of, place
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.verify.report import verify


@pytest.fixture(scope="module")
def other_driver(demo_picture, tmp_path_factory) -> str:
    """Three frames of somebody else."""
    folder = tmp_path_factory.mktemp("other")
    for frame in (1, 2, 3):
        cv2.imwrite(str(folder / f"d.{frame:04d}.png"), np.roll(demo_picture, 3 * frame, axis=1)[..., ::-1])
    return str(folder / "d.####.png")


@pytest.fixture(scope="module")
def other_target(demo_picture, tmp_path_factory) -> str:
    """A picture of the target's size with a face at another place."""
    path = tmp_path_factory.mktemp("target") / "other.png"
    cv2.imwrite(str(path), np.roll(demo_picture, 15, axis=1)[..., ::-1])
    return str(path)


@pytest.fixture(scope="module")
def identity_file(tmp_path_factory, performance_file) -> str:
    folder = tmp_path_factory.mktemp("identity")
    path = str(folder / "i.safetensors")
    render_sequence(job(folder, performance_file, identity=path, frames="1"))
    return path


def test_another_drivers_performance_is_refused(performance_file, other_driver, tmp_path):
    with pytest.raises(TrackingError) as caught:
        render_sequence(job(tmp_path, performance_file, driver=other_driver, frames="1"))
    for named in (performance_file, str(DRIVER), other_driver):
        assert named in str(caught.value)
    assert not list(tmp_path.glob("*.exr"))


def test_a_driver_may_be_moved_and_renamed_but_not_changed(performance_file, tmp_path):
    moved = tmp_path / "moved.mpg"
    shutil.copy(DRIVER, moved)
    assert render_sequence(job(tmp_path, performance_file, driver=str(moved), frames="1")).warnings == ()
    changed = tmp_path / DRIVER.name
    changed.write_bytes(DRIVER.read_bytes() + b"\0")
    with pytest.raises(TrackingError, match=r"made from another .*than the .*there now"):
        render_sequence(job(tmp_path / "b", performance_file, driver=str(changed), frames="1"))


def test_a_performance_of_another_face_is_refused(performance_file, tmp_path):
    with pytest.raises(TrackingError, match="this performance was made with --face 1, not 2"):
        render_sequence(job(tmp_path, performance_file, frames="1", face=2))


@pytest.mark.parametrize("asked", [{"smoothing": 3.0}, {"driver_colorspace": "ACEScg"}])
def test_a_performance_that_was_tracked_otherwise_than_asked_is_named(performance_file, asked, tmp_path):
    (warning,) = render_sequence(job(tmp_path, performance_file, frames="1", repair="off", **asked)).warnings
    assert "this performance was made with --" in warning and "is used as it is" in warning


def test_landmarks_that_a_performance_does_not_follow_are_refused(performance_file, tmp_path):
    placed = tmp_path / "placed.json"
    placed.write_text("{}")
    with pytest.raises(TrackingError, match="made without --landmarks"):
        render_sequence(job(tmp_path, performance_file, frames="1", landmarks=str(placed)))


def test_a_performance_put_right_by_hand_is_still_its_drivers(performance, tmp_path):
    edited = place(performance, {5: landmarks_of(performance, [5])[5] + 1.0})
    assert edited.made_of == performance.made_of != ""


def test_a_performance_that_does_not_say_is_judged_by_the_drivers_name(performance, other_driver, tmp_path):
    path = tmp_path / "old.npz"
    dataclasses.replace(performance, made_of="").save(path)
    with pytest.raises(TrackingError, match=f"made from .*{DRIVER.name}, not from"):
        render_sequence(job(tmp_path / "a", str(path), driver=other_driver, frames="1"))
    report = render_sequence(job(tmp_path / "b", str(path), driver=str(DRIVER), frames="1"))
    assert "whether this performance was made from" in report.warnings[0]
    assert render_sequence(job(tmp_path / "c", str(path), frames="1")).warnings == ()


def test_a_driver_that_is_gone_is_judged_by_its_name(performance_file, tmp_path):
    gone = str(tmp_path / DRIVER.name)
    assert "is not known" in render_sequence(job(tmp_path, performance_file, driver=gone, frames="1")).warnings[0]
    with pytest.raises(TrackingError, match="not from"):
        render_sequence(job(tmp_path / "b", performance_file, driver=str(tmp_path / "b.mov"), frames="1"))


def test_a_file_with_what_it_was_made_from_damaged_is_refused(performance, tmp_path):
    for text in ("{", "[]", '{"inputs": {"driver": {}}, "settings": {}, "weights": {}}', "[" * 100_000):
        dataclasses.replace(performance, made_of=text).save(tmp_path / "p.npz")
        with pytest.raises(TrackingError, match="not a whole performance file"):
            render_sequence(job(tmp_path, str(tmp_path / "p.npz"), frames="1"))


def test_another_pictures_identity_is_refused(identity_file, other_target, performance_file, tmp_path):
    with pytest.raises(TrackingError) as caught:
        render_sequence(job(tmp_path, performance_file, target=other_target, identity=identity_file, frames="1"))
    assert str(TARGET) in str(caught.value) and other_target in str(caught.value)
    with pytest.raises(TrackingError, match="this identity was made from"):
        build_network(Settings(target=other_target, identity=identity_file))


@pytest.mark.parametrize("asked", [{"target_face": 2}, {"appearance": "other_target"}])
def test_an_identity_that_was_made_otherwise_is_refused(asked, identity_file, performance_file, tmp_path, request):
    asked = {k: (request.getfixturevalue(v),) if isinstance(v, str) else v for k, v in asked.items()}
    with pytest.raises(TrackingError, match="this identity was made with"):
        render_sequence(job(tmp_path, performance_file, identity=identity_file, frames="1", **asked))


def test_frames_say_the_take_that_the_sidecar_describes(performance_file, tmp_path):
    render_sequence(job(tmp_path, performance_file, driver=str(DRIVER), frames="1-2", weight_mouth=0.5))
    sidecar, said = Sidecar.load(tmp_path / "o.reenact.json"), read_provenance(tmp_path / "o.0002.exr")
    take = sidecar.takes[said["made_of"]]
    assert take.digest == said["made_of"] == sidecar.frames[2].made_of and said["frame"] == 2
    assert take.settings == {"weight_mouth": 0.5} and take.inputs["driver"].name == str(DRIVER)


def test_skip_keeps_frames_of_the_same_take_alone(performance_file, tmp_path):
    settings = job(tmp_path, performance_file, frames="1-2")
    render_sequence(settings)
    before = pixels(tmp_path)
    again = dataclasses.replace(settings, existing="skip", frames="1-3", compression="piz", device="cpu")
    assert render_sequence(again).skipped == (1, 2)
    for other in ({"weight_mouth": 0.2}, {"layers": ("rgba", "stmap")}, {"depth": "half"}, {"repair": "off"}):
        with pytest.raises(OutputError, match="frames 1-3 already exist, made from other inputs"):
            render_sequence(dataclasses.replace(again, **other))
    assert all(np.array_equal(pixels(tmp_path)[frame], picture) for frame, picture in before.items())


def test_verify_sees_a_sidecar_that_was_edited(performance_file, tmp_path):
    render_sequence(job(tmp_path, performance_file, driver=str(DRIVER), frames="1-2"))
    path = tmp_path / "o.reenact.json"
    content = json.loads(path.read_text())
    assert verify(str(tmp_path / "o.####.exr"), strict=True).good
    for edit in (
        lambda said: said["settings"].update(weight_mouth=0.5),
        lambda said: said["inputs"]["driver"].update(sha256="0" * 64),
        lambda said: next(iter(said["takes"].values()))["settings"].update(weight_mouth=0.5),
        lambda said: said["frames"]["2"].update(made_of="0" * 64),
        lambda said: said["weights"].update(sha256="0" * 64),
    ):
        edited = json.loads(json.dumps(content))
        edit(edited)
        path.write_text(json.dumps(edited))
        answers = verify(str(tmp_path / "o.####.exr")).answers
        assert answers["origin"].problems or answers["provenance"].problems


def test_verify_names_frames_of_another_take(performance_file, tmp_path):
    for options in ({"frames": "1-3"}, {"frames": "2", "weight_mouth": 0.5, "existing": "overwrite"}):
        render_sequence(job(tmp_path, performance_file, **options))
    answer = verify(str(tmp_path / "o.####.exr"), frames="1-3").answers["origin"]
    assert answer.good and answer.notes == ("frame 2: made with other weight_mouth than most frames",)


def test_verify_and_sign_see_a_kept_file_of_something_else(performance, other_driver, performance_file, tmp_path):
    """As an earlier version would have left it: the sidecar names a driver that the performance was not made from."""
    render_sequence(job(tmp_path, performance_file, driver=str(DRIVER), frames="1"))
    path = tmp_path / "o.reenact.json"
    content = json.loads(path.read_text())
    content["inputs"]["driver"]["name"] = other_driver
    content["inputs"]["driver"]["sha256"] = "0" * 64
    path.write_text(json.dumps(content))
    problems = verify(str(tmp_path / "o.####.exr")).answers["origin"].problems
    assert any("this performance was made from" in text for text in problems)
    from ofx_reenact.provenance.signing import sign_sequence

    with pytest.raises(ReenactError, match="this performance was made from"):
        sign_sequence(str(tmp_path / "o.####.exr"), None)  # refused before a certificate is looked at


def test_a_performance_file_round_trip_keeps_what_it_was_made_from(performance, tmp_path):
    performance.save(tmp_path / "p.npz")
    assert Performance.load(tmp_path / "p.npz").made_of == performance.made_of
