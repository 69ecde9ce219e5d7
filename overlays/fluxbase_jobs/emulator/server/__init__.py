"""The running program: sockets, start, stop, reload."""
