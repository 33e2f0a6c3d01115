"""``track``: a performance file, overlays, errors."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import TARGET, driver_pictures, rgb_channels, write_exr
from videos import INTERLACED, write_video

from ofx_reenact.cli.main import run
from ofx_reenact.tracking.performance import Performance


def test_track_stores_the_chosen_reference(tmp_path):
    frames = tmp_path / "d.####.jpg"
    for frame in (1, 2, 3):
        Path(str(frames).replace("####", f"{frame:04d}")).write_bytes(TARGET.read_bytes())
    chosen = tmp_path / "p.npz"
    assert run(["track", "--input", str(frames), "--output", str(chosen), "--reference", "3"]) == 0
    assert (Performance.load(chosen).reference, Performance.load(chosen).chosen) == (3, True)
    other = tmp_path / "q.npz"
    line = ["render", "-t", str(TARGET), "-d", str(frames), "-o", str(tmp_path / "o.####.exr"), "-f", "2"]
    assert run([*line, "--reference", "3", "--performance", str(other)]) == 0
    assert not Performance.load(other).chosen, "a render's reference is that render's alone"


def clip(folder: Path) -> str:
    driven = driver_pictures()
    for frame in range(1, 9):
        picture = next(driven)
        cv2.imwrite(str(folder / f"d.{frame:04d}.png"), picture * (frame != 4))
    return str(folder / "d.####.png")


def test_track_writes_a_performance_and_overlays(tmp_path, capsys):
    out, seen = tmp_path / "p.npz", tmp_path / "seen" / "s.####.png"
    assert run(["track", "--input", clip(tmp_path), "--output", str(out), "--overlay", str(seen)]) == 0
    assert "bridged: 4" in capsys.readouterr().out
    assert len(Performance.load(out).frames) == 8
    drawn = cv2.imread(str(tmp_path / "seen" / "s.0002.png"))
    assert drawn.shape == (288, 360, 3) and (drawn != cv2.imread(str(tmp_path / "d.0002.png"))).any()


def test_track_without_a_face(tmp_path, capsys):
    write_exr(tmp_path / "d.0001.exr", rgb_channels(np.zeros((90, 90, 3))))
    assert run(["track", "--input", str(tmp_path / "d.####.exr"), "--output", str(tmp_path / "p.npz")]) == 1
    assert "no face was found in any of 1 frames" in capsys.readouterr().err
    assert not (tmp_path / "p.npz").exists()


@pytest.mark.parametrize("way", ["none", "json", "openjd"])
def test_notes_on_a_video_are_printed(tmp_path, capsys, way):
    shown = [picture[..., ::-1] for picture in islice(driver_pictures(), 3)]
    video = write_video(tmp_path / "d.mpg", shown, "mpeg2video", options=INTERLACED)
    line = ["track", "--input", str(video), "--output", str(tmp_path / "p.npz"), "--progress", way]
    assert run(line) == 0
    said = capsys.readouterr().out
    assert "interlaced" in said and "frame None" not in said
    mesh = Performance.load(tmp_path / "p.npz").mesh
    assert len(mesh) == 3 and np.abs(np.diff(mesh, axis=0)).max() > 0.05
