"""How jobs are created: submitted by a request, or due by a schedule."""
