"""Registered trackers: a studio's own in an installed package, and messages about one that cannot be used."""

import json
import re
import sys
from pathlib import Path

import pytest
from conftest import TARGET

from ofx_reenact.cli import doctor
from ofx_reenact.cli.main import run
from ofx_reenact.errors import SettingsError, TrackingError
from ofx_reenact.settings import Settings, describe
from ofx_reenact.tracking import trackers
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.trackers import make_tracker, names, terms_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "trackers.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
(REGISTERED,) = re.findall(r'^acme = "(.*)"$', PAGE, re.M)
# The network of the page's example: Face Mesh's landmarks only.
NETWORK = """
from ofx_reenact.tracking.facemesh import FaceMesh
__version__ = "7"
class load:
    def __init__(self, device):
        assert device == "cpu"
    def find(self, image):
        track = FaceMesh().track(image, 1)
        return [] if track is None else [track.landmarks]
"""
SHIPPED = ["dlib", "fan", "file", "mesh"]


def install(folder, monkeypatch, package, entry, **modules):
    """Install a package into a folder on Python's path as pip would: its modules and its metadata."""
    about = folder / f"{package.replace('-', '_')}-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(f"[ofx_reenact.trackers]\n{entry}\n")
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(folder))


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """The example of docs/trackers.md, installed."""
    install(tmp_path / "acme", monkeypatch, "acme-tracker", f"acme = {REGISTERED}", acme_tracker=EXAMPLE)
    (tmp_path / "acme" / "acme_faces.py").write_text(NETWORK)
    monkeypatch.delitem(sys.modules, "acme_faces", raising=False)


def findings():
    return {finding.name: (finding.status, finding.detail) for finding in doctor.look_at_trackers()}


def test_the_shipped_trackers_are_registered_like_any_other():
    assert names() == SHIPPED
    assert {tracker.entry.dist.name for tracker in trackers.registered()} == {"ofx-reenact"}


def test_the_setting_lists_ours_and_accepts_any():
    (option,) = [option for option in describe()["options"] if option["name"] == "tracker"]
    assert (option["type"], option["default"], sorted(option["choices"])) == ("text", "mesh", SHIPPED)
    assert Settings(tracker="acme").tracker == "acme"


def test_a_studios_tracker_tracks_and_renders_by_its_name(acme, tmp_path, capsys):
    out, performance = tmp_path / "o.####.exr", tmp_path / "p.npz"
    line = ["render", "-t", str(TARGET), "-d", str(TARGET), "-o", str(out), "--performance", str(performance)]
    assert run([*line, "--tracker", "acme", "--repair", "off"]) == 0
    output = capsys.readouterr()
    assert "licensed for Acme's own shows" in output.out + output.err
    assert (tmp_path / "o.0001.exr").is_file()
    made = Performance.load(performance)
    assert (made.tracker, json.loads(made.versions)["tracker"]) == ("acme", "acme_faces 7")
    assert not made.state.any() and not made.hand_made.any() and not made.blendshapes.any()


def test_doctor_lists_a_studios_tracker_with_its_package(acme, tmp_path, capsys):
    assert run(["doctor"]) == 0
    assert "tracker acme: acme-tracker 1.2: ready. Acme's landmark weights" in capsys.readouterr().out
    assert names() == sorted([*SHIPPED, "acme"])
    (tmp_path / "acme" / "acme_faces.py").unlink()
    status, detail = findings()["tracker acme"]
    assert status == "optional" and "pip install acme-faces" in detail
    with pytest.raises(TrackingError, match="--tracker acme: it needs the network: pip install acme-faces"):
        make_tracker("acme")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import a_package_that_nobody_has", r"cannot be imported \(ModuleNotFoundError.*a_package_that_nobody_has"),
        ("1 / 0", r"cannot be imported \(ZeroDivisionError"),
        ("", r"cannot be imported \(AttributeError"),
        ("class Bad: name = 'bad'", "broken:Bad is not a .*Tracker whose name is 'bad'"),
        ("from ofx_reenact.tracking.facemesh import FaceMesh as Bad", "whose name is 'bad'"),
    ],
)
def test_a_tracker_that_cannot_be_imported_is_named_and_affects_no_other(tmp_path, monkeypatch, source, message):
    install(tmp_path / "bad", monkeypatch, "broken-tracker", "bad = broken:Bad", broken=source)
    with pytest.raises(TrackingError, match=f"tracker bad of broken-tracker 1.2.*{message}"):
        make_tracker("bad")
    assert make_tracker("mesh").name == "mesh"
    found = findings()
    assert found["tracker bad"][0] == "optional" and re.search(message, found["tracker bad"][1])
    assert found["tracker mesh"][0] == found["tracker file"][0] == "ok"
    assert re.search(message, terms_of("bad")), "a performance made with it elsewhere can be rendered"


def test_doctor_survives_a_tracker_whose_missing_fails(tmp_path, monkeypatch):
    source = EXAMPLE.replace("find_spec(", "undefined(").replace("acme", "odd")
    install(tmp_path / "odd", monkeypatch, "odd-tracker", "odd = odd_tracker:Acme", odd_tracker=source)
    status, detail = findings()["tracker odd"]
    assert status == "optional" and "odd-tracker 1.2: NameError" in detail


def test_an_unknown_name_is_refused_with_the_list_of_names(acme, tmp_path, capsys):
    with pytest.raises(SettingsError, match=r"--tracker magic: choose from acme, dlib, fan, file, mesh$"):
        make_tracker("magic")
    line = ["track", "--input", str(TARGET), "--output", str(tmp_path / "p.npz"), "--tracker", "magic"]
    assert run(line) != 0
    assert "choose from acme" in capsys.readouterr().err
    assert "terms of tracker magic are not known here" in terms_of("magic")


def test_a_name_that_two_packages_register_is_refused(acme, tmp_path, monkeypatch):
    install(tmp_path / "other", monkeypatch, "other-tracker", f"acme = {REGISTERED}")
    with pytest.raises(SettingsError, match=r"registered by .*acme-tracker 1\.2.*; uninstall all but one"):
        make_tracker("acme")
    assert "other-tracker 1.2" in findings()["tracker acme"][1]


def test_without_its_own_trackers_the_message_is_to_install_again(monkeypatch):
    monkeypatch.setattr(trackers, "entry_points", lambda group: ())
    with pytest.raises(SettingsError, match="install ofx-reenact again"):
        make_tracker("mesh")
    assert findings()["trackers"][0] == "missing"
