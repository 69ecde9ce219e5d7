"""Requests to a test server, without and with a socket."""
