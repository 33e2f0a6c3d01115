"""Targets that move, measured: plates driven by other clips, beside baselines and beside what is promised."""
