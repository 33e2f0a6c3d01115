"""The command line: ``ofx-reenact``."""
