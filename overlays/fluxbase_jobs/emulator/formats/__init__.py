"""Text formats of the real server: JSON, request bodies, timestamps, schedules, PostgreSQL values."""
