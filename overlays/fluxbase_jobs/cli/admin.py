"""Todo."""
def functions() -> int:
    """Todo."""
    return 0
def stats() -> int:
    """Todo."""
    return 0
def workers() -> int:
    """Todo."""
    return 0
def terminate() -> int:
    """Todo."""
    return 0
def sync() -> int:
    """Todo."""
    return 0
def stubs() -> int:
    """Todo."""
    return 0
