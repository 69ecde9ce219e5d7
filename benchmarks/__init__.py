"""Measures the client against its peers: `nox -s bench`."""
