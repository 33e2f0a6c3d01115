"""Evaluation: networks measured alone, stills and plates driven by clips measured whole, and the metrics they share."""
