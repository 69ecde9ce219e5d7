"""One pure function per endpoint: arguments to an Operation. The only package that knows the generated endpoints."""
