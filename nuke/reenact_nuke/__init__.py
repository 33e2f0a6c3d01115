"""Reenact, a node for Nuke: what the artist sees of ofx_reenact, whose engine runs in a Python of its own.

Standard library only and the syntax of Python 3.7, since Nuke 13 to 16 bring Pythons from 3.7 to 3.11.
"""
