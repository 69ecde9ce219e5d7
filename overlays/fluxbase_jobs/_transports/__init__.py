"""The wire: requests out, raw responses in."""
