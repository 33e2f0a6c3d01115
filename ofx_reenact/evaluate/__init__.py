"""How good a network is, in numbers that can be had again."""
