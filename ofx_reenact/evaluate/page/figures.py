"""Figures of report pages: drawn by matplotlib, written as SVG."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from ofx_reenact.errors import SettingsError

COLOURS = ("#8c8c8c", "#c98500", "#2a78b5", "#b5486b", "#1a8a5a", "#6a51a3", "#5c3d2e", "#00a0a8")


def check_matplotlib() -> None:
    """Check, before anything is measured, that figures can be drawn.

    Raises:
        SettingsError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise SettingsError("--report needs matplotlib: pip install 'ofx-reenact[eval]'")


@contextmanager
def drawing_style() -> Iterator[None]:
    """Draw without a display, and so that the same numbers give the same SVG."""
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context({"svg.hashsalt": "ofx-reenact", "svg.fonttype": "none", "font.size": 9}):
        yield


def new_figure(rows: int, columns: int, width: float, height: float, used: int | None = None) -> tuple[Any, Any]:
    """Make a figure of width × height inches with axes (rows, columns), of which only the first ``used`` are kept."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for box in axes.flat[used:] if used else ():
        box.remove()
    for box in axes.flat[:used]:
        box.spines[["top", "right"]].set_visible(False)
        box.grid(alpha=0.25)
    return figure, axes


def to_svg(figure: Any) -> str:
    """Return a figure as SVG."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
