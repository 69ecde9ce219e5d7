"""Failures that a developer or a test switches on: of requests, of WebSocket frames, and the real servers' own defects."""
