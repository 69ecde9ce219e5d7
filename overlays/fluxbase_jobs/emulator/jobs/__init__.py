"""How jobs come to be: submitted by a request, or due by a schedule."""
