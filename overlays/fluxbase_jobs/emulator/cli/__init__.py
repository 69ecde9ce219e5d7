"""The command line: `python -m fluxbase_jobs.emulator`."""
