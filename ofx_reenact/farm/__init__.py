"""A render cut into chunks for other machines: one job model, and a page for each queue."""
