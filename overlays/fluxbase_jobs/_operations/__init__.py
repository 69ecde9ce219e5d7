"""One pure function per endpoint: arguments in, request and response reader out."""
