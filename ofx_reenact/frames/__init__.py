"""Frames in and out: ranges, sequences, plates, colour spaces, previews."""
