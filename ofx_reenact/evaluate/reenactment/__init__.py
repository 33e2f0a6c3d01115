"""Reenactment measured whole: protocols, baselines beside the profiles, and a report."""
