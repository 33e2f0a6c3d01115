"""From moved landmarks to a picture's STMap: densify, bend the sheet, rasterise the map, add eyes and mouth behind it.

Convention: x right, y down, z away from the camera. Meshes are in pixels, *frontal* meshes and their displacements in
canonical units (about centimetres). An offset (dx, dy) in pixels, added to a pixel's own position in the result, is
where its colour is in the target. T frames, V vertices of the sheet, (H, W) a picture, (h, w) a window of it.
"""
