"""A page to work on a shot with, served to this machine alone; ``ofx-reenact look`` starts it."""
