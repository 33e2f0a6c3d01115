"""LD-Net: landmarks with the target's identity and the driver's pose and expression (paper section 3.1)."""
