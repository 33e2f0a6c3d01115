"""The OpenFX plug-in from outside: what a host shows of it, how it is built, where it is installed.

The plug-in itself is the C code in ``openfx/`` at the top of the repository. It works for hosts through ``service``.
"""
