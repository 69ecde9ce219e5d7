"""Runs jobs: takes them from the queue, calls their handlers, stops them."""
