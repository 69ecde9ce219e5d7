"""Decisions that a user may replace: when to retry, how often to poll."""
