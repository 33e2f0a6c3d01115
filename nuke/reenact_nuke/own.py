"""A function of :mod:`reenact_nuke.node_files` under its earlier name, which older nodes call when they are created."""

from reenact_nuke.node_files import renew_id_of_copy as see_copied

__all__ = ["see_copied"]
