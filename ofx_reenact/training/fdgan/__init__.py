"""FD-GAN's training: data, recipes, losses."""
