"""Targets that move, their drivers and holdouts with what a stranger may give: one clear line, nothing half-written."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import DRIVER, rgb_channels, write_exr
from moving import FIRST, FRAMES, moving_job

from ofx_reenact.cli.main import run
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.errors import ReenactError

SIZE = (288, 360)


def refused(settings, capsys) -> str:
    """Render on the command line what cannot be rendered; returns the one line that says why."""
    given = {name: value for name, value in settings.as_dict().items() if value not in (None, "", [])}
    line = [f"--{name.replace('_', '-')}={','.join(v) if isinstance(v, list) else v}" for name, v in given.items()]
    capsys.readouterr()
    assert run(["render", *line]) in (1, 2)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("error: ") and "Traceback" not in said
    left = [path.name for path in Path(settings.output).parent.iterdir() if path.name.startswith(("o.", ".o"))]
    assert not left, left
    return said


@pytest.fixture
def holdouts(tmp_path) -> str:
    for frame in FRAMES:
        write_exr(tmp_path / f"m.{frame}.exr", {"A": np.zeros(SIZE, np.float32)})
    return str(tmp_path / "m.####.exr")


def test_a_holdout_without_some_frames(moving_plate, performance_file, holdouts, tmp_path, capsys):
    settings = moving_job(tmp_path, moving_plate, performance_file, holdout=holdouts)
    for frame in FRAMES[2:4]:
        (tmp_path / f"m.{frame}.exr").unlink()
    assert "m.####.exr: no matte for frames 1003-1004" in refused(settings, capsys)
    (tmp_path / "n.exr").write_bytes(b"nothing")
    others = moving_job(tmp_path, moving_plate, performance_file, holdout=str(tmp_path / "n.exr"))
    assert "n.exr" in refused(others, capsys)


def test_a_holdout_of_another_size_in_one_frame(moving_plate, performance_file, holdouts, tmp_path, capsys):
    write_exr(tmp_path / f"m.{FIRST + 4}.exr", {"A": np.zeros((144, 180), np.float32)})
    said = refused(moving_job(tmp_path, moving_plate, performance_file, holdout=holdouts), capsys)
    assert f"m.{FIRST + 4}.exr: frame {FIRST + 4}: the holdout is 180 x 144 pixels, the target 360 x 288" in said


def test_a_still_holdout_with_values_that_are_no_numbers(moving_plate, performance_file, tmp_path, capsys):
    path = write_exr(tmp_path / "m.exr", {"A": np.full(SIZE, np.nan, np.float32)})
    said = refused(moving_job(tmp_path, moving_plate, performance_file, holdout=str(path)), capsys)
    assert "m.exr: frame 1: 103680 values of the holdout are NaN" in said


@pytest.fixture
def plate(moving_plate, tmp_path) -> str:
    """A copy of the plate with its performance, to be spoilt."""
    folder = tmp_path / "plate"
    shutil.copytree(Path(moving_plate).parent, folder)
    return str(folder / "plate.####.exr")


def spoilt(plate: str, frame: int) -> Path:
    return Path(plate).parent / f"plate.{frame}.exr"


def test_a_plate_with_a_hole(plate, performance_file, tmp_path, capsys):
    spoilt(plate, FIRST + 3).unlink()
    assert f"plate.####.exr: frames {FIRST + 3} are missing" in refused(moving_job(tmp_path, plate, performance_file),
                                                                      capsys)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"channels": rgb_channels(np.zeros((144, 180, 3), np.float32))}, "is 180×144, frame 1001 360×288"),
        ({"channels": {"Y": np.zeros(SIZE, np.float32)}, "attributes": {"PixelAspectRatio": 2.0}}, "pixel aspect"),
        ({"channels": rgb_channels(np.zeros((*SIZE, 3), np.float32)) | {"A": np.ones(SIZE, np.float32)}}, "R, G, B, A"),
        (None, "empty"),
    ],
    ids=["size", "aspect", "alpha", "empty"],
)
def test_a_plate_with_one_odd_frame_is_refused_before_the_first_is_rendered(
    plate, performance_file, tmp_path, capsys, monkeypatch, change, says
):
    # As if it had been there when the plate was tracked: its performance does not say what it was made from.
    import dataclasses

    from ofx_reenact.tracking.performance import Performance

    file = Path(plate).parent / "plate.npz"
    dataclasses.replace(Performance.load(file), made_of="", name=plate).save(file)
    path = spoilt(plate, FIRST + 4)
    if change is None:
        path.write_bytes(b"")
    else:
        write_exr(path, **change)
    for tracked in (str(file), ""):
        settings = moving_job(tmp_path, plate, performance_file, target_performance=tracked, identity="")
        said = refused(settings, capsys)
        assert f"plate.{FIRST + 4}.exr: frame {FIRST + 4}" in said and says in said


def test_a_plate_without_a_face(performance_file, tmp_path, capsys):
    for frame in FRAMES:
        write_exr(tmp_path / f"grey.{frame}.exr", rgb_channels(np.full((64, 64, 3), 0.2, np.float32)))
    settings = moving_job(tmp_path, str(tmp_path / "grey.####.exr"), performance_file, target_performance="",
                          identity="")  # fmt: skip
    assert "grey.####.exr" in (said := refused(settings, capsys)) and "face" in said


def test_a_plate_without_a_face_in_some_frames_keeps_them(plate, tmp_path, capsys):
    """From one whole file to the next: tracked with a gap, rendered, said, and verified."""
    for frame in FRAMES[3:]:
        grey = rgb_channels(np.full((*SIZE, 3), 0.2, np.float32))
        write_exr(spoilt(plate, frame), grey, dict.fromkeys("RGB", "half"))
    settings = moving_job(tmp_path, plate, "", driver=str(DRIVER), target_performance=str(tmp_path / "p.npz"),
                          identity="", driver_start=72)  # fmt: skip
    given = {name: value for name, value in settings.as_dict().items() if value not in (None, "", [])}
    line = [f"--{name.replace('_', '-')}={','.join(v) if isinstance(v, list) else v}" for name, v in given.items()]
    assert run(["render", *line, "--layers=rgba", f"--performance={tmp_path / 'd.npz'}"]) == 0
    said = capsys.readouterr().out
    assert "without a face in the target, left as they are: 1004-1006 (3)" in said
    # The driver is shorter than the plate.
    assert "without a face, held: 1005-1006 (2)" in said and "the driver does not reach frames 1005-1006" in said
    assert run(["verify", settings.output]) == 0
    assert "frames 1005-1006: no face of the driver; held" in capsys.readouterr().out


def test_a_performance_of_another_plate(moving_plate, performance_file, tmp_path, capsys):
    settings = moving_job(tmp_path, moving_plate, performance_file, target_performance=performance_file)
    assert "name another --target-performance" in refused(settings, capsys)


def test_a_plate_that_is_cut_off_in_the_middle_leaves_whole_frames(plate, performance_file, tmp_path):
    """No header says it: what was rendered before is whole, what comes after is not begun."""
    path = spoilt(plate, FIRST + 4)
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(ReenactError, match=rf"plate\.{FIRST + 4}\.exr: frame {FIRST + 4}"):
        render_sequence(moving_job(tmp_path, plate, performance_file, target_performance="", identity=""))
    assert not [path for path in tmp_path.iterdir() if ".tmp-" in path.name]
