"""Make a finished picture at plate resolution from an STMap: skin, eyes, lids, mouth, teeth, shading, grain."""
