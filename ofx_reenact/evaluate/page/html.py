"""The pieces of HTML that report pages are made of. They do not escape text: the caller does."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from ofx_reenact import __version__


def table(rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """Return a table of cells (HTML); the first row and the first column are headings."""
    lines = []
    for row, cells in enumerate(rows):
        tags = ["th" if row == 0 or column == 0 else "td" for column in range(len(cells))]
        lines.append("".join(f"<{tag}>{cell}</{tag}>" for tag, cell in zip(tags, cells, strict=True)))
    return f'<table class="{kind}">' + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def bullets(items: Sequence[str]) -> str:
    """Return a list of items (HTML)."""
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def picture(content: bytes, kind: str, name: str, style: str = "") -> str:
    """Return a picture that is embedded in the page; ``kind`` is its image type, such as ``jpeg``."""
    data = base64.b64encode(content).decode()
    return f'<img class="{style}" alt="{name}" src="data:image/{kind};base64,{data}">'


def document(title: str, parts: Sequence[str]) -> str:
    """Return a page with these parts (HTML) and its style; the title is escaped."""
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    head = f'<meta charset="utf-8"><title>{escape(f"ofx_reenact {__version__}: {title}")}</title><style>{style}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"
