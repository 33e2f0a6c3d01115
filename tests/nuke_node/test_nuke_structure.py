"""The node's modules: no imports in a circle, and the names that scripts call exist."""

import ast
import importlib
import re
from pathlib import Path

import pytest
from nuke_session import NUKE, begin

MODULES = {path.stem: path for path in sorted((NUKE / "reenact_nuke").glob("*.py"))}


def imports_of(path):
    """Yield the node's own modules that a module imports, at its top, in functions, or for type checking."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            package, _, module = node.module.partition(".")
            if package == "reenact_nuke":
                yield from [module] if module else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("reenact_nuke."))


IMPORTS = {name: set(imports_of(path)) for name, path in MODULES.items()}


def test_every_import_is_of_a_module():
    assert {other for others in IMPORTS.values() for other in others} <= set(MODULES)


def test_no_modules_import_each_other_in_a_circle():
    left = {name: set(others) for name, others in IMPORTS.items()}
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    assert not left, "these import each other, or modules that do"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(Path(__file__).with_name("earlier_script.json").read_text(encoding="utf-8"), id="earlier node"),
        pytest.param((NUKE / "reenact_nuke" / "make_knobs.py").read_text(encoding="utf-8"), id="buttons"),
        pytest.param((NUKE / "reenact_nuke" / "node.py").read_text(encoding="utf-8"), id="callbacks"),
        pytest.param((NUKE / "reenact_nuke" / "startup.py").read_text(encoding="utf-8"), id="menu"),
    ],
)
def test_functions_that_a_script_or_menu_calls_exist(text, monkeypatch, tmp_path):
    begin(monkeypatch, tmp_path)
    calls = set(re.findall(r"reenact_nuke\.(\w+)\.(\w+)\(", text))
    assert calls
    for module, function in calls:
        assert callable(getattr(importlib.import_module(f"reenact_nuke.{module}"), function))
