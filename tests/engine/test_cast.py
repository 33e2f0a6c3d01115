"""Several people of one plate in one render: each performs by itself, and later ones lie over earlier ones."""

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import DRIVER, rgb_channels, write_exr
from jobs import pixels
from rendered import write_consent

from ofx_reenact.engine.analyse import analyse_inputs
from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.render_job import Job, render_sequence
from ofx_reenact.errors import FrameError, ReenactError, SettingsError, TrackingError
from ofx_reenact.farm.farm_job import FarmJob
from ofx_reenact.frames.channels import read_channels
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.progress import Watch
from ofx_reenact.provenance import read_provenance
from ofx_reenact.publish.checks import consent
from ofx_reenact.settings import Settings
from ofx_reenact.settings.cast import SCHEMA
from ofx_reenact.shot.cast_frame import CastMember, combine_members
from ofx_reenact.shot.frame import Frame
from ofx_reenact.verify.checked_sequence import inspect_sequence
from ofx_reenact.verify.checks import CHECKS
from ofx_reenact.verify.report import report_on

# Where the second picture begins, pixels of the plate.
SECOND = 300


@pytest.fixture(scope="module")
def stage(target, performance, tmp_path_factory) -> Path:
    """A folder with two people side by side in one plate, and two performances that do not do the same."""
    folder = tmp_path_factory.mktemp("stage")
    left = cv2.resize(target.pixels, (SECOND, SECOND), interpolation=cv2.INTER_AREA)
    clip = Sequence.open(DRIVER).read(1).rgb.astype(np.float32) ** 2.2
    right = cv2.resize(clip, (375, SECOND), interpolation=cv2.INTER_AREA)
    write_exr(folder / "two.exr", rgb_channels(np.hstack([left, right])))
    performance.save(folder / "forwards.npz")
    backwards = {
        name: getattr(performance, name)[::-1].copy()
        for name in ("frontal", "rotation", "scale", "translation", "blendshapes", "raw_mesh", "raw_landmarks")
    }
    dataclasses.replace(performance, **backwards).save(folder / "backwards.npz")
    return folder


def write_cast(stage: Path, name: str = "cast.json", /, *, order: int = 1, **changes) -> str:
    """Write a cast of two; ``changes`` are by member, None leaves an option out."""
    anna = {"name": "anna", "target_face": 1, "performance": "forwards.npz", "identity": "anna.safetensors"}
    ben = {"name": "ben", "target_face": "2", "performance": "backwards.npz", "identity": "ben.safetensors"}
    changed = [member | changes.get(str(member["name"]), {}) for member in (anna, ben)]
    members = [{k: v for k, v in member.items() if v is not None} for member in changed]
    (stage / name).write_text(json.dumps({"schema": SCHEMA, "members": members[::order]}))
    return str(stage / name)


def asked(stage: Path, out: Path, **options) -> Settings:
    usual = {"target": str(stage / "two.exr"), "output": str(out / "o.####.exr"), "frames": "36", "repair": "off"}
    return Settings(**{**usual, **({"cast": write_cast(stage)} if "cast" not in options else {}), **options})


def alone(stage: Path, out: Path, **options) -> dict[int, np.ndarray]:
    render_sequence(asked(stage, out, cast="", **options))
    return pixels(out)


@pytest.fixture(scope="module")
def together(stage, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("together")
    layers = ("rgba", "matte", "stmap", "confidence", "motion", "shading", "parts")
    render_sequence(asked(stage, folder, layers=layers, frames="36,40"))
    return folder


def test_each_performs_by_itself(stage, together, tmp_path):
    one = {"frames": "36", "identity": ""}
    anna = alone(stage, tmp_path / "a", performance=str(stage / "forwards.npz"), **one)[36]
    ben = alone(stage, tmp_path / "b", performance=str(stage / "backwards.npz"), target_face=2, **one)[36]
    plate, (_, channels) = read_plate(stage / "two.exr").rgb, read_channels(together / "o.0036.exr")
    for own, other, name in ((anna, ben, "matte_ben.A"), (ben, anna, "matte_anna.A")):
        untouched = (other == plate).all(-1) & (channels[name] == 0)
        assert (own != plate).any(-1)[untouched].sum() > 10_000
        assert np.array_equal(pixels(together)[36][untouched], own[untouched])


def test_mattes_are_each_one_s_and_sum_to_that_of_all(together):
    _, channels = read_channels(together / "o.0036.exr")
    anna, ben, union = (channels[name].astype(np.float32) for name in ("matte_anna.A", "matte_ben.A", "matte"))
    assert np.abs(anna + ben - union).max() < 2e-3
    assert anna[:, :150].max() > 0.99 and anna[:, 450:].max() < 0.01
    assert ben[:, 450:].max() > 0.99 and ben[:, :150].max() < 0.01
    assert {"stmap.u", "motion.u", "confidence", "shading", "parts"} <= channels.keys()


def test_the_map_carries_both(stage, together):
    from jobs import assert_stmap_remakes

    assert_stmap_remakes(read_plate(together / "o.0036.exr"), read_plate(stage / "two.exr"))


def test_a_chunk_and_a_warm_engine_give_the_same_pixels(stage, together, tmp_path):
    render_sequence(asked(stage, tmp_path / "chunk", frames="40"))
    warm = JobCache()
    for _ in range(2):
        Job(asked(stage, tmp_path / "warm", frames="40", existing="overwrite"), Watch(), warm).run()
        assert np.array_equal(pixels(tmp_path / "warm")[40], pixels(together)[40])
    assert np.array_equal(pixels(tmp_path / "chunk")[40], pixels(together)[40])
    changed = write_cast(stage, "less.json", ben={"strength": 0.2})
    Job(asked(stage, tmp_path / "less", frames="40", cast=changed), Watch(), warm).run()
    assert not np.array_equal(pixels(tmp_path / "less")[40], pixels(together)[40])


def test_where_nobody_is_asked_the_plate_stays(stage, tmp_path):
    nothing = {"strength": 0, "head": "plate"}
    render_sequence(asked(stage, tmp_path, cast=write_cast(stage, "calm.json", anna=nothing, ben=nothing)))
    assert np.array_equal(pixels(tmp_path)[36], read_plate(stage / "two.exr").rgb)
    assert read_provenance(tmp_path / "o.0036.exr")["still"] == 1


def flat(colour: float, matte: float, face: float | None = None) -> CastMember:
    """A frame of one colour, with a matte and a face that are alike everywhere."""

    class Made(Frame):
        unchanged = False

        def _matte(self):
            return np.full((2, 4), matte, np.float32)

    return CastMember(
        Made(np.full((2, 4, 3), colour, np.float32), 0.9),
        None if face is None else np.full((2, 4), face, np.float32),
    )


def test_the_later_one_lies_over_the_earlier():
    plate = np.zeros((2, 4, 3), np.float32)
    assert np.allclose(combine_members({"under": flat(0.2, 1), "over": flat(0.7, 1)}, plate).colour, 0.7)
    made = combine_members({"under": flat(0.2, 1), "over": flat(0.7, 0.5)}, plate)
    assert np.allclose(made.colour, 0.8) and np.allclose(made.mattes["under"], 0.5) and np.all(made.matte == 1)
    untouched = combine_members({"under": flat(0.3, 1), "over": flat(0, 0)}, plate)
    assert np.all(untouched.colour == np.float32(0.3)), "where the upper one is the plate, the lower shows"


@pytest.mark.parametrize(
    ("under", "over", "shown"), [(1, 0, 0.2), (0, 1, 0.7), (1, 1, 0.7), (0, 0, 0.7), (0.5, 0, 0.45)]
)
def test_faces_go_before_surroundings(under, over, shown):
    made = combine_members({"under": flat(0.2, 1, under), "over": flat(0.7, 1, over)}, np.zeros((2, 4, 3), np.float32))
    assert np.allclose(made.colour, shown) and np.allclose(sum(made.mattes.values()), 1) and np.allclose(made.matte, 1)


def test_the_order_counts_where_both_change_the_plate(stage, together, tmp_path):
    render_sequence(asked(stage, tmp_path, cast=write_cast(stage, "other.json", order=-1)))
    other, usual = pixels(tmp_path)[36], pixels(together)[36]
    differ = np.nonzero((other != usual).any((0, 2)))[0]
    assert len(differ) and differ.min() > 200 and differ.max() < 450


def test_a_driver_that_ends_holds_its_last_frame(stage, performance, tmp_path):
    short = {
        one.name: getattr(performance, one.name)[:38]
        for one in dataclasses.fields(performance)
        if isinstance(getattr(performance, one.name), np.ndarray) and one.name != "absent"
    }
    dataclasses.replace(performance, **short, reference=int(performance.frames[10])).save(stage / "short.npz")
    cast = write_cast(stage, "short.json", ben={"performance": "short.npz"})
    report = render_sequence(asked(stage, tmp_path, cast=cast, frames="38,45"))
    made = pixels(tmp_path)
    assert np.array_equal(made[38][:, 500:], made[45][:, 500:]) and not np.array_equal(made[38], made[45])
    assert report.held == (45,) and any(note.startswith("ben: the driver does not reach") for note in report.warnings)


def test_frames_and_sidecar_say_who_was_rendered(stage, together):
    subject = inspect_sequence(str(together / "o.####.exr"))
    report = report_on(subject, CHECKS)
    assert report.good, report.as_dict()
    said = subject.sidecar.content
    assert {"anna.performance", "ben.identity", "cast"} <= said.inputs.keys() and said.cast.keys() == {"anna", "ben"}
    assert read_provenance(together / "o.0036.exr")["made_of"] in said.takes
    with pytest.raises(ReenactError, match="other options"):
        cast = write_cast(stage, "again.json", anna={"strength": 0.5})
        render_sequence(asked(stage, together, cast=cast, frames="36,40", existing="skip"))


def test_each_has_a_release_of_their_own(stage, tmp_path):
    for name, release in (("a", "R-1"), ("b", "R-2")):
        write_consent(stage, release=release).rename(stage / f"{name}.json")
    cast = write_cast(stage, "released.json", anna={"consent": "a.json"}, ben={"consent": "b.json"})
    render_sequence(asked(stage, tmp_path, cast=cast, frames="36"))
    assert read_provenance(tmp_path / "o.0036.exr")["consent_id"] == "R-1, R-2"
    assert consent(inspect_sequence(str(tmp_path / "o.####.exr")), "").good
    cast = write_cast(stage, "half.json", anna={"consent": "a.json"})
    render_sequence(asked(stage, tmp_path / "half", cast=cast, frames="36"))
    assert not consent(inspect_sequence(str(tmp_path / "half" / "o.####.exr")), "").good


def test_a_farm_job_takes_members_whose_files_are_named(stage, tmp_path):
    settings = asked(stage, tmp_path)
    job = FarmJob.of(settings)
    assert str(job.frames) == "36" and job.settings.cast == settings.cast
    assert analyse_inputs(job.settings)["cast"].keys() == {"anna", "ben"}
    with pytest.raises(SettingsError, match=r"ben: has no identity; on a farm"):
        FarmJob.of(asked(stage, tmp_path, cast=write_cast(stage, "farm.json", ben={"identity": None})))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"ben": {"name": "anna"}}, "anna and anna have the same name"),
        ({"ben": {"name": "b n"}}, "member 2: name 'b n'"),
        ({"ben": {"target_face": 1}}, "anna and ben are both face 1"),
        ({"ben": {"performance": None}}, "ben: has no driver"),
        ({"ben": {"identity": "anna.safetensors"}}, "anna and ben have the same --identity"),
        ({"ben": {"colour": 1}}, "ben: option 'colour' is unknown"),
        ({"ben": {"layers": ["rgba"]}}, "ben: option 'layers' is the whole render's"),
        ({"ben": {"strength": 3}}, "ben: --strength 3"),
    ],
)
def test_a_cast_that_cannot_be_used_is_refused(stage, tmp_path, changes, error):
    with pytest.raises(SettingsError, match=error):
        render_sequence(asked(stage, tmp_path, cast=write_cast(stage, "bad.json", **changes)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "{}", '{"schema": "ofx-reenact/cast/1", "members": []}', '{"members": [1]}'])
def test_a_file_that_is_no_cast_is_refused(stage, tmp_path, content):
    (stage / "none.json").write_text(content)
    with pytest.raises(SettingsError, match=r"none\.json"):
        render_sequence(asked(stage, tmp_path, cast=str(stage / "none.json")))


def test_two_members_who_are_one_person_are_refused(stage, tmp_path):
    mesh = json.dumps({"schema": "ofx-reenact/landmarks/1", "frames": {"*": landmarks(stage)}})
    (stage / "marks.json").write_text(mesh)
    ben = {"target_landmarks": "marks.json", "identity": None, "target_face": 1}
    with pytest.raises(TrackingError, match="anna and ben are the same face"):
        render_sequence(asked(stage, tmp_path, cast=write_cast(stage, "same.json", ben=ben)))


def landmarks(stage: Path) -> list[list[float]]:
    """Anna's, as they would be placed by hand."""
    from ofx_reenact.engine.cast import open_members
    from ofx_reenact.progress import ignore
    from ofx_reenact.tracking.landmarks import MESH68

    anna = open_members(asked(stage, stage), ignore, JobCache())[0].loader
    return anna.identity.face.mesh[list(MESH68), :2].tolist()


def test_drivers_need_frames_in_common(stage, performance, tmp_path):
    frames = performance.frames + 1000
    dataclasses.replace(performance, frames=frames, reference=int(frames[10])).save(stage / "later.npz")
    with pytest.raises(FrameError, match="no frame in common"):
        cast = write_cast(stage, "apart.json", ben={"performance": "later.npz"})
        render_sequence(asked(stage, tmp_path, cast=cast, frames=""))
