"""From landmarks to a picture's STMap: densify, thin-plate sheet, rasterised map, eyes and mouth behind the skin."""
