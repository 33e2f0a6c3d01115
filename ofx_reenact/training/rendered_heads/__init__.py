"""Rendered heads: textured parametric people whose every picture is exactly known."""
