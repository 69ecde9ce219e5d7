"""Authentication: tokens, service keys, client keys, passwords."""
