"""Frames that the plug-in makes are those of the command, bit for bit, however the host keeps its pictures."""

import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import DRIVER, rgb_channels, write_exr
from jobs import job
from moving import COUNT, FIRST, FRAMES, START, TAKEN, moving_job, track_plate

from ofx_reenact.engine.proxy import Proxy
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from openfx.host import FILTER, GENERAL, ActionFailed, Status
from openfx.images import FILL, PLAIN, Layout

# Of the demo's driver: a wide mouth.
FRAME = 36
REPAIR = {"repair": "off"}


def rgba_of(path) -> np.ndarray:
    plate = read_plate(Path(path))
    alpha = np.ones(plate.rgb.shape[:2], np.float32) if plate.alpha is None else plate.alpha
    return np.dstack([plate.rgb, alpha]).astype(np.float32)


def made(folder: Path, performance: str, **options) -> np.ndarray:
    """Render one frame by the command's own code; returns it as RGBA."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = job(folder, performance, **{"frames": str(FRAME), "device": "cpu", **REPAIR, **options})
    render_sequence(settings)
    return rgba_of(next(folder.glob(f"o.*{settings.frames}.exr")))


@pytest.fixture(scope="module")
def plate(float_plate) -> np.ndarray:
    return rgba_of(float_plate)


@pytest.fixture(scope="module")
def still(float_plate, tmp_path_factory) -> dict[str, str]:
    """A target and its identity, which is made when it is rendered first."""
    return {"target": float_plate, "identity": str(tmp_path_factory.mktemp("identity") / "i.safetensors")}


@pytest.fixture(scope="module")
def values(still, performance_file, python) -> dict[str, str]:
    """Parameters of a shot that was analysed."""
    return {**still, "performance": performance_file, "python": python, "device": "cpu", **REPAIR}


@pytest.fixture(scope="module")
def wanted(still, performance_file, tmp_path_factory) -> np.ndarray:
    return made(tmp_path_factory.mktemp("wanted"), performance_file, **still)


def instance_of(host, plate, values, context=FILTER, layout=PLAIN, corner=(0, 0), **options):
    """Make an instance with the plate as its source at every time."""
    instance = host.describe(context).create(values, size=plate.shape[1::-1], corner=corner, **options)
    instance.connect("Source", lambda time: plate, layout=layout, premultiplication="OfxImageOpaque")
    return instance


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and np.array_equal(one.view(np.uint8), other.view(np.uint8))


def test_a_still_is_as_the_command_makes_it(host, plate, values, wanted):
    instance = instance_of(host, plate, values)
    result = instance.render(FRAME)
    assert same(result, wanted) and not same(result, plate) and instance.identity is None
    assert not host.messages
    instance.destroy()


@pytest.mark.parametrize("layout", [
    Layout(down=True), Layout(padding=64, lead=16), Layout(down=True, padding=12, lead=4), Layout(padding=5, lead=3),
])  # fmt: skip
def test_memory_of_any_layout(host, plate, values, wanted, layout):
    instance = instance_of(host, plate, values, layout=layout)
    assert same(instance.render(FRAME, layout=layout), wanted)
    assert same(instance.render(FRAME, layout=PLAIN), wanted)
    instance.destroy()


@pytest.mark.parametrize("corner", [(-300, -120), (17, 40)])
def test_pictures_off_the_origin(host, plate, values, wanted, corner):
    instance = instance_of(host, plate, values, corner=corner)
    assert same(instance.render(FRAME), wanted)
    instance.destroy()


def test_a_window_is_all_that_is_written(host, plate, values, wanted):
    instance = instance_of(host, plate, values, corner=(-10, -20))
    height, width = plate.shape[:2]
    whole = -10, -20, width - 10, height - 20
    for window in ((100, 60, 300, 400), (-10, -20, 1, 1), (whole[2] - 1, whole[3] - 1, whole[2], whole[3])):
        x1, y1, x2, y2 = window
        rows, columns = slice(whole[3] - y2, whole[3] - y1), slice(x1 - whole[0], x2 - whole[0])
        result = instance.render(FRAME, window=window)
        assert same(result[rows, columns], wanted[rows, columns])
        result[rows, columns] = FILL
        assert (result == FILL).all()
        # Whatever part is wanted, a face can come from anywhere.
        assert instance.regions_of_interest(FRAME, (0.0, 0.0, 1.0, 1.0)) == {"Source": tuple(map(float, whole))}
    instance.destroy()


def test_half_a_resolution_is_a_proxy(host, plate, values, still, performance_file, tmp_path):
    proxy = Proxy.of(read_plate(Path(still["target"])), 2)
    # Of four channels, the mean of each is rounded otherwise than of three.
    small = np.dstack([proxy.reduce(np.ascontiguousarray(plate[..., :3])), np.ones((300, 300), np.float32)])
    instance = instance_of(host, plate, values)
    instance.connect("Source", lambda time: plate, premultiplication="OfxImageOpaque",
                     reduce=lambda picture, scale: picture if scale == (1, 1) else small)  # fmt: skip
    result = instance.render(FRAME, scale=(0.5, 0.5))
    assert same(result, made(tmp_path, performance_file, **still, proxy=2))
    instance.destroy()


def test_keys_are_curves(host, plate, values, still, performance_file, tmp_path):
    keys = {"20": 0.25, "40": 1.5}
    said = {"strength": {"interpolation": "linear", "frames": keys}}
    curves = tmp_path / "c.json"
    curves.write_text(json.dumps({"schema": "ofx-reenact/curves/1", "curves": said}))
    instance = instance_of(host, plate, values)
    instance.key("strength", {int(frame): value for frame, value in keys.items()})
    for frame in (FRAME, 24):
        wanted = made(tmp_path / str(frame), performance_file, **still, curves=str(curves), frames=str(frame))
        assert same(instance.render(frame), wanted)
    instance.destroy()


def test_numbers_choices_and_texts_are_options(host, plate, values, still, performance_file, tmp_path):
    options = {"weight_mouth": 0.5, "motion": "absolute", "neck": 0.6, "reference": 20}
    wanted = made(tmp_path, performance_file, **still, **options)
    instance = instance_of(host, plate, {**values, **options, "reference": "20"})
    assert same(instance.render(FRAME), wanted)
    instance.destroy()


@pytest.mark.parametrize("components", ["Alpha", "RGBA"])
def test_holdout(host, plate, values, still, performance_file, tmp_path, components):
    ramp = np.linspace(-0.5, 1.5, plate.shape[1], dtype=np.float32).clip(0, 1)
    matte = np.broadcast_to(ramp, plate.shape[:2]).copy()
    file = write_exr(tmp_path / "matte.exr", {"A": matte})
    wanted = made(tmp_path / "made", performance_file, **still, holdout=str(file))
    instance = instance_of(host, plate, values, GENERAL)
    without = instance.render(FRAME)
    clip = matte[..., None] if components == "Alpha" else np.dstack([np.zeros_like(plate[..., :3]), matte])
    instance.connect("Holdout", lambda time: clip, components=f"OfxImageComponent{components}")
    result = instance.render(FRAME)
    assert same(result, wanted) and not same(result, without)
    instance.connect("Holdout", None)
    assert same(instance.render(FRAME), without)
    instance.destroy()


def test_half_pixels(host, plate, values, performance_file, tmp_path):
    kept = {"target": str(tmp_path / "half.exr"), "identity": str(tmp_path / "i.safetensors")}
    write_exr(Path(kept["target"]), rgb_channels(plate[..., :3]), dict.fromkeys("RGB", "half"))
    wanted = made(tmp_path / "made", performance_file, **kept)
    instance = instance_of(host, rgba_of(kept["target"]), {**values, **kept}, depth="OfxBitDepthHalf")
    for layout in (PLAIN, Layout(down=True, padding=6, lead=2)):
        result = instance.render(FRAME, layout=layout)
        assert result.dtype == np.float16 and same(result.astype(np.float32), wanted)
    instance.destroy()


def test_an_alpha_that_is_multiplied_in(host, plate, values, performance_file, tmp_path):
    alpha = np.linspace(0.25, 1.25, plate.shape[1], dtype=np.float32).clip(0, 1)[None].repeat(len(plate), 0)
    lit = plate * alpha[..., None]
    kept = {"target": str(tmp_path / "alpha.exr"), "identity": str(tmp_path / "i.safetensors")}
    write_exr(Path(kept["target"]), rgb_channels(lit[..., :3]) | {"A": alpha})
    wanted = made(tmp_path / "made", performance_file, **kept)
    instance = instance_of(host, lit, {**values, **kept})
    instance.connect("Source", lambda time: lit, premultiplication="OfxImageAlphaPremultiplied")
    assert same(instance.render(FRAME), wanted)
    instance.destroy()


def test_two_at_once_are_as_each_alone(host, plate, values):
    one, other = (instance_of(host, plate, {**values, "strength": strength}) for strength in (1.0, 0.25))
    alone = [instance.render(FRAME) for instance in (one, other)]
    assert not same(*alone)
    results: dict[int, list[np.ndarray]] = {0: [], 1: []}

    def work(number: int) -> None:
        for _ in range(3):
            results[number].append((one, other)[number].render(FRAME))

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in (0, 1):
        assert len(results[number]) == 3 and all(same(result, alone[number]) for result in results[number])
    one.destroy()
    other.destroy()


def test_saved_values_make_the_same_frame(host, plate, values):
    instance = instance_of(host, plate, {**values, "weight_jaw": 0.5})
    instance.key("strength", {10: 0.5, 50: 1.5})
    before, saved = instance.render(FRAME), json.loads(json.dumps(instance.save()))
    instance.destroy()
    again = instance_of(host, plate, saved)
    assert same(again.render(FRAME), before)
    changed = instance_of(host, plate, values)
    assert not same(changed.render(FRAME), before)
    changed.load(saved)
    assert same(changed.render(FRAME), before)
    again.destroy()
    changed.destroy()


@pytest.fixture(scope="module")
def moving(performance_file, python, tmp_path_factory):
    """Parameters, plates and results of a target that moves, in the light that is rendered."""
    folder = tmp_path_factory.mktemp("moving")
    clip, plates = Sequence.open(DRIVER), {}
    for number, frame in enumerate(FRAMES):
        path = folder / f"plate.{frame}.exr"
        write_exr(path, rgb_channels(clip.read(TAKEN + number).rgb.astype(np.float32) ** 2.2))
        plates[frame] = rgba_of(path)
    track_plate(str(folder / "plate.####.exr"))
    settings = moving_job(folder, str(folder / "plate.####.exr"), performance_file, device="cpu")
    render_sequence(settings)
    names = ("target", "target_performance", "performance", "identity", "repair", "device")
    values = {name: getattr(settings, name) for name in names} | {"driver_start": str(START), "python": python}
    return values, plates, {frame: rgba_of(folder / f"o.{frame}.exr") for frame in FRAMES}


def moving_instance(host, moving, first: int, speed: int = 1, **more):
    """Make an instance of it in a host whose time ``first`` is the plate's first frame."""
    values, plates, _ = moving
    size = plates[FIRST].shape[1::-1]
    instance = host.describe(FILTER).create({**values, **more}, size=size, frames=(first, first + (COUNT - 1) // speed))
    source = lambda time: plates.get(FIRST + int(time - first) * speed)  # noqa: E731
    instance.connect("Source", source, premultiplication="OfxImageOpaque")
    return instance


def test_a_target_that_moves(host, moving):
    instance = moving_instance(host, moving, FIRST)
    for frame, wanted in moving[2].items():
        result = instance.render(frame)
        assert same(result, wanted) and not same(result, moving[1][frame]), frame
    instance.destroy()


@pytest.mark.parametrize(("offset", "speed"), [(FIRST, 1), (FIRST - 50, 1), (FIRST - 20, 2)])
def test_numbers_of_the_plates_frames(host, moving, offset, speed):
    first = (FIRST - offset) // speed
    instance = moving_instance(host, moving, first, speed, clip_offset=offset, clip_speed=speed)
    for now in (first, first + 2):
        assert same(instance.render(now), moving[2][offset + speed * now]), now
    instance.destroy()


def test_analysed_through_the_clips(host, values, performance_file, tmp_path):
    """A host that hands over any frame: nothing is named but a folder."""
    clip, count = Sequence.open(DRIVER), 4
    shown = [clip.read(TAKEN + number).rgb.astype(np.float32) ** 2.2 for number in range(count)]
    pictures = [np.dstack([picture, np.ones_like(picture[..., 0])]) for picture in shown]
    size, frames = pictures[0].shape[1::-1], (0, count - 1)
    instance = host.describe(GENERAL).create(
        {name: values[name] for name in ("python", "device", "repair")} | {"folder": str(tmp_path / "kept"),
         "source_colorspace": "Linear Rec.709 (sRGB)"},
        size=size, frames=frames,
    )  # fmt: skip
    instance.connect("Source", lambda time: pictures[int(time)], premultiplication="OfxImageOpaque")
    instance.connect("Driver", lambda time: pictures[count - 1 - int(time)], premultiplication="OfxImageOpaque")
    assert instance.is_identity(1) == ("Source", 1)
    assert instance.press("analyse") is Status.OK, host.messages
    assert instance.get("status").startswith("Analysed "), instance.get("status")
    assert instance.progress == sorted(instance.progress) and instance.progress[-1] > 0.5
    names = ("target", "driver", "performance", "target_performance", "identity", "parts_file")
    kept = {name: instance.get(name) for name in names}
    assert all(Path(path).parent == tmp_path / "kept" for path in kept.values())
    assert instance.is_identity(1) is None
    results = [instance.render(time) for time in range(count)]
    assert not any(map(same, results, pictures))
    settings = Settings(**kept, output=str(tmp_path / "o.####.exr"), repair="off", device="cpu")
    render_sequence(settings)
    for frame, result in enumerate(results):
        assert same(result, rgba_of(tmp_path / f"o.{frame:04}.exr")), frame
    again = host.describe(GENERAL).create(instance.save(), size=size, frames=frames)
    again.connect("Source", lambda time: pictures[int(time)], premultiplication="OfxImageOpaque")
    assert same(again.render(2), results[2]) and again.get("status") == instance.get("status")
    shutil.rmtree(tmp_path / "kept")
    instance.destroy()
    again.destroy()


def test_nothing_is_asked_yet(host, plate, python):
    instance = instance_of(host, plate, {"python": python})
    told = len(host.messages)
    assert same(instance.render(FRAME), plate) and instance.identity == ("Source", FRAME)
    assert same(instance.render(FRAME, identity=False), plate) and len(host.messages) == told
    instance.destroy()


@pytest.mark.parametrize(("change", "said"), [
    ({"clip_offset": 500.0}, f"frame {500 + FRAME} is not in the shot"),
    ({"target": "/none/here.exr"}, "/none/here.exr"), ({"reference": "soon"}, "Reference: give a frame's number"),
    ({"source_colorspace": "Lila"}, "source_colorspace"), ({"identity": "/dev/null/i"}, "/dev/null/i"),
])  # fmt: skip
def test_what_cannot_be_made_is_said(host, plate, values, wanted, change, said):
    instance = instance_of(host, plate, {**values, **change})
    host.record.messages.clear()
    with pytest.raises(ActionFailed) as failed:
        instance.render(FRAME)
    assert failed.value.status is Status.FAILED
    assert len(host.messages) == 1 and said in host.messages[0] and host.record.standing[instance].persistent
    with pytest.raises(ActionFailed):
        instance.render(FRAME)
    assert len(host.messages) == 1, "the same of the same is said once"
    instance.set("on_error", "plate")
    assert same(instance.render(FRAME), plate)
    for name in change:
        instance.set(name, values.get(name, 0.0 if name == "clip_offset" else ""))
    assert same(instance.render(FRAME), wanted) and instance not in host.record.standing
    instance.destroy()


def test_a_plate_of_another_size(host, plate, values):
    smaller = np.ascontiguousarray(plate[10:, 20:])
    instance = instance_of(host, smaller, values)
    host.record.messages.clear()
    with pytest.raises(ActionFailed):
        instance.render(FRAME)
    assert "the target has 600×600 pixels, the picture to be rendered 580×590" in host.messages[0]
    instance.destroy()


def test_an_engine_that_is_killed_is_started_anew(host, plate, values, wanted):
    instance = instance_of(host, plate, values)
    assert same(instance.render(FRAME), wanted)
    before = engines()
    assert len(before) == 1
    os.kill(before[0], signal.SIGKILL)
    # Until its last thread is gone, so that it has hung up.
    while Path(f"/proc/{before[0]}/stat").read_text().split()[2] != "Z" or len(threads_of(before[0])) > 1:
        time.sleep(0.01)
    assert same(instance.render(FRAME), wanted)
    assert len(engines()) == 1 and engines() != before
    instance.destroy()


def test_an_aborted_frame_says_nothing_and_keeps_the_engine(host, plate, values, wanted, tmp_path):
    instance = instance_of(host, plate, values)
    assert same(instance.render(FRAME), wanted)
    before, told = engines(), len(host.messages)
    # Which loads another network first, so that there is a wait to end.
    instance.set("repair", "on")
    instance.set("identity", str(tmp_path / "i.safetensors"))
    for after in (0, 1, 2):
        with pytest.raises(ActionFailed) as failed:
            instance.render(FRAME, abort_after=after)
        assert failed.value.status is Status.FAILED and len(host.messages) == told
    instance.set("repair", "off")
    instance.set("identity", values["identity"])
    assert same(instance.render(FRAME), wanted) and engines() == before
    instance.destroy()


def threads_of(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def engines() -> list[int]:
    """Return the processes that this one has started and that are there yet."""
    return [int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()
            if "serve" in Path(f"/proc/{pid}/cmdline").read_text()]  # fmt: skip
