"""``settings``, the list that user interfaces are made from, and ``nuke-path``."""

import json
from pathlib import Path

import pytest

from ofx_reenact import __version__
from ofx_reenact.cli.main import run
from ofx_reenact.errors import SettingsError
from ofx_reenact.settings import Settings


def test_settings_as_json_are_what_nuke_reads(capsys):
    assert run(["settings", "--json"]) == 0
    said = capsys.readouterr().out
    kept = Path(__file__).resolve().parents[2] / "nuke" / "reenact_nuke" / "settings.json"
    assert kept.read_text(encoding="utf-8") == said, "ofx-reenact settings --json > nuke/reenact_nuke/settings.json"
    described = json.loads(said)
    assert (described["schema"], described["version"]) == ("ofx-reenact/settings/1", __version__)
    options = {option["name"]: option for option in described["options"]}
    assert list(options) == list(Settings().as_dict())
    assert Settings.from_dict({name: option["default"] for name, option in options.items()}) == Settings()
    kinds = {name: option["type"] for name, option in options.items()}
    assert (kinds["target"], kinds["reference"], kinds["neck"], kinds["motion"]) == ("text", "int", "float", "choice")
    assert (kinds["layers"], kinds["appearance"]) == ("choices", "paths")


def test_settings_for_people(capsys):
    assert run(["settings"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in Settings().as_dict())
    assert "relative [relative|absolute|locked]" in said and "0.35 [0.05 to 2]" in said and "1 [1|2|4]" in said


@pytest.mark.parametrize(
    "values", [{"face": 1.5}, {"neck": "wide"}, {"target": 3}, {"layers": "rgba"}, {"appearance": [1]}, {"face": True}]
)
def test_settings_of_another_type_are_refused(values):
    with pytest.raises(SettingsError, match=f"--{next(iter(values))} .*give"):
        Settings.from_dict(values)


def test_nuke_path_is_a_folder_with_the_package_in_it(capsys):
    assert run(["nuke-path"]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert (folder / "reenact_nuke" / "settings.json").is_file() and not (folder / "__init__.py").exists()
