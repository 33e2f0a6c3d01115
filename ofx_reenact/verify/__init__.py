"""Check a rendered sequence: frames, pixels, headers, sidecar. ``verify`` and ``publish`` both use it."""
