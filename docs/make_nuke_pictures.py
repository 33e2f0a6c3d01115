"""Draw the Reenact node's panel for docs/nuke.md, and its icon, from the layout that the node itself is made from.

python docs/make_nuke_pictures.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch, Polygon

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "nuke"))
from reenact_nuke import layout  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
ICON = ROOT / "nuke" / "reenact.png"
GROUND, FIELD, TEXT, FAINT, ACCENT = "#323232", "#232323", "#dddddd", "#8a8a8a", "#a97bbd"
WIDE, ROW, LEFT = 106.0, 4.6, 26.0


def main() -> None:
    """Write every picture."""
    for name, pages in tabs().items():
        panel(PICTURES / f"nuke_{name}.png", name, pages, list(titles().values()))
    icon()


def tabs() -> dict[str, list[Any]]:
    """Map each tab that is drawn to its visible knobs."""
    found: dict[str, list[Any]] = {}
    for item in layout.items():
        if item.kind == "tab":
            rows = found.setdefault(item.name.removeprefix(layout.PREFIX).removeprefix("tab_"), [])
        elif item.kind != "hidden":
            rows.append(item)
    return {name: rows for name, rows in found.items() if name in ("reenact", "motion", "performance")}


def titles() -> dict[str, str]:
    """Map each tab's knob to its label."""
    return {item.name: item.label for item in layout.items() if item.kind == "tab"}


def panel(path: Path, shown: str, items: list[Any], names: list[str]) -> None:
    """Draw one tab."""
    lines: list[list[Any]] = []
    for item in items:
        if item.joined and lines:
            lines[-1].append(item)
        else:
            lines.append([item])
    height = ROW * (len(lines) + 2)
    figure, axes = plt.subplots(figsize=(WIDE / 14, height / 14), dpi=110)
    figure.patch.set_facecolor(GROUND)
    axes.set(xlim=(0, WIDE), ylim=(height, 0))
    axes.axis("off")
    figure.subplots_adjust(0, 0, 1, 1)
    x = 2.0
    for name in names:
        now = name.lower().replace("-", "_") == shown
        axes.text(x, ROW * 0.7, name, color=TEXT if now else FAINT, fontsize=7, weight="bold" if now else "normal")
        x += 3.0 + 1.35 * len(name)
    for number, line in enumerate(lines):
        draw_line(axes, line, ROW * (number + 1.9))
    figure.savefig(path, facecolor=GROUND)
    plt.close(figure)


def draw_line(axes: Axes, line: list[Any], y: float) -> None:
    """Draw the knobs of one line, left to right."""
    first = line[0]
    if first.kind == "divider":
        axes.text(2, y, first.label, color=TEXT, fontsize=7, weight="bold", va="center")
        axes.plot([4 + 1.3 * len(first.label), WIDE - 2], [y, y], color="#4a4a4a", lw=0.8)
        return
    x = LEFT
    if first.kind not in ("button", "bool"):
        axes.text(LEFT - 1.5, y, first.label, color=TEXT, fontsize=6.5, ha="right", va="center")
    for item in line:
        x = draw(axes, item, x, y) + 1.5


def draw(axes: Axes, item: Any, x: float, y: float) -> float:
    """Draw one knob; returns where it ends."""
    if item.kind == "bool":
        box(axes, x, y, 2.6, "#1c1c1c")
        if item.default:
            axes.text(x + 1.3, y, "×", color=ACCENT, fontsize=8, ha="center", va="center")
        axes.text(x + 3.4, y, item.label, color=TEXT, fontsize=6.5, va="center")
        return x + 4.5 + 1.3 * len(item.label)
    if item.kind == "label":
        axes.text(x, y, item.default, color=FAINT, fontsize=6.5, va="center")
        return x + 60
    if item.kind == "button":
        width = 3.5 + 1.25 * len(item.label)
        box(axes, x, y, width, "#474747")
        axes.text(x + width / 2, y, item.label, color=TEXT, fontsize=6.5, ha="center", va="center")
        return x + width
    width = {"path": 60.0, "text": 40.0, "choice": 18.0, "int": 9.0, "float": 10.0}[item.kind]
    box(axes, x, y, width, FIELD)
    axes.text(x + 1, y, str(item.default), color=TEXT, fontsize=6.5, va="center")
    if item.kind == "choice":
        axes.add_patch(
            Polygon([(x + width - 3, y - 0.5), (x + width - 1, y - 0.5), (x + width - 2, y + 0.7)], color=FAINT)
        )
    if item.kind == "float":
        start, end = x + width + 2, x + width + 42
        at = start + (end - start) * (item.default - item.low) / (item.high - item.low)
        axes.plot([start, end], [y, y], color="#555555", lw=1)
        axes.add_patch(Circle((at, y), 0.8, color=ACCENT))
        return end
    return x + width


def box(axes: Axes, x: float, y: float, width: float, colour: str) -> None:
    """Draw a field."""
    shape = FancyBboxPatch(
        (x, y - 1.5), width, 3.0, boxstyle="round,pad=0,rounding_size=0.6", fc=colour, ec="#191919", lw=0.6
    )
    axes.add_patch(shape)


def icon() -> None:
    """Draw a mouth that opens between two faces' outlines, 24 pixels wide, as Nuke's toolbars have it."""
    figure, axes = plt.subplots(figsize=(0.24, 0.24), dpi=100)
    figure.subplots_adjust(0, 0, 1, 1)
    axes.set(xlim=(0, 24), ylim=(24, 0))
    axes.axis("off")
    for x, colour in ((9, FAINT), (15, ACCENT)):
        axes.add_patch(Circle((x, 12), 8.2, fill=False, ec=colour, lw=1.2))
    axes.plot([11.5, 15, 18.5], [14.5, 17, 14.5], color=ACCENT, lw=1.2)
    axes.plot([13, 17.5], [9.5, 9.5], color=ACCENT, lw=0, marker=".", ms=2.4)
    figure.savefig(ICON, transparent=True)
    plt.close(figure)


if __name__ == "__main__":
    main()
