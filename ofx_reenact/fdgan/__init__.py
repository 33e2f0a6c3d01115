"""FD-GAN: the target's appearance written into a feature dictionary, and pictures read out of it."""
