"""How the real server reads and writes text: JSON, timestamps, schedules."""
