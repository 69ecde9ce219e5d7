"""The page at `/_emulator`: a developer's view of one emulator, with what its profile hides from clients. Served on loopback only."""
