"""Carry a plan out: the only code that reads clocks, sleeps, takes locks or calls a user's function."""
