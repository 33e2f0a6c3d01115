"""Everything about the OpenFX plug-in that is not C: its parameters, its build, its installation.

The plug-in itself is the C code in ``openfx/`` at the top of the repository; it starts an engine and sends it requests
(``ofx_reenact.service``).
"""
