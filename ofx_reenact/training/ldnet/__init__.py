"""LD-Net's training: heads, tracks, recipes, losses."""
