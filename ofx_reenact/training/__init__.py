"""Training of both networks, above the shot, because pairs are rendered."""
