"""Runs when Nuke starts, in its window and in a terminal; Nuke must start whatever is broken here."""

try:
    import reenact_nuke.start

    reenact_nuke.start.begin()
except Exception:
    import traceback

    traceback.print_exc()
