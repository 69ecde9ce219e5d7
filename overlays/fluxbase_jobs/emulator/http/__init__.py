"""The HTTP API: routes, middleware, serializers."""
