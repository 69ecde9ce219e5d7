"""Todo."""
def login() -> int:
    """Todo."""
    return 0
