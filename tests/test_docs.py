"""Docs and README say what the code does: every option and array named, every link there, every snippet runs."""

import dataclasses
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import TARGET, rgb_channels, write_exr
from test_structure import ROOMS

from ofx_reenact.cli.commands import ENTRIES
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.layers import LAYERS
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_reference_is_of_this_program():
    made = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))["page"]()
    assert made == text("reference.md"), "run python docs/make_reference.py"


def test_the_reference_has_every_option_once_and_every_command():
    page = text("reference.md")
    for field in dataclasses.fields(Settings):
        assert page.count(field.metadata["help"].replace("|", "\\|")) == 1, field.name
    assert not [name for name in ENTRIES if not re.search(rf"^### {name}\b", page, re.M)]


def test_every_channel_of_a_layer_is_described():
    page, plate = text("colour.md"), SimpleNamespace(channels=tuple("RGBA"))
    assert not [name for layer in LAYERS.values() for name in layer.channels(plate) if f"`{name}`" not in page]


def test_every_room_is_described():
    page = text("architecture.md")
    assert not [name for name in ROOMS if not name.startswith("_") and f"`{name}`" not in page]


def test_every_array_is_described():
    page = text("performance.md")
    missing = [f.name for f in dataclasses.fields(Performance) if f"`{f.name}`" not in page]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    missing = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8")):
        other = page.parent / target if target else page
        if "://" in target:
            continue
        if not other.exists() or (anchor and other.suffix == ".md" and anchor not in anchors(other)):
            missing.append(f"{target}#{anchor}")
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_modules_that_are_named_exist(page):
    """``acme_tracker.py`` stands for a user's own."""
    named = set(re.findall(r"`((?:[\w.]+/)*\w+\.py)`", page.read_text(encoding="utf-8"))) - {"acme_tracker.py"}
    bases = (ROOT, ROOT / "ofx_reenact", ROOT / "ofx_reenact" / "farm", ROOT / "nuke", ROOT / "nuke" / "reenact_nuke")
    assert not [name for name in named if not any((base / name).exists() for base in bases)]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them; equal ones are numbered."""
    found: set[str] = set()
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for heading in re.findall(r"^#+ (.+)$", text, re.M):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        number, made = 1, slug
        while made in found:
            made, number = f"{slug}-{number}", number + 1
        found.add(made)
    return found


def test_python_snippets_run(tmp_path, monkeypatch, performance):
    rgb = read_plate(TARGET).rgb
    write_exr(tmp_path / "target.exr", rgb_channels(rgb))
    shifted = dataclasses.replace(
        performance, frames=performance.frames + 1000, reference=performance.reference + 1000, name="driver.####.exr"
    )
    shifted.save(tmp_path / "driver.npz")
    for frame in range(1001, 1011):
        write_exr(tmp_path / f"driver.{frame}.exr", rgb_channels(rgb))
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", text("python.md"), re.S)
    assert len(snippets) == 2
    for snippet in snippets:
        exec(compile(snippet, "docs/python.md", "exec"), {})
    assert len(list(tmp_path.glob("out.*.exr"))) == 10
