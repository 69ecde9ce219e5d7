"""Time that a test sets forward."""
