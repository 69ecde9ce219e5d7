"""The server's WebSocket as a source of events: changes of jobs and lines of their logs, as they happen."""
