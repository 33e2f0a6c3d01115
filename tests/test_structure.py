"""The house: imports point down, nothing goes in circles, modules and functions stay small."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ofx_reenact"
# From the ground up; a room may import itself and what comes before it.
ROOMS = (
    "errors", "temporary", "files", "arrays", "launch", "threads", "device", "compiled", "ramps", "resources",
    "progress", "stages", "layers", "settings", "frames", "tracking", "weights", "ldnet", "fdgan", "ops", "warp",
    "compose", "shot", "provenance", "engine", "export", "verify", "publish", "farm", "service", "look", "openfx",
    "training", "evaluate", "bench", "api", "cli", "__main__",
)  # fmt: skip
LONGEST_MODULE, LONGEST_FUNCTION, LONGEST_TEST_FILE = 400, 60, 500


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports_of(name: str) -> Iterator[str]:
    """Yield the package's own modules that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield from (one for one in (inner if inner in MODULES else node.module,) if one in MODULES)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)


IMPORTS = {name: set(imports_of(name)) - {name} for name in MODULES}


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def test_every_room_is_in_the_order():
    assert {room(name) for name in MODULES} - {""} == set(ROOMS)


@pytest.mark.parametrize("name", ROOMS)
def test_imports_point_down(name):
    below = {"", *ROOMS[: ROOMS.index(name) + 1]}
    up = [f"{one} imports {other}" for one in MODULES if room(one) == name for other in IMPORTS[one]
          if room(other) not in below]  # fmt: skip
    assert not up


def test_no_modules_import_each_other_in_a_circle():
    left = {name: set(others) for name, others in IMPORTS.items()}
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    assert not left, "these import each other, or what does"


def test_scripts_import_what_is_there():
    """Scripts that make pictures and calibrations are run by hand, seldom: a name that has moved would go unseen."""
    scripts = [*(ROOT / "docs").glob("*.py"), *(ROOT / "resources").rglob("*.py"), *(ROOT / "tests").glob("*.py")]
    missing = []
    for script in scripts:
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ofx_reenact"):
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    if inner not in MODULES and alias.name not in names_in(str(node.module)):
                        missing.append(f"{script.name}: {inner}")
    assert scripts and not missing


def names_in(module: str) -> set[str]:
    """Names that a module defines or imports at its top level; none of a module that is not there."""
    if module not in MODULES:
        return set()
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def test_no_module_is_long():
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_no_function_is_long():
    sources = [*MODULES.values(), *sorted((ROOT / "nuke").rglob("*.py"))]
    functions = [
        (f"{path.relative_to(ROOT)}: {node.name}", node.end_lineno - node.lineno + 1)
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [(name, lines) for name, lines in functions if lines > LONGEST_FUNCTION] == []


def test_no_file_of_tests_is_long():
    files = sorted((ROOT / "tests").rglob("*.py"))
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_TEST_FILE} == {}
