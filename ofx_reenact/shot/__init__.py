"""A shot: who is animated, in which pictures, how they move, and how each frame is made."""
