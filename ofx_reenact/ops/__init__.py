"""Operations on every pixel at plate resolution: rasterise, sample, warp, blur; on the CPU and in torch.

Convention: pixel (i, j) = (column, row) has its centre at (i, j); x right, y down; depth grows away from the camera.
Pictures are (H, W, C) float32, of any range. V vertices, N triangles, K values of a vertex.
"""
