"""FD-GAN for other programs: the same pictures without this package, old operators only, windows that go back."""

import dataclasses
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from conftest import TARGET, make_shot, rgb_channels, write_exr
from scipy.spatial.transform import Rotation

from ofx_reenact.cli.main import run
from ofx_reenact.engine.make_identity import identify, make_painter, view_of
from ofx_reenact.export.network import INPUTS, LINES, Exported, save_torchscript
from ofx_reenact.export.nuke_script import CHANNELS_IN, CHANNELS_OUT, cat_file_creator, put_back_script, quoted
from ofx_reenact.export.target import build_network
from ofx_reenact.export.windows import channels_of, see_frame
from ofx_reenact.fdgan import adapters
from ofx_reenact.fdgan.dictionary import ABLATIONS
from ofx_reenact.fdgan.landmark_image import landmark_image
from ofx_reenact.fdgan.network import Extractor, Translator
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.repair import LINE, Repaired, RepairNetwork, repaired
from ofx_reenact.fdgan.weights import load_repair, save_portrait, save_repair
from ofx_reenact.fdgan.window import Window, finer_of
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.settings import Settings
from ofx_reenact.shot.identity import Identity
from ofx_reenact.shot.mouth_painter import MouthPainter
from ofx_reenact.shot.shot import Shot
from ofx_reenact.tracking.landmarks import MESH68

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
# Frames of the demo's performance: mouth nearly shut, half open, open.
FRAMES = (12, 30, 36)
# Everything that files written here have called so far. Each was loaded and run by PyTorch 1.6.0, 1.12.1 and 2.1.2, but
# for the arithmetic of whole numbers (floordiv, max), which TorchScript had before.
PROVEN = {
    "add", "append", "arange", "cat", "clamp", "contiguous", "conv2d", "conv_transpose2d", "div", "flatten", "floordiv",
    "grid_sampler", "gt", "instance_norm", "len", "matmul", "max_pool2d", "mul", "neg", "pop", "prelu", "prim.max",
    "remainder", "replication_pad2d", "select", "sigmoid", "size", "slice", "softmax", "stack", "sub", "tanh", "to",
    "view", "zeros_like",
}  # fmt: skip
# What a program that has torch and nothing of ours does with the file.
STRANGER = """
import sys
sys.modules["ofx_reenact"] = None
import numpy, torch
file, given, made = sys.argv[1:]
network = torch.jit.load(file)
x = torch.from_numpy(numpy.load(given))
with torch.no_grad():
    plain = network(x)
    network.strength = 0.5
    weaker = network(x)
    network.strength = 1.0
    half = network.half()(x[-1:].half())
assert half.dtype == torch.float16 and plain.is_contiguous()
numpy.savez(made, plain=plain.numpy(), weaker=weaker.numpy(), half=half.float().numpy())
"""


@pytest.fixture(scope="module")
def fdgan():
    return load_repair()


@pytest.fixture(scope="module")
def knowing(target, colour, weights, fdgan, tmp_path_factory) -> tuple[str, Identity]:
    """An identity file with a dictionary, and what it says."""
    path = tmp_path_factory.mktemp("identity") / "her.safetensors"
    settings = Settings(target=str(TARGET), identity=str(path), device="cpu")
    return str(path), identify(settings, target, colour, weights, fdgan)


@pytest.fixture(scope="module")
def shot(target, weights, fdgan, knowing, performance) -> Shot:
    return make_shot(knowing[1], target, performance, weights, painter=make_painter(fdgan, "cpu"))


@pytest.fixture(scope="module")
def tensors(shot) -> np.ndarray:
    """What the exported network is given for each of FRAMES."""
    return np.stack([channels_of(see_frame(shot, frame)).transpose(2, 0, 1) for frame in FRAMES])


def engine_sees(network, dictionary, tensors: np.ndarray, shot) -> Repaired:
    """The engine's own network on the engine's own inputs."""
    seen = [see_frame(shot, frame) for frame in FRAMES]

    def stacked(name: str) -> torch.Tensor:
        return torch.from_numpy(np.stack([getattr(s, name).transpose(2, 0, 1) for s in seen]))

    landmarks = torch.from_numpy(np.stack([s.landmarks for s in seen]).astype(np.float32))
    tables = tuple(torch.from_numpy(values)[None].expand(len(seen), -1, -1) for values in dictionary)
    with torch.inference_mode():
        return network(stacked("picture") * 2 - 1, stacked("maps"), landmarks, tables)


def stranger(file: Path, x: np.ndarray, folder: Path) -> dict[str, np.ndarray]:
    """Run a TorchScript file in a process that cannot import this package."""
    np.save(folder / "given.npy", x.astype(np.float32))
    line = [sys.executable, "-I", "-c", STRANGER, str(file), str(folder / "given.npy"), str(folder / "made.npz")]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(folder / "made.npz") as made:
        return dict(made)


@pytest.fixture(scope="module")
def package(knowing, tmp_path_factory) -> Path:
    """The folder that the command line writes."""
    folder = tmp_path_factory.mktemp("cattery") / "her mouth"
    assert run(["export", "torchscript", "--identity", knowing[0], "--out", str(folder)]) == 0
    return folder


def test_torchscript_paints_as_the_engine_without_this_package(
    package, fdgan, knowing, tensors, shot, tmp_path
):  # fmt: skip
    want = engine_sees(fdgan.network, knowing[1].person.dictionary, tensors, shot)
    picture, mask = (want.picture / 2 + 0.5).clamp(0, 1).numpy(), want.mask.numpy()
    made = stranger(package / "her mouth.pt", tensors, tmp_path)
    assert made["plain"].shape == (len(FRAMES), 4, 96, 128)
    assert np.abs(made["plain"][:, :3] - picture).max() < 5e-5
    assert np.abs(made["plain"][:, 3:] - mask).max() < 5e-5
    assert np.abs(made["plain"][:, :3] - tensors[:, :3]).max() > 0.1, "it paints"
    assert np.abs(made["half"] - made["plain"][-1:]).max() < 0.02
    assert np.abs(made["half"] - made["plain"][-1:]).mean() < 1e-3
    assert np.allclose(made["weaker"][:, 3], made["plain"][:, 3] / 2, atol=1e-6)


def test_a_render_with_the_exported_network_is_the_engines(
    package, target, colour, weights, knowing, performance, shot
):
    script = torch.jit.load(str(package / "her mouth.pt"))

    def paint(picture, maps, landmarks, dictionary) -> np.ndarray:
        height, width = picture.shape[:2]
        points = torch.from_numpy(landmarks[None]).float()
        parts = landmark_image(points, height, width, "parts", LINE * finer_of(height))
        shown, seen = (torch.from_numpy(x.transpose(2, 0, 1)[None]).float() for x in (picture, maps))
        made = script(torch.cat([shown, parts[:, list(LINES.values())], seen], 1))
        return made[0, :3].numpy().transpose(1, 2, 0)

    class Exported(MouthPainter):
        """Paints with the exported network."""

        _prepared = SimpleNamespace(paint=paint)

    painter = Exported(shot.painter.network, finest=shot.painter.finest)
    other = make_shot(knowing[1], target, performance, weights, painter=painter)
    for frame in FRAMES:
        one, two = shot.render(frame).colour, other.render(frame).colour
        assert np.abs(one - two).max() < 2e-4
    plain = make_shot(knowing[1], target, performance, weights)
    assert np.abs(plain.render(36).colour - two).max() > 0.02


def small(name: str) -> RepairNetwork:
    """A narrow network from chance."""
    torch.manual_seed(0)
    sizes = ((8, 8, 8, 8), (4, 4, 4, 4))
    write, read = ABLATIONS[name]
    return RepairNetwork(Extractor(12, *sizes, write=write), Translator(15, 6, *sizes, read=read)).eval()


@pytest.mark.parametrize("name", ABLATIONS)
def test_ablations_can_be_exported(name, tensors, shot, tmp_path):
    network = small(name)
    pictures, landmarks = torch.rand(1, 1, 3, 96, 128) * 2 - 1, torch.rand(1, 1, 68, 2) * 90
    with torch.inference_mode():
        dictionary = [values[0].clone() for values in network.write(pictures, landmarks)]
    save_torchscript(Exported(network.translator, dictionary), tmp_path / "a.pt")
    want = engine_sees(network, [values.numpy() for values in dictionary], tensors, shot)
    made = torch.jit.load(str(tmp_path / "a.pt"))(torch.from_numpy(tensors))
    assert (made[:, :3] - (want.picture / 2 + 0.5).clamp(0, 1)).abs().max() < 5e-5
    assert operators(tmp_path / "a.pt") <= PROVEN


def test_adapters_are_worked_in(knowing, fdgan, tensors, shot, tmp_path):
    change = {
        f"{name}.{matrix}": 0.03 * np.random.default_rng(n).standard_normal(shape).astype(np.float32)
        for n, (name, layer) in enumerate(adapters._layers(fdgan.network.translator))
        for matrix, shape in (("a", (4, layer.weight[0].numel())), ("b", (layer.weight.shape[0], 4)))
    }
    taught = dataclasses.replace(knowing[1].person, adapters=change)
    dataclasses.replace(knowing[1], person=taught).save(tmp_path / "taught.safetensors")
    network, _ = build_network(Settings(identity=str(tmp_path / "taught.safetensors")))
    painter = MouthPainter(fdgan.network).with_adapters(change)
    want = engine_sees(painter.network, taught.dictionary, tensors, shot)
    made = network(torch.from_numpy(tensors))
    assert np.abs(made[:, 3:].numpy() - want.mask.numpy()).max() < 5e-5
    plain, _ = build_network(Settings(identity=knowing[0]))
    assert (plain(torch.from_numpy(tensors)) - made).abs().max() > 0.01


def test_any_size(package, tensors, fdgan, knowing, tmp_path):
    """One that is no multiple of 16 is continued at its edge; twice the size is what the engine's network makes."""
    cut = tensors[:, :, :90, :125]
    continued = np.pad(cut, ((0, 0), (0, 0), (0, 6), (0, 3)), mode="edge")
    script = torch.jit.load(str(package / "her mouth.pt"))
    with torch.inference_mode():
        made, whole = script(torch.from_numpy(cut)), script(torch.from_numpy(continued))
        assert made.shape == (3, 4, 90, 125) and made.is_contiguous()
        assert (made - whole[..., :90, :125]).abs().max() < 1e-5
        assert script(torch.from_numpy(tensors[:1, :, :7, :5])).shape == (1, 4, 7, 5)
    large = np.repeat(np.repeat(tensors[-1:], 2, 2), 2, 3)
    x = torch.from_numpy(large)
    parts = torch.zeros(1, 9, 192, 256)
    parts[:, list(LINES.values())] = x[:, 3:8]
    tables = tuple(torch.from_numpy(values)[None] for values in knowing[1].person.dictionary)
    with torch.inference_mode():
        warped, maps = x[:, :3] * 2 - 1, x[:, 8:]
        want = repaired(fdgan.network.translator(torch.cat([parts, warped, maps], 1), tables), warped, maps)
        made = script(x)
    assert (made[:, :3] - (want.picture / 2 + 0.5).clamp(0, 1)).abs().max() < 5e-5
    assert (made[:, 3:] - want.mask).abs().max() < 5e-5


def test_strength_of_zero_is_the_warp(package, tensors):
    script = torch.jit.load(str(package / "her mouth.pt"))
    script.strength = 0.0
    made = script(torch.from_numpy(tensors)).numpy()
    assert np.abs(made[:, :3] - tensors[:, :3]).max() < 1e-5 and made[:, 3].max() == 0


def test_values_beyond_the_range_do_not_matter(package, tensors):
    script = torch.jit.load(str(package / "her mouth.pt"))
    far = np.where(tensors >= 1, 7.5, np.where(tensors <= 0, -0.5, tensors)).astype(np.float32)
    assert torch.equal(script(torch.from_numpy(far)), script(torch.from_numpy(tensors)))


def operators(file: Path) -> set[str]:
    """Names of what a TorchScript file calls, its own modules left out."""
    with zipfile.ZipFile(file) as archive:
        code = "\n".join(archive.read(n).decode() for n in archive.namelist() if n.endswith(".py"))
    return set(re.findall(r"(?<![\w.])torch\.(\w+)\(", code)) | set(re.findall(r"ops\.(?!prim\.d)([\w.]+)", code))


def test_the_file_calls_old_operators_and_names_no_folder(package, tmp_path, knowing):
    file = package / "her mouth.pt"
    assert {"softmax", "grid_sampler", "prelu"} < operators(file) <= PROVEN
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        notes = [name for name in names if name.endswith((".debug_pkl", "byteorder"))]
        whole = b"".join(archive.read(name) for name in names)
        # Of the format; PyTorch 1.6 reads 3 and 4.
        assert archive.read(next(n for n in names if n.endswith("/version"))).strip() == b"3"
    assert not notes and str(Path(__file__).parents[1]).encode() not in whole
    assert b"NoneType" not in whole, "a type that 1.6 has no name for"
    network, _ = build_network(Settings(identity=knowing[0]))
    save_torchscript(network, tmp_path / "again.pt")
    assert (tmp_path / "again.pt").read_bytes() == file.read_bytes()


def test_onnx_paints_alike_at_any_size(knowing, package, tensors, tmp_path):
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    file = tmp_path / "her.onnx"
    assert run(["export", "onnx", "--identity", knowing[0], "--output", str(file)]) == 0
    onnx.checker.check_model(str(file))
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    script = torch.jit.load(str(package / "her mouth.pt"))
    for x in (tensors[-1:], tensors[-1:, :, :70, :101], np.repeat(np.repeat(tensors[-1:], 2, 2), 2, 3)):
        (made,) = session.run(None, {"input": np.ascontiguousarray(x)})
        assert np.abs(made - script(torch.from_numpy(x.copy())).numpy()).max() < 1e-4
    assert session.get_modelmeta().custom_metadata_map["inputs"].split(", ") == list(INPUTS)
    assert str(Path(__file__).parents[1]).encode() not in file.read_bytes()


def test_eyes_and_brows_are_not_in_the_mouths_window(identity):
    """So the network needs no channels for them."""
    unseen = [part for part in range(9) if part not in LINES.values()]
    turns = [(pitch, yaw, roll) for pitch in (-40, -20, 0, 20, 40) for yaw in (-60, 0, 60) for roll in (-40, 0, 40)]
    for turn in turns:
        rotation = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
        head = dataclasses.replace(identity.face.head, rotation=rotation)
        window = Window.of_mouth(identity.face.frontal, head)
        points = window.points(head.apply(identity.face.frontal)[list(MESH68), :2])
        drawn = landmark_image(torch.from_numpy(points)[None].float(), 96, 128, "parts", LINE)[0]
        assert drawn[unseen].max() == 0 and drawn[LINES["outer"]].max() == 1


# Nuke's files


def test_package_is_what_nuke_reads(package):
    about = json.loads((package / "cat.json").read_text())
    assert about["cats"] == [{"filepath": "her mouth.cat", "name": "her mouth", "icon": ""}]
    node = (package / "her mouth.nk").read_text()
    assert f'torchScriptFile "{(package / "her mouth.pt").as_posix()}"' in node
    assert sorted(p.name for p in package.iterdir()) == ["cat.json", "her mouth.nk", "her mouth.pt"]


def test_cat_file_creator_node():
    assert cat_file_creator(Path("/shots/a/her.pt"), "her") == (
        'CatFileCreator {\n inputs 0\n torchScriptFile "/shots/a/her.pt"\n catFile "/shots/a/her.cat"\n'
        ' channelsIn "rgba.red,rgba.green,rgba.blue,depth.Z,forward.u,forward.v,backward.u,backward.v,'
        'disparityL.x,disparityL.y,disparityR.x"\n'
        ' channelsOut "rgba.red,rgba.green,rgba.blue,rgba.alpha"\n modelId "her"\n outputScale 1\n'
        " name CatFileCreator1\n addUserKnob {20 User}\n addUserKnob {7 strength l strength R 0 1}\n strength 1\n}\n"
    )
    assert len(CHANNELS_IN) == len(set(CHANNELS_IN)) == len(INPUTS) and len(CHANNELS_OUT) == 4


def test_words_of_a_script_mean_themselves():
    tkinter = pytest.importorskip("tkinter")
    interpreter = tkinter.Tcl()
    for text in ("a b.####.exr", 'it\'s [x] $y {z "q" \\', "顔/ü"):
        assert interpreter.eval(f"set word {quoted(text)}") == text
        pins = {1001: np.zeros((4, 2)), 1002: np.ones((4, 2))}
        script = put_back_script(Path("/") / text, (128, 96), pins)
        assert (
            interpreter.call("info", "complete", script)
            and "to4 {{curve x1001 0 x1002 1} {curve x1001 0 x1002 1}}" in script
        )


# Windows


@pytest.fixture(scope="module")
def plate(target, tmp_path_factory) -> Path:
    """A plate whose data window is not its display window."""
    rgb = cv2.resize(target.pixels, (400, 400), interpolation=cv2.INTER_AREA)
    path = tmp_path_factory.mktemp("plate") / "t.exr"
    return write_exr(path, rgb_channels(rgb), window=(30, 12), display=(0, 0, 460, 440))


def windows_line(plate: Path, performance_file: str, folder: Path, *more: str) -> list[str]:
    return [
        "export", "inputs", "--target", str(plate), "--performance", performance_file,
        "--identity", str(plate.with_suffix(".safetensors")), "--output", str(folder / "w.####.exr"), *more,
    ]  # fmt: skip


def test_windows_are_what_the_engine_sees_and_know_their_place(
    plate, performance_file, performance, weights, colour, tmp_path, capsys
):
    from ofx_reenact.engine.inputs import read_target

    assert run(windows_line(plate, performance_file, tmp_path, "--frames", "30-36x6")) == 0
    assert "2 windows written" in capsys.readouterr().out
    settings = Settings(target=str(plate))
    target = read_target(settings, colour)
    identity = identify(settings, target, colour, weights)
    made = make_shot(identity, target, performance, weights)
    seen, file = see_frame(made, 36), read_plate(tmp_path / "w.0036.exr")
    assert file.depth == "float" and (file.data_window.width, file.data_window.height) == (128, 96)
    stored = np.dstack([file.rgb, *(file.extra[name] for name in INPUTS[3:])])
    assert np.array_equal(stored, channels_of(seen))
    assert file.extra["regions.mouth"].max() > 0.9 and file.extra["regions.visibility"].min() < 0.1
    spec = oiio.ImageInput.open(str(tmp_path / "w.0036.exr")).spec()
    assert spec.get_float_attribute("reenact:missing") == 1
    # As Nuke puts it back: y up from the lower edge of the display window, pixel edges at whole numbers.
    to = np.array(spec.getattribute("reenact:corners")).reshape(4, 2).astype(np.float32)
    pin = cv2.getPerspectiveTransform(np.array([[0, 0], [128, 0], [128, 96], [0, 96]], np.float32), to)
    inside = np.column_stack([seen.landmarks[:, 0] + 0.5, 96 - (seen.landmarks[:, 1] + 0.5)])
    back = cv2.perspectiveTransform(inside[None], pin)[0]
    in_picture = seen.landmarks @ seen.window.matrix[:, :2].T + seen.window.matrix[:, 2]
    want = np.column_stack([in_picture[:, 0] + 30 + 0.5, 440 - (in_picture[:, 1] + 12 + 0.5)])
    assert np.abs(back - want).max() < 0.01
    matrix = np.array(spec.getattribute("reenact:window")).reshape(2, 3)
    assert np.allclose(seen.landmarks @ matrix[:, :2].T + matrix[:, 2], in_picture + np.array([30, 12]), atol=1e-3)


def test_a_window_put_back_is_the_frame(plate, performance_file, colour, tmp_path):
    """The warped picture in a window, pinned where the attribute says, lies over the frame that was rendered."""
    assert run(windows_line(plate, performance_file, tmp_path, "--frames", "36")) == 0
    line = ["render", "-t", str(plate), "--performance", performance_file, "-o", str(tmp_path / "r.####.exr")]
    assert run([*line, "-f", "36", "--repair", "off"]) == 0
    frame = np.zeros((440, 460, 3), np.float32)
    frame[12:412, 30:430] = read_plate(tmp_path / "r.0036.exr").rgb
    window = read_plate(tmp_path / "w.0036.exr").rgb
    to = np.array(oiio.ImageInput.open(str(tmp_path / "w.0036.exr")).spec().getattribute("reenact:corners"))
    to = to.reshape(4, 2) * [1, -1] + [-0.5, 440 - 0.5]
    pinned = np.array([[0, 96], [128, 96], [128, 0], [0, 0]], np.float32) - 0.5
    pin = cv2.getPerspectiveTransform(pinned, to.astype(np.float32))
    seen = cv2.warpPerspective(window, pin, (460, 440))
    there = cv2.erode(cv2.warpPerspective(np.ones((96, 128), np.float32), pin, (460, 440)), np.ones((5, 5))) > 0.99
    apart = np.abs(colour.convert(frame, "ACEScg", colour.srgb()) - seen)[there]
    assert there.sum() > 5000 and np.median(apart) < 0.01


def test_windows_of_chunks_are_those_of_the_whole(plate, performance_file, performance, tmp_path):
    for folder, frames in (("whole", "35-36"), ("a", "35"), ("b", "36")):
        assert run(windows_line(plate, performance_file, tmp_path / folder, "--frames", frames)) == 0
    for folder, frame in (("a", 35), ("b", 36)):
        one, two = (read_plate(tmp_path / f / f"w.{frame:04d}.exr") for f in ("whole", folder))
        assert np.array_equal(one.rgb, two.rgb)
        assert all(np.array_equal(one.extra[name], two.extra[name]) for name in one.extra)
    scripts = [(tmp_path / f / "w.nk").read_text() for f in ("whole", "a", "b")]
    assert len({text.replace("/whole/", "/a/").replace("/b/", "/a/") for text in scripts}) == 1
    assert scripts[0].count(" x36 ") == 8 and f"last {len(performance.frames)}" in scripts[0]
    copied = dict(re.findall(r"from\d (\S+)\n to\d (\S+)", scripts[0]))
    assert tuple(copied) == INPUTS[3:] and tuple(copied.values()) == CHANNELS_IN[3:]
    assert run(windows_line(plate, performance_file, tmp_path / "a", "--frames", "35")) == 1
    assert run(windows_line(plate, performance_file, tmp_path / "a", "--frames", "35", "--existing", "skip")) == 0


def test_where_nothing_moves_the_window_is_the_targets(target, colour, weights, knowing, performance):
    identity = knowing[1]
    seen = see_frame(make_shot(identity, target, performance, weights, Settings(reference=20)), 20)
    assert seen.missing == 0 and (seen.maps == [1, 0.5, 0]).all()
    shown = view_of(identity.face, target, colour).show()
    assert np.allclose(seen.picture, Window.of_mouth(identity.face.frontal, identity.face.head).look(shown), atol=1e-3)


# Errors


def errors(arguments: list[str], capsys, code: int = 1) -> str:
    assert run(arguments) == code
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Traceback" not in said
    return said


def test_identity_made_with_other_weights(knowing, tmp_path, capsys):
    save_repair(tmp_path / "small.safetensors", small("fdgan"), {})
    line = ["export", "torchscript", "--identity", knowing[0], "--out", str(tmp_path / "o")]
    said = errors([*line, "--fdgan-weights", str(tmp_path / "small.safetensors")], capsys)
    assert "her.safetensors: made with other FD-GAN weights" in said and not (tmp_path / "o").exists()


def test_identity_made_without_repair(identity, tmp_path, capsys):
    identity.save(tmp_path / "i.safetensors")
    said = errors(
        ["export", "onnx", "--identity", str(tmp_path / "i.safetensors"), "--output", str(tmp_path / "o.onnx")], capsys
    )
    assert "i.safetensors: made without repair" in said and not (tmp_path / "o.onnx").exists()


def test_printed_weights_are_refused(knowing, tmp_path, capsys):
    torch.manual_seed(0)
    sizes = ((4, 4), (2, 2))
    save_portrait(tmp_path / "p.safetensors", PortraitNetwork(Extractor(6, *sizes), Translator(3, 3, *sizes)), 64, {})
    line = ["export", "torchscript", "--identity", knowing[0], "--out", str(tmp_path / "o")]
    said = errors([*line, "--fdgan-weights", str(tmp_path / "p.safetensors")], capsys)
    assert "p.safetensors" in said and "fd-gan as printed" in said and not (tmp_path / "o").exists()


def test_neither_identity_nor_target(tmp_path, capsys):
    said = errors(["export", "torchscript", "--out", str(tmp_path / "o")], capsys, 2)
    assert "--identity" in said and "--target" in said
    line = ["export", "torchscript", "--identity", str(tmp_path / "none.safetensors"), "--out", str(tmp_path / "o")]
    assert "none.safetensors: no such" in errors(line, capsys)


@pytest.mark.parametrize("kind", ["torchscript", "onnx", "inputs"])
def test_a_folder_that_cannot_be_written(kind, knowing, plate, performance_file, tmp_path, capsys):
    if kind == "onnx":
        pytest.importorskip("onnx")
    (tmp_path / "file").write_text("in the way")
    lines = {
        "torchscript": ["export", kind, "--identity", knowing[0], "--out", str(tmp_path / "file" / "o")],
        "onnx": ["export", kind, "--identity", knowing[0], "--output", str(tmp_path / "file" / "o.onnx")],
        "inputs": windows_line(plate, performance_file, tmp_path / "file", "--frames", "36"),
    }
    assert "cannot be written" in errors(lines[kind], capsys)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_onnx_is_not_installed(knowing, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    said = errors(["export", "onnx", "--identity", knowing[0], "--output", str(tmp_path / "o.onnx")], capsys, 2)
    assert "ofx-reenact[export]" in said and not list(tmp_path.iterdir())
