"""Pairs of a target and a driver: chosen, tracked, measured in processes, and kept; for stills and plates alike."""
