"""The options of a render."""

import dataclasses

import OpenImageIO as oiio
import pytest
from conftest import TARGET

from ofx_reenact.cli.main import run
from ofx_reenact.errors import SettingsError
from ofx_reenact.layers import LAYERS
from ofx_reenact.settings import Settings, names_affecting, names_of_paths


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("motion", "sideways"),
        ("weight_mouth", 3.0),
        ("face", 0),
        ("proxy", 3),
        ("proxy", True),
        ("layers", ("rgba", "x")),
        ("smoothing", float("nan")),
    ],
)
def test_settings_are_checked(option, value):
    with pytest.raises(SettingsError, match="--" + option.replace("_", "-")):
        Settings(**{option: value})


def test_unknown_options_of_a_sidecar_are_refused():
    with pytest.raises(SettingsError, match="unknown option colour"):
        Settings.from_dict({"colour": "x"})


def test_every_option_declares_what_it_affects():
    for field in dataclasses.fields(Settings):
        affects = field.metadata["affects"]
        assert affects and set(affects) <= {"track", "person", "pixels", "content", "output"}, field.name


def test_options_that_affect_only_output_do_not_affect_frames():
    names = set(names_affecting("output"))
    assert {"frames", "output", "compression", "existing", "preview"} <= names
    assert not names & set(names_affecting("track", "person", "pixels", "content"))
    others = ("holdout", "mask", "proxy", "layers", "matte_erode", "matte_feather", "depth", "missing")
    assert names_affecting("content") == others


def test_paths_are_found_by_their_role():
    assert names_of_paths("read_or_written") == ("performance", "target_performance", "identity", "parts_file")
    assert names_of_paths("written") == ("output", "preview")
    assert names_of_paths("weights") == ("weights", "fdgan_weights")


@pytest.mark.parametrize("layers", ["rgba,stmap", "rgba, stmap", " rgba ,stmap,"])
def test_lists_on_the_command_line_may_have_spaces(layers, performance_file, tmp_path):
    line = ["render", "--target", str(TARGET), "--performance", performance_file, "--frames", "36"]
    assert run([*line, "--output", str(tmp_path / "o.####.exr"), "--layers", layers]) == 0
    assert {"R", "stmap.u"} <= set(oiio.ImageInput.open(str(tmp_path / "o.0036.exr")).spec().channelnames)


def test_a_list_with_a_wrong_name_is_a_usage_error(tmp_path, capsys):
    line = ["render", "--target", str(TARGET), "--output", str(tmp_path / "o.####.exr")]
    assert run([*line, "--layers", "rgba, x"]) == 2
    assert f"choose from {', '.join(LAYERS)}" in " ".join(capsys.readouterr().err.split())
