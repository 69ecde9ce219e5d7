"""From a database row to the JSON of a response."""
