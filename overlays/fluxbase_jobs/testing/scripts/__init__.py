"""Jobs that do what a test says."""
