"""``demo``: everything works, once and again over its own files."""

import cv2
import pytest
from conftest import driver_pictures

from ofx_reenact import resources
from ofx_reenact.cli.main import run


@pytest.mark.slow
def test_demo(tmp_path, monkeypatch):
    line = ["demo", "--out", str(tmp_path / "demo")]
    assert run(line) == 0
    assert len(list((tmp_path / "demo").glob("demo.*.exr"))) == 75
    assert (tmp_path / "demo" / "demo.mp4").stat().st_size > 10_000
    sheet = cv2.imread(str(tmp_path / "demo" / "contact_sheet.png"))
    assert sheet is not None and sheet.shape[1] > 8 * 200
    # Again, over its own files; some of the driver's frames are enough for that.
    driven, shipped = driver_pictures(), resources.resource
    for frame in (1, 2):
        cv2.imwrite(str(tmp_path / f"d.{frame:04d}.png"), next(driven))
    before = (tmp_path / "demo" / "demo.0002.exr").stat().st_mtime_ns
    clip = tmp_path / "d.####.png"
    monkeypatch.setattr(resources, "resource", lambda *parts: clip if "driver.mpg" in parts else shipped(*parts))
    assert run(line) == 0
    assert (tmp_path / "demo" / "demo.0002.exr").stat().st_mtime_ns > before
