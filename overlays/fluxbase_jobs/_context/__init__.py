"""What a call carries: the server's address, headers, credentials, time limits."""
