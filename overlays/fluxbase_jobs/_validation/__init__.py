"""Checks of everything that is sent, before it is sent."""
