"""The running program: sockets, start, shutdown, reload."""
