"""The numbers of reenactment, each a small function that names the backend it was made with."""
