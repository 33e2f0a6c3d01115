"""Render jobs: load the inputs, plan the frames, render them, write them; keep what was loaded for the next job."""
