"""Choices that had another name: presets and nodes of earlier versions go on working, in both directions."""

import json
import os
import shutil
from pathlib import Path

import pytest
from nuke_session import plate_and_take, wired_plate, working

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the engine's Python is a shell script here")
EARLIER = Path(__file__).with_name("earlier_script.json")


@pytest.fixture
def nuke(monkeypatch, tmp_path):
    (tmp_path / "studio").mkdir()
    for name in ("plate", "paper", "warp", "portrait"):
        preset = {"schema": "ofx-reenact/preset/1", "values": {"profile": name}}
        (tmp_path / "studio" / f"{name}.json").write_text(json.dumps(preset))
    for module in working(monkeypatch, tmp_path):
        monkeypatch.setenv("OFX_REENACT_PRESETS", str(tmp_path / "studio"))
        yield module


def applied(node, name: str) -> tuple[str, str]:
    """Apply a preset; returns what the knob has, and what the engine is sent."""
    from reenact_nuke import knobs, options, presets

    presets.apply(node, name)
    (option,) = (one for one in options.all_options() if one["name"] == "profile")
    return node["reenact_profile"].value(), knobs.value(node, option)


@pytest.mark.parametrize(("name", "now"), [("paper", "portrait"), ("plate", "warp"), ("portrait", "portrait")])
def test_a_preset_of_an_earlier_version_is_applied(nuke, tmp_path, name, now):
    node = wired_plate(nuke, plate_and_take(tmp_path))
    assert applied(node, name) == (now, now)


@pytest.mark.parametrize(("name", "knob", "now"), [("portrait", "paper", "portrait"), ("warp", "plate", "warp")])
def test_a_node_of_an_earlier_version_takes_a_preset_of_today(nuke, tmp_path, name, knob, now):
    plate_and_take(tmp_path)
    shutil.copy(EARLIER, tmp_path / "earlier.nk")
    nuke.scriptOpen(tmp_path / "earlier.nk")
    assert applied(nuke.toNode("Reenact"), name) == (knob, now)
