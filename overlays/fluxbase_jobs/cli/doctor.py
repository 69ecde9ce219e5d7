"""Todo."""
def doctor() -> int:
    """Todo."""
    return 0
