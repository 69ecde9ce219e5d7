# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
"""Contains endpoint functions for accessing the API"""
