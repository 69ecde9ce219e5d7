"""The user's Python file: `@function`, what handlers receive, how the file is loaded."""
