"""Nuke runs this when it starts, with or without a window. An error here must not keep Nuke from starting."""

try:
    import reenact_nuke.startup

    reenact_nuke.startup.begin()
except Exception:
    import traceback

    traceback.print_exc()
