"""One-shot portrait reenactment for visual effects.

From a *target* (picture or footage of a person) and a *driver* (somebody else's performance) it makes frames in which
the target gives the driver's performance. A frame passes through the sub-packages ``frames``, ``tracking``, ``ldnet``,
``warp`` and ``compose``, in this order; ``engine`` runs them. Importing this package imports none of them and is fast.
"""

__version__ = "0.1.0"
