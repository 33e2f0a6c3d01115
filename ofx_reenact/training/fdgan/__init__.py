"""Training of FD-GAN: data, recipes, losses."""
