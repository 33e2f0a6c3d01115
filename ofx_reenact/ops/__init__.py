"""What is done to every pixel of a face at plate resolution."""
