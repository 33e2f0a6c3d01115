"""The pyblish plugins. This folder goes on ``PYBLISHPLUGINPATH`` or to ``pyblish.api.register_plugin_path``.

They run in any Python with pyblish, from 3.7 on, Nuke's included: what needs OpenImageIO is done through the door, in
this process where ofx_reenact is installed, else by the engine's Python.
"""
