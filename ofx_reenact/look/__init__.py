"""A page in the browser for working on a shot (``ofx-reenact look``), served to this machine only."""
