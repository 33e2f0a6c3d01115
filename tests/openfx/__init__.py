"""An OpenFX host of our own, as strict as the standard lets one be, and the tests that run the plug-in in it."""
