"""What report pages are made of: HTML and figures."""
