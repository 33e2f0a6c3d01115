"""Values of options in earlier versions: they still work, and the command line notes their present names."""

import pytest

from ofx_reenact.cli.main import run
from ofx_reenact.errors import SettingsError
from ofx_reenact.provenance import MadeOf
from ofx_reenact.settings import Settings, describe


@pytest.mark.parametrize(("before", "now"), [("plate", "warp"), ("paper", "portrait"), ("warp", "warp")])
def test_values_of_earlier_versions_become_the_present_ones(before, now):
    assert Settings.from_dict({"profile": before}) == Settings(profile=now)


def test_only_files_and_command_lines_accept_earlier_values():
    with pytest.raises(SettingsError, match="choose from warp, portrait"):
        Settings(profile="plate")
    (profile,) = (option for option in describe()["options"] if option["name"] == "profile")
    assert profile["earlier"] == {"plate": "warp", "paper": "portrait"} and profile["default"] == "warp"


RENDER = "render -t a.exr -d b.exr -o o.####.exr --profile paper"
FDGAN = "train fdgan --data gone.npz --out run --recipe dense"
LDNET = "train ldnet --data gone.npz --out run --recipe paper"


@pytest.mark.parametrize(("line", "note"), [
    (RENDER, "--profile paper is called portrait now"),
    (FDGAN, "--recipe dense is called repair now"),
    (LDNET, "--recipe paper is called adversarial now"),
])  # fmt: skip
def test_the_command_line_notes_the_present_name(line, note, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(line.split()) == 1
    printed = capsys.readouterr().err
    assert f"note: {note}\n" in printed and "choose from" not in printed


def test_evaluated_methods_have_earlier_names(tmp_path, capsys):
    (tmp_path / "a.mp4").touch()
    line = ["evaluate", "reenactment", "--protocol", "self", "--drivers", str(tmp_path), "--methods", "plate,magic"]
    assert run([*line, "--report", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err
    assert "note: --methods plate is called warp now\n" in error and "--methods magic: choose from" in error


def test_a_file_made_with_an_earlier_name_is_of_the_same_settings():
    made = MadeOf.of_dict({"inputs": {}, "settings": {"profile": "paper"}, "weights": {}})
    assert made.settings == {"profile": "portrait"}
    assert made.describe_other_options(MadeOf({}, {"profile": "portrait"})) == []
