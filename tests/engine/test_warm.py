"""What stays loaded between jobs: whatever changes in files or settings, the pixels are those of a job by itself."""

import dataclasses
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import TARGET, rgb_channels, write_exr

from ofx_reenact.engine.cache import KEPT, JobCache, stamp
from ofx_reenact.engine.render_job import Job, render_sequence
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.progress import Cancelled, Progress, Watch
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.edit import place
from ofx_reenact.tracking.performance import Performance


@pytest.fixture(scope="module")
def small(target) -> np.ndarray:
    return cv2.resize(target.pixels, (240, 240), interpolation=cv2.INTER_AREA)


class Desk:
    """Jobs one after another over the same files and the same warm core, each compared with one from nothing."""

    def __init__(self, folder: Path, picture: np.ndarray, performance: Performance) -> None:
        self.folder, self.warm = folder, JobCache()
        self.target = write_exr(folder / "t.exr", rgb_channels(picture))
        performance.save(folder / "p.npz")
        self.files = {"target": str(self.target), "performance": str(folder / "p.npz")}

    def render(self, **options) -> np.ndarray:
        plain = {**self.files, "frames": "36", "existing": "overwrite"}
        settings = Settings(**{**plain, "output": str(self.folder / "warm.####.exr"), **options})
        Job(settings, Watch(), self.warm).run()
        render_sequence(dataclasses.replace(settings, output=str(self.folder / "cold.####.exr")))
        warm, cold = (read_plate(self.folder / f"{name}.0036.exr").rgb for name in ("warm", "cold"))
        assert np.array_equal(warm, cold), options
        return warm


@pytest.mark.slow
def test_changed_settings_and_files_change_pixels_as_they_should(small, performance, tmp_path):
    desk = Desk(tmp_path, small, performance)
    plain = desk.render()
    for options in ({"weight_mouth": 0.3}, {"reference": 20}, {"neck": 1.5}, {"repair": "off"}):
        assert not np.array_equal(desk.render(**options), plain), options
    assert np.array_equal(desk.render(), plain)
    points = performance.raw_landmarks[35].astype(np.float64)
    points[48:68] += [0, 4]
    place(performance, {36: points}).save(tmp_path / "p.npz")
    assert not np.array_equal(desk.render(), plain), "another performance of the same name"
    performance.save(tmp_path / "p.npz")
    write_exr(tmp_path / "t.exr", rgb_channels(small[:, ::-1]))
    assert not np.array_equal(desk.render(), plain), "another target of the same name and size"


def test_identity_and_performance_files_are_written_though_all_is_warm(small, performance, tmp_path):
    desk = Desk(tmp_path, small, performance)
    plain = desk.render()
    named = {"identity": str(tmp_path / "i.safetensors")}
    assert np.array_equal(desk.render(**named), plain) and Path(named["identity"]).is_file()
    Path(named["identity"]).unlink()
    Job(Settings(**desk.files, **named, output=str(tmp_path / "w.####.exr"), frames="36"), Watch(), desk.warm).run()
    assert Path(named["identity"]).is_file(), "gone, and written again of what is warm"


def test_a_driver_of_the_same_name_is_tracked_anew(tmp_path, small):
    target = write_exr(tmp_path / "t.exr", rgb_channels(small))
    driver, warm, seen = tmp_path / "d.0001.jpg", JobCache(), []

    def tracked(progress: Progress) -> None:
        seen.append(progress.stage)

    for picture in (cv2.imread(str(TARGET)), None, cv2.imread(str(TARGET))[:, ::-1]):
        if picture is not None:
            cv2.imwrite(str(driver), picture)
        settings = Settings(
            target=str(target), driver=str(driver), output=str(tmp_path / "o.####.exr"), existing="overwrite"
        )
        Job(settings, Watch(tracked), warm).run()
        seen.append("|")
    jobs = "".join(stage[0] for stage in seen).split("|")
    assert jobs == ["ttdrr", "ttrr", "ttdrr", ""], "the second finds what the first left"


def test_the_watch_ends_a_job_with_whole_frames(small, performance, tmp_path):
    desk = Desk(tmp_path, small, performance)
    settings = Settings(**desk.files, output=str(tmp_path / "o.####.exr"), preview=str(tmp_path / "o.mp4"))

    def end(progress: Progress) -> None:
        if progress.stage == "render" and progress.done == 2:
            watch.cancel()

    watch = Watch(end)
    with pytest.raises(Cancelled) as caught:
        Job(settings, watch, desk.warm).run()
    names = sorted(path.name for path in tmp_path.glob("o.*"))
    assert 2 <= len(names) <= 6 and names == [f"o.{frame:04d}.exr" for frame in caught.value.written]
    assert all(read_plate(tmp_path / name).rgb.shape == small.shape for name in names)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("write")]


def test_few_of_each_kind_are_kept_and_failures_are_not(tmp_path):
    warm, made = JobCache(), []

    def make(key: int) -> int:
        made.append(key)
        return -key

    for key in (1, 2, 1, 3, 1, 2):
        assert warm.get("target", key, lambda key=key: make(key)) == -key
    assert made == [1, 2, 3, 2] and KEPT["target"] == 2, "the last used stay"
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            warm.get("target", 9, lambda: 1 / 0)
    file = tmp_path / "f"
    file.write_text("a")
    before = stamp(file, "")
    assert before == stamp(str(file)) and stamp(tmp_path / "none")
    file.write_text("bc")
    assert stamp(file) != before
