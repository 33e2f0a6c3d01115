"""``demo``: everything works, also a second time over its own files."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from conftest import driver_pictures

from ofx_reenact import resources
from ofx_reenact.cli import demo
from ofx_reenact.cli.main import run
from ofx_reenact.frames.sequence import Sequence


@pytest.mark.slow
def test_demo(tmp_path, monkeypatch, capsys):
    line = ["demo", "--out", str(tmp_path / "demo")]
    assert run(line) == 0
    said = capsys.readouterr().out
    for name, sheet, rows in (("moving", "moving_sheet.png", 3), ("demo", "contact_sheet.png", 2)):
        assert len(list((tmp_path / "demo").glob(f"{name}.*.exr"))) == 75
        assert (tmp_path / "demo" / f"{name}.mp4").stat().st_size > 10_000
        drawn = cv2.imread(str(tmp_path / "demo" / sheet))
        assert drawn is not None and drawn.shape[1] >= 8 * 200 and drawn.shape[0] == rows * 260
        assert f"{name}.mp4" in said and sheet in said
    assert "take mouth or eyes from other frames" in said
    # The preview of a moving target has the plate above the result: two pictures of 360 × 288.
    assert Sequence.open(tmp_path / "demo" / "moving.mp4").read(1).rgb.shape == (576, 360, 3)
    # A second time, over its own files, with two frames of the driver.
    driven, shipped = driver_pictures(), resources.resource
    for frame in (1, 2):
        cv2.imwrite(str(tmp_path / f"d.{frame:04d}.png"), next(driven))
    before = (tmp_path / "demo" / "demo.0002.exr").stat().st_mtime_ns
    clip = tmp_path / "d.####.png"
    monkeypatch.setattr(
        resources, "resource", lambda *parts: shipped(*parts) if "target.jpg" in parts else clip
    )
    assert run(line) == 0
    assert (tmp_path / "demo" / "demo.0002.exr").stat().st_mtime_ns > before


def test_demo_renders_the_moving_target_first():
    moving, still = demo.scenes(Path("out"))
    assert len(Sequence.open(moving.settings.target).frames) == 75 and "parts" in moving.settings.layers
    assert len(Sequence.open(still.settings.target).frames) == 1
    assert moving.settings.driver == still.settings.driver
    written = [(one.settings.output, one.settings.preview, one.sheet) for one in (moving, still)]
    assert not set(written[0]) & set(written[1])


def test_a_crop_is_square_and_inside_its_picture():
    picture = np.arange(40 * 60).reshape(40, 60)
    mesh = np.array([[50.0, 10, 0], [58, 20, 0]])
    cut = demo.make_crop(mesh)(picture)
    assert cut.shape == (14, 14)
    assert cut[0, 0] == 8 * 60 + 46, "moved in from the edge, not cut off by it"
    assert demo.make_crop(mesh * 10)(picture).shape == (40, 40)
    assert demo.make_crop(np.stack([mesh, mesh - 20]))(picture).shape == (40, 40)


def test_demo_prints_the_paths_of_its_files(capsys):
    moving, still = demo.scenes(Path("out"))
    report = SimpleNamespace(written=(1, 2, 3), parts=(2, 3), seconds=4.4, device="cpu", preview=Path("out/moving.mp4"))
    demo.print_scene(moving, report)
    said = capsys.readouterr().out
    assert said.startswith("a plate that moves: 3 frames in 4 s on cpu; 2 take mouth or eyes from other frames\n")
    assert "out/moving_sheet.png" in said and "out/moving.mp4" in said and "out/moving.####.exr" in said
    demo.print_scene(still, SimpleNamespace(**{**vars(report), "parts": ()}))
    assert "other frames" not in capsys.readouterr().out
