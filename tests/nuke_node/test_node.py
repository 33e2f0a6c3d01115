"""The Reenact node: its knobs, the settings that they give, what is saved. Nuke is the stand-in in nuke_fake.py."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import nuke_pixels
import numpy as np
import pytest
from conftest import write_exr
from nuke_session import NUKE, begin, set_root, settle, wired, wired_shot

from ofx_reenact.settings import Settings

GOLDEN = Path(__file__).parents[1] / "golden" / "nuke"
SOURCES = sorted(NUKE.rglob("*.py"))
STDLIB = {
    "__future__", "atexit", "contextlib", "getpass", "hashlib", "json", "os", "queue", "re", "subprocess", "sys",
    "tempfile", "threading", "time", "traceback", "types", "typing", "uuid",
}  # fmt: skip


@pytest.fixture
def nuke(monkeypatch, tmp_path):
    return begin(monkeypatch, tmp_path)


@pytest.fixture
def terminal(monkeypatch, tmp_path):
    return begin(monkeypatch, tmp_path, gui=False)


@pytest.fixture
def node(nuke):
    return wired_shot(nuke)


def job_of(node):
    from reenact_nuke.read_job import read_job

    return read_job(node)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_source_is_python_3_7_of_the_standard_library(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= STDLIB | {"nuke", "nukescripts", "reenact_nuke"}


def test_nuke_starts_with_a_broken_package(tmp_path):
    broken = tmp_path / "reenact_nuke"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('broken')")
    for name in ("init.py", "menu.py"):
        (tmp_path / name).write_text((NUKE / name).read_text())
        done = subprocess.run([sys.executable, name], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert "ImportError: broken" in done.stderr


def test_menu_makes_a_node_from_what_is_selected(nuke, tmp_path):
    nuke.SESSION.script = str(tmp_path / "shot.nk")
    for name in ("init.py", "menu.py"):
        exec(compile((NUKE / name).read_text(), name, "exec"), {})
    plate, take = (nuke.nodes.Read(file=f, selected=True) for f in ("/a/plate.exr", "/a/take.####.exr"))
    exec(nuke.SESSION.commands["Nodes/Reenact"], {})
    node = nuke.toNode("Reenact")
    assert [node.input(i) for i in (0, 1)] == [plate, take]
    assert node["reenact_output"].value() == f"{tmp_path}/reenact/shot_Reenact_v001.%04d.exr"


def test_a_menu_that_fails_is_reported_and_logged(terminal, capsys, tmp_path):
    from reenact_nuke import log, startup

    startup.add_menus()
    assert "menu.py failed" in capsys.readouterr().err
    assert "menu in a terminal" in log.tail()


def test_every_option_has_its_knob(node):
    from reenact_nuke import layout, options

    for option in options.all_options():
        name = option["name"]
        if name in layout.MANAGED:
            continue
        knob = node[layout.knob_name(name, *option["choices"][:1] if option["type"] == "choices" else ())]
        assert knob.tooltip() == option["help"]
        if option["type"] == "choice":
            assert (knob.Class(), knob.values(), knob.value()) == (
                "Enumeration_Knob", option["choices"], option["default"],
            )  # fmt: skip
        if option["type"] == "float":
            span = list(layout.SLIDERS.get(name, (option["low"], option["high"])))
            assert (knob.Class(), knob._range, knob.value()) == ("Double_Knob", span, option["default"])
            assert option["low"] <= span[0] < span[1] <= option["high"]
        if option["type"] == "text" and option["path"] and not option["unless"]:
            assert knob.Class() == "File_Knob"


def test_the_studios_trackers_are_offered_after_ours(nuke, monkeypatch):
    from reenact_nuke import knobs, layout, node, options

    option = next(option for option in options.all_options() if option["name"] == "tracker")
    assert layout.knobs_of_option(option)[0].choices == ("mesh", "fan", "dlib", "file")
    monkeypatch.setenv("OFX_REENACT_TRACKERS", "acme, mesh,")
    made = node.build()
    assert made["reenact_tracker"].values() == ["mesh", "fan", "dlib", "file", "acme"]
    assert made["reenact_tracker"].value() == "mesh"
    made["reenact_tracker"].setValue("acme")
    assert knobs.value(made, option) == "acme"


def test_no_two_knobs_have_one_name(nuke):
    from reenact_nuke import layout

    names = [item.name for item in layout.items()]
    assert len(names) == len(set(names))


def test_the_input_arrows_are_in_order(node):
    from reenact_nuke import inputs

    inside = {n.name(): n for n in node.nodes()}
    assert [inside[name]["number"].value() for name in inputs.NAMES] == [0, 1, 2, 3, 4, 5]


def test_buttons_hold_one_call(node):
    from reenact_nuke import buttons

    pressed = [k for k in node.knobs().values() if k.Class() == "PyScript_Knob"]
    assert len(pressed) == len(buttons.ACTIONS)
    for button in pressed:
        calls = [n for n in ast.walk(ast.parse(button.command())) if isinstance(n, ast.Call)]
        assert len(calls) == 1
        assert calls[0].args[0].value in buttons.ACTIONS


def test_a_saved_script_reopens_with_every_knob(nuke, node, tmp_path):
    node["reenact_weight_mouth"].setValue(0.7)
    node["reenact_motion"].setValue("locked")
    node["reenact_reference_on"].setValue(True)
    node["reenact_reference"].setValue(1012)
    node["reenact_layers_matte"].setValue(True)
    nuke.SESSION.script = str(tmp_path / "shot.nk")
    before = (
        job_of(node),
        {name: (k.Class(), k.value(), k.tooltip(), k.enabled()) for name, k in node.knobs().items()},
    )
    nuke.scriptSaveAs(tmp_path / "shot.nk")
    nuke.scriptOpen(tmp_path / "shot.nk")
    again = nuke.toNode("Reenact")
    assert again is not node
    after = (job_of(again), {n: (k.Class(), k.value(), k.tooltip(), k.enabled()) for n, k in again.knobs().items()})
    assert before == after


def test_a_saved_script_gives_its_frames_without_the_package(nuke, tmp_path, monkeypatch):
    picture = np.random.default_rng(0).random((48, 64), np.float32)
    ramp = np.broadcast_to((np.arange(64, dtype=np.float32) + 0.5) / 64, (48, 64))
    rise = np.broadcast_to(1 - (np.arange(48, dtype=np.float32)[:, None] + 0.5) / 48, (48, 64))
    write_exr(tmp_path / "o.1001.exr", {**dict.fromkeys("RGB", picture), "stmap.u": ramp, "stmap.v": rise})
    plate = nuke.nodes.Constant(color=[0.2, 0.3, 0.4, 1.0])
    node = wired(nuke, "/none.exr", "/none.####.exr", tmp_path / "o.####.exr")
    node.setInput(0, plate)
    from reenact_nuke import result_reads

    assert nuke_pixels.evaluate(node, 1001)["rgba.green"][0, 0] == np.float32(0.3)
    report = {"output": str(tmp_path / "o.####.exr"), "colour_space": "Linear Rec.709 (sRGB)"}
    result_reads.show_result(node, report, 1001, 1001, "")
    nuke.scriptSaveAs(tmp_path / "shot.nk")
    for name in [n for n in sys.modules if n.split(".")[0] == "reenact_nuke"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(NUKE)])
    nuke.scriptOpen(tmp_path / "shot.nk")
    again, plate = nuke.toNode("Reenact"), nuke.toNode("Constant1")
    pixels = nuke_pixels.evaluate(again, 1001)
    np.testing.assert_array_equal(pixels["rgba.red"], picture)
    assert "stmap.u" in pixels
    # The callback is in the script and finds no module; it stays quiet.
    again["reenact_range"].setValue("custom")
    # A matte keeps the plate where it is 0, and only colour: the layers are the render's.
    matte = nuke.nodes.Constant(color=[0, 0, 0, 0.25])
    again.setInput(2, matte)
    kept = nuke_pixels.evaluate(again, 1001)
    np.testing.assert_allclose(kept["rgba.red"], 0.25 * picture + 0.75 * 0.2, atol=1e-6)
    np.testing.assert_array_equal(kept["stmap.u"], ramp)
    # The identity map carries another plate to itself.
    other = nuke.nodes.Read(file=str(tmp_path / "o.1001.exr"), raw=True)
    again.setInput(3, other)
    again["reenact_show"].setValue("carried plate")
    np.testing.assert_allclose(nuke_pixels.evaluate(again, 1001)["rgba.red"], picture, atol=1e-5)


def test_numbers_that_are_not_set_are_greyed(node):
    assert not node["reenact_reference"].enabled()
    node["reenact_reference_on"].setValue(True)
    assert node["reenact_reference"].enabled()
    assert not node["reenact_first"].enabled()
    node["reenact_range"].setValue("custom")
    assert node["reenact_first"].enabled()


def test_current_frame_becomes_the_reference(nuke, node):
    nuke.frame(1012)
    nuke.click(node, "reenact_do_set_reference")
    assert job_of(node).settings["reference"] == 1012


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("/a/face_v001.####.exr", "/a/face_v002.%04d.exr"),
        ("/a/v009/face_v009.%04d.exr", "/a/v010/face_v010.%04d.exr"),
        ("/a/v2/face_v017.%04d.exr", "/a/v2/face_v018.%04d.exr"),
        ("/a/face.####.exr", "/a/face_v002.%04d.exr"),
    ],
)
def test_next_version(nuke, node, name, after):
    node["reenact_output"].setValue(name)
    nuke.click(node, "reenact_do_next_version")
    assert node["reenact_output"].value() == after


def set_knobs(node, **values):
    for name, value in values.items():
        node["reenact_" + name].setValue(value)


def case_defaults(nuke, node):
    pass


def case_motion(nuke, node):
    set_knobs(node, motion="locked", weight_pose=0, weight_mouth=0.7, neck=0.5, retarget="copy")


def case_reference(nuke, node):
    set_knobs(node, reference_on=True, reference=1012)


def case_layers(nuke, node):
    set_knobs(node, layers_stmap=True, layers_matte=True, layers_confidence=True, depth="float", compression="dwaa")


def case_custom_range(nuke, node):
    set_knobs(node, range="custom", first=1005, last=1005, existing="skip", missing="black")


def case_root_range(nuke, node):
    set_knobs(node, range="root")
    set_root(nuke, first_frame=1001, last_frame=1010)


def case_tracking(nuke, node):
    set_knobs(
        node, tracker="file", landmarks="/shots/a/d.json", target_landmarks="/shots/a/t.json", face="2", smoothing=0
    )


def case_target_sequence(nuke, node):
    node.input(0)["file"].setValue("/shots/a/plate.####.exr")
    node.input(0)["first"].setValue(993)
    node.setInput(0, nuke.nodes.Dot(inputs=[nuke.nodes.NoOp(inputs=[node.input(0)])]))
    set_knobs(node, appearance="/shots/a/smile one.exr, /shots/a/teeth.exr", performance="/shots/a/take 3.npz")


def case_ocio(nuke, node):
    set_root(nuke, colorManagement="OCIO", OCIO_config="custom", workingSpaceLUT="ACES/ACEScg")
    node.setInput(0, nuke.nodes.Read(file="/shots/a/plate.exr", colorspace="default (scene_linear)"))
    node.setInput(1, nuke.nodes.Read(file="/shots/a/take.mov", first=1, last=24, colorspace="sRGB - Texture"))
    set_knobs(node, device="cpu")


def case_rendered_inputs(nuke, node):
    set_root(nuke, first_frame=1001, last_frame=1010)
    node.setInput(0, nuke.nodes.Grade(inputs=[node.input(0)]))
    node.setInput(
        1, nuke.nodes.Read(file="/shots/a/take.####.exr", first=1, last=24, frame="1001", frame_mode="start at")
    )
    set_knobs(node, colorspace="lin_rec709", profile="warp", repair="off")


def moving(node):
    node.input(0)["file"].setValue("/shots/a/plate.####.exr")
    node.input(0)["first"].setValue(993)
    node.input(0)["last"].setValue(1108)


def case_moving(nuke, node):
    moving(node)


def case_moving_options(nuke, node):
    moving(node)
    set_knobs(
        node, target_mode="moves", target_frame_on=True, target_frame=1000, driver_start_on=True, driver_start=1010,
        driver_speed=1.5, target_reference_on=True, target_reference=1003, regions="dialogue", perform="add",
        head="driver", parts="off", parts_file="/shots/a/parts.json", target_performance="/shots/a/plate.npz",
        range="custom", first=1000, last=1001,
    )  # fmt: skip


def case_moving_rendered(nuke, node):
    moving(node)
    set_root(nuke, first_frame=1001, last_frame=1010)
    node.setInput(0, nuke.nodes.Grade(inputs=[node.input(0)]))
    node.setInput(1, nuke.nodes.Grade(inputs=[node.input(1)]))
    set_knobs(node, range="root")


def case_still_of_footage(nuke, node):
    moving(node)
    set_knobs(node, target_frame_on=True, target_frame=1000)


def case_holdout(nuke, node):
    node.setInput(4, nuke.nodes.Read(file="/shots/a/holdout.####.exr", first=1001, last=1024, colorspace="Cineon"))


def case_mask(nuke, node):
    case_holdout(nuke, node)
    node.setInput(5, nuke.nodes.Read(file="/shots/a/mask.exr"))


CASES = {name[5:]: call for name, call in list(globals().items()) if name.startswith("case_")}


@pytest.mark.parametrize("name", CASES)
def test_settings_from_knobs(nuke, node, name):
    CASES[name](nuke, node)
    node["reenact_id"].setValue('{"id": "1a2b3c4d", "script": ""}')
    found = job_of(node)
    file = GOLDEN / f"{name}.json"
    text = json.dumps({"settings": found.settings}, indent=1) + "\n"
    if os.environ.get("OFX_REENACT_WRITE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()
    assert Settings.from_dict(found.settings).output == found.settings["output"]


def test_every_golden_file_has_its_case():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CASES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda node: node.setInput(0, None), "Reenact: connect the target input"),
        (lambda node: node.setInput(1, None), "Reenact: connect the driver input"),
        (lambda node: set_knobs(node, output=""), "Reenact: name an output, as in shot_v001.####.exr"),
        (lambda node: set_knobs(node, output="/a/o.exr"), "Reenact: output '/a/o.exr' is not an EXR sequence"),
        (lambda node: set_knobs(node, range="custom", first=9, last=2), "Reenact: frame range 9-2 ends before"),
        (lambda node: set_knobs(node, layers_rgba=False, layers_stmap=False), "layers: tick at least one of rgba,"),
        (
            lambda node: node.input(0)["colorspace"].setValue("Cineon"),
            "Read1: 'Cineon' is a colour space of Nuke's own",
        ),
    ],
)
def test_a_missing_value_is_reported(nuke, node, change, message):
    change(node)
    nuke.click(node, "reenact_do_render")
    assert nuke.SESSION.messages[0].startswith(message)
    assert node["reenact_do_render"].enabled()


def test_in_a_terminal_errors_are_raised_and_nothing_asks(terminal, capsys):
    node = wired(terminal, "/shots/a/plate.exr", "/shots/a/take.####.exr", "", (1001, 1024))
    for button in ("analyse", "preview", "render", "farm", "export_landmarks", "import_landmarks", "show_curves"):
        with pytest.raises(RuntimeError, match="name an output"):
            terminal.click(node, "reenact_do_" + button)
    for button in ("cancel", "show_log", "set_reference", "save_preset"):
        terminal.click(node, "reenact_do_" + button)
    node["reenact_output"].setValue("/shots/a/o.####.exr")
    with pytest.raises(RuntimeError, match=r"The engine's Python is not named\. Set OFX_REENACT_PYTHON"):
        terminal.click(node, "reenact_do_render")
    assert node["reenact_do_render"].enabled()
    assert terminal.SESSION.ui_calls == []
    assert "reenact-nuke-" in capsys.readouterr().out


def test_presets(nuke, node, tmp_path):
    names = node["reenact_preset"].values()
    assert "head stays" in names
    for name in names:
        node["reenact_preset"].setValue(name)
        nuke.click(node, "reenact_do_apply_preset")
        Settings.from_dict(job_of(node).settings)
    assert job_of(node).settings["motion"] == "locked"
    set_knobs(node, weight_jaw=0.3, motion="absolute", layers_matte=True)
    nuke.SESSION.answers.append("my own")
    nuke.click(node, "reenact_do_save_preset")
    assert (tmp_path / "home" / ".nuke" / "reenact_presets" / "my own.json").exists()
    from reenact_nuke.node import build

    other = build()
    other["reenact_preset"].setValue("my own")
    nuke.click(other, "reenact_do_apply_preset")
    assert (other["reenact_weight_jaw"].value(), other["reenact_motion"].value()) == (0.3, "absolute")
    assert other["reenact_layers_matte"].value()


def test_presets_of_the_studio_that_are_none(nuke, node, tmp_path, monkeypatch):
    monkeypatch.setenv("OFX_REENACT_PRESETS", str(tmp_path))
    (tmp_path / "bad.json").write_text('{"schema": "ofx-reenact/preset/1", "values": {"wieght": 1}}')
    (tmp_path / "worse.json").write_text("{")
    from reenact_nuke import presets

    presets.refresh(node)
    for name, message in (("bad", "unknown option wieght"), ("worse", "cannot be read as a preset")):
        node["reenact_preset"].setValue(name)
        nuke.click(node, "reenact_do_apply_preset")
        assert message in nuke.SESSION.messages.pop()


def test_inputs_that_are_no_files_are_rendered(nuke, tmp_path):
    from reenact_nuke.analysis import prepare
    from reenact_nuke.tracked_inputs import BOTH

    node = wired(nuke, "/none.exr", "/none.####.exr", tmp_path / "o_v001.####.exr")
    set_root(nuke, first_frame=11, last_frame=13, proxy=True)
    for index, red in enumerate((2.5, 0.25)):
        node.setInput(index, nuke.nodes.Constant(color=[red, -0.1, 0, 1]))
    found = job_of(node)
    stale = Path(found.driver.file).with_name("driver.0007.exr")
    stale.parent.mkdir()
    stale.touch()
    prepare(node, found, BOTH, found.first, found.last)
    written = sorted(path.name for path in stale.parent.iterdir())
    assert written == ["driver.0011.exr", "driver.0012.exr", "driver.0013.exr", "target.0011.exr"]
    read = nuke.nodes.Read(file=str(stale.parent / "target.0011.exr"), raw=True)
    pixels = nuke_pixels.evaluate(read, 11)
    assert pixels["rgba.red"][0, 0] == 2.5 and pixels["rgba.green"][0, 0] == np.float32(-0.1)
    assert nuke.root()["proxy"].value()
    assert [n.Class() for n in node.nodes()].count("Write") == 0
    assert found.settings["colorspace"] == "lin_rec709"


def test_the_working_thread_may_not_touch_the_script(nuke, node):
    """The stand-in itself: what would go wrong in Nuke goes wrong here."""
    import threading

    errors = []

    def edit():
        try:
            node["reenact_output"].setValue("x")
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=edit)
    thread.start()
    thread.join()
    assert errors == ["the script was edited outside the main thread"]
    with pytest.raises(RuntimeError, match="hang"):
        nuke.executeInMainThread(print)
    settle(nuke)
