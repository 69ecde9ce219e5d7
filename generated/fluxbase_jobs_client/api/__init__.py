# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
"""Contains methods for accessing the API"""
