"""Publish a rendered sequence through pyblish: collect, validate, extract, integrate."""

from __future__ import annotations

from pathlib import Path

# The folder for PYBLISHPLUGINPATH.
PLUGINS = Path(__file__).resolve().parent / "plugins"
