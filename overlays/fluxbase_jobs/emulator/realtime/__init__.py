"""The WebSocket of the server: changes of jobs and log lines, as they happen."""
