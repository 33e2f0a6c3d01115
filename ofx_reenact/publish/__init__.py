"""Publishing a rendered sequence through pyblish: collect, validate, extract, integrate."""

from __future__ import annotations

from pathlib import Path

# What pyblish is to be pointed at.
PLUGINS = Path(__file__).resolve().parent / "plugins"
