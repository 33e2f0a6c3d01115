"""The metrics: small functions, each of which names the network or method (the backend) behind its numbers."""
