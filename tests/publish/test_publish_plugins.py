"""The plugins: found by pyblish, run by it, by a studio beside its own, and by Nuke."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import nuke_session
import pyblish.api
import pyblish.util
import pytest
from rendered import CHECKED

from ofx_reenact.cli.main import run
from ofx_reenact.publish import PLUGINS
from ofx_reenact.publish.options import Options
from ofx_reenact.publish.pyblish_run import publish, register

ROOT = Path(__file__).resolve().parents[2]


pytestmark = pytest.mark.usefixtures("no_studio")


def test_pyblish_finds_the_plugins(capsys):
    assert run(["pyblish-path"]) == 0 and capsys.readouterr().out.strip() == str(PLUGINS)
    register()
    register()
    found = {plugin.__name__ for plugin in pyblish.api.discover()}
    assert {f"ValidateReenact{name}" for name in CHECKED} <= found
    assert {"CollectReenactSequences", "CollectReenactNodes", "ExtractReenactRepresentations"} <= found
    assert "IntegrateReenactVersion" in found


def test_pyblish_itself_publishes(spoilt, tmp_path):
    """PYBLISHPLUGINPATH alone, and pyblish's own command line."""
    environment = {
        **os.environ, "PYBLISHPLUGINPATH": str(PLUGINS), "OFX_REENACT_PUBLISH_DIR": str(tmp_path / "p"),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    line = [sys.executable, "-m", "pyblish", "publish", spoilt]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    assert "There were errors" not in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "p" / "o" / "v001" / "publish.json").is_file()


def test_a_studios_own_plugin_runs_too(spoilt, tmp_path, monkeypatch):
    studio = tmp_path / "studio"
    studio.mkdir()
    (studio / "validate_studio.py").write_text(
        "import pyblish.api\n"
        "class ValidateStudio(pyblish.api.InstancePlugin):\n"
        "    order, families = pyblish.api.ValidatorOrder, ['reenact']\n"
        "    def process(self, instance):\n"
        "        raise pyblish.api.PyblishError(f\"not on a {instance.data['frameStart']}\")\n"
    )
    monkeypatch.setenv("PYBLISHPLUGINPATH", str(studio))
    report = publish(spoilt, Options(target_dir=str(tmp_path / "p")))
    assert report["failed"] == {"ValidateStudio": "not on a 30"} and not (tmp_path / "p").exists()


@pytest.mark.parametrize("path", sorted(PLUGINS.glob("*.py")), ids=lambda path: path.stem)
def test_plugins_are_python_3_7(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))


def in_nuke(monkeypatch, tmp_path, sequence):
    """A script with three nodes: rendered, without an output, disabled."""
    nuke = nuke_session.begin(monkeypatch, tmp_path)
    for output, off in ((sequence, False), ("", False), ("/off/x.####.exr", True)):
        made = nuke_session.wired(nuke, "t.exr", "d.####.exr", output)
        made["disable"].setValue(off)
    nuke.nodes.Group()
    return nuke


@pytest.mark.parametrize("installed", [True, False], ids=["installed in Nuke", "in its own Python"])
def test_nuke_publishes_what_its_nodes_rendered(monkeypatch, tmp_path, spoilt, installed):
    in_nuke(monkeypatch, tmp_path, spoilt)
    if not installed:
        monkeypatch.setitem(sys.modules, "ofx_reenact.publish.tasks", None)
        engine = nuke_session.python_of(tmp_path / "python", sys.executable, environment={"PYTHONPATH": str(ROOT)})
        monkeypatch.setenv("OFX_REENACT_PYTHON", engine)
    monkeypatch.setenv("OFX_REENACT_PUBLISH_DIR", str(tmp_path / "p"))
    register()
    context = pyblish.util.publish()
    assert [(one.data["output"], one.data["node"]) for one in context] == [(spoilt.replace("####", "%04d"), "Reenact")]
    assert not [result["error"] for result in context.data["results"] if result["error"]]
    assert (tmp_path / "p" / "o" / "v001" / "publish.json").is_file()


def test_nuke_runs_tasks_in_the_engines_python(monkeypatch, tmp_path, spoilt):
    in_nuke(monkeypatch, tmp_path, spoilt)
    from reenact_nuke.errors import EngineError, ReenactError
    from reenact_nuke.publish import call

    environment = {"PYTHONPATH": str(ROOT)}
    engine = nuke_session.python_of(tmp_path / "python", sys.executable, environment=environment)
    monkeypatch.setenv("OFX_REENACT_PYTHON", engine)
    options = {"target_dir": str(tmp_path / "p")}
    assert call("collect", spoilt, options)["frames"] == "30-35"
    assert call("examine", spoilt, options)["good"]
    with pytest.raises(ReenactError, match="no frames of this name"):
        call("collect", str(tmp_path / "no.####.exr"), options)
    monkeypatch.setenv("OFX_REENACT_PYTHON", nuke_session.python_of(tmp_path / "broken", "false"))
    with pytest.raises(EngineError, match="log"):
        call("collect", spoilt, options)
