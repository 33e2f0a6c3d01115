"""Stills that are driven by clips, measured beside baselines: ``ofx-reenact evaluate reenactment``."""
