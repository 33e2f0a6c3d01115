"""Rendered heads: path-traced pictures of synthetic people, several of each, with exact geometry, classes and flow.

Not to be confused with *head models*, the landmark models that LD-Net is trained on (``training/ldnet/heads.py``).
In the second part of its training, the shipped repair network also saw 112 pairs of rendered heads, and frames of
clips: it improved much on rendered heads and a little on photographs (``docs/models/fdgan_repair.md``).

In the order in which a picture is made:

- ``assets``: read MakeHuman's meshes, fittings and textures
- ``random_people``: draw a person and the poses of their head
- ``parts``, ``mouth``, ``eye``: build the textured meshes that a head consists of
- ``textured_head``: place them on the body model ``anny``, for each pose
- ``scene``: light, materials and the renderer, Mitsuba
- ``surface``: find which triangle each pixel shows, and the flow between two pictures
- ``file``: write all of it into an ``.npz`` file, and read it
- ``render``: run all of this, and draw contact sheets
"""
