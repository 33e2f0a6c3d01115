"""Networks measured alone: ``ofx-reenact evaluate ldnet`` and ``evaluate fdgan``."""
