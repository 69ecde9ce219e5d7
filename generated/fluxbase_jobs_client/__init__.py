# Written by `nox -s generate` from openapi.yaml. Do not edit: the next run overwrites it.
"""A client library for accessing Fluxbase jobs"""

from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)
