"""FD-GAN: a target's appearance is written into a feature dictionary, and pictures are read from it."""
