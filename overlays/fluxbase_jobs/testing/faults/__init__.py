"""Requests that go wrong because a test asked for it."""
