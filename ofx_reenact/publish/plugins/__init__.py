"""The pyblish plugins. This folder goes on ``PYBLISHPLUGINPATH`` or to ``pyblish.api.register_plugin_path``.

They run in any Python with pyblish, from 3.7 on, Nuke's included. Tasks that need OpenImageIO run in the same process
if ofx_reenact is installed in it, else in the engine's Python.
"""
