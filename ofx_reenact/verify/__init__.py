"""A rendered sequence, checked: frames, pixels, headers, sidecar; one implementation for command line and publish."""
