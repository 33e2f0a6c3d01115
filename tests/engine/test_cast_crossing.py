"""Two people of a plate that moves cross, leave, come back and change places; each has a driver of their own."""

import dataclasses
import json

import numpy as np
import pytest
from jobs import pixels
from two_people import HEIGHT, HER, HIM, shot, write_frames

from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.frames.channels import read_channels
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from ofx_reenact.settings.cast import SCHEMA
from ofx_reenact.tracking.chosen import Chosen
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.tracking.landmarks import LIPS_INNER
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.surface import measure_gap
from ofx_reenact.tracking.tracker import Options

pytestmark = pytest.mark.slow
FIRST = 1001
# Apart, near each other, he alone, after the cut that exchanges them, she where he was.
FRAMES = (1003, 1008, 1022, 1040, 1046)


def opening(performance):
    """A driver whose mouth opens for the whole take, and one whose mouth stays as it is in the first frame."""
    still = np.repeat(performance.frontal[:1], len(performance.frames), axis=0)
    opened = still.copy()
    lower = list(LIPS_INNER[1][1:-1])
    opened[1:, lower, 1] += 2.0
    return (dataclasses.replace(performance, frontal=frontal) for frontal in (opened, still))


@pytest.fixture(scope="module")
def rendered(performance, tmp_path_factory):
    folder = tmp_path_factory.mktemp("crossing")
    frames, places = shot()
    target = write_frames(folder, frames)
    for name, driver in zip((HIM, HER), opening(performance), strict=True):
        driver.save(folder / f"{name}.npz")
    members = [
        {
            "name": name, "target_face": f"{places[name][0]:.0f},{HEIGHT - 130}@{FIRST}", "performance": f"{name}.npz",
            "identity": f"{name}.safetensors", "target_performance": f"{name}.plate.npz", "reference": 1,
            "target_reference": FIRST,
        }
        for name in (HER, HIM)
    ]  # fmt: skip
    (folder / "cast.json").write_text(json.dumps({"schema": SCHEMA, "members": members}))
    settings = Settings(
        target=target, cast=str(folder / "cast.json"), output=str(folder / "o.####.exr"),
        layers=("rgba", "matte"), frames=",".join(map(str, FRAMES)), parts="off",
    )  # fmt: skip
    render_sequence(settings)
    return folder, settings, places


def test_each_is_followed_and_nobody_is_taken_for_the_other(rendered):
    folder, _, places = rendered
    for name, other in ((HIM, HER), (HER, HIM)):
        own = Performance.load(folder / f"{name}.plate.npz")
        assert (own.state == State.TRACKED).sum() > 20
        for row in np.nonzero(own.state == State.TRACKED)[0]:
            mine, theirs = places[name][row], places[other][row]
            found = float(own.mesh[row, :, 0].mean())
            if mine is not None and theirs is not None and abs(mine - theirs) > 80:
                assert abs(found - mine) < 40 < abs(found - theirs), f"{name} in frame {own.frames[row]}"


def mouth(picture, place):
    """How far the mouth of whose face is there is open, in widths of it."""
    mesh = FaceMesh(Options(face=Chosen(place=(place, HEIGHT - 130.0)))).track(picture, 1).mesh
    gap = measure_gap(mesh[None], LIPS_INNER)[0]
    return gap / np.linalg.norm(mesh[LIPS_INNER[0][0], :2] - mesh[LIPS_INNER[0][-1], :2])


def test_each_mouth_does_what_its_own_driver_does(rendered):
    _, settings, places = rendered
    result, plate, colour = Sequence.open(settings.output), Sequence.open(settings.target), Colour()
    opened = {HIM: [], HER: []}
    for frame in FRAMES:
        _, channels = read_channels(result.path(frame))
        for name, gains in opened.items():
            matte, place = channels[f"matte_{name}.A"], places[name][frame - FIRST]
            if place is None:
                assert not matte.any() or name == HER, "he has left"
                continue
            if matte.any():
                columns = np.nonzero(matte.max(0) > 0.5)[0]
                assert abs(columns.mean() - place) < 45, f"{name} in frame {frame}"
            now, before = (mouth(colour.show(one.read(frame)), place) for one in (result, plate))
            gains.append(now - before)
    # His driver opens the mouth in every frame, hers never does.
    assert min(opened[HIM]) > 0.03 and np.mean(opened[HIM]) > 0.08 and max(opened[HER]) < 0.02, opened


def test_a_frame_alone_is_the_frame_of_the_range(rendered, tmp_path):
    _, settings, _ = rendered
    alone = dataclasses.replace(settings, output=str(tmp_path / "o.####.exr"), frames=str(FRAMES[3]))
    render_sequence(alone)
    whole = Sequence.open(settings.output).read(FRAMES[3]).rgb
    assert np.array_equal(pixels(tmp_path)[FRAMES[3]], whole)
