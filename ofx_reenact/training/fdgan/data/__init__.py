"""What FD-GAN learns from: crops of faces, pairs made of them, rendered heads."""
