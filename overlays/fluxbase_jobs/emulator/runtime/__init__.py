"""Runs jobs: claims them from the queue, calls their handlers, stops them."""
