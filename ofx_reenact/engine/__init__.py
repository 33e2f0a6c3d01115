"""Runs the stages: settings, identity, reenactor, and the loop over a sequence."""
