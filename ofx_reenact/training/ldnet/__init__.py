"""Training of LD-Net: heads, tracks, recipes, losses."""
