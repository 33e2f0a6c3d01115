"""Plates that are driven by other clips, measured against baselines and promises: ``ofx-reenact evaluate moving``."""
