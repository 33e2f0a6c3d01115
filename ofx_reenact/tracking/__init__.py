"""Faces in pictures: trackers, landmarks, head pose, and the performance file of a driver.

Convention: pictures are shown in square pixels, (H, W, 3) uint8 RGB. Pixel (0, 0) has its centre at (0, 0); x points
right, y down, z away from the camera. Landmarks and tracked meshes are in pixels, z too. A *frontal* mesh has the
head's pose taken out and is in canonical units, about centimetres, with the same axes. Right and left are the person's
own. Shapes: H height, W width, T frames of a performance, N any number.
"""
