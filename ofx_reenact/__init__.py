"""One-shot portrait reenactment for visual effects.

A *target* (one picture of a person) and a *driver* (a sequence of somebody's performance) go in; frames of
the target performing come out. A frame passes through the sub-packages in this order: ``frames``,
``tracking``, ``ldnet``, ``warp``, ``compose``; ``engine`` runs them. Importing this package imports none of
them, so that it costs nothing.
"""

__version__ = "0.1.0"
