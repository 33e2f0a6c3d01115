"""What surrounds the node: the engine's Python, its environment, the script's colour config."""

import pytest
from nuke_session import NUKE, begin, set_root


@pytest.fixture
def nuke(monkeypatch, tmp_path):
    return begin(monkeypatch, tmp_path)


def test_the_engines_python_is_found(nuke, tmp_path, monkeypatch):
    from reenact_nuke import engine_python, startup
    from reenact_nuke.errors import EngineError

    named, chosen = tmp_path / "named", tmp_path / "chosen"
    for path in (named, chosen):
        path.touch()
    nuke.SESSION.answers.append(str(chosen))
    startup.ask_python()
    assert engine_python.find_python() == str(chosen)
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(named))
    assert engine_python.find_python() == str(named)
    named.unlink()
    with pytest.raises(EngineError, match=r"OFX_REENACT_PYTHON names .*named, which does not exist"):
        engine_python.find_python()


def test_the_environment_of_an_installed_package_is_the_engines(nuke, tmp_path, monkeypatch):
    from reenact_nuke import engine_python

    inside = tmp_path / "env" / "lib" / "python3.11" / "site-packages" / "ofx_reenact" / "nuke" / "reenact_nuke"
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.setattr(engine_python, "HERE", str(inside))
    assert engine_python.find_python() == str(python)


def test_nukes_libraries_stay_out_of_the_engine(nuke, monkeypatch):
    from reenact_nuke import engine_command

    for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "QT_PLUGIN_PATH"):
        monkeypatch.setenv(name, "nuke")
    monkeypatch.setenv("OFX_REENACT_JOB", "kept")
    given = engine_command.environment("/configs/show.ocio")
    assert (given["OFX_REENACT_JOB"], given["OCIO"]) == ("kept", "/configs/show.ocio")
    assert "nuke" not in given.values()


@pytest.mark.parametrize(
    ("root", "config"),
    [
        ({}, ""),
        ({"OCIO_config": "custom", "customOCIOConfigPath": "/show/config.ocio"}, "/show/config.ocio"),
        ({"OCIO_config": "fn-nuke_cg", "OCIOConfigPath": "/gone.ocio"}, ""),
        ({"OCIO_config": "fn-nuke_cg", "OCIOConfigPath": str(NUKE / "init.py")}, str(NUKE / "init.py")),
    ],
)
def test_the_scripts_colour_config(nuke, root, config, monkeypatch):
    from reenact_nuke import colour

    set_root(nuke, colorManagement="OCIO" if root else "Nuke", **root)
    assert colour.ocio_config() == config
    monkeypatch.setenv("OCIO", "/studio.ocio")
    assert colour.ocio_config() == ""


@pytest.mark.parametrize(
    ("root", "space", "given", "raw", "shown"),
    [
        ({}, "Linear Rec.709 (sRGB)", "lin_rec709", True, "default (linear)"),
        ({"colorManagement": "OCIO", "workingSpaceLUT": "ACES/ACEScg"}, "ACEScg", "", True, "default (scene_linear)"),
        ({"colorManagement": "OCIO"}, "ACEScg", "scene_linear", True, "default (scene_linear)"),
        ({"colorManagement": "OCIO"}, "Linear Rec.709 (sRGB)", "", False, "Utility/Linear Rec.709 (sRGB)"),
        ({"colorManagement": "OCIO"}, "ACEScg", "sRGB - Texture", False, "ACES/ACEScg"),
    ],
)
def test_the_results_read_takes_frames_as_they_were_written(nuke, root, space, given, raw, shown):
    from reenact_nuke import colour

    set_root(nuke, **root)
    read = nuke.nodes.Read()
    colour.set_on_read(read, space, given)
    assert (read["raw"].value(), read["colorspace"].value()) == (raw, shown)
