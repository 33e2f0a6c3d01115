"""How fast the parts are, as ratios to what the machine can do."""
