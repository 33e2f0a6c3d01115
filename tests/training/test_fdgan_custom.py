"""A custom identity: training on a person's frames improves it, and too few frames are refused."""

import re

import cv2
import numpy as np
import pytest
from conftest import TARGET, make_shot

from ofx_reenact.cli.main import run
from ofx_reenact.engine.make_identity import identify, make_painter
from ofx_reenact.settings import Settings

pytestmark = pytest.mark.usefixtures("backbone")


@pytest.mark.slow
def test_a_custom_identity_learns_its_person_and_renders(
    opened, target, colour, weights, performance, painting, tmp_path, capsys
):
    """The person's open mouth is pure green in all frames: only training on them makes the network paint it green."""
    folder, file = tmp_path / "frames", tmp_path / "her.safetensors"
    folder.mkdir()
    half = cv2.resize(opened[0], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    for n in range(32):
        picture = np.clip(half * (0.9 + 0.005 * n), 0, 1)
        cv2.imwrite(str(folder / f"f{n:03d}.png"), (picture * 255).astype(np.uint8)[..., ::-1])
    arguments = ["train", "identity", "--target", str(TARGET), "--frames", str(folder), "--identity", str(file)]
    arguments += ["--fdgan-weights", str(painting.path), "--steps", "80", "--batch", "2", "--device", "cpu"]
    assert run(arguments) == 0
    before, after = map(float, re.search(r"([\d.]+) → ([\d.]+) dB", capsys.readouterr().out).groups())
    assert after > before + 2
    settings = Settings(target=str(TARGET), identity=str(file))
    identity = identify(settings, target, colour, weights, painting)
    assert identity.person.adapters and len(identity.person.dictionary) == 4
    painter = make_painter(painting, "cpu", identity.person)
    frame = make_shot(identity, target, performance, weights, painter=painter).render(36).colour
    assert (frame[..., 1] - frame[..., [0, 2]].max(-1) > 0.05).sum() > 50


def test_a_custom_identity_needs_frames(smiling, painting, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "a.png"), (smiling * 255).astype(np.uint8)[..., ::-1])
    arguments = ["train", "identity", "--target", str(TARGET), "--frames", str(tmp_path / "a.png")]
    assert run([*arguments, "--identity", str(tmp_path / "h"), "--fdgan-weights", str(painting.path)]) == 1
    assert "at least 30" in capsys.readouterr().err and not (tmp_path / "h").exists()
