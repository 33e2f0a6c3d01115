"""Renders on a farm, in chunks: one job for all queues, and one module for each queue."""
