# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
"""Endpoint functions of the tag jobs."""
