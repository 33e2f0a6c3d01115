"""Runs when Nuke starts with its window; Nuke must start whatever is broken here."""

try:
    import reenact_nuke.start

    reenact_nuke.start.menus()
except Exception:
    import traceback

    traceback.print_exc()
