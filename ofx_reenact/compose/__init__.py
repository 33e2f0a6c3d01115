"""From an STMap to a finished frame at plate resolution."""
